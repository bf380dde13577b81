"""Values inside a region that was drawn on a frame: which pixels, and their statistics.

A pixel belongs to a region when its centre lies inside; on the edge counts. Only the box around the
region is looked at, so a small region on a large film costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.measurement import MeasurementKind, Point
from medvision_desktop.domain.quantities import RealValue
from medvision_desktop.pixels import modality, voi


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


def values(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> NDArray[np.float64]:
    """Modality values of the pixels inside, padding left out; empty for colour and outside the image."""
    return _finite(frame, _stored(frame, kind, points))


def _stored(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> NDArray[Any]:
    """Stored values of the pixels inside, padding left out."""
    box = None if frame.is_colour else _box(frame, points)
    if box is None:
        return np.empty(0)
    rows, columns = box
    stored = frame.stored[rows, columns]
    inside = _inside(kind, points, rows, columns)
    inside &= ~modality.is_padding(frame, stored)
    return np.asarray(stored[inside])


def _finite(frame: Frame, stored: NDArray[Any]) -> NDArray[np.float64]:
    found = modality.apply(frame.modality, stored)
    return found[np.isfinite(found)]


def statistics(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> Statistics | None:
    """Mean, SD, smallest and largest value inside; None where there is no value."""
    stored = _stored(frame, kind, points)
    found = _finite(frame, stored)
    if found.size == 0:
        return None
    return Statistics(
        float(found.mean()),
        float(found.std()),
        float(found.min()),
        float(found.max()),
        int(found.size),
        frame.units,
        tuple(_real(one, stored) for one in frame.real if np.isfinite(one.of(stored)).any()),
    )


def _real(quantity: RealValue, stored: NDArray[Any]) -> tuple[str, float, float, str]:
    held = quantity.of(stored)
    held = held[np.isfinite(held)]
    return quantity.label, float(held.mean()), float(held.max()), quantity.units


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
    away = ((row - (top + bottom) / 2) / down) ** 2 + ((column - (left + right) / 2) / across) ** 2
    return np.asarray(away <= 1.0)


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
    return crossings[:, 1:].astype(np.bool_)
