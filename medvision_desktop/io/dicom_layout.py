"""What the image pixel module says of the pixels (PS3.3 C.7.6.3), checked before anything is read.

Stored values of every encoding come out of here in one form: junk bits masked, signs extended,
colour as RGB by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_values import text, whole

MAX_FRAME_PIXELS: Final = 1 << 28
MAX_FRAMES: Final = 1 << 16
# Types of words by their bits, without and with a sign.
_KINDS: Final = {bits: (np.dtype(f"u{bits // 8}"), np.dtype(f"i{bits // 8}")) for bits in (8, 16, 32, 64)}
_FLOAT_TAGS: Final = {0x7FE00008: 32, 0x7FE00009: 64}
# Uncompressed, two pixels of a row share their chroma (PS3.3 C.7.6.3.1.2).
HALVED_CHROMA: Final = ("YBR_FULL_422", "YBR_PARTIAL_422")
# Colours only while they are compressed: the codec gives back RGB of as many bits.
_WITHIN_CODECS: Final = ("YBR_RCT", "YBR_ICT")
_PHOTOMETRIC: Final = frozenset(
    {
        "MONOCHROME1",
        "MONOCHROME2",
        "PALETTE COLOR",
        "RGB",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_ICT",
        "YBR_RCT",
        "YBR_PARTIAL_420",
        "YBR_PARTIAL_422",
        "XYB",
    }
)


@dataclass(frozen=True)
class PixelLayout:
    """The image pixel module of one object, consistent in itself."""

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    photometric: str
    is_float: bool

    @property
    def frame_pixels(self) -> int:
        """Pixels of one frame."""
        return self.rows * self.columns

    @property
    def frame_bits(self) -> int:
        """Bits of one frame, uncompressed."""
        samples = 2 if self.photometric in HALVED_CHROMA and self.samples == 3 else self.samples
        return self.frame_pixels * samples * self.bits_allocated

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame in memory once decoded (bits become bytes)."""
        return self.frame_pixels * self.samples * max(8, self.bits_allocated) // 8


def layout_of(header: Header) -> PixelLayout:
    """The pixel module of a header. Raises `InputRefused` where it is missing or contradicts itself."""
    dataset = header.dataset
    if header.pixels is None:
        raise InputRefused("The object holds no image.", "There is no pixel data in it.")
    frames = whole(dataset, "NumberOfFrames")
    float_bits = _FLOAT_TAGS.get(header.pixels.tag)
    allocated = float_bits or whole(dataset, "BitsAllocated") or 0
    stored = float_bits or whole(dataset, "BitsStored") or allocated
    # Floats use all their bits, whatever is left in the header from integers.
    high = None if float_bits else whole(dataset, "HighBit")
    layout = PixelLayout(
        rows=whole(dataset, "Rows") or 0,
        columns=whole(dataset, "Columns") or 0,
        frames=frames if frames is not None and frames > 0 else 1,
        samples=whole(dataset, "SamplesPerPixel") or 1,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high is None else high,
        signed=whole(dataset, "PixelRepresentation") == 1,
        planar=whole(dataset, "PlanarConfiguration") == 1,
        photometric=text(dataset, "PhotometricInterpretation").upper() or "MONOCHROME2",
        is_float=float_bits is not None,
    )
    _check(layout)
    return layout


def _check(layout: PixelLayout) -> None:
    why = ""
    if layout.rows < 1 or layout.columns < 1:
        why = f"It says {layout.rows} rows and {layout.columns} columns."
    elif layout.frame_pixels > MAX_FRAME_PIXELS or layout.frames > MAX_FRAMES:
        size = f"{layout.columns} x {layout.rows} pixels"
        size += f" in {layout.frames} frames" if layout.frames > 1 else ""
        why = f"It says {size}, more than can be true."
    elif layout.photometric not in _PHOTOMETRIC:
        why = "Its photometric interpretation is not one that can be shown."
    elif layout.samples != (1 if _is_single(layout.photometric) else 3):
        count = f"{layout.samples} sample" if layout.samples == 1 else f"{layout.samples} samples"
        why = f"It says {count} a pixel for {layout.photometric}."
    elif (
        layout.photometric.startswith("YBR")
        and layout.photometric not in _WITHIN_CODECS
        and layout.bits_allocated != 8
    ):
        why = f"It says {layout.bits_allocated} bits a sample for {layout.photometric}."
    elif layout.bits_allocated not in ((32, 64) if layout.is_float else (1, 8, 16, 32)):
        why = f"It says {layout.bits_allocated} bits a sample, which no image that is read here has."
    elif not layout.bits_stored - 1 <= layout.high_bit < layout.bits_allocated or layout.bits_stored < 1:
        why = f"{layout.bits_stored} bits cannot end at bit {layout.high_bit} of {layout.bits_allocated}."
    if why:
        raise InputRefused("The description of the pixels cannot be right.", why, "Ask for the file again.")


def _is_single(photometric: str) -> bool:
    return photometric.startswith("MONOCHROME") or photometric == "PALETTE COLOR"


def justified(
    values: NDArray[Any],
    *,
    bits_stored: int,
    high_bit: int,
    signed: bool,
    bits_allocated: int | None = None,
) -> NDArray[Any]:
    """Stored values without what lies outside Bits Stored, signs extended (PS3.5 8.1.1).

    `values`: any integer array whose bits lie as Bits Allocated and High Bit say. Returns an array
    of the same width, signed as `signed` says; the input itself where there is nothing to do.
    """
    width = values.dtype.itemsize * 8
    if bits_allocated == 1:
        return values
    plain, kind = _KINDS[width][False], _KINDS[width][signed]
    unsigned: NDArray[Any] = values if values.dtype is plain else values.view(plain)
    if bits_stored == width:
        return unsigned.view(kind) if signed else unsigned
    low_bit = high_bit + 1 - bits_stored
    if low_bit == 0:
        told = unsigned.view(kind) if signed else unsigned
        if _within(told, bits_stored, signed=signed):
            return told
    if signed:
        lifted = np.left_shift(unsigned, width - 1 - high_bit).view(kind)
        result: NDArray[Any] = np.right_shift(lifted, width - bits_stored)
        return result
    mask = unsigned.dtype.type((1 << bits_stored) - 1)
    masked: NDArray[Any] = np.bitwise_and(np.right_shift(unsigned, low_bit) if low_bit else unsigned, mask)
    return masked


def _within(values: NDArray[Any], bits: int, *, signed: bool) -> bool:
    """Whether there is nothing to mask, which is the usual case and cheaper to see than to do."""
    if values.size == 0:
        return False
    if not signed:  # then nothing is too small, and one look is enough
        return int(np.maximum.reduce(values, axis=None)) < 1 << bits
    return -(1 << (bits - 1)) <= int(values.min()) and int(values.max()) < 1 << (bits - 1)
