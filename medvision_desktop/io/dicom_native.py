"""Frames of the uncompressed syntaxes, read in this process: pure numpy within checked bounds."""

from __future__ import annotations

import dataclasses
import os
import sys
import weakref
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.io.dicom_faults import PARSER_FAULTS, quiet, refused_by_parser
from medvision_desktop.io.dicom_header import DEFLATED, Header, inflated, read_header
from medvision_desktop.io.dicom_layout import HALVED_CHROMA, PixelLayout, justified, layout_of


def read_frame(header: Header, layout: PixelLayout, index: int) -> NDArray[Any]:
    """One frame by its index from 0: HxW or HxWx3 (RGB), justified, in the machine's byte order.

    Raises `InputRefused` when the file ends before the frame does.
    """
    element = header.pixels
    if element is None or element.length is None:
        raise InputRefused(
            "The pixels cannot be read.", "An uncompressed image is wrapped as a compressed one."
        )
    first_bit = index * layout.frame_bits
    start, end = first_bit // 8, -(-(first_bit + layout.frame_bits) // 8)
    if end > element.length:
        raise cut_short(element.length, end)
    # Whole words, because 8-bit samples of the big endian syntax lie swapped in pairs.
    begin, stop = start - start % 2, min(end + end % 2, element.length)
    data = _bytes_at(header, layout, element.offset, begin, stop)
    if len(data) < end - begin:
        raise cut_short(begin + len(data), end)
    try:
        with quiet():
            if layout.bits_allocated <= 8:
                data = _in_order(data, header)
            return shaped(data[start - begin :], header, layout, first_bit - 8 * start)
    except PARSER_FAULTS as error:
        raise refused_by_parser(error) from error


