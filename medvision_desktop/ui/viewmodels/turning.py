"""Turning the planes of a volume about the point they share: two of them turn about the third's normal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.geometry import PlaneGeometry, Vector3
from medvision_desktop.pixels import viewport
from medvision_desktop.pixels.oblique import ObliqueStack, Planes, rotated, upright
from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.ui.viewmodels import planes
from medvision_desktop.ui.viewmodels.gestures import Position, Size, viewport_of
from medvision_desktop.ui.viewmodels.pane_state import PaneState, Shown, with_display, with_planes

if TYPE_CHECKING:
    from medvision_desktop.ui.viewmodels.viewer import ViewerModel

# A turn by less than this is none.
_LEAST_RADIANS: Final = 1e-4


def turn(viewer: ViewerModel, pane: int, radians: float) -> bool:
    """Turn the other two planes about the normal of the plane on `pane`; False without three planes.

    Positive turns go from the right of that plane's image, unturned and unflipped, to its bottom.
    """
    now, shown = viewer.panes[: len(planes.ORDER)], _planes_on(viewer.panes, pane)
    point = planes.common_point(now)
    if shown is None or point is None or shown.frame.geometry is None or abs(radians) < _LEAST_RADIANS:
        return False
    about = shown.frame.geometry.normal_lps
    fresh = {}
    for number, other in enumerate(now):
        if number != pane and other.shown is not None and other.shown.planes is not None:
            stack = _turned(other.shown.planes, about, radians, point)
            fresh[number] = _shown_through(other, stack, point, viewer.size_of(number))
    viewer.put_panes(fresh)
    return True


def turn_by_key(viewer: ViewerModel, degrees: float) -> bool:
    """Turn the other two planes about the active one's normal, as a step that can be undone."""
    before = dict(enumerate(viewer.panes[: len(planes.ORDER)]))
    done = turn(viewer, viewer.active, math.radians(degrees))
    if done:
        viewer.turned(before)
    return done


def straighten(viewer: ViewerModel) -> bool:
    """Planes along the volume's own grid again, fitted to their panes; False where they are."""
    now = viewer.panes[: len(planes.ORDER)]
    if not is_turned(now):
        return False
    point = planes.common_point(now)
    fresh = {}
    for number, pane in enumerate(now):
        shown = pane.shown
        if shown is None or not isinstance(shown.planes, ObliqueStack):
            continue
        before = shown.planes
        stack = PlaneStack(before.volume, before.plane, before.slab, is_quick=True)
        index = stack.count // 2 if point is None else stack.index_at(point)
        back = with_planes(pane, shown.loaded, stack, index)
        fresh[number] = with_display(back, replace(pane.display, zoom=None, pan=(0.0, 0.0)))
    viewer.put_panes(fresh)
    viewer.turned(dict(enumerate(now)))
    return True


def is_turned(panes: tuple[PaneState, ...]) -> bool:
    """Whether any plane is oblique by the reader's hand."""
    return any(pane.shown is not None and isinstance(pane.shown.planes, ObliqueStack) for pane in panes)


def angle_at(geometry: PlaneGeometry, point_lps_mm: Vector3, row: float, column: float) -> float:
    """Direction from a patient position to a pixel of a plane: 0 to the right, positive downwards."""
    middle = geometry.index_of(point_lps_mm)
    down = (row - middle[0]) * geometry.spacing.row_mm
    right = (column - middle[1]) * geometry.spacing.column_mm
    return math.atan2(down, right)


def directions(stack: Planes) -> tuple[Vector3, Vector3]:
    """Unit vectors along the rows and columns of a stack's images."""
    if isinstance(stack, ObliqueStack):
        return stack.right, stack.down
    right, down, _normal = stack.frame_directions()
    return right, down


class Turn:
    """The reader's hand on the end of a crosshair line: what was turned so far follows the mouse."""

    def __init__(self, viewer: ViewerModel, pane: int) -> None:
        self._viewer, self._pane = viewer, pane
        self._before: Mapping[int, PaneState] = dict(enumerate(viewer.panes[: len(planes.ORDER)]))
        self._angle: float | None = None

    def move(self, row: float, column: float) -> None:
        """The hand is at a pixel of the pane's image."""
        shown = _planes_on(self._viewer.panes, self._pane)
        point = planes.common_point(self._viewer.panes[: len(planes.ORDER)])
        if shown is None or shown.frame.geometry is None or point is None:
            return
        angle = angle_at(shown.frame.geometry, point, row, column)
        if self._angle is None or turn(self._viewer, self._pane, angle - self._angle):
            self._angle = angle

    def end(self) -> None:
        """The hand lets go: the turn is one step that can be undone."""
        self._viewer.turned(self._before)

    def cancel(self) -> None:
        """Back to what there was when the line was taken hold of."""
        self._viewer.put_panes(self._before)


def _planes_on(panes: tuple[PaneState, ...], pane: int) -> Shown | None:
    shown = panes[pane].shown if pane < len(planes.ORDER) else None
    return shown if shown is not None and shown.planes is not None else None


def _turned(stack: Planes, about: Vector3, radians: float, point: Vector3) -> ObliqueStack:
    right, down = upright(*(rotated(way, about, radians) for way in directions(stack)))
    return ObliqueStack(stack.volume, stack.plane, right, down, point, stack.slab, is_quick=True)


def _shown_through(pane: PaneState, stack: ObliqueStack, point: Vector3, size: Size) -> PaneState:
    """A pane with other planes, its image as large as before and the point where it was on screen."""
    before = pane.shown
    if before is None:
        return pane
    fresh = with_planes(pane, before.loaded, stack, stack.index_at(point))
    old, new = before.frame.geometry, fresh.shown.frame.geometry if fresh.shown is not None else None
    if fresh.shown is None or old is None or new is None:
        return fresh
    view = viewport.transform(before.frame, viewport_of(pane.display, size))
    zoom = view.scale * new.spacing.column_mm / old.spacing.column_mm
    at = view.to_screen(*old.index_of(point))
    look = replace(pane.display, zoom=min(viewport.MAX_ZOOM, zoom), area=None)
    return with_display(fresh, _held_at(fresh.shown, look, size, point, at))


def _held_at(shown: Shown, look: DisplayState, size: Size, point: Vector3, at: Position) -> DisplayState:
    """The look with its pan such that a patient position lies at a pane position."""
    geometry = shown.frame.geometry
    if geometry is None:
        return look
    centred = replace(look, pan=(0.0, 0.0))
    view = viewport.transform(shown.frame, viewport_of(centred, size))
    x, y = view.to_screen(*geometry.index_of(point))
    return replace(centred, pan=(at[0] - x, at[1] - y))
