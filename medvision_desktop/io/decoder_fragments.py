"""Compressed frames as they lie in a file (PS3.5 A.4), also one without its end or a true offset table.

Called in the decoding child only.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset

from medvision_desktop.errors import InputRefused
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_layout import PixelLayout

_ITEM: Final = 0xE000FFFE
_END: Final = 0xE0DDFFFE
_TABLES: Final = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
# How a frame begins: JPEG and JPEG-LS, JPEG 2000 bare and boxed, JPEG XL bare and boxed.
_BEGINNINGS: Final = (
    b"\xff\xd8\xff",
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cjP  ",
    b"\xff\x0a",
    b"\0\0\0\x0cJXL ",
)
_RLE_HEAD: Final = 64

Fragment = tuple[int, int]


def whole_file(header: Header, layout: PixelLayout) -> Dataset:
    """The object with its compressed pixels, each frame of which can be found.

    Of a file that is cut the fragments that are whole count. An offset table that contradicts the fragments
    is left out; where several fragments are a frame, how they begin tells which belong together. Raises
    `InputRefused` where nothing tells, and `ValueError` for what is no sequence of fragments.
    """
    found = pydicom.dcmread(header.path, force=True)
    dataset: Dataset = found
    cut = "PixelData" not in found
    if cut:  # pydicom gives up on all of it
        dataset = header.dataset
        dataset.PixelData = _to_the_end(header)
    elif "TransferSyntaxUID" not in found.file_meta:
        raise ValueError("no transfer syntax")
    data: bytes = dataset.PixelData
    (table, length), *fragments = _fragments(data, cut=cut)
    begin = table + 8 + length
    if len(fragments) < layout.frames:
        raise InputRefused(
            "The file is cut short." if cut else "The image cannot be decoded.",
            f"Its header promises {layout.frames} frames and there are {len(fragments)}.",
            "Ask for the file to be sent again.",
        )
    starts = [start - begin for start, _ in fragments]
    offsets = list(struct.unpack_from(f"<{length // 4}I", data, table + 8))
    if _extended_holds(dataset, layout, starts, fragments):
        return dataset
    for keyword in _TABLES:
        if keyword in dataset:
            del dataset[keyword]
    plain = _leads(offsets, starts, layout.frames)
    if not plain:
        plain = not offsets and len(starts) == layout.frames
        offsets = _told_by_beginnings(data, layout, starts, begin)
    if plain and not cut:
        return dataset  # as most are: not worth a second copy of what may be large
    last, size = fragments[-1]
    named = struct.pack(f"<II{len(offsets)}I", _ITEM, 4 * len(offsets), *offsets)
    dataset.PixelData = named + data[begin : last + 8 + size]
    return dataset


def _to_the_end(header: Header) -> bytes:
    with header.path.open("rb") as file:
        file.seek(0 if header.pixels is None else header.pixels.offset)
        return file.read()


def _fragments(data: bytes, *, cut: bool) -> list[Fragment]:
    """Where each item begins and how long it is, the offset table first.

    Raises `ValueError` where something else lies between them, and for an item that is not there to its
    end unless the file is `cut`.
    """
    found: list[Fragment] = []
    at = 0
    while at + 8 <= len(data):
        tag, length = struct.unpack_from("<II", data, at)
        if tag == _END:
            break
        if tag != _ITEM:
            raise ValueError("no fragment and no end of them")
        if at + 8 + length > len(data):
            if not cut:
                raise ValueError("a fragment that is not there to its end")
            break
        found.append((at, length))
        at += 8 + length
    if not found:
        raise ValueError("no fragments")
    return found


def _leads(offsets: list[int], starts: list[int], frames: int) -> bool:
    """Whether every frame begins where a fragment does, each after the one before."""
    return len(offsets) >= frames and offsets == sorted(set(offsets)) and set(starts).issuperset(offsets)


def _extended_holds(
    dataset: Dataset, layout: PixelLayout, starts: list[int], fragments: list[Fragment]
) -> bool:
    """Whether the Extended Offset Table names whole fragments: a frame is one of them (C.7.6.3.1.8)."""
    offsets, lengths = (_words(dataset.get(keyword)) for keyword in _TABLES)
    if len(offsets) != len(lengths) or not _leads(offsets, starts, layout.frames):
        return False
    sizes = dict(zip(starts, (size for _, size in fragments), strict=True))
    # One byte may fill a fragment up to an even length.
    return all(0 <= sizes[offset] - length <= 1 for offset, length in zip(offsets, lengths, strict=True))


def _words(table: Any) -> list[int]:
    if not isinstance(table, bytes) or len(table) % 8:
        return []
    return list(struct.unpack(f"<{len(table) // 8}Q", table))


def _told_by_beginnings(data: bytes, layout: PixelLayout, starts: list[int], begin: int) -> list[int]:
    """Offsets of the frames without a table: of one frame all fragments, else as they begin."""
    if layout.frames == 1:
        return starts[:1]
    if len(starts) == layout.frames:
        return starts
    found = [start for start in starts if _begins_frame(data, begin + start + 8, layout)]
    if len(found) != layout.frames or found[0] != starts[0]:
        raise InputRefused(
            "The image cannot be decoded.",
            f"Nothing tells which of its {len(starts)} parts belong to which of {layout.frames} frames.",
            "Ask for the file to be sent again, or for an uncompressed copy.",
        )
    return found


def _begins_frame(data: bytes, at: int, layout: PixelLayout) -> bool:
    if any(data.startswith(beginning, at) for beginning in _BEGINNINGS):
        return True
    # RLE: as many segments as a pixel has bytes, the first of them behind the head (PS3.5 G.5).
    head = data[at : at + _RLE_HEAD]
    planes = layout.samples * layout.bits_allocated // 8
    return len(head) == _RLE_HEAD and struct.unpack_from("<2I", head) == (planes, _RLE_HEAD)
