"""Stored values to modality values: the first stage of the grayscale pipeline (PS3.3 C.11.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame, ModalityLut, Photometric, Rescale


def apply(modality: Rescale | ModalityLut, stored: NDArray[Any]) -> NDArray[np.float64]:
    """Modality values (float64, same shape) of stored values, by Rescale or Modality LUT Sequence."""
    if isinstance(modality, ModalityLut):
        return lookup(modality.entries, modality.first_mapped, stored).astype(np.float64)
    values = stored.astype(np.float64)
    if modality.slope != 1.0:
        values *= modality.slope
    if modality.intercept != 0.0:
        values += modality.intercept
    return values


def lookup(entries: NDArray[Any], first_mapped: int, values: NDArray[Any]) -> NDArray[Any]:
    """`entries[value - first_mapped]`, values beyond either end taking the end's entry (C.11.1.1)."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(np.rint(values), nan=first_mapped)
        positions = np.clip(values - first_mapped, 0, len(entries) - 1).astype(np.int64)
    else:
        positions = np.clip(values.astype(np.int64) - first_mapped, 0, len(entries) - 1)
    return np.asarray(entries[positions])


def to_modality(frame: Frame) -> NDArray[Any]:
    """The frame's modality values, in `frame.units`: HxW.

    Integers stay integers (the stored array itself where the modality stage changes nothing);
    otherwise float32, or float64 where float32 would lose digits. Colour frames are returned as stored.
    """
    modality, stored = frame.modality, frame.stored
    if frame.is_colour or modality == Rescale():
        return stored
    if isinstance(modality, ModalityLut):
        return lookup(modality.entries, modality.first_mapped, stored)
    values = apply(modality, stored)
    whole = modality.slope.is_integer() and modality.intercept.is_integer()
    if stored.dtype.kind in "iu" and whole:
        low, high = stored_range(frame)
        bound = max(abs(low), abs(high)) * abs(modality.slope) + abs(modality.intercept)
        if bound < np.iinfo(np.int32).max:
            return values.astype(np.int32)
    wide = stored.dtype.itemsize > 4 or (stored.dtype.kind in "iu" and stored.dtype.itemsize > 2)
    return values if wide else values.astype(np.float32)


def stored_range(frame: Frame) -> tuple[float, float]:
    """Lowest and highest stored value that the header allows; the actual ones for float pixels."""
    if frame.stored.dtype.kind == "f":
        finite = frame.stored[np.isfinite(frame.stored)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    bits = min(frame.bits_stored, frame.stored.dtype.itemsize * 8)
    if frame.stored.dtype.kind == "i":
        return (-float(1 << (bits - 1)), float((1 << (bits - 1)) - 1))
    return (0.0, float((1 << bits) - 1))


def declared_range(frame: Frame) -> tuple[float, float]:
    """Lowest and highest modality value that the header allows: what a full-range window spans."""
    if isinstance(frame.modality, ModalityLut):
        return (0.0, float((1 << frame.modality.bits) - 1))
    ends = apply(frame.modality, np.asarray(stored_range(frame)))
    return (float(ends.min()), float(ends.max()))


def is_padding(frame: Frame, stored: NDArray[Any]) -> NDArray[np.bool_]:
    """Where stored values are Pixel Padding or not a number, so that no statistic counts them."""
    outside = np.zeros(stored.shape, dtype=np.bool_)
    if stored.dtype.kind == "f":
        outside |= ~np.isfinite(stored)
    if frame.padding is not None and frame.photometric is not Photometric.RGB:
        outside |= (stored >= frame.padding[0]) & (stored <= frame.padding[1])
    return outside
