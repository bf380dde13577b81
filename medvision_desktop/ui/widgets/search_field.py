"""A search field with its icon inside, a key hint at rest and a cross while it holds words."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.button import draw_key
from medvision_desktop.ui.widgets.icon_button import IconButton

_LEFT: Final = 24
_RIGHT: Final = 22


class SearchField(QLineEdit):
    """Words to search for. `left` asks to move on to the list; Esc empties it.

    `abandoned` when Esc is pressed in an empty field.
    """

    left = Signal()
    abandoned = Signal()

    def __init__(self, placeholder: str, key: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = key
        self.setFixedHeight(M.control)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(f"Search: {placeholder}")
        self.setToolTip(f"Search ({key})" if key else "Search")
        self.setTextMargins(_LEFT, 0, _RIGHT, 0)
        self.setMaxLength(200)
        self._clear = IconButton("x", "Clear search", key="Esc", kind="mini", parent=self)
        self._clear.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._clear.setCursor(Qt.CursorShape.ArrowCursor)
        self._clear.clicked.connect(self.clear)
        self._clear.hide()
        self.textChanged.connect(lambda text: self._clear.setVisible(bool(text)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc empties the field; Down and Return go on to what was found."""
        key = event.key()
        if key == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.abandoned.emit()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The field, then the icon, then the key or the cross."""
        super().paintEvent(event)
        middle = self.height() / 2
        self._clear.move(self.width() - 27, round(middle - 11))
        painter = QPainter(self)
        colour = T.t1 if self.hasFocus() else T.t2
        drawn = icons.pixmap("search", colour, M.row_icon, 2.0, self.devicePixelRatioF())
        painter.drawPixmap(10, round(middle - M.row_icon / 2), drawn)
        if self._key and not self.text() and not self.hasFocus():
            place = QRectF(self.width() - 26, middle - 10, 20, 20)
            draw_key(painter, place, self._key, T.t2, T.bg3)
        painter.end()
