"""Whether a PNG holds all of its picture: Pillow draws what is missing black, and says nothing.

ISO/IEC 15948, sections 5.3 and 8.2 (chunks and passes).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from medvision_desktop.errors import InputRefused

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row, step of columns and rows, of each pass of an interlaced picture.
_PASSES: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_STEP: Final = 1 << 20


def check(data: bytes) -> None:
    """Raise `InputRefused` where fewer bytes can be unpacked than the lines of the picture have.

    So, too, where they are not those that were packed, by their checksum.
    """
    if not _is_whole(data):
        raise InputRefused(
            "The picture is cut short or damaged.",
            "Not all of its lines can be unpacked.",
            "Ask for the file to be sent again.",
        )


def _is_whole(data: bytes) -> bool:
    if len(data) < 29 or data[25] not in _CHANNELS:
        return False
    columns, rows = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    bits = data[24] * _CHANNELS[data[25]]
    passes = _PASSES if data[28] else ((0, 0, 1, 1),)
    need = 0
    for left, top, across, down in passes:
        wide, high = max(0, -(-(columns - left) // across)), max(0, -(-(rows - top) // down))
        need += high * (1 + -(-wide * bits // 8)) if wide else 0
    unpacker = zlib.decompressobj()
    have = 0
    try:
        for part in _image_data(data):
            packed = part
            while packed and not unpacker.eof:
                have += len(unpacker.decompress(packed, _STEP))
                packed = unpacker.unconsumed_tail
                if have > need + _STEP:
                    return True  # what is too much is not drawn
    except zlib.error:
        return False
    return unpacker.eof and have >= need


def _image_data(data: bytes) -> Iterator[bytes]:
    """The content of IDAT chunks, as much of it as there is."""
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IEND":
            return
        if kind == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length
