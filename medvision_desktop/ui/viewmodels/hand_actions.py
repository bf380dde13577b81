"""Measurements and the tool in hand by keys: points that are moved, and steps of a tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from medvision_desktop.pixels import viewport
from medvision_desktop.ui.viewmodels import gestures, linking

if TYPE_CHECKING:
    from medvision_desktop.ui.viewmodels.viewer import ViewerModel

_WAYS: Final = (("left", -1, 0), ("right", 1, 0), ("up", 0, -1), ("down", 0, 1))
_PACES: Final = (("", 1), ("_far", 10))


def _delete_mark(viewer: ViewerModel) -> bool:
    """The selected measurement, else the last one that was drawn here."""
    here = viewer.marks.on(linking.place_of(viewer.active_pane))
    if not here:
        return False
    chosen = next((one for one in here if one.id == viewer.marks.selected[0]), here[-1])
    viewer.remove_mark(chosen)
    return True


def _next_point(viewer: ViewerModel, step: int) -> bool:
    """Give the keys to the next point of the measurements on this image."""
    here = viewer.marks.on(linking.place_of(viewer.active_pane))
    points = [(one.id, number) for one in here for number in range(len(one.points))]
    if not points:
        return False
    now = points.index(viewer.marks.selected) if viewer.marks.selected in points else -max(0, step)
    viewer.marks.select(*points[(now + step) % len(points)])
    return True


def _nudge(viewer: ViewerModel, right: int, down: int) -> bool:
    """Move the selected point by pixels of the screen, in whatever way the image is turned."""
    pane = viewer.active_pane
    chosen, number = viewer.marks.selected
    found = next((one for one in viewer.marks.on(linking.place_of(pane)) if one.id == chosen), None)
    if found is None or pane.shown is None or number >= len(found.points):
        return False
    port = gestures.viewport_of(pane.display, viewer.size_of(viewer.active))
    view = viewport.transform(pane.shown.frame, port)
    x, y = view.to_screen(*found.points[number])
    viewer.keep_mark(found.moved(number, view.to_source(x + right, y + down)))
    return True


def _hand(viewer: ViewerModel, right: int, down: int) -> bool:
    """Use the tool in hand by keys, on the active pane."""
    if viewer.active_pane.shown is None:
        return False
    viewer.handMoved.emit(viewer.active, right, down)
    return True


TABLE: Final[Mapping[str, Callable[[ViewerModel], bool]]] = {
    "measure.delete": _delete_mark,
    "measure.next_point": partial(_next_point, step=1),
    "measure.previous_point": partial(_next_point, step=-1),
    **{
        f"measure.{way}{pace}": partial(_nudge, right=right * px, down=down * px)
        for way, right, down in _WAYS
        for pace, px in _PACES
    },
    **{
        f"hand.{way}{pace}": partial(_hand, right=right * steps, down=down * steps)
        for way, right, down in _WAYS
        for pace, steps in _PACES
    },
}
