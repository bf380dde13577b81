"""Headers of a series read one after another: after the first few, only where they differ.

The files of a series share all but a dozen elements. From two of them follows a mould: the bytes that
are always the same, and between them the elements that are not. A third that fits it is read by as many
comparisons of memory as there are such elements; one that does not is read in full, and widens the mould.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from medvision_desktop.io import dicom_elements
from medvision_desktop.io.dicom_elements import (
    LONG_VR,
    Entry,
    PixelElement,
    Unusual,
    base_tag,
    pixel_element,
)
from medvision_desktop.io.dicom_faults import PARSER_FAULTS, quiet, refused_by_parser
from medvision_desktop.io.dicom_header import (
    DEFLATED,
    EXPLICIT_BIG,
    IMPLICIT_LITTLE,
    Header,
    read_header,
)
from medvision_desktop.io.dicom_memo import HeaderSet, Memo

_CHUNK: Final = 1 << 16
_SLACK: Final = 1 << 10
_MOST_MOULDS: Final = 8
_MOST_VARYING: Final = 200
# So many headers tell what differs in a series, as a rule.
_SETTLED: Final = 16
# What differs from file to file as a rule: known beforehand, so that the mould fits from the second on.
_PER_FILE: Final = frozenset(
    {0x00080013, 0x00080018, 0x00080022, 0x00080023, 0x0008002A, 0x00080032, 0x00080033, 0x00181151}
    | {0x00181152, 0x00200012, 0x00200013, 0x00200032, 0x00201041, 0x00280106, 0x00280107}
    | {0x00281050, 0x00281051, 0x00180050, 0x00080012, 0x00200100, 0x00181060, 0x00080031}
)
_META_PER_FILE: Final = frozenset({base_tag(0x00020000), base_tag(0x00020003)})
# Where these differ nothing else is taken to be the same.
_SHARED: Final = frozenset(
    {0x00080005, 0x00080016, 0x00080060, 0x00100010, 0x00100020, 0x0020000D, 0x0020000E}
    | {0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011}
    | {0x00280100, 0x00280101, 0x00280102, 0x00280103}
)


class _Part(NamedTuple):
    """Bytes that are always the same, and the element behind them that is not (0 for the pixels)."""

    fixed: bytes
    size: int
    wide: bool
    tag: BaseTag
    vr: str | None
    value: bytes  # in the first header


@dataclass
class _Seen:
    """How many headers a mould has fitted, and what differed in any of them."""

    fits: int = 0
    differed: set[int] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class _Mould:
    """The first header, where its elements lie, and what may differ from it."""

    head: bytes
    syntax: str
    implicit: bool
    entries: tuple[Entry, ...]
    pixels: PixelElement
    varying: frozenset[int]
    parts: tuple[_Part, ...]
    values: dict[int, bytes]
    vrs: dict[int, str | None]
    dataset: HeaderSet
    known: dict[str, tuple[frozenset[int], Any]]
    seen: _Seen

    def fitted(self, head: bytes) -> tuple[dict[BaseTag, RawDataElement], PixelElement] | None:
        """What another header says otherwise, and where its pixels lie; None where it does not fit."""
        at, end, implicit = 0, len(head) - 4, self.implicit
        found: dict[BaseTag, RawDataElement] = {}
        for fixed, size, wide, tag, vr, first in self.parts:
            if not head.startswith(fixed, at):
                return None
            at += size
            if at > end:
                return None
            if wide:
                length = int.from_bytes(head[at : at + 4], "little")
                at += 4
            else:
                length = head[at] | head[at + 1] << 8
                at += 2
            if not tag:
                return found, pixel_element(self.pixels.tag, self.pixels.vr, at, length)
            value = head[at : at + length]
            if value != first:
                found[tag] = RawDataElement(tag, vr, length, value, at, implicit, True)
            at += length
        return None


class HeaderReader:
    """Reads headers that are probably alike. Not thread-safe; it keeps a few headers to compare with."""

    def __init__(self) -> None:
        self._moulds: list[_Mould] = []
        self._pixels_at = 0  # in the file before

    def read(self, path: Path, head: bytes = b"") -> Header:
        """The header of a DICOM file, as `read_header` gives it. Raises `InputRefused`.

        `head`: the file's first bytes, if somebody has read them already.
        """
        with quiet():
            return self._read(path, head)

    def _read(self, path: Path, head: bytes) -> Header:
        header = self._fitted(path, head) if head else None
        if header is not None:
            return header
        newest = self._moulds[0] if self._moulds else None
        most = newest.pixels.offset + _SLACK if newest is not None else _CHUNK
        size = 1 << 62
        if len(head) < most:
            head, size = _head(path, most)
            header = self._fitted(path, head)
            if header is not None:
                return header
        if len(head) < min(size, _CHUNK):
            head, size = _head(path, _CHUNK)
        return self._learnt(path, head, size)

    def read_along(self, path: Path, room: memoryview) -> tuple[Header, bool]:
        """The header of a file, and whether all of `room` was filled with what its pixels begin with.

        A file that is written like the one before is opened and read once for both. Raises `InputRefused`.
        """
        start = self._pixels_at
        before = bytearray(start)
        try:
            file = os.open(path, os.O_RDONLY)
            try:
                came = os.preadv(file, [before, room], 0) if start else 0
            finally:
                os.close(file)
        except OSError as error:
            raise refused_by_parser(error) from error
        head = bytes(before[:came])
        header = (self._fitted(path, head) if head else None) or self.read(path, head)
        if header.pixels is None or header.pixels.offset != start:
            self._pixels_at = 0 if header.pixels is None else min(header.pixels.offset, _CHUNK)
            return header, False
        return header, came == start + len(room) and (header.pixels.length or 0) >= len(room)

    def _fitted(self, path: Path, head: bytes) -> Header | None:
        for position, mould in enumerate(self._moulds):
            header = _by(mould, path, head)
            if header is not None:
                if position:
                    self._moulds.insert(0, self._moulds.pop(position))
                if mould.seen.fits == _SETTLED:
                    self._moulds[0] = _narrowed(mould)
                return header
        return None

    def _learnt(self, path: Path, head: bytes, size: int) -> Header:
        try:
            mould = _mould_of(head, size)
        except (Unusual, *PARSER_FAULTS):
            return read_header(path)
        for position, other in enumerate(self._moulds):
            wider = _widened(other, mould)
            if wider is not None:
                self._moulds[position] = wider
                header = _by(wider, path, head)
                return header if header is not None else read_header(path)
        self._moulds.insert(0, mould)
        del self._moulds[_MOST_MOULDS:]
        memo = Memo(mould.known, mould.dataset)
        return Header(path, mould.dataset, mould.syntax, True, mould.pixels, memo)


def _head(path: Path, most: int) -> tuple[bytes, int]:
    """The first bytes of a file, and its size."""
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            return os.read(file, most), os.fstat(file).st_size
        finally:
            os.close(file)
    except OSError as error:
        raise refused_by_parser(error) from error


def _by(mould: _Mould, path: Path, head: bytes) -> Header | None:
    fitted = mould.fitted(head)
    if fitted is None:
        return None
    elements, pixels = fitted
    mould.seen.fits += 1
    mould.seen.differed.update(elements)
    for tag in _META_PER_FILE:
        elements.pop(tag, None)
    if not elements:  # it is the first one again, or its double
        return Header(path, mould.dataset, mould.syntax, True, pixels, Memo(mould.known, mould.dataset))
    memo = Memo(mould.known, None, frozenset(elements))
    return Header(path, mould.dataset.with_elements(elements), mould.syntax, True, pixels, memo)


def _mould_of(head: bytes, size: int) -> _Mould:
    """A mould of one header. Raises `Unusual` for what is not written as usual."""
    syntax, start = dicom_elements.meta_of(head)
    usual = syntax.startswith(IMPLICIT_LITTLE) and syntax not in (DEFLATED, EXPLICIT_BIG)
    if head[128:132] != b"DICM" or not usual:
        raise Unusual
    implicit = syntax == IMPLICIT_LITTLE
    meta = dicom_elements.meta_entries(head, start)
    entries, pixels = dicom_elements.entries_of(head, start, implicit=implicit, size=size)
    if pixels is None:
        raise Unusual
    dataset = dicom_elements.dataset_of(head, entries, implicit=implicit)
    every = (*meta, *entries)
    values = {entry.tag: head[entry.value : entry.stop] for entry in every}
    vrs = {entry.tag: entry.vr for entry in every}
    varying = _META_PER_FILE | _PER_FILE
    parts = _parts(head, every, pixels, varying, implicit=implicit)
    return _Mould(head, syntax, implicit, every, pixels, varying, parts, values, vrs, dataset, {}, _Seen())


def _parts(
    head: bytes,
    entries: tuple[Entry, ...],
    pixels: PixelElement,
    varying: frozenset[int],
    *,
    implicit: bool,
) -> tuple[_Part, ...]:
    parts = []
    begun = 0
    for entry in entries:
        wide = entry.vr in LONG_VR or (implicit and entry.tag >> 16 != 2)
        length_at = entry.value - (4 if wide else 2)
        length = int.from_bytes(head[length_at : entry.value], "little")
        if entry.tag in varying and length == entry.stop - entry.value:
            value = head[entry.value : entry.stop]
            fixed = head[begun:length_at]
            parts.append(_Part(fixed, len(fixed), wide, base_tag(entry.tag), entry.vr, value))
            begun = entry.stop
    wide = implicit or pixels.vr in LONG_VR
    fixed = head[begun : pixels.offset - (4 if wide else 2)]
    parts.append(_Part(fixed, len(fixed), wide, base_tag(0), None, b""))
    return tuple(parts)


def _widened(mould: _Mould, other: _Mould) -> _Mould | None:
    """A mould that both headers fit; None where they differ in what they are."""
    if mould.syntax != other.syntax or mould.vrs != other.vrs or list(mould.vrs) != list(other.vrs):
        return None
    differing = {tag for tag, value in other.values.items() if mould.values[tag] != value}
    varying = mould.varying | differing
    if (
        not differing.isdisjoint(_SHARED)
        or len(varying) > _MOST_VARYING
        or mould.pixels.vr != other.pixels.vr
    ):
        return None
    if varying == mould.varying:
        return None
    return _with(mould, varying)


def _narrowed(mould: _Mould) -> _Mould:
    """A mould in which only what has differed so far may differ: there is less of it to look at."""
    return _with(mould, mould.varying & (mould.seen.differed | _META_PER_FILE))


def _with(mould: _Mould, varying: frozenset[int]) -> _Mould:
    parts = _parts(mould.head, mould.entries, mould.pixels, varying, implicit=mould.implicit)
    return replace(mould, varying=varying, parts=parts)
