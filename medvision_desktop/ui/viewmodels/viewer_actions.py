"""The viewer's actions by id: what keys, menus, the tool bar and the palette come down to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.display import DisplayState, Voi
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.pixels.presets import Preset, means_something, presets_for, window_of
from medvision_desktop.pixels.reslice import Slab, SlabMode
from medvision_desktop.ui.viewmodels import hand_actions, look_actions, mark_places, phases, turning
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.layouts import LAYOUTS
from medvision_desktop.ui.viewmodels.pane_state import presented

if TYPE_CHECKING:
    from medvision_desktop.ui.viewmodels.viewer import ViewerModel

_PAGE: Final = 10
_USUAL_SLAB_MM: Final = 10.0
MOST_SLAB_MM: Final = 100.0

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
    modality = shown.loaded.series.modality
    known = all_presets(viewer, modality)
    return tuple(preset for preset in known if means_something(preset, shown.frame))


def all_presets(viewer: ViewerModel, modality: str) -> tuple[Preset, ...]:
    """The reader's presets of a modality, else those that ship."""
    return viewer.own_presets.get(modality) or presets_for(modality)


def apply_preset(viewer: ViewerModel, preset: Preset) -> bool:
    """Window the active pane by a preset."""
    shown = viewer.active_pane.shown
    if shown is None or shown.frame.is_colour:
        return False
    return apply_voi(viewer, window_of(preset, shown.frame))


def apply_named_preset(viewer: ViewerModel, pane: int, name: str) -> bool:
    """Window one pane by a preset of its modality, without its linked panes; False for no such name."""
    shown = viewer.panes[pane].shown
    if shown is None or shown.frame.is_colour:
        return False
    modality = shown.loaded.series.modality
    known = viewer.own_presets.get(modality) or presets_for(modality)
    preset = next((one for one in known if one.name.casefold() == name.casefold()), None)
    if preset is None:
        return False
    viewer.set_own_window(pane, window_of(preset, shown.frame))
    return True


def apply_voi(viewer: ViewerModel, voi: Voi | None) -> bool:
    """Window the active pane; None is the image's default."""
    return _look(lambda display: replace(display, voi=voi))(viewer)


def show_window(viewer: ViewerModel, voi: Voi) -> None:
    """Window the active pane while a hand is on it; who holds the hand notes the step to undo."""
    viewer.set_display(viewer.active, replace(viewer.active_pane.display, voi=voi))


def apply_presentation(viewer: ViewerModel, uid: str) -> bool:
    """Show the active pane under a presentation state of its study; "" is the image's own look."""
    fresh = presented(viewer.active_pane, uid).display
    return _look(lambda _: fresh)(viewer)


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
        before = viewer.looks
        viewer.set_display(viewer.active, change(viewer.active_pane.display))
        viewer.looked(before)
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


def _toggle_labels(viewer: ViewerModel) -> bool:
    """Label maps of the active pane's study on or off; False where there are none."""
    study = viewer.active_pane.study
    if study is None or not viewer.layers.toggle_labels(study.key):
        return False
    if not viewer.overlay.visible:
        viewer.set_overlay(replace(viewer.overlay, visible=True))
    return True


def _grow(viewer: ViewerModel, way: int) -> bool:
    viewer.masks.grow(way)
    return True


def _toggle_shutter(viewer: ViewerModel) -> bool:
    """Lift the shutter of the active pane's image or put it back; False where it has none."""
    shown = viewer.active_pane.shown
    if shown is None or shown.frame.shutter is None:
        return False
    return _look(lambda display: replace(display, shutter=not display.shutter))(viewer)


def _toggle_corner_text(viewer: ViewerModel) -> bool:
    viewer.set_corner_text(not viewer.corner_text)
    return True


def _swap_drag(viewer: ViewerModel) -> bool:
    viewer.swap_drag()
    return True


def _toggle_link(viewer: ViewerModel) -> bool:
    viewer.set_links(viewer.links.all_set(not viewer.links.any))
    return True


def _toggle_one_link(viewer: ViewerModel, kind: str) -> bool:
    links = viewer.links
    fresh = {
        "scroll": replace(links, scroll=not links.scroll),
        "window": replace(links, window=not links.window, apart=frozenset()),
        "view": replace(links, view=not links.view),
        "cursor": replace(links, cursor=not links.cursor),
    }
    viewer.set_links(fresh[kind])
    return True