def ends_early(path: Path) -> bool:
    """Whether a file is too short for the pixels that its header promises.

    False also where only reading all of it would tell: compressed and deflated files.
    """
    try:
        with quiet():
            header = read_header(path)
            layout, element = layout_of(header), header.pixels
        size = path.stat().st_size
    except (InputRefused, OSError):
        return True
    if element is None or element.length is None or header.transfer_syntax == DEFLATED:
        return False
    return size < element.offset + -(-layout.frames * layout.frame_bits // 8)


def kind_of(header: Header, layout: PixelLayout) -> np.dtype[Any] | None:
    """The type of stored values that `read_into` gives; None for what only `read_frame` reads."""
    element = header.pixels
    whole_words = layout.bits_allocated in (8, 16, 32) and layout.samples == 1 and not layout.is_float
    if element is None or element.length is None or header.transfer_syntax == DEFLATED or not whole_words:
        return None
    if layout.bits_allocated == 8 and not header.little_endian:
        return None
    return np.dtype(f"{'i' if layout.signed else 'u'}{layout.bits_allocated // 8}")


def read_into(header: Header, layout: PixelLayout, index: int, values: NDArray[Any]) -> None:
    """One grey frame straight into `values`: HxW of the type that `kind_of` gives, contiguous.

    The same values as of `read_frame`, without a second array. Raises `InputRefused`.
    """
    element = header.pixels
    size = layout.frame_bytes
    if element is None or element.length is None or (index + 1) * size > element.length:
        raise cut_short(0 if element is None else element.length or 0, (index + 1) * size)
    try:
        file = os.open(header.path, os.O_RDONLY)
        try:
            room = values.reshape(-1).view(np.uint8).data
            have = _filled(file, room, element.offset + index * size)
        finally:
            os.close(file)
    except OSError as error:
        raise refused_by_parser(error) from error
    if have < size:
        raise cut_short(index * size + have, (index + 1) * size)
    settle(header, layout, values)


def settle(header: Header, layout: PixelLayout, values: NDArray[Any]) -> None:
    """Words as they lie in a file to stored values, in place: as `read_into` leaves them."""
    if header.little_endian != (sys.byteorder == "little"):
        values.byteswap(inplace=True)
    told = justified(values, bits_stored=layout.bits_stored, high_bit=layout.high_bit, signed=layout.signed)
    if not np.may_share_memory(told, values):
        values[...] = told


def _filled(file: int, room: memoryview, offset: int) -> int:
    """Read until the room is full or the file ends; how many bytes came."""
    have = 0
    while have < len(room):
        came = os.preadv(file, [room[have:]], offset + have)
        if not came:
            break
        have += came
    return have


def read_words(header: Header, layout: PixelLayout, index: int) -> NDArray[Any]:
    """One grey frame as unsigned words with all their bits, also those outside of Bits Stored: HxW."""
    whole = dataclasses.replace(
        layout, bits_stored=layout.bits_allocated, high_bit=layout.bits_allocated - 1, signed=False
    )
    return read_frame(header, whole, index)


def cut_short(have: int, need: int) -> InputRefused:
    """The refusal of a file whose pixels end early."""
    return InputRefused(
        "The file is cut short.",
        f"Its header promises at least {need} bytes of pixels and there are {have}.",
        "Ask for the file to be sent again.",
    )


_MOST_INFLATED: Final = 1 << 30
# The inflated data set of an object with several frames, for as long as somebody holds its header.
_held: Final[weakref.WeakKeyDictionary[Header, bytearray]] = weakref.WeakKeyDictionary()


def _bytes_at(header: Header, layout: PixelLayout, origin: int, begin: int, stop: int) -> bytes:
    """Bytes `begin` to `stop` of the pixels, which start at `origin`; less where the file ends early."""
    if header.transfer_syntax == DEFLATED:
        whole = _held.get(header)
        if whole is None:
            # No more than all frames need, whatever the stream would inflate to.
            need = -(-layout.frames * layout.frame_bits // 8)
            if need > _MOST_INFLATED:
                raise InputRefused(
                    "The pixels cannot be read.",
                    f"They inflate to {need >> 20} MB and the limit is {_MOST_INFLATED >> 20} MB.",
                    "Ask for a copy that is not deflated.",
                )
            whole = inflated(header.path, origin + max(stop, need + need % 2))
            if layout.frames > 1:
                _held[header] = whole
        return bytes(memoryview(whole)[origin + begin : origin + stop])
    try:
        with header.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(origin + begin)
            return file.read(max(0, min(origin + stop, size) - origin - begin))
    except OSError as error:
        raise refused_by_parser(error) from error


def shaped(data: bytes, header: Header, layout: PixelLayout, skip_bits: int) -> NDArray[Any]:
    """The bytes of one frame as HxW or HxWx3 (RGB), justified, in the machine's byte order."""
    rows, columns = layout.rows, layout.columns
    if layout.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[skip_bits : skip_bits + rows * columns].reshape(rows, columns).copy()
    if layout.is_float:
        kind = np.dtype(f"{'<' if header.little_endian else '>'}f{layout.bits_allocated // 8}")
        return _native(np.frombuffer(data, kind, rows * columns).reshape(rows, columns))
    kind = np.dtype(f"{'<' if header.little_endian else '>'}u{layout.bits_allocated // 8}")
    if layout.photometric in HALVED_CHROMA and layout.samples == 3:
        full = _from_422(np.frombuffer(data, np.uint8), rows, columns)
        return as_rgb(full, layout.photometric.removesuffix("_422"))
    count = rows * columns * layout.samples
    values = justified(
        _native(np.frombuffer(data, kind, count)),
        bits_stored=layout.bits_stored,
        high_bit=layout.high_bit,
        signed=layout.signed and layout.samples == 1,
    )
    if layout.samples == 1:
        return values.reshape(rows, columns)
    colour = values.reshape(3, rows, columns).transpose(1, 2, 0) if layout.planar else values
    return as_rgb(np.ascontiguousarray(colour.reshape(rows, columns, 3)), layout.photometric)


def _in_order(data: bytes, header: Header) -> bytes:
    """8-bit samples in big endian OW lie swapped in pairs (PS3.5 8.1.2, annex A.3 of 2004)."""
    if header.little_endian or header.pixels is None or header.pixels.vr != "OW":
        return data
    return np.frombuffer(data[: len(data) & ~1], ">u2").astype("<u2").tobytes()


def _native(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _from_422(data: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Y1 Y2 Cb Cr for each two pixels of a row (PS3.3 C.7.6.3.1.2) as Y Cb Cr for each."""
    if columns % 2:
        raise InputRefused("The pixels cannot be read.", "A 4:2:2 image needs an even number of columns.")
    quads = data[: rows * columns * 2].reshape(rows, columns // 2, 4)
    full = np.empty((rows, columns // 2, 2, 3), np.uint8)
    full[..., 0] = quads[..., :2]
    full[..., 1:] = quads[..., None, 2:]
    return full.reshape(rows, columns, 3)


def as_rgb(values: NDArray[Any], photometric: str) -> NDArray[Any]:
    """Colour values as RGB: YBR_FULL and YBR_PARTIAL by PS3.3 C.7.6.3.1.2, RGB as it is."""
    if photometric == "RGB":
        return values
    if photometric == "YBR_PARTIAL" and values.dtype == np.uint8:
        return _from_partial(values)
    if photometric.startswith("YBR_FULL") and values.dtype == np.uint8:
        from pydicom.pixels.processing import convert_color_space

        converted: NDArray[Any] = convert_color_space(values, "YBR_FULL", "RGB")
        return converted
    raise InputRefused("The colours cannot be shown.", f"{photometric} is not read without compression.")


def _from_partial(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Black at 16, white at 235, chroma from 16 to 240 (ITU-R BT.601): stretched, then as YBR_FULL."""
    luma = (values[..., 0].astype(np.float32) - 16) * (255 / 219)
    blue, red = ((values[..., plane].astype(np.float32) - 128) * (255 / 224) for plane in (1, 2))
    green = luma - (0.114 * 1.772 * blue + 0.299 * 1.402 * red) / 0.587
    colour = np.stack([luma + 1.402 * red, green, luma + 1.772 * blue], axis=-1)
    return np.asarray(np.clip(np.rint(colour), 0, 255), np.uint8)
