"""A line to type into over an image: the words of an arrow or a text."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from medvision_desktop.domain.measurement import LONGEST_TEXT

_WIDTH: Final = 220


class WordsField(QLineEdit):
    """`answered(words)`; Escape answers with None. Losing the focus keeps what was typed."""

    answered = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._host = parent
        self.setAccessibleName("Words on the image")
        self.setPlaceholderText("Words, then Return")
        self.setMaxLength(LONGEST_TEXT)
        self.setFixedWidth(_WIDTH)
        self._asking = False
        self.hide()

    def ask(self, at: QPoint) -> None:
        """Appear at a place of the parent, inside it, ready for typing."""
        host = self._host
        self.clear()
        self.adjustSize()
        x = min(max(0, at.x()), max(0, host.width() - self.width()))
        y = min(max(0, at.y()), max(0, host.height() - self.height()))
        self.move(x, y)
        self._asking = True
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return answers, Escape drops."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._answer(self.text())
        elif event.key() == Qt.Key.Key_Escape:
            self._answer(None)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """What was typed stands."""
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self._answer(self.text())

    def _answer(self, words: str | None) -> None:
        if not self._asking:
            return
        self._asking = False
        self.hide()
        self.answered.emit(words)
