"""Planes of one volume that follow a common point in the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.geometry import Plane, PlaneGeometry, Vector3
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.pixels import viewport
from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.ui.viewmodels.gestures import Size, viewport_of
from medvision_desktop.ui.viewmodels.pane_state import PaneState, Shown, with_index, with_planes

ORDER = (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)

# Where a line is taken hold of to turn it: this far inside of the pane's edge, in logical pixels, but
# only if that is at least so far from the point.
_HANDLE_FROM_EDGE: Final = 56.0
_HANDLE_FROM_POINT: Final = 48.0
_GRIP: Final = 12.0


@dataclass(frozen=True)
class PlaneLine:
    """Where another plane cuts this pane: a line across it, in pane pixels.

    `handles`: where it can be taken hold of to turn the other planes; empty with another tool in hand.
    """

    plane: Plane
    start: tuple[float, float]
    end: tuple[float, float]
    handles: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Crosshair:
    """The common point and the lines of the other planes, in pane pixels."""

    point: tuple[float, float]
    lines: tuple[PlaneLine, ...]


def spread(
    panes: tuple[PaneState, ...], loaded: LoadedSeries, point_lps_mm: Vector3 | None
) -> tuple[PaneState, ...]:
    """The first three panes as the three planes of the volume through a point, or its middle.

    Window and polarity of the first pane stay; zoom and pan begin anew in each plane.
    """
    volume = loaded.volume
    if volume is None:
        return panes
    first = panes[0].display
    result = list(panes)
    for number, plane in enumerate(ORDER):
        stack = PlaneStack(volume, plane, is_quick=True)
        base = PaneState(loaded.study, loaded.series, display=first.brightness)
        index = stack.count // 2 if point_lps_mm is None else stack.index_at(point_lps_mm)
        result[number] = with_planes(base, loaded, stack, index)
    return tuple(result)


def common_point(panes: tuple[PaneState, ...]) -> Vector3 | None:
    """The point that all three planes of `panes` pass through; None without three planes."""
    shown = [pane.shown for pane in panes if pane.shown is not None and pane.shown.planes is not None]
    if len(shown) != len(ORDER):
        return None
    normals, distances = [], []
    for one in shown:
        geometry = one.frame.geometry
        if geometry is None:
            return None
        normals.append(geometry.normal_lps)
        distances.append(geometry.position_mm)
    try:
        point = np.linalg.solve(np.asarray(normals), np.asarray(distances))
    except np.linalg.LinAlgError:
        return None
    return (float(point[0]), float(point[1]), float(point[2]))


def moved_to(panes: tuple[PaneState, ...], point_lps_mm: Vector3) -> tuple[PaneState, ...]:
    """Every plane at the slice nearest to a patient position."""
    return tuple(
        with_index(pane, pane.shown.planes.index_at(point_lps_mm))
        if pane.shown is not None and pane.shown.planes is not None
        else pane
        for pane in panes
    )


def crosshair(
    here: Shown,
    display: DisplayState,
    size: Size,
    others: tuple[Shown, ...],
    point_lps_mm: Vector3,
    *,
    grip_ratio: float = 0.0,
) -> Crosshair | None:
    """The lines of the other planes in this one; None where there is no geometry.

    With `grip_ratio`, the device pixels of a logical one, lines have handles to turn them by.
    """
    geometry = here.frame.geometry
    if geometry is None:
        return None
    view = viewport.transform(here.frame, viewport_of(display, size))
    row, column = geometry.index_of(point_lps_mm)
    point = view.to_screen(row, column)
    lines = []
    for other in others:
        if other.frame.geometry is None or other.plane is None:
            continue
        way = _line_across(geometry, other.frame.geometry)
        if way is None:
            continue
        part = _to_the_edges((row, column), way, (here.frame.rows, here.frame.columns))
        start, end = (view.to_screen(*at) for at in part)
        handles = _handles(point, (end[0] - start[0], end[1] - start[1]), size, grip_ratio)
        lines.append(PlaneLine(other.plane, start, end, handles))
    return Crosshair(point, tuple(lines))


def grip_at(found: Crosshair | None, at: tuple[float, float], ratio: float) -> bool:
    """Whether a pane position is on a handle of the crosshair's lines."""
    handles = [handle for line in found.lines for handle in line.handles] if found is not None else []
    return any(math.dist(handle, at) <= _GRIP * ratio for handle in handles)


def _line_across(mine: PlaneGeometry, theirs: PlaneGeometry) -> tuple[float, float] | None:
    """(rows, columns) along which another plane cuts this one; None for parallel planes."""
    along = np.cross(mine.normal_lps, theirs.normal_lps)
    if float(np.linalg.norm(along)) < 1e-6:
        return None
    rows = float(along @ np.asarray(mine.column_lps)) / mine.spacing.row_mm
    columns = float(along @ np.asarray(mine.row_lps)) / mine.spacing.column_mm
    # What is straight but for rounding is drawn straight.
    return (
        rows if abs(rows) > 1e-9 * abs(columns) else 0.0,
        columns if abs(columns) > 1e-9 * abs(rows) else 0.0,
    )


def _to_the_edges(
    point: tuple[float, float], way: tuple[float, float], shape: tuple[int, int]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The part of a line through `point` that lies on the image, from its low end to its high one.

    A line that misses the image is given as if the image were as wide as the line needs.
    """
    low, high = -math.inf, math.inf
    for at, step, count in zip(point, way, shape, strict=True):
        if step != 0:
            ends = sorted(((-0.5 - at) / step, (count - 0.5 - at) / step))
            low, high = max(low, ends[0]), min(high, ends[1])
    if low > high:
        low, high = high, low
    if sum(way) < 0:
        low, high = high, low
    one, other = ((point[0] + share * way[0], point[1] + share * way[1]) for share in (low, high))
    return one, other


def _handles(
    point: tuple[float, float], way: tuple[float, float], size: Size, ratio: float
) -> tuple[tuple[float, float], ...]:
    """Where a line through `point` is taken hold of: towards both edges of the pane, if there is room."""
    length = math.hypot(*way)
    if ratio <= 0 or length == 0:
        return ()
    found = []
    for sense in (-1.0, 1.0):
        step = (sense * way[0] / length, sense * way[1] / length)
        reach = min(
            ((edge if part > 0 else 0.0) - at) / part
            for at, part, edge in zip(point, step, size, strict=True)
            if abs(part) > 1e-9
        )
        far = reach - _HANDLE_FROM_EDGE * ratio
        if far >= _HANDLE_FROM_POINT * ratio:
            found.append((point[0] + far * step[0], point[1] + far * step[1]))
    return tuple(found)
