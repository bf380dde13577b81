"""Icon buttons: an icon, a tooltip with the key, and an accessible name; never one without the others."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QStyle, QStyleOptionToolButton, QStylePainter, QToolButton, QWidget

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.hover import HoverFade

_ON_COLOURS: Final = {"ai": T.ai, "ok": T.ok, "reject": T.t1}


class IconButton(QToolButton):
    """A button of 28 px (kind "", ai, ok, reject), 32 px (kind "tool") or 22 px (kind "mini")."""

    def __init__(
        self,
        icon: str,
        name: str,
        *,
        key: str = "",
        kind: str = "",
        checkable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._fade = HoverFade(self)
        tool = kind == "tool"
        size = {"tool": M.tool_icon, "mini": M.chip_icon}.get(kind, M.row_icon)
        on = _ON_COLOURS.get(kind, T.accent) if checkable else None
        self._icon = ""
        self._look = (size, 1.75 if tool else 2.0, on)
        self.setProperty("kind", kind)
        self.setCheckable(checkable)
        self.setIconSize(QSize(size, size))
        self.show_icon(icon)
        side = {"tool": M.tool_button, "mini": M.mini_button}.get(kind, M.row_button)
        self.setFixedSize(side, side)
        self.rename(name, key)

    def show_icon(self, icon: str) -> None:
        """Show another icon, such as the open eye for the slashed one."""
        if icon == self._icon:
            return
        self._icon = icon
        size, stroke, on = self._look
        self.setIcon(icons.icon(icon, T.t2, size, stroke, on=on))

    def rename(self, name: str, key: str = "") -> None:
        """What it does, for the tooltip and for screen readers."""
        self.setToolTip(f"{name} ({key})" if key else name)
        self.setAccessibleName(name)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The look of the style sheet, fading where it changes."""
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        for state, opacity in self._fade.looks(option.state):
            option.state = state
            painter.setOpacity(opacity)
            painter.drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)
        painter.end()
