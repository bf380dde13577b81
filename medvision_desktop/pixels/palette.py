"""PALETTE COLOR to RGB (PS3.3 C.7.9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame, Palette
from medvision_desktop.pixels.modality import lookup


def colours(frame: Frame) -> NDArray[np.uint8]:
    """HxWx3 uint8 of a palette frame; indices beyond either end take the end's colour.

    A palette frame without a palette is drawn as its stored values in grey.
    """
    palette = frame.palette
    if palette is None:
        grey = np.clip(frame.stored, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.asarray(lookup(eight_bits(palette), palette.first_mapped, frame.stored))


def colours_float(frame: Frame) -> NDArray[np.float32]:
    """HxWx3 float32 in 0..1 with all bits of the palette."""
    palette = frame.palette
    if palette is None:
        return colours(frame).astype(np.float32) / np.float32(255)
    full = np.float32(65535 if palette.entries.dtype.itemsize > 1 else 255)
    return np.asarray(lookup(palette.entries.astype(np.float32) / full, palette.first_mapped, frame.stored))


def eight_bits(palette: Palette) -> NDArray[np.uint8]:
    """The entries as uint8; of 16 bits the upper 8, which is right for both ways 8 bits are widened."""
    if palette.entries.dtype.itemsize == 1:
        return palette.entries.astype(np.uint8)
    return (palette.entries.astype(np.uint32) >> 8).astype(np.uint8)
