"""The viewer's tools: layout, the tool in hand, window presets, linking, hiding layers.

Where there is less room than all of it needs, the tools that are used less go behind a menu.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QMenu, QToolButton, QWidget

from medvision_desktop.domain.display import WindowSource
from medvision_desktop.ui.actions import BY_ID, key_text
from medvision_desktop.ui.panes import tool_menus
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.hanging import HangingModel
from medvision_desktop.ui.viewmodels.pane_state import Shown
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.menu_button import MenuButton
from medvision_desktop.ui.widgets.phase_button import PhaseButton

_ALWAYS: Final = ("tool.window", "tool.pan", "tool.zoom", "tool.scroll")
_WIDE_ONLY: Final = ("tool.magnifier", "tool.probe", "tool.crosshair")
_MEASURING: Final = ("tool.length",)
_MEASURING_WIDE: Final = ("tool.angle", "tool.rectangle", "tool.ellipse", "tool.arrow", "tool.text")
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
            for name in tool_menus.STAGES
        )
        for name, button in zip(tool_menus.STAGES, self._stages, strict=True):
            button.setObjectName(name)
            button.clicked.connect(partial(self._ask, name))
        self._phases = PhaseButton(viewer, self)
        self._presets = MenuButton("Window presets", self)
        self._presets.choices.aboutToShow.connect(self._fill_presets)
        self._more = IconButton("ellipsis", "More tools", kind="tool", checkable=True, parent=self)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._key = self._button("key.toggle")
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
        """The menu of volumes has come or gone; the ways between stages, which have keys, give way."""
        self._compact = None
        self._set_compact(compact=self._narrow or self.width() < self._width(compact=False))
        self.updateGeometry()

    def refresh(self) -> None:
        """Show tool, layout, window and layers as they are."""
        viewer = self._viewer
        for name, button in self._tools.items():
            button.setChecked(name == f"tool.{viewer.tool.value}")
        self._say_hidden_tool()
        self._key.setChecked(viewer.is_key_image)
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

    def _say_hidden_tool(self) -> None:
        """A tool in hand that has no button of its own stands on that of the menu it came from."""
        name = f"tool.{self._viewer.tool.value}"
        rare = (*_WIDE_ONLY, *_MEASURING_WIDE)
        hidden = name not in self._tools or (bool(self._compact) and name in rare)
        self._more.setChecked(hidden)
        self._more.show_icon((BY_ID[name].icon or "ellipsis") if hidden else "ellipsis")
        self._more.rename(f"{BY_ID[name].text} in hand, more tools" if hidden else "More tools")

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
            self._key,
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
        tool_menus.fill_layouts(self._layouts.choices, self._hanging, self._ask)

    def _fill_presets(self) -> None:
        tool_menus.fill_windows(self._presets.choices, self._viewer, self._window, self._ask)

    def _on_more(self, menu: QMenu) -> None:
        hidden = (*_WIDE_ONLY, *_MEASURING_WIDE, "key.toggle", "view.link") if self._compact else ()
        tool_menus.fill_more(menu, self._viewer, hidden, self._ask)

    def _on_hung(self) -> None:
        """Where a protocol has several stages there is a way from one to the next."""
        hanging = self._hanging
        several = hanging is not None and len(hanging.stages) > 1
        for name, button in zip(tool_menus.STAGES, self._stages, strict=True):
            button.setEnabled(several)
            told = ", ".join(word for word in hanging.words if word) if hanging is not None else ""
            button.setToolTip(f"{BY_ID[name].text} ({key_text(name)})\n{told}".strip())

    def _fill_more(self) -> None:
        menu = QMenu(self._more)
        menu.aboutToShow.connect(lambda: self._on_more(menu))
        self._more.setMenu(menu)

    def _set_compact(self, *, compact: bool) -> None:
        if compact == self._compact:
            return
        self._compact = compact
        for name in (*_WIDE_ONLY, *_MEASURING_WIDE):
            self._tools[name].setVisible(not compact)
        for button in self._stages:
            button.setVisible(not compact and self._hanging is not None and self._phases.isHidden())
        self._link.setVisible(not compact)
        self._key.setVisible(not compact)
        self._lines[1].setVisible(not compact)
        self._say_hidden_tool()

    def _width(self, *, compact: bool) -> int:
        rare = (*_WIDE_ONLY, *_MEASURING_WIDE)
        hidden = {
            *(self._tools[name] for name in rare),
            *self._stages,
            self._key,
            self._link,
            self._lines[1],
        }
        absent = {self._phases} if self._phases.isHidden() else set(self._stages)
        parts = [part for part in self._parts if part not in absent]
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
