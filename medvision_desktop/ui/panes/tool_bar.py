"""The viewer's tools: layout, the tool in hand, window presets, linking, hiding layers.

Where there is less room than all of it needs, the tools that are used less go behind a menu.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QMenu, QToolButton, QWidget

from medvision_desktop.domain.display import Voi, VoiLut, WindowSource
from medvision_desktop.domain.presentation import chosen
from medvision_desktop.ui.actions import BY_ID, key_text
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import look_actions, viewer_actions
from medvision_desktop.ui.viewmodels.first_look import COLOURS, CURVES
from medvision_desktop.ui.viewmodels.hanging import HangingModel
from medvision_desktop.ui.viewmodels.layouts import LAYOUTS
from medvision_desktop.ui.viewmodels.pane_state import Shown
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.menu_button import MenuButton
from medvision_desktop.ui.widgets.phase_button import PhaseButton

_ALWAYS: Final = ("tool.window", "tool.pan", "tool.zoom", "tool.scroll")
_WIDE_ONLY: Final = ("tool.magnifier", "tool.probe", "tool.crosshair")
_MEASURING: Final = ("tool.length",)
_MEASURING_WIDE: Final = ("tool.angle", "tool.rectangle", "tool.ellipse", "tool.arrow", "tool.text")
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
_STAGES: Final = ("hang.previous", "hang.next")
_HANGING: Final = ("hang.prior", "hang.rules", "window.new", "window.move_pane")
_LINKS: Final = ("link.scroll", "link.window", "link.view", "link.cursor")
_GAP: Final = 2
_GROUP_GAP: Final = 6


class ToolBar(QWidget):
    """Mirrors the viewer. Every button emits `wanted(action id)`; who composes the window performs it."""

    wanted = Signal(str)

    def __init__(
        self, viewer: ViewerModel, hanging: HangingModel | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._hanging = hanging
        self._compact: bool | None = None
        self._narrow = False
        self._window = ""
        self._tools = {
            name: self._button(name) for name in (*_ALWAYS, *_WIDE_ONLY, *_MEASURING, *_MEASURING_WIDE)
        }
        self._layouts = MenuButton("Layout", self)
        self._layouts.choices.aboutToShow.connect(self._fill_layouts)
        self._stages = tuple(
            IconButton(BY_ID[name].icon, BY_ID[name].text, key=key_text(name), kind="tool", parent=self)
            for name in _STAGES
        )
        for name, button in zip(_STAGES, self._stages, strict=True):
            button.setObjectName(name)
            button.clicked.connect(partial(self._ask, name))
        self._phases = PhaseButton(viewer, self)
        self._presets = MenuButton("Window presets", self)
        self._presets.choices.aboutToShow.connect(self._fill_presets)
        self._more = IconButton("ellipsis", "More tools", kind="tool", parent=self)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._link = self._button("view.link")
        self._hide = IconButton(
            "eye-off",
            "Hide every layer",
            key=key_text("layers.toggle"),
            kind="tool",
            checkable=True,
            parent=self,
        )
        self._hide.clicked.connect(partial(self._ask, "layers.toggle"))
        self._lines = [_line(self) for _ in range(3)]
        self._lay_out()
        self._phases.came.connect(self._make_room)
        self._fill_layouts()
        self._fill_more()
        viewer.changed.connect(self.refresh)
        viewer.activeChanged.connect(self.refresh)
        if hanging is not None:
            hanging.changed.connect(self._on_hung)
        self.refresh()
        self._set_compact(compact=False)
        self._on_hung()

    def set_narrow(self, narrow: bool) -> None:
        """In a narrow window ask for no more room than the tools used most need."""
        self._narrow = narrow
        self._set_compact(compact=narrow or self.width() < self._width(compact=False))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Room for everything, or in a narrow window for what is always there."""
        return QSize(self._width(compact=self._narrow), M.tool_button)

    def minimumSizeHint(self) -> QSize:
        """Room for what is always there."""
        return QSize(self._width(compact=True), M.tool_button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep as many buttons as there is room for."""
        super().resizeEvent(event)
        self._set_compact(compact=self._narrow or event.size().width() < self._width(compact=False))

    def _make_room(self) -> None:
        """The menu of volumes has come or gone."""
        self._set_compact(compact=self._narrow or self.width() < self._width(compact=False))
        self.updateGeometry()

    def refresh(self) -> None:
        """Show tool, layout, window and layers as they are."""
        viewer = self._viewer
        for name, button in self._tools.items():
            button.setChecked(name == f"tool.{viewer.tool.value}")
        self._link.setChecked(viewer.links.any)
        self._link.show_icon("link" if viewer.links.any else "unlink")
        self._hide.setChecked(not viewer.overlay.visible)
        layout = viewer.layout
        self._layouts.say(layout.title, layout.icon)
        self._layouts.setAccessibleName(f"Layout: {BY_ID[layout.action_id].text}")
        shown = viewer.active_pane.shown
        self._window = _window_name(shown)
        self._presets.say(self._window, "sliders-horizontal")
        self._presets.setEnabled(shown is not None and not shown.frame.is_colour)
        self._presets.setAccessibleName(f"Window: {self._window}")

    def _button(self, name: str) -> IconButton:
        action = BY_ID[name]
        button = IconButton(
            action.icon, action.text, key=key_text(name), kind="tool", checkable=True, parent=self
        )
        button.setObjectName(name)
        # A tool is never let go by pressing it again, so the model says what is checked.
        button.clicked.connect(partial(self._ask, name))
        return button

    def _ask(self, name: str, _checked: bool = False) -> None:
        self.wanted.emit(name)
        self.refresh()

    def _use(self, voi: Voi, _checked: bool = False) -> None:
        viewer_actions.apply_voi(self._viewer, voi)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_GAP)
        row.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        tools = self._tools
        self._parts: tuple[QWidget, ...] = (
            self._layouts,
            *self._stages,
            self._lines[0],
            *(tools[name] for name in (*_ALWAYS, *_WIDE_ONLY)),
            self._lines[1],
            *(tools[name] for name in (*_MEASURING, *_MEASURING_WIDE)),
            self._more,
            self._lines[2],
            self._phases,
            self._presets,
            self._link,
            self._hide,
        )
        for part in self._parts:
            row.addWidget(part)
        buttons = [part for part in self._parts if isinstance(part, QToolButton)]
        for one, other in itertools.pairwise(buttons):
            QWidget.setTabOrder(one, other)

    def _fill_layouts(self) -> None:
        """The layouts, then the stages of the hanging protocol in use, and windows."""
        menu = self._layouts.choices
        menu.clear()
        for layout in LAYOUTS:
            self._add(menu, layout.action_id, layout.icon)
        hanging = self._hanging
        if hanging is None:
            return
        if hanging.stages:
            menu.addSection(hanging.stages[0].rule)
            for number, stage in enumerate(hanging.stages):
                action = menu.addAction(stage.name.replace("&", "&&"))
                action.setCheckable(True)
                action.setChecked(stage is hanging.stage)
                action.triggered.connect(partial(self._hang, number))
        menu.addSeparator()
        for name in (*_STAGES, *_HANGING):
            self._add(menu, name, BY_ID[name].icon)

    def _hang(self, number: int, _checked: bool = False) -> None:
        if self._hanging is not None:
            self._hanging.go_to(number)

    def _on_hung(self) -> None:
        """Where a protocol has several stages there is a way from one to the next."""
        hanging = self._hanging
        several = hanging is not None and len(hanging.stages) > 1
        for name, button in zip(_STAGES, self._stages, strict=True):
            button.setEnabled(several)
            told = ", ".join(word for word in hanging.words if word) if hanging is not None else ""
            button.setToolTip(f"{BY_ID[name].text} ({key_text(name)})\n{told}".strip())

    def _fill_more(self) -> None:
        menu = QMenu(self._more)
        menu.aboutToShow.connect(lambda: self._on_more(menu))
        self._more.setMenu(menu)

    def _on_more(self, menu: QMenu) -> None:
        menu.clear()
        hidden = (*_WIDE_ONLY, *_MEASURING_WIDE) if self._compact else ()
        for name in (*hidden, *_MORE_TOOLS):
            action = self._add(menu, name, BY_ID[name].icon)
            action.setCheckable(True)
            action.setChecked(name == f"tool.{self._viewer.tool.value}")
        menu.addSeparator()
        if self._compact:
            self._add(menu, "view.link", "link")
        for name in _LINKS:
            action = self._add(menu, name, BY_ID[name].icon)
            action.setCheckable(True)
            action.setChecked(getattr(self._viewer.links, name.removeprefix("link.")))
        self._add(menu, "link.beside", BY_ID["link.beside"].icon)
        menu.addSeparator()
        for name in _MORE:
            if name:
                self._add(menu, name, BY_ID[name].icon)
            else:
                menu.addSeparator()

    def _add(self, menu: QMenu, name: str, icon: str) -> QAction:
        keys = key_text(name)
        text = BY_ID[name].text
        action = menu.addAction(f"{text}\t{keys}" if keys else text)
        if icon:
            action.setIcon(icons.icon(icon, T.t2))
        action.triggered.connect(partial(self._ask, name))
        return action

    def _fill_presets(self) -> None:
        menu = self._presets.choices
        shown = self._viewer.active_pane.shown
        menu.clear()
        if shown is None:
            return
        for preset in viewer_actions.presets(self._viewer):
            action = menu.addAction(f"{preset.name}\t{preset.key}")
            action.setCheckable(True)
            action.setChecked(preset.name == self._window)
            action.triggered.connect(partial(self._ask, f"view.preset_{preset.key}"))
        if not shown.frame.is_colour:
            self._add(menu, "view.presets", "")
            self._fill_looks(menu)
        if shown.frame.voi:
            menu.addSection("In the header")
            for voi in shown.frame.voi:
                action = menu.addAction(_alternative_name(voi))
                action.triggered.connect(partial(self._use, voi))
        states = [state for state in shown.loaded.states if state.names(shown.frame)]
        if states and shown.planes is None:
            menu.addSeparator()
            now = chosen(shown.loaded.states, shown.frame, self._viewer.active_pane.display.presentation)
            named = [("No presentation state", ""), *((state.label, state.uid) for state in states)]
            for name, uid in named:
                action = menu.addAction(name.replace("&", "&&"))
                action.setCheckable(True)
                action.setChecked(uid == ("" if now is None else now.uid))
                action.triggered.connect(partial(self._present, uid))

    def _fill_looks(self, menu: QMenu) -> None:
        """Curves and colour maps, each as a menu of its own."""
        now = look_actions.chosen(self._viewer.active_pane.display)
        for title, names in (("Curve", CURVES), ("Colours", COLOURS)):
            inner = menu.addMenu(title)
            for name in names:
                action = self._add(inner, name, "")
                action.setCheckable(True)
                action.setChecked(name in now)

    def _present(self, uid: str) -> None:
        viewer_actions.apply_presentation(self._viewer, uid)

    def _set_compact(self, *, compact: bool) -> None:
        if compact == self._compact:
            return
        self._compact = compact
        for name in (*_WIDE_ONLY, *_MEASURING_WIDE):
            self._tools[name].setVisible(not compact)
        for button in self._stages:
            button.setVisible(not compact and self._hanging is not None)
        self._link.setVisible(not compact)
        self._lines[1].setVisible(not compact)

    def _width(self, *, compact: bool) -> int:
        rare = (*_WIDE_ONLY, *_MEASURING_WIDE)
        hidden = {*(self._tools[name] for name in rare), *self._stages, self._link, self._lines[1]}
        parts = [part for part in self._parts if part is not self._phases or not part.isHidden()]
        shown = [part for part in parts if not (compact and part in hidden)]
        return sum(max(part.minimumWidth(), part.sizeHint().width()) + _GAP for part in shown) - _GAP


def _line(parent: QWidget) -> QFrame:
    line = QFrame(parent)
    line.setFixedSize(1 + 2 * _GROUP_GAP, 20)
    line.setStyleSheet(
        f"background: qlineargradient(x1:0, x2:1, y1:0, y2:0, stop:0 transparent, stop:0.45 transparent,"
        f" stop:0.46 {T.line2}, stop:0.54 {T.line2}, stop:0.55 transparent, stop:1 transparent);"
    )
    return line


def _window_name(shown: Shown | None) -> str:
    """What the window in use is called: a preset, where it comes from, or the reader's own."""
    if shown is None or shown.frame.is_colour:
        return "Window"
    plan = shown.plan
    if plan.source is not WindowSource.READER:
        return {
            WindowSource.HEADER_LUT: "VOI LUT",
            WindowSource.HEADER_WINDOW: "Header",
            WindowSource.PERCENTILES: "Percentile",
        }.get(plan.source, "Default")
    return getattr(plan.voi, "explanation", "") or "Own"


def _alternative_name(voi: Voi) -> str:
    if isinstance(voi, VoiLut):
        return voi.explanation or "VOI LUT of the header"
    return voi.explanation or f"W {voi.width:g}  L {voi.center:g}"
