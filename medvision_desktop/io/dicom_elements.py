"""The elements of a data set, found quickly where they are written as usual.

Two thousand headers are read when a folder is opened, so the usual encodings get a walk of their
own that leaves every value as bytes. Whatever it does not expect is `Unusual` and goes to pydicom.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, Final, NamedTuple

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from medvision_desktop.io.dicom_memo import HeaderSet

PIXEL_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
LONG_VR: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})

_SHORT_VR: Final = {
    "AE",
    "AS",
    "AT",
    "CS",
    "DA",
    "DS",
    "DT",
    "FD",
    "FL",
    "IS",
    "LO",
    "LT",
    "PN",
    "SH",
    "SL",
    "SS",
    "ST",
} | {"TM", "UI", "UL", "US"}
_VR: Final = {vr.encode(): vr for vr in (*LONG_VR, *_SHORT_VR)}
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = (0xFFFE, 0xE000)
_SEQUENCE_END: Final = (0xFFFE, 0xE0DD)
_ITEM_END: Final = b"\xfe\xff\x0d\xe0"
_DEEPEST: Final = 16
_CHARACTER_SET: Final = 0x00080005
_EXPLICIT: Final = struct.Struct("<HH2sH")
_IMPLICIT: Final = struct.Struct("<HHI")
_LENGTH: Final = struct.Struct("<I")


class Entry(NamedTuple):
    """Where an element lies: its tag, value representation (None: implicit), and its value's two ends."""

    tag: int
    vr: str | None
    value: int
    stop: int


class Unusual(Exception):
    """The data set is not written as the quick walk expects; it may still be right."""


class Beyond(Unusual):
    """The bytes end before the header does; more of them may show that it is as usual."""


@dataclass(frozen=True, eq=False)
class PixelElement:
    """Where the pixel data element lies: offset of its value, its length (None: encapsulated)."""

    tag: int
    vr: str
    offset: int
    length: int | None


def pixel_element(tag: int, vr: str | None, offset: int, length: int) -> PixelElement:
    """A `PixelElement`; implicit VR means OW (PS3.5 A.1)."""
    return PixelElement(tag, vr or "OW", offset, None if length == _UNDEFINED else length)


def meta_of(head: bytes) -> tuple[str, int]:
    """Transfer syntax from the file meta group (always explicit little endian), and where it ends."""
    at = 132 if head[128:132] == b"DICM" else 0
    syntax = ""
    while at + 8 <= len(head):
        group, element, vr, length = _EXPLICIT.unpack_from(head, at)
        if group != 0x0002:
            break
        value = at + 8
        if vr.decode("latin-1") in LONG_VR:
            if value + 4 > len(head):
                break
            (length,) = _LENGTH.unpack_from(head, value)
            value += 4
        if element == 0x0010:
            syntax = head[value : value + min(length, 128)].decode("ascii", "ignore").strip(" \0")
        at = value + length
    return syntax, at


def meta_entries(head: bytes, end: int) -> list[Entry]:
    """Where the elements of the file meta group behind the preamble lie. Raises `Unusual`."""
    found: list[Entry] = []
    at = 132
    while at < end:
        tag, vr, value, length = _opening(head, at, implicit=False)
        at = value + length
        if at > end:
            raise Unusual
        found.append(Entry(tag, vr, value, at))
    return found


def inflated(file: BinaryIO, start: int, end: int) -> bytearray:
    """The first `end` bytes of the data set that is deflated from `start` on."""
    file.seek(start)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    found = bytearray()
    while len(found) < end and not inflater.eof:
        chunk = inflater.unconsumed_tail or file.read(1 << 16)
        if not chunk:
            break
        found += inflater.decompress(chunk, min(1 << 20, end - len(found)))
    return found


def walk(
    head: bytes, at: int, *, implicit: bool, size: int, longest: int = 1 << 20
) -> tuple[Dataset, PixelElement | None]:
    """Elements in front of the pixels, as raw bytes, little endian. Raises `Unusual`.

    Values longer than `longest` are None, but for sequences.

    `head` holds the first bytes of the file, whose full length is `size`: everything but the
    pixels must lie in it.
    """
    entries, pixels = entries_of(head, at, implicit=implicit, size=size)
    return dataset_of(head, entries, implicit=implicit, longest=longest), pixels


def _is_sequence(entry: Entry) -> bool:
    if entry.vr is not None:
        return entry.vr == "SQ"
    return dictionary_has_tag(entry.tag) and dictionary_VR(entry.tag) == "SQ"


