"""Where the image of one pane cuts that of another, and the cursor that stands at one patient position."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.geometry import PlaneGeometry, Vector3
from medvision_desktop.domain.image import Frame
from medvision_desktop.pixels import viewport
from medvision_desktop.ui.viewmodels.gestures import Position, Size, viewport_of
from medvision_desktop.ui.viewmodels.pane_state import Shown

# Images nearer to parallel than about 10 degrees have no line worth drawing.
_LEAST_SINE: Final = 0.17


@dataclass(frozen=True)
class Reference:
    """A line across a pane, in pane pixels: the image of the active pane seen from its side."""

    start: Position
    end: Position


def line(here: Shown, display: DisplayState, size: Size, other: Shown) -> Reference | None:
    """Where the other pane's image cuts this one; None for parallel planes and where it misses."""
    mine = here.frame.geometry
    if mine is None or other.frame.geometry is None:
        return None
    cut = _cut(mine, other.frame, other.frame.geometry)
    if cut is None:
        return None
    view = viewport.transform(here.frame, viewport_of(display, size))
    start, end = (view.to_screen(*mine.index_of(point)) for point in cut)
    return Reference(start, end)


def place(here: Shown, display: DisplayState, size: Size, point_lps_mm: Vector3) -> Position | None:
    """Where a patient position lies on a pane; None outside its image and far from its plane."""
    geometry = here.frame.geometry
    if geometry is None:
        return None
    row, column = geometry.index_of(point_lps_mm)
    if not (-0.5 <= row <= here.frame.rows - 0.5 and -0.5 <= column <= here.frame.columns - 0.5):
        return None
    away = float(np.dot(geometry.normal_lps, point_lps_mm)) - geometry.position_mm
    if abs(away) > _half_step(here):
        return None
    return viewport.transform(here.frame, viewport_of(display, size)).to_screen(row, column)


def _cut(mine: PlaneGeometry, frame: Frame, theirs: PlaneGeometry) -> tuple[Vector3, Vector3] | None:
    """The part of the other image's rectangle that lies in this plane: two points on its outline."""
    normal = np.asarray(mine.normal_lps)
    if float(np.linalg.norm(np.cross(normal, theirs.normal_lps))) < _LEAST_SINE:
        return None
    bottom, right = frame.rows - 0.5, frame.columns - 0.5
    outline = ((-0.5, -0.5), (-0.5, right), (bottom, right), (bottom, -0.5))
    corners = [np.asarray(theirs.point_lps_mm(*corner)) for corner in outline]
    heights = [float(normal @ corner) - mine.position_mm for corner in corners]
    found = []
    for at in range(4):
        low, high = heights[at], heights[(at + 1) % 4]
        if (low < 0) != (high < 0):
            point = corners[at] + (corners[(at + 1) % 4] - corners[at]) * (low / (low - high))
            found.append((float(point[0]), float(point[1]), float(point[2])))
    return (found[0], found[1]) if len(found) == 2 else None


def _half_step(shown: Shown) -> float:
    """Half the way to the next image, and at least half a pixel."""
    if shown.planes is not None:
        step = shown.planes.spacing_mm
    else:
        known = (frame.geometry for _, frame in faces_of(shown.loaded.stack.frames))
        places = sorted(geometry.position_mm for geometry in known if geometry is not None)
        steps = [after - before for before, after in itertools.pairwise(places)]
        step = max(steps, default=0.0)
    least = shown.frame.spacing.column_mm if shown.frame.spacing is not None else 1.0
    return max(step, least) / 2 + 1e-6
