"""Values inside a region that was drawn on a frame: which pixels, and their statistics.

A pixel belongs to a region when its centre lies inside; on the edge counts. Only the box around the
region is looked at, so a small region on a large film costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.measurement import MeasurementKind, Point
from medvision_desktop.domain.quantities import RealValue
from medvision_desktop.pixels import histogram, modality, voi

_ROWS_AT_ONCE: Final = 64


@dataclass(frozen=True)
class Statistics:
    """Modality values of a region without padding. `sd` is that of these pixels (divisor n).

    `real`: name, mean, largest value and unit of each quantity that the header gives.
    """

    mean: float
    sd: float
    minimum: float
    maximum: float
    count: int
    units: str = ""
    real: tuple[tuple[str, float, float, str], ...] = ()


def size_px(frame: Frame, points: Sequence[Point]) -> int:
    """Pixels of the frame in the box around a region: what is looked at for its values."""
    box = _box(frame, points) if points else None
    return 0 if box is None else (box[0].stop - box[0].start) * (box[1].stop - box[1].start)


def values(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> NDArray[np.float64]:
    """Modality values of the pixels inside, padding left out; empty for colour and outside the image."""
    stored = _stored(frame, kind, points)
    found = modality.apply(frame.modality, stored[~modality.is_padding(frame, stored)])
    return found[np.isfinite(found)]


def _stored(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> NDArray[Any]:
    """Stored values of the pixels inside, padding as well."""
    box = None if frame.is_colour else _box(frame, points)
    if box is None:
        return np.empty(0)
    rows, columns = box
    return np.asarray(frame.stored[rows, columns][_inside(kind, points, rows, columns)])


def statistics(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> Statistics | None:
    """Mean, SD, smallest and largest value inside; None where there is no value."""
    stored = _stored(frame, kind, points)
    few = histogram.distinct(stored)
    # Large regions have many pixels of few values: the values are looked at, each as often as it is there.
    stored, counts = few if few is not None else (stored, np.ones(stored.size, np.int64))
    kept = ~modality.is_padding(frame, stored)
    stored, counts = stored[kept], counts[kept]
    values = modality.apply(frame.modality, stored)
    known = np.isfinite(values)
    values, often = values[known], counts[known]
    if values.size == 0:
        return None
    mean, sd = _mean_sd(values, often)
    return Statistics(
        mean,
        sd,
        float(values.min()),
        float(values.max()),
        int(often.sum()),
        frame.units,
        tuple(_real(one, stored, counts) for one in frame.real if np.isfinite(one.of(stored)).any()),
    )


def _mean_sd(values: NDArray[np.float64], often: NDArray[np.int64]) -> tuple[float, float]:
    mean = float(np.average(values, weights=often))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=often)))


def _real(
    quantity: RealValue, stored: NDArray[Any], counts: NDArray[np.int64]
) -> tuple[str, float, float, str]:
    held = quantity.of(stored)
    known = np.isfinite(held)
    mean = float(np.average(held[known], weights=counts[known]))
    return quantity.label, mean, float(held[known].max()), quantity.units


def window_of(frame: Frame, points: Sequence[Point]) -> VoiWindow | None:
    """The window that spans the 1st to 99th percentile of a rectangle's values; None without values."""
    found = values(frame, MeasurementKind.RECTANGLE, points)
    if found.size == 0:
        return None
    low, high = np.percentile(found, (1, 99))
    return voi.spanning(float(low), float(high), explanation="Region")


def statistics_lines(found: Statistics) -> tuple[str, ...]:
    """Lines for the screen: mean and SD with their unit, smallest and largest value, then quantities."""
    unit = f" {found.units}" if found.units else ""
    return (
        f"Mean {_number(found.mean)}{unit}  SD {_number(found.sd)}",
        f"Min {found.minimum:g}  Max {found.maximum:g}",
        *(
            f"{name} mean {mean:.3g}  max {largest:.3g} {unit}".rstrip()
            for name, mean, largest, unit in found.real
        ),
    )


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 1 or value == 0 else f"{value:.3g}"


def _box(frame: Frame, points: Sequence[Point]) -> tuple[slice, slice] | None:
    found = []
    for axis, size in ((0, frame.rows), (1, frame.columns)):
        low = max(0, int(np.ceil(min(point[axis] for point in points))))
        high = min(size - 1, int(np.floor(max(point[axis] for point in points))))
        if high < low:
            return None
        found.append(slice(low, high + 1))
    return found[0], found[1]


def _inside(
    kind: MeasurementKind, points: Sequence[Point], rows: slice, columns: slice
) -> NDArray[np.bool_]:
    row = np.arange(rows.start, rows.stop, dtype=np.float64)[:, np.newaxis]
    column = np.arange(columns.start, columns.stop, dtype=np.float64)[np.newaxis, :]
    if kind is MeasurementKind.POLYGON:
        return _in_polygon(points, row, column)
    if kind is not MeasurementKind.ELLIPSE:
        return np.ones((row.size, column.size), np.bool_)
    (top, left), (bottom, right) = points
    down, across = abs(bottom - top) / 2, abs(right - left) / 2
    if down == 0 or across == 0:
        return np.zeros((row.size, column.size), np.bool_)
    downward = ((row - (top + bottom) / 2) / down) ** 2
    sideways = ((column - (left + right) / 2) / across) ** 2
    inside = np.empty((row.size, column.size), np.bool_)
    for first in range(0, row.size, _ROWS_AT_ONCE):  # sums of a film's size would be slow to come by
        part = slice(first, first + _ROWS_AT_ONCE)
        np.less_equal(downward[part] + sideways, 1.0, out=inside[part])
    return inside


def _in_polygon(
    points: Sequence[Point], row: NDArray[np.float64], column: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Even-odd rule: a ray to the right crosses the outline an odd number of times."""
    # What an edge turns over is each row up to where it crosses it: its end is marked, and all marks of a
    # row are counted in one go, so that an outline of many points costs little more than one of few.
    ends = np.zeros((row.size, column.size + 1), np.uint8)
    heights = row[:, 0]
    for (r0, c0), (r1, c1) in zip(points, (*points[1:], points[0]), strict=True):
        first, last = np.searchsorted(heights, (min(r0, r1), max(r0, r1)))
        if first == last:
            continue
        at = c0 + (heights[first:last] - r0) * (c1 - c0) / (r1 - r0)
        count = np.clip(np.floor(at - column[0, 0]) + 1, 0, column.size).astype(np.intp)
        ends[np.arange(first, last), count] ^= 1
    crossings = np.bitwise_xor.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    return crossings[:, 1:].view(np.bool_)
