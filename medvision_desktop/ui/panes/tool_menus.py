"""The menus of the tool bar: layouts and stages, windows and looks, and what has no button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from medvision_desktop.domain.display import Voi, VoiLut, VoiWindow
from medvision_desktop.domain.presentation import chosen
from medvision_desktop.ui.actions import BY_ID, key_text
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels import look_actions, viewer_actions
from medvision_desktop.ui.viewmodels.first_look import COLOURS, CURVES
from medvision_desktop.ui.viewmodels.hanging import HangingModel
from medvision_desktop.ui.viewmodels.layouts import LAYOUTS
from medvision_desktop.ui.viewmodels.pane_state import Shown
from medvision_desktop.ui.viewmodels.viewer import ViewerModel

Ask = Callable[[str], None]

# Tools that are always behind the menu.
_MORE_TOOLS: Final = ("tool.polygon", "tool.cobb", "tool.cardiothoracic", "tool.window_region")
# What the menu of a narrow bar holds besides the tools that have no button there.
_MORE: Final = (
    "view.invert",
    "view.flip_h",
    "view.flip_v",
    "view.rotate_left",
    "view.rotate_right",
    "",
    "view.fit",
    "view.one_to_one",
    "view.reset",
    "",
    "view.maximise",
    "view.corner_text",
)
STAGES: Final = ("hang.previous", "hang.next")
_HANGING: Final = ("hang.prior", "hang.rules", "window.new", "window.move_pane")
_LINKS: Final = ("link.scroll", "link.window", "link.view", "link.cursor")


def fill_layouts(menu: QMenu, hanging: HangingModel | None, ask: Ask) -> None:
    """The layouts, then the stages of the hanging protocol in use, and windows."""
    menu.clear()
    for layout in LAYOUTS:
        _add(menu, layout.action_id, ask, layout.icon)
    if hanging is None:
        return
    if hanging.stages:
        menu.addSeparator()
        menu.addAction(hanging.stages[0].rule.replace("&", "&&")).setEnabled(False)
        for number, stage in enumerate(hanging.stages):
            action = menu.addAction(stage.name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(stage is hanging.stage)
            action.triggered.connect(lambda _=False, at=number: hanging.go_to(at))
    menu.addSeparator()
    for name in (*STAGES, *_HANGING):
        _add(menu, name, ask)


def fill_more(menu: QMenu, viewer: ViewerModel, hidden: Sequence[str], ask: Ask) -> None:
    """Tools and views that have no button; `hidden` are those that a narrow bar has no room for."""
    menu.clear()
    tools = [name for name in hidden if name.startswith("tool.")]
    for name in (*tools, *_MORE_TOOLS):
        action = _add(menu, name, ask)
        action.setCheckable(True)
        action.setChecked(name == f"tool.{viewer.tool.value}")
    menu.addSeparator()
    for name in ("key.toggle", "view.link"):
        if name in hidden:
            _add(menu, name, ask)
    for name in _LINKS:
        action = _add(menu, name, ask)
        action.setCheckable(True)
        action.setChecked(getattr(viewer.links, name.removeprefix("link.")))
    _add(menu, "link.beside", ask)
    menu.addSeparator()
    for name in _MORE:
        if name:
            _add(menu, name, ask)
        else:
            menu.addSeparator()


def fill_windows(menu: QMenu, viewer: ViewerModel, window: str, ask: Ask) -> None:
    """Presets, curves and colours, the header's windows, and presentation states. `window` is in use."""
    shown = viewer.active_pane.shown
    menu.clear()
    if shown is None:
        return
    for preset in viewer_actions.presets(viewer):
        action = menu.addAction(f"{preset.name}\t{preset.key}")
        action.setCheckable(True)
        action.setChecked(preset.name == window)
        action.triggered.connect(lambda _=False, key=preset.key: ask(f"view.preset_{key}"))
    if not shown.frame.is_colour:
        _add(menu, "view.presets", ask, "")
        _fill_looks(menu, viewer, ask)
    if shown.frame.voi:
        menu.addSection("In the header")
        for number, voi in enumerate(shown.frame.voi):
            if isinstance(voi, VoiWindow) and voi in shown.frame.voi[:number]:
                continue  # a window that a header repeats is no alternative
            action = menu.addAction(_alternative_name(voi))
            action.triggered.connect(lambda _=False, one=voi: viewer_actions.apply_voi(viewer, one))
    _fill_states(menu, viewer, shown)


def _fill_looks(menu: QMenu, viewer: ViewerModel, ask: Ask) -> None:
    """Curves and colour maps, each as a menu of its own."""
    now = look_actions.chosen(viewer.active_pane.display)
    for title, names in (("Curve", CURVES), ("Colours", COLOURS)):
        inner = menu.addMenu(title)
        for name in names:
            action = _add(inner, name, ask, "")
            action.setCheckable(True)
            action.setChecked(name in now)


def _fill_states(menu: QMenu, viewer: ViewerModel, shown: Shown) -> None:
    states = [state for state in shown.loaded.states if state.names(shown.frame)]
    if not states or shown.planes is not None:
        return
    menu.addSeparator()
    now = chosen(shown.loaded.states, shown.frame, viewer.active_pane.display.presentation)
    named = [("No presentation state", ""), *((state.label, state.uid) for state in states)]
    for name, uid in named:
        action = menu.addAction(name.replace("&", "&&"))
        action.setCheckable(True)
        action.setChecked(uid == ("" if now is None else now.uid))
        action.triggered.connect(lambda _=False, one=uid: viewer_actions.apply_presentation(viewer, one))


def _add(menu: QMenu, name: str, ask: Ask, icon: str | None = None) -> QAction:
    keys, text = key_text(name), BY_ID[name].text
    action = menu.addAction(f"{text}\t{keys}" if keys else text)
    picture = BY_ID[name].icon if icon is None else icon
    if picture:
        action.setIcon(icons.icon(picture, T.t2))
    action.triggered.connect(partial(_told, ask, name))
    return action


def _told(ask: Ask, name: str, _checked: bool = False) -> None:
    ask(name)


def _alternative_name(voi: Voi) -> str:
    if isinstance(voi, VoiLut):
        return voi.explanation or "VOI LUT of the header"
    return voi.explanation or f"W {voi.width:g}  L {voi.center:g}"