def entries_of(
    head: bytes, at: int, *, implicit: bool, size: int
) -> tuple[list[Entry], PixelElement | None]:
    """Where the elements in front of the pixels lie. As `walk`."""
    found: list[Entry] = []
    previous = 0
    while True:
        if at == size == len(head):
            return found, None
        if at + 12 > len(head):
            raise Beyond
        tag, vr, value, length = _opening(head, at, implicit=implicit)
        if tag <= previous:
            raise Unusual
        previous = tag
        if tag in PIXEL_TAGS:
            return found, pixel_element(tag, vr, value, length)
        if length == _UNDEFINED:
            if vr not in ("SQ", None):
                raise Unusual
            stop = _end_of_items(head, value, implicit=implicit, depth=0)
            at = stop + 8
        else:
            stop = at = value + length
        if at > len(head):
            raise Beyond
        found.append(Entry(tag, vr, value, stop))


def dataset_of(head: bytes, entries: list[Entry], *, implicit: bool, longest: int = 1 << 20) -> HeaderSet:
    """A data set of raw elements. As `walk`. Raises `Unusual` for what does not begin like one."""
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for entry in entries:
        base = base_tag(entry.tag)
        raw = raw_element(head, entry, implicit=implicit)
        left = raw.length > longest and not _is_sequence(entry)
        elements[base] = raw._replace(value=None) if left else raw
    return _dataset(elements, implicit=implicit)


def raw_element(head: bytes, entry: Entry, *, implicit: bool) -> RawDataElement:
    """An element with its value as bytes."""
    tag, vr, value, stop = entry
    return RawDataElement(base_tag(tag), vr, stop - value, head[value:stop], value, implicit, True)


@lru_cache(maxsize=4096)
def base_tag(tag: int) -> BaseTag:
    """A tag of pydicom's own kind, the same object for the same number: looking it up is quicker so."""
    return BaseTag(tag)


def _opening(head: bytes, at: int, *, implicit: bool) -> tuple[int, str | None, int, int]:
    """Tag, value representation, and offset and length of the value of the element at `at`."""
    if implicit:
        group, element, length = _IMPLICIT.unpack_from(head, at)
        return (group << 16) | element, None, at + 8, length
    group, element, code, length = _EXPLICIT.unpack_from(head, at)
    vr = _VR.get(code)
    if vr is None:
        raise Unusual
    if vr in LONG_VR:
        (length,) = _LENGTH.unpack_from(head, at + 8)
        return (group << 16) | element, vr, at + 12, length
    return (group << 16) | element, vr, at + 8, length


def _end_of_items(head: bytes, at: int, *, implicit: bool, depth: int) -> int:
    """Where the delimiter of the sequence whose items begin at `at` lies (PS3.5 7.5). Raises `Unusual`."""
    while depth < _DEEPEST:
        if at + 8 > len(head):
            raise Beyond
        group, element, length = _IMPLICIT.unpack_from(head, at)
        if (group, element) == _SEQUENCE_END:
            return at
        if (group, element) != _ITEM:
            break
        at += 8
        at = at + length if length != _UNDEFINED else _end_of_item(head, at, implicit=implicit, depth=depth)
    raise Unusual


def _end_of_item(head: bytes, at: int, *, implicit: bool, depth: int) -> int:
    """Behind the delimiter of the item whose elements begin at `at`. Raises `Unusual`."""
    while at + 12 <= len(head) or (at + 8 <= len(head) and head[at : at + 4] == _ITEM_END):
        if head[at : at + 4] == _ITEM_END:
            return at + 8
        _, vr, value, length = _opening(head, at, implicit=implicit)
        if length != _UNDEFINED:
            at = value + length
        elif vr in ("SQ", None):
            at = _end_of_items(head, value, implicit=implicit, depth=depth + 1) + 8
        else:
            raise Unusual
    raise Beyond


def _dataset(elements: dict[BaseTag, DataElement | RawDataElement], *, implicit: bool) -> HeaderSet:
    first = next(iter(elements.values()), None)
    # A data set begins with group 8, seldom with another low one; else this is none, or another encoding.
    if first is None or first.tag.group > 0x0010 or (implicit and int(getattr(first, "length", 0)) > 1024):
        raise Unusual
    dataset = HeaderSet(elements)
    named = elements.get(base_tag(_CHARACTER_SET))
    text = bytes(named.value or b"").decode("ascii", "replace").strip(" \0") if named is not None else ""
    sets = [part.strip() for part in text.split("\\")] if text else ""
    dataset.set_original_encoding(implicit, True, convert_encodings(sets))
    return dataset
