"""Compressed frames as they lie in a file (PS3.5 A.4), also one without its end or a true offset table.

Called in the decoding child only.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import parse_basic_offsets, parse_fragments

from medvision_desktop.errors import InputRefused
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_layout import PixelLayout

_ITEM: Final = b"\xfe\xff\x00\xe0"
_NO_TABLE: Final = _ITEM + b"\0\0\0\0"
_TABLES: Final = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def whole_file(header: Header, layout: PixelLayout) -> Dataset:
    """The object with its compressed pixels.

    Of a file that is cut the fragments that are whole count. An offset table that points at anything but
    the beginning of a fragment is left out. Raises `InputRefused` where there are fewer fragments than
    frames, so that nobody knows which frame each is.
    """
    found = pydicom.dcmread(header.path, force=True)
    dataset: Dataset = found
    cut = "PixelData" not in found
    if cut:  # pydicom gives up on all of it
        dataset = header.dataset
        dataset.PixelData = _whole_fragments(header)
    elif "TransferSyntaxUID" not in found.file_meta:
        raise ValueError("no transfer syntax")
    data = BytesIO(dataset.PixelData)
    offsets = parse_basic_offsets(data)
    begin = data.tell()
    count, places = parse_fragments(data)
    starts = {place - begin for place in places}
    if count < layout.frames:
        raise InputRefused(
            "The file is cut short." if cut else "The image cannot be decoded.",
            f"Its header promises {layout.frames} frames and there are {count}.",
            "Ask for the file to be sent again.",
        )
    if offsets and not _leads(offsets, starts, layout.frames):
        dataset.PixelData = _NO_TABLE + dataset.PixelData[begin:]
    if not _leads(_extended(dataset), starts, layout.frames):
        for keyword in _TABLES:
            if keyword in dataset:
                del dataset[keyword]
    return dataset


def _whole_fragments(header: Header) -> bytes:
    """The pixels of a file up to the last fragment that is there to its end.

    Raises `ValueError` where something else follows it, so that lengths are not to be trusted.
    """
    with header.path.open("rb") as file:
        file.seek(0 if header.pixels is None else header.pixels.offset)
        data = file.read()
    at = 0
    while at + 8 <= len(data):
        if data[at : at + 4] != _ITEM:
            raise ValueError("no fragment and no end of them")
        following = at + 8 + struct.unpack_from("<I", data, at + 4)[0]
        if following > len(data):
            break
        at = following
    return data[:at]


def _leads(offsets: list[int], starts: set[int], frames: int) -> bool:
    """Whether every frame begins where a fragment does, each after the one before."""
    return len(offsets) >= frames and offsets == sorted(set(offsets)) and starts.issuperset(offsets)


def _extended(dataset: Dataset) -> list[int]:
    table: Any = dataset.get(_TABLES[0])
    if not isinstance(table, bytes) or len(table) % 8:
        return []
    return list(struct.unpack(f"<{len(table) // 8}Q", table))
