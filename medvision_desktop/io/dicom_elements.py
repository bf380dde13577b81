"""The elements of a data set, found quickly where they are written as usual.

Two thousand headers are read when a folder is opened, so the usual encodings get a walk of their
own that leaves every value as bytes. Whatever it does not expect is `Unusual` and goes to pydicom.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

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
_CHARACTER_SET: Final = 0x00080005
_EXPLICIT: Final = struct.Struct("<HH2sH")
_IMPLICIT: Final = struct.Struct("<HHI")
_LENGTH: Final = struct.Struct("<I")


class Unusual(Exception):
    """The data set is not written as the quick walk expects; it may still be right."""


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


def inflated(file: BinaryIO, start: int, end: int) -> bytes:
    """The first `end` bytes of the data set that is deflated from `start` on."""
    file.seek(start)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    parts: list[bytes] = []
    size = 0
    while size < end and not inflater.eof:
        chunk = inflater.unconsumed_tail or file.read(1 << 16)
        if not chunk:
            break
        part = inflater.decompress(chunk, min(1 << 20, end - size))
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def walk(head: bytes, at: int, *, implicit: bool, size: int) -> tuple[Dataset, PixelElement | None]:
    """Elements in front of the pixels, as raw bytes, little endian. Raises `Unusual`.

    `head` holds the first bytes of the file, whose full length is `size`: everything but the
    pixels must lie in it.
    """
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    pixels: PixelElement | None = None
    previous = 0
    while pixels is None:
        if at == size == len(head):
            break
        if at + 12 > len(head):
            raise Unusual
        vr, value = None, at + 8
        if implicit:
            group, element, length = _IMPLICIT.unpack_from(head, at)
        else:
            group, element, code, length = _EXPLICIT.unpack_from(head, at)
            vr = _VR.get(code)
            if vr is None:
                raise Unusual
            if vr in LONG_VR:
                (length,) = _LENGTH.unpack_from(head, value)
                value += 4
        tag = (group << 16) | element
        if tag <= previous:
            raise Unusual
        previous = tag
        if tag in PIXEL_TAGS:
            pixels = pixel_element(tag, vr, value, length)
            break
        at = value + length
        if length == _UNDEFINED or at > len(head):
            raise Unusual
        base = BaseTag(tag)
        elements[base] = RawDataElement(base, vr, length, head[value:at], value, implicit, True)
    return _dataset(elements, implicit=implicit), pixels


def _dataset(elements: dict[BaseTag, DataElement | RawDataElement], *, implicit: bool) -> Dataset:
    first = next(iter(elements.values()), None)
    # A data set begins with group 8, seldom with another low one; else this is none, or another encoding.
    if first is None or first.tag.group > 0x0010 or (implicit and int(getattr(first, "length", 0)) > 1024):
        raise Unusual
    dataset = Dataset(elements)
    named = elements.get(BaseTag(_CHARACTER_SET))
    text = bytes(named.value or b"").decode("ascii", "replace").strip(" \0") if named is not None else ""
    sets = [part.strip() for part in text.split("\\")] if text else ""
    dataset.set_original_encoding(implicit, True, convert_encodings(sets))
    return dataset