def _slab(viewer: ViewerModel, mode: SlabMode) -> bool:
    """Planes of a volume through a slab, ten millimetres thick until the reader says otherwise."""
    shown = viewer.active_pane.shown
    if shown is None or shown.planes is None:
        return False
    thickness = viewer.slab.thickness_mm or _USUAL_SLAB_MM
    viewer.set_slab(Slab(mode, thickness))
    return True


def _thicken(viewer: ViewerModel, way: int) -> bool:
    """One plane more, or less, on either side of the slab."""
    shown = viewer.active_pane.shown
    if shown is None or shown.planes is None or viewer.slab.mode is SlabMode.THIN:
        return False
    step = 2 * shown.planes.spacing_mm
    thickness = max(shown.planes.spacing_mm, shown.planes.slab_mm + way * step)
    viewer.set_slab(Slab(viewer.slab.mode, min(MOST_SLAB_MM, thickness)))
    return True


_TABLE: Final[Mapping[str, Perform]] = {
    **{f"tool.{tool.value}": partial(_tool, tool=tool) for tool in Tool},
    **{f"view.preset_{key}": partial(_preset, key=key) for key in range(1, 10)},
    **{layout.action_id: partial(_layout, name=layout.name) for layout in LAYOUTS},
    "view.invert": _look(lambda display: replace(display, invert=not display.invert)),
    "view.flip_h": _turn(lambda turn: turn.flipped(horizontal=True)),
    "view.flip_v": _turn(lambda turn: turn.flipped(vertical=True)),
    "view.rotate_left": _turn(lambda turn: turn.rotated(-1)),
    "view.rotate_right": _turn(lambda turn: turn.rotated(1)),
    "view.fit": _look(lambda display: replace(display, zoom=None, pan=(0.0, 0.0), area=None)),
    "view.one_to_one": _look(lambda display: replace(display, zoom=1.0)),
    **look_actions.TABLE,
    "view.next_pane": _next_pane,
    "view.maximise": lambda viewer: viewer.toggle_maximised(viewer.active),
    "view.corner_text": _toggle_corner_text,
    "view.link": _toggle_link,
    "view.swap_drag": _swap_drag,
    **{
        f"link.{kind}": partial(_toggle_one_link, kind=kind)
        for kind in ("scroll", "window", "view", "cursor")
    },
    **{f"slab.{mode.value.lower()}": partial(_slab, mode=mode) for mode in SlabMode},
    "slab.thicker": partial(_thicken, way=1),
    "slab.thinner": partial(_thicken, way=-1),
    **{
        f"planes.turn_{way}{pace}": partial(turning.turn_by_key, degrees=sense * degrees)
        for way, sense in (("left", -1.0), ("right", 1.0))
        for pace, degrees in (("", 5.0), ("_fine", 1.0))
    },
    "planes.straight": turning.straighten,
    "measure.next": partial(mark_places.step, way=1),
    "measure.previous": partial(mark_places.step, way=-1),
    "phase.next": partial(phases.step, way=1),
    "phase.previous": partial(phases.step, way=-1),
    "link.beside": lambda viewer: viewer.lay_beside(),
    "slice.next": partial(_slice, step=1),
    "slice.previous": partial(_slice, step=-1),
    "slice.page_down": partial(_slice, step=_PAGE),
    "slice.page_up": partial(_slice, step=-_PAGE),
    "slice.first": partial(_slice_end, last=False),
    "slice.last": partial(_slice_end, last=True),
    "layers.toggle": _toggle_layers,
    "layers.shutter": _toggle_shutter,
    "layers.labels": _toggle_labels,
    "labels.larger": partial(_grow, way=1),
    "labels.smaller": partial(_grow, way=-1),
    "labels.next": lambda viewer: viewer.masks.next_label(),
    "layers.attention": lambda viewer: viewer.toggle_attention(),
    **hand_actions.TABLE,
    "edit.undo": lambda viewer: viewer.undo(),
    "edit.redo": lambda viewer: viewer.redo(),
}
