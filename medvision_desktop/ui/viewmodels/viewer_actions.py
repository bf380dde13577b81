"""The viewer's actions by id: what keys, menus, the tool bar and the palette come down to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.display import DisplayState, Voi
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.pixels.presets import Preset, presets_for, window_of
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.layouts import LAYOUTS

if TYPE_CHECKING:
    from medvision_desktop.ui.viewmodels.viewer import ViewerModel

_PAGE: Final = 10

Perform = Callable[["ViewerModel"], bool]
Look = Callable[[DisplayState], DisplayState]


def perform(viewer: ViewerModel, action_id: str) -> bool:
    """Do it; False for ids of other rooms and for what cannot be done now."""
    action = _TABLE.get(action_id)
    return action(viewer) if action is not None else False


def action_ids() -> frozenset[str]:
    """Ids that `perform` knows."""
    return frozenset(_TABLE)


def presets(viewer: ViewerModel) -> tuple[Preset, ...]:
    """Window presets for the active pane's image; none for colour and for an empty pane."""
    shown = viewer.active_pane.shown
    if shown is None or shown.frame.is_colour:
        return ()
    return presets_for(shown.loaded.series.modality)


def apply_preset(viewer: ViewerModel, preset: Preset) -> bool:
    """Window the active pane by a preset."""
    shown = viewer.active_pane.shown
    if shown is None or shown.frame.is_colour:
        return False
    return apply_voi(viewer, window_of(preset, shown.frame))


def apply_voi(viewer: ViewerModel, voi: Voi | None) -> bool:
    """Window the active pane; None is the image's default."""
    return _look(lambda display: replace(display, voi=voi))(viewer)


def _preset(viewer: ViewerModel, key: int) -> bool:
    return any(apply_preset(viewer, preset) for preset in presets(viewer) if preset.key == key)


def _tool(viewer: ViewerModel, tool: Tool) -> bool:
    viewer.set_tool(tool)
    return True


def _layout(viewer: ViewerModel, name: str) -> bool:
    return viewer.set_layout(name)


def _look(change: Look) -> Perform:
    def act(viewer: ViewerModel) -> bool:
        if viewer.active_pane.shown is None:
            return False
        viewer.set_display(viewer.active, change(viewer.active_pane.display))
        return True

    return act


def _turn(change: Callable[[ViewTurn], ViewTurn]) -> Perform:
    return _look(lambda display: replace(display, turn=change(display.turn)))


def _slice(viewer: ViewerModel, step: int) -> bool:
    shown = viewer.active_pane.shown
    if shown is None or shown.count < 2:
        return False
    viewer.set_index(viewer.active, shown.index + step)
    return True


def _slice_end(viewer: ViewerModel, *, last: bool) -> bool:
    shown = viewer.active_pane.shown
    if shown is None or shown.count < 2:
        return False
    viewer.set_index(viewer.active, shown.count - 1 if last else 0)
    return True


def _next_pane(viewer: ViewerModel) -> bool:
    visible = viewer.visible
    if len(visible) < 2:
        return False
    here = visible.index(viewer.active) if viewer.active in visible else -1
    viewer.set_active(visible[(here + 1) % len(visible)])
    return True


def _toggle_layers(viewer: ViewerModel) -> bool:
    viewer.set_overlay(replace(viewer.overlay, visible=not viewer.overlay.visible))
    return True


def _toggle_corner_text(viewer: ViewerModel) -> bool:
    viewer.set_corner_text(not viewer.corner_text)
    return True


def _toggle_link(viewer: ViewerModel) -> bool:
    viewer.set_linked(not viewer.linked)
    return True


def _drop_last_length(viewer: ViewerModel) -> bool:
    lengths = viewer.lengths(viewer.active)
    if not lengths:
        return False
    viewer.set_lengths(viewer.active, lengths[:-1])
    return True


def _reset(display: DisplayState) -> DisplayState:
    return DisplayState(overlay=display.overlay, show_corner_text=display.show_corner_text)


_TABLE: Final[Mapping[str, Perform]] = {
    **{f"tool.{tool.value}": partial(_tool, tool=tool) for tool in Tool},
    **{f"view.preset_{key}": partial(_preset, key=key) for key in range(1, 10)},
    **{layout.action_id: partial(_layout, name=layout.name) for layout in LAYOUTS},
    "view.invert": _look(lambda display: replace(display, invert=not display.invert)),
    "view.flip_h": _turn(lambda turn: turn.flipped(horizontal=True)),
    "view.flip_v": _turn(lambda turn: turn.flipped(vertical=True)),
    "view.rotate_left": _turn(lambda turn: turn.rotated(-1)),
    "view.rotate_right": _turn(lambda turn: turn.rotated(1)),
    "view.fit": _look(lambda display: replace(display, zoom=None, pan=(0.0, 0.0))),
    "view.one_to_one": _look(lambda display: replace(display, zoom=1.0)),
    "view.reset": _look(_reset),
    "view.next_pane": _next_pane,
    "view.maximise": lambda viewer: viewer.toggle_maximised(viewer.active),
    "view.corner_text": _toggle_corner_text,
    "view.link": _toggle_link,
    "slice.next": partial(_slice, step=1),
    "slice.previous": partial(_slice, step=-1),
    "slice.page_down": partial(_slice, step=_PAGE),
    "slice.page_up": partial(_slice, step=-_PAGE),
    "slice.first": partial(_slice_end, last=False),
    "slice.last": partial(_slice_end, last=True),
    "layers.toggle": _toggle_layers,
    "layers.attention": lambda viewer: viewer.toggle_attention(),
    "measure.delete": _drop_last_length,
}
