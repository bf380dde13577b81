"""What a pane shows of the others: lines of their images, and the point that was pointed at."""

from __future__ import annotations

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.ui.viewmodels import cross_reference, links, planes
from medvision_desktop.ui.viewmodels.arrangement import Arrangement
from medvision_desktop.ui.viewmodels.cross_reference import Reference
from medvision_desktop.ui.viewmodels.gestures import Position, Size
from medvision_desktop.ui.viewmodels.planes import Crosshair


def crosshair(now: Arrangement, pane: int, size: Size, *, grip_ratio: float = 0.0) -> Crosshair | None:
    """The lines of the other planes of a volume, in the layout of three planes.

    With `grip_ratio`, the device pixels of a logical one, they have handles to turn them by.
    """
    shown = now.panes[pane].shown
    if not now.has_planes or shown is None or shown.planes is None:
        return None
    point = planes.common_point(now.panes)
    if point is None:
        return None
    others = tuple(
        other.shown
        for number, other in enumerate(now.panes)
        if number != pane and other.shown is not None and other.shown.planes is not None
    )
    return planes.crosshair(shown, now.panes[pane].display, size, others, point, grip_ratio=grip_ratio)


def reference(now: Arrangement, pane: int, size: Size) -> Reference | None:
    """The line of the active pane's image, where it cuts this one."""
    here, there = now.panes[pane], now.panes[now.active]
    if pane == now.active or here.shown is None or there.shown is None or now.has_planes:
        return None
    if now.active not in now.visible or not links.same_space(here, there):
        return None
    return cross_reference.line(here.shown, here.display, size, there.shown)


def cursor(now: Arrangement, pane: int, size: Size, pointed: tuple[int, Vector3] | None) -> Position | None:
    """Where the patient position lies that was pointed at in a pane of the same space."""
    here = now.panes[pane]
    if pointed is None or here.shown is None or now.has_planes:
        return None
    source, point = pointed
    if not links.same_space(now.panes[source], here):
        return None
    return cross_reference.place(here.shown, here.display, size, point)
