"""Histograms and percentiles of modality values, padding left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame
from medvision_desktop.pixels import modality

# Above this many values a float percentile is taken from a regular sample.
_SAMPLE = 4_000_000
# OpenCV counts in float32, which is exact up to here.
_COUNTED_AT_ONCE = 1 << 24


@dataclass(frozen=True, eq=False)
class Histogram:
    """`counts[i]` values lie in `edges[i] <= v < edges[i + 1]` (the last bin includes its end)."""

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


def of(values: NDArray[Any], weights: NDArray[np.int64] | None = None, *, bins: int = 256) -> Histogram:
    """Histogram over the range of the finite values; empty input gives one empty bin over 0..1.

    `weights`: how often each value is there, once if not told.
    """
    flat = values.ravel()
    if flat.dtype.kind == "f":
        finite = np.isfinite(flat)
        flat, weights = flat[finite], None if weights is None else weights[finite]
    if flat.size == 0:
        return Histogram(np.zeros(1, np.int64), np.asarray([0.0, 1.0]))
    low, high = float(flat.min()), float(flat.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    elif flat.dtype.kind in "iu":
        # Bins of equal whole width: otherwise some hold one grey level more and the curve combs.
        step = -(-(high - low + 1) // bins)
        bins = int(-(-(high - low + 1) // step))
        low, high = low - 0.5, low - 0.5 + step * bins
    counts, edges = np.histogram(flat, bins=bins, range=(low, high), weights=weights)
    return Histogram(counts.astype(np.int64), edges.astype(np.float64))


def of_frame(frame: Frame, *, bins: int = 256) -> Histogram:
    """Histogram of a frame's modality values without its padding."""
    found = None if frame.is_colour else distinct(frame.stored)
    if found is not None:
        # A film has millions of pixels and some thousand values.
        stored, counts = found
        keep = ~modality.is_padding(frame, stored)
        few = replace(frame, stored=stored[keep][np.newaxis])
        return of(modality.to_modality(few), counts[keep], bins=bins)
    values = modality.to_modality(frame)
    outside = modality.is_padding(frame, frame.stored)
    return of(values[~outside] if outside.any() else values, bins=bins)


def distinct(stored: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]] | None:
    """The different values and how often each is there; None unless they are integers of 8 or 16 bits."""
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize > 2 or not stored.dtype.isnative:
        return None
    import cv2

    kind = np.dtype(f"u{stored.dtype.itemsize}")
    flat = stored.reshape(-1).view(kind)
    levels = 1 << (8 * kind.itemsize)
    counts = np.zeros(levels, np.int64)
    for first in range(0, flat.size, _COUNTED_AT_ONCE):
        part = flat[np.newaxis, first : first + _COUNTED_AT_ONCE]
        counts += cv2.calcHist([part], [0], None, [levels], [0, levels]).reshape(-1).astype(np.int64)
    present = np.flatnonzero(counts)
    return present.astype(kind).view(stored.dtype), counts[present]


def series_range(
    frames: Iterable[Frame], percentiles: tuple[float, float] = (0.5, 99.5)
) -> tuple[float, float] | None:
    """Two percentiles (linear, as numpy's) of the modality values of all frames without padding.

    None when there is nothing to count: only colour, or only padding.
    """
    found = series_percentiles(frames, percentiles)
    return None if found is None else (found[0], found[1])


def series_percentiles(frames: Iterable[Frame], percentiles: Sequence[float]) -> tuple[float, ...] | None:
    """Percentiles of the modality values of all frames without padding; None if there are none.

    Exact for stored integers of up to 16 bits. Others are sampled regularly beyond 4 million values.
    """
    values: list[NDArray[np.float64]] = []
    weights: list[NDArray[np.int64]] = []
    for frame in frames:
        if frame.is_colour:
            continue
        distinct, count = _distinct(frame)
        values.append(modality.apply(frame.modality, distinct))
        weights.append(count)
    if not values or not any(chunk.size for chunk in values):
        return None
    return _weighted_percentiles(np.concatenate(values), np.concatenate(weights), percentiles)


def _distinct(frame: Frame) -> tuple[NDArray[Any], NDArray[np.int64]]:
    stored = frame.stored
    found = distinct(stored)
    if found is not None:
        values, counts = found
        keep = ~modality.is_padding(frame, values)
        return values[keep], counts[keep]
    flat = stored.ravel()
    flat = flat[:: max(1, flat.size // _SAMPLE)]
    flat = flat[~modality.is_padding(frame, flat)]
    return flat, np.ones(flat.size, np.int64)


def _weighted_percentiles(
    values: NDArray[np.float64], weights: NDArray[np.int64], percentiles: Sequence[float]
) -> tuple[float, ...]:
    order = np.argsort(values, kind="stable")
    values, upto = values[order], np.cumsum(weights[order])
    found = []
    for percentile in percentiles:
        position = percentile / 100 * (int(upto[-1]) - 1)
        below = int(np.floor(position))
        low = values[np.searchsorted(upto, below, side="right")]
        high = values[np.searchsorted(upto, min(below + 1, int(upto[-1]) - 1), side="right")]
        found.append(float(low + (high - low) * (position - below)))
    return tuple(found)
