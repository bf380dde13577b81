"""Curves and colour maps of the active pane by action id, and the way back to the first look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.display import DisplayState, LutCurve, VoiLut
from medvision_desktop.ui.viewmodels.first_look import COLOURS, CURVES, first_look

if TYPE_CHECKING:
    from medvision_desktop.ui.viewmodels.viewer import ViewerModel


def chosen(display: DisplayState) -> frozenset[str]:
    """The action ids of the curve and the colour map in use."""
    curve = next(name for name, each in CURVES.items() if each is display.curve)
    colours = next(name for name, each in COLOURS.items() if each == display.colours)
    return frozenset({curve, colours})


def _curve(viewer: ViewerModel, curve: LutCurve | None) -> bool:
    """Bend the window of a grey image; a LUT of the header has its own curve."""
    shown = viewer.active_pane.shown
    if shown is None or shown.frame.is_colour or isinstance(shown.plan.voi, VoiLut):
        return False
    return _looked(viewer, lambda display: replace(display, curve=curve))


def _colours(viewer: ViewerModel, name: str) -> bool:
    """Show a grey image in a colour map."""
    shown = viewer.active_pane.shown
    if shown is None or shown.frame.is_colour:
        return False
    return _looked(viewer, lambda display: replace(display, colours=name))


def _reset(viewer: ViewerModel) -> bool:
    if viewer.active_pane.shown is None:
        return False
    first = first_look(viewer.active_pane.series)
    return _looked(
        viewer,
        lambda now: replace(first, overlay=now.overlay, show_corner_text=now.show_corner_text),
    )


def _looked(viewer: ViewerModel, change: Callable[[DisplayState], DisplayState]) -> bool:
    before = viewer.looks
    viewer.set_display(viewer.active, change(viewer.active_pane.display))
    viewer.looked(before)
    return True


TABLE: Final[Mapping[str, Callable[[ViewerModel], bool]]] = {
    **{name: partial(_curve, curve=curve) for name, curve in CURVES.items()},
    **{name: partial(_colours, name=colours) for name, colours in COLOURS.items()},
    "view.reset": _reset,
}
