"""A tool bar button that opens a menu: icon, words, and an arrow that says so."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import M, T

_ARROW: Final = 14
_PAD: Final = 8


class MenuButton(QToolButton):
    """Shows what is in use now; `choices` is its menu."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choices = QMenu(self)
        self.setMenu(self.choices)
        self.setProperty("kind", "text")
        self.setStyleSheet(f"QToolButton {{ padding: 0 {_ARROW + _PAD}px 0 {_PAD}px; }}")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setIconSize(QSize(M.tool_icon, M.tool_icon))
        self.setFont(fonts.font("value"))
        self.setFixedHeight(M.tool_button)
        self.setToolTip(name)
        self.setAccessibleName(name)

    def say(self, text: str, icon: str) -> None:
        """Show what is in use."""
        self.setText(f" {text}")
        self.setIcon(icons.icon(icon, T.t2, M.tool_icon, 1.75))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The button, and the arrow at its right end."""
        super().paintEvent(event)
        painter = QPainter(self)
        colour = T.t2 if self.isEnabled() else T.tdis
        arrow = icons.pixmap("chevron-down", colour, _ARROW, 2.0, self.devicePixelRatioF())
        at = QPointF(self.width() - _ARROW - _PAD + 2, (self.height() - _ARROW) / 2)
        painter.drawPixmap(at, arrow)
