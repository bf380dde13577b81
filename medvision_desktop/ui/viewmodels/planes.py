"""Planes of one volume that follow a common point in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.geometry import Plane, Vector3
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.pixels import viewport
from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.ui.viewmodels.gestures import Size, viewport_of
from medvision_desktop.ui.viewmodels.pane_state import PaneState, Shown, with_index, with_planes

ORDER = (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)


@dataclass(frozen=True)
class PlaneLine:
    """Where another plane cuts this pane: a line across it, in pane pixels."""

    plane: Plane
    start: tuple[float, float]
    end: tuple[float, float]


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
        stack = PlaneStack(volume, plane)
        base = PaneState(
            loaded.study, loaded.series, display=DisplayState(voi=first.voi, invert=first.invert)
        )
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
    here: Shown, display: DisplayState, size: Size, others: tuple[Shown, ...], point_lps_mm: Vector3
) -> Crosshair | None:
    """The lines of the other planes in this one; None where there is no geometry."""
    geometry = here.frame.geometry
    if geometry is None:
        return None
    view = viewport.transform(here.frame, viewport_of(display, size))
    row, column = geometry.index_of(point_lps_mm)
    lines = []
    for other in others:
        if other.frame.geometry is None or other.plane is None:
            continue
        normal = np.asarray(other.frame.geometry.normal_lps)
        across = abs(float(normal @ np.asarray(geometry.row_lps)))
        down = abs(float(normal @ np.asarray(geometry.column_lps)))
        if across > down:  # the other plane cuts along a column
            start, end = (-0.5, column), (here.frame.rows - 0.5, column)
        else:
            start, end = (row, -0.5), (row, here.frame.columns - 0.5)
        lines.append(PlaneLine(other.plane, view.to_screen(*start), view.to_screen(*end)))
    return Crosshair(view.to_screen(row, column), tuple(lines))
