"""Frames that pydicom's plugins do not decode: JPEG XL, JPEG of 12 bits, and frames deflated one by one.

Called in the decoding child only: native decoders abort, stall and run out of memory on bad input.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_layout import PixelLayout

JPEG_XL: Final = frozenset(f"1.2.840.10008.1.2.4.{code}" for code in (110, 111, 112))
JPEG_EXTENDED: Final = "1.2.840.10008.1.2.4.51"
JPEG: Final = frozenset(f"1.2.840.10008.1.2.4.{code}" for code in (50, 51, 57, 70))
DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
WRAPPED_FRAMES: Final = "1.2.840.10008.1.2.1.98"
_START_OF_FRAME: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_MOST_MARKERS: Final = 1000
_SCAN: Final = b"\xff\xda"
_END: Final = b"\xff\xd9"
_TAILS: Final = (b"\x00" * 64, b"\x55" * 64)


def encoded(dataset: Dataset, layout: PixelLayout, index: int) -> bytes:
    """The compressed bytes of a frame, its fragments joined; offset tables may be empty or extended."""
    tables = [dataset.get(name) for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
    extended = (tables[0], tables[1]) if all(isinstance(table, bytes) for table in tables) else None
    return get_frame(dataset.PixelData, index, number_of_frames=layout.frames, extended_offsets=extended)


def deflated_frame(data: bytes, header: Header, layout: PixelLayout) -> NDArray[Any]:
    """A frame that was deflated by itself (PS3.5 A.4.13), inflated no further than a frame reaches."""
    need = -(-layout.frame_bits // 8)
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, need + 1)
    if len(inflated) < need:
        raise dicom_native.cut_short(len(inflated), need)
    return dicom_native.shaped(inflated[:need], header, layout, 0)


def wrapped_frame(data: bytes, header: Header, layout: PixelLayout) -> NDArray[Any]:
    """A frame that is wrapped as a compressed one and is none (PS3.5 A.4.11)."""
    need = -(-layout.frame_bits // 8)
    if len(data) < need:
        raise dicom_native.cut_short(len(data), need)
    return dicom_native.shaped(data[:need], header, layout, 0)


def jpeg_xl(data: bytes, layout: PixelLayout) -> NDArray[Any]:
    """A JPEG XL frame (PS3.5 A.4.11): HxW or HxWx3 RGB, integers in the bits of the codestream."""
    import imagecodecs

    values = np.asarray(imagecodecs.jpegxl_decode(data, numthreads=1))
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    return _whole(values, layout)


def jpeg_12_bit(data: bytes, layout: PixelLayout) -> NDArray[Any] | None:
    """A grey JPEG frame of 12 bits (process 4); None for one of another kind."""
    if layout.samples != 1 or precision(data) != 12:
        return None
    import imagecodecs

    return _whole(np.asarray(imagecodecs.jpeg8_decode(data)), layout)


def jpeg_has_end(data: bytes) -> bool:
    """Whether an end marker follows the last scan of a JPEG stream; neither occurs inside of a scan."""
    return data.rfind(_END) > data.rfind(_SCAN)


def jpeg_without_end(data: bytes, decode: Callable[[bytes], NDArray[Any]]) -> NDArray[Any]:
    """A JPEG frame without its end marker, if nothing else of it is missing.

    Decoders fill what is missing and say nothing, so that whatever is put in its place shows: where it
    does, the frame is refused.
    """
    one, other = (decode(data + tail + _END) for tail in _TAILS)
    if not np.array_equal(one, other):
        raise InputRefused(
            "The image is cut short.",
            "Its compressed data ends early.",
            "Ask for the file to be sent again.",
        )
    return one


def precision(data: bytes) -> int:
    """Bits a sample as a JPEG stream's frame header says (ITU-T T.81 B.2.2); 0 without one."""
    at = 2
    for _ in range(_MOST_MARKERS):
        while at < len(data) and data[at] == 0xFF and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at + 4 >= len(data) or data[at] != 0xFF:
            return 0
        if data[at + 1] in _START_OF_FRAME:
            return data[at + 4]
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0


def _whole(values: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    if values.dtype.kind != "u" or values.dtype.itemsize > 2:
        raise InputRefused("The image cannot be decoded.", "Its samples are not whole numbers.")
    if layout.bits_allocated > 8:
        return values.astype(np.uint16, copy=False)
    if values.dtype.itemsize > 1:
        raise InputRefused(
            "The image cannot be decoded.", "Its samples have more bits than the header says."
        )
    return values
