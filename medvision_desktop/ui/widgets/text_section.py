"""One section of a report: its name, phrases at a click, and a field that grows with its text."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from medvision_desktop.ui.theme.stylesheet import repolish
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.text import label
from medvision_desktop.ui.widgets.text_field import TextField

_CHROME_PX: Final = 18  # padding, border and margin above and below the text, and a little air
_MOST_LINES: Final = 14


class GrowingField(TextField):
    """A text field between `least` and `most` lines high; beyond that it scrolls."""

    def __init__(self, name: str, *, least: int = 1, most: int = _MOST_LINES) -> None:
        self._least, self._most = least, most
        super().__init__(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().documentLayout().documentSizeChanged.connect(lambda _: self._fit())
        self._fit()

    def sizeHint(self) -> QSize:
        """As high as its text, inside the limits."""
        return QSize(super().sizeHint().width(), self._wanted_height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width wraps differently."""
        super().resizeEvent(event)
        self._fit()

    def _wanted_height(self) -> int:
        # The size of a plain text document is counted in lines, not in pixels.
        lines = round(self.document().size().height()) or 1
        shown = min(max(lines, self._least), self._most)
        return shown * self.fontMetrics().lineSpacing() + _CHROME_PX

    def _fit(self) -> None:
        wanted = self._wanted_height()
        scrolls = round(self.document().size().height()) > self._most
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if scrolls else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(policy)
        if wanted != self.height():
            self.setFixedHeight(wanted)


class TextSection(QWidget):
    """`edited(text)` follows every change by the reader, `phraseChosen(text)` a macro."""

    edited = Signal(str)
    phraseChosen = Signal(str)

    def __init__(self, title: str, phrases: tuple[str, ...], *, least: int = 1) -> None:
        super().__init__()
        self.title = label(title, "value")
        self.note = label("", "caption", "t3")
        self.macros = IconButton("list-plus", f"Phrases for {title.lower()}")
        self.field = GrowingField(title, least=least)
        self.title.setBuddy(self.field)
        self._phrases = phrases
        self._offered: tuple[str, ...] = ()
        self._setting = False
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(4)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.note)
        head.addWidget(self.macros)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.field)
        self.field.textChanged.connect(self._on_text)
        self.macros.clicked.connect(self._open_phrases)
        self.macros.setVisible(bool(phrases))

    def text(self) -> str:
        """What stands in the field."""
        return self.field.toPlainText()

    def set_text(self, text: str) -> None:
        """Put text into the field without telling `edited`; the cursor stays where it can.

        It goes in as one step that can be undone.
        """
        before = self.field.toPlainText()
        if text == before:
            return
        place = self.field.textCursor().position()
        self._setting = True
        cursor = self.field.textCursor()
        cursor.beginEditBlock()
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.endEditBlock()
        self._setting = False
        grown = text.startswith(before) and place == len(before)
        cursor.setPosition(len(text) if grown else min(place, len(text)))
        self.field.setTextCursor(cursor)

    def offer(self, sentences: tuple[str, ...]) -> None:
        """Sentences from the images, first among the phrases."""
        self._offered = sentences
        self.macros.setVisible(bool(sentences or self._phrases))

    def set_open(self, is_open: bool) -> None:
        """Whether the reader can write."""
        if self.field.isReadOnly() is is_open:
            self.field.setReadOnly(not is_open)
            repolish(self.field)
        self.macros.setEnabled(is_open)

    def _on_text(self) -> None:
        if not self._setting:
            self.edited.emit(self.field.toPlainText())

    def _open_phrases(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for phrase in (*self._offered, *(("",) if self._offered else ()), *self._phrases):
            if not phrase:
                menu.addSeparator()
                continue
            menu.addAction(phrase).triggered.connect(lambda _=False, p=phrase: self.phraseChosen.emit(p))
        menu.popup(self.macros.mapToGlobal(self.macros.rect().bottomLeft()))
