"""A sheet: a movable card over the window that blocks nothing and closes with Esc.

It belongs to one window and keeps inside it. Put content into `body`; buttons into `footer`.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QCloseEvent, QColor, QKeyEvent, QMouseEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsDropShadowEffect,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import T

_MARGIN: Final = 16


class Grip(QWidget):
    """The head of a sheet; dragging it moves the sheet."""

    def __init__(self, sheet: QWidget) -> None:
        super().__init__(sheet)
        self._sheet = sheet
        self._pressed_at: QPoint | None = None
        self.setCursor(Qt.CursorShape.SizeAllCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where the sheet was taken."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed_at = event.globalPosition().toPoint() - self._sheet.pos()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move, but never out of the window."""
        if self._pressed_at is not None:
            place_inside(self._sheet, event.globalPosition().toPoint() - self._pressed_at)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._pressed_at = None


class Sheet(QFrame):
    """Base of all sheets. `closed` is emitted once when it goes, by Esc, its cross or `close`."""

    closed = Signal()

    def __init__(self, window: QWidget, title: str, *, width: int = 434) -> None:
        super().__init__(window)
        self._window = window
        self.setObjectName("sheet")
        self.setFixedWidth(width)
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setStyleSheet(
            f"QFrame#sheet {{ background: {T.bg2}; border: 1px solid {T.line2}; border-radius: 10px; }}"
        )
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(36)
        shadow.setOffset(0, 2)
        shadow.setColor(QColor(0, 0, 0, 102))
        self.setGraphicsEffect(shadow)
        self.head = Grip(self)
        self.head_layout = QHBoxLayout(self.head)
        self.head_layout.setContentsMargins(16, 12, 8, 12)
        self.head_layout.setSpacing(8)
        self.title_label = QLabel(title)
        self.title_label.setTextFormat(Qt.TextFormat.PlainText)
        self.title_label.setFont(fonts.font("title"))
        close = QToolButton()
        close.setIcon(icons.icon("x"))
        close.setAutoRaise(True)
        close.setToolTip("Close (Esc)")
        close.setAccessibleName("Close")
        close.clicked.connect(self.close)
        self.head_layout.addWidget(self.title_label)
        self.head_layout.addStretch(1)
        self.head_layout.addWidget(close)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(16, 12, 16, 12)
        self.body.setSpacing(12)
        self.footer = QHBoxLayout()
        self.footer.setContentsMargins(16, 10, 16, 12)
        self.footer.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.head)
        layout.addWidget(_line())
        layout.addLayout(self.body)
        self._footer_line = _line()
        layout.addWidget(self._footer_line)
        layout.addLayout(self.footer)
        window.installEventFilter(self)
        self.hide()

    def open_at(self, place: QPoint | None = None) -> None:
        """Show at a place of the window, or in its middle, and take the keyboard."""
        if self.footer.count() == 0:
            self._footer_line.hide()
            self.footer.setContentsMargins(0, 0, 0, 0)
        self.adjustSize()
        area = self._window.rect()
        middle = QPoint((area.width() - self.width()) // 2, (area.height() - self.height()) // 2)
        place_inside(self, middle if place is None else place)
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def showEvent(self, event: QShowEvent) -> None:
        """Stay above panes that are made later."""
        super().showEvent(event)
        self.raise_()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes; other keys do not reach what lies beneath."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        event.accept()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell whoever opened it, and go."""
        self._window.removeEventFilter(self)
        self.closed.emit()
        super().closeEvent(event)
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep inside the window when it shrinks."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            place_inside(self, self.pos())
        return super().eventFilter(watched, event)


def has_keyboard(window: QWidget) -> bool:
    """Whether the reader of a window is at a sheet: what comes meanwhile must not take its keys.

    Also while the window does not have the keyboard, or not yet.
    """
    widget: QWidget | None = window.focusWidget()
    while widget is not None and not isinstance(widget, Sheet):
        widget = widget.parentWidget()
    return widget is not None


def place_inside(sheet: QWidget, wanted: QPoint) -> None:
    """Move a sheet to the wanted place, or to the nearest one where it is wholly visible."""
    parent = sheet.parentWidget()
    if parent is None:
        return
    area = parent.rect()
    right = max(_MARGIN, area.width() - sheet.width() - _MARGIN)
    bottom = max(_MARGIN, area.height() - sheet.height() - _MARGIN)
    sheet.move(min(max(wanted.x(), _MARGIN), right), min(max(wanted.y(), _MARGIN), bottom))


def _line() -> QFrame:
    line = QFrame()
    line.setFixedHeight(1)
    line.setStyleSheet(f"background: {T.line}; border: none;")
    return line
