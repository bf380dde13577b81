"""A structured report as text that can be read, searched, selected and copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QColor, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QTextBrowser, QTextEdit, QWidget

from medvision_desktop.domain.document import ImageName, ReportLine, ReportText, Role, shown_value
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import T

# Lines laid out in one go: a long report is built while the event loop runs.
_LINES_A_STEP: Final = 120
_INDENT_PX: Final = 18
_MOST_INDENT: Final = 12
_MOST_MARKED: Final = 500
_BY_KEYS: Final = Qt.TextInteractionFlag.TextSelectableByKeyboard


class ReportTextView(QTextBrowser):
    """Plain text in the styles of the tokens, built step by step. `searched`: matches are marked.

    `imageWanted(ImageName)`: an image that the report speaks of was clicked, or chosen by Tab and Enter.
    """

    searched = Signal()
    imageWanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setUndoRedoEnabled(False)
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._follow)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Text of the report")
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction | _BY_KEYS)
        self.setStyleSheet(f"QTextEdit {{ background: {T.bg1}; border: none; padding: 8px 12px; }}")
        self._steps: Iterator[None] = iter(())
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._step)
        self._zoom = 1.0
        self._words = ""
        self._hits: list[QTextCursor] = []
        self._at = -1
        self._images: list[ImageName] = []

    @property
    def is_complete(self) -> bool:
        """Whether all lines are laid out."""
        return not self._timer.isActive()

    @property
    def hits(self) -> tuple[int, int]:
        """Which match is shown (from 1, 0 for none) of how many."""
        return self._at + 1, len(self._hits)

    def show_report(self, report: ReportText, *, masked: bool, zoom: float) -> None:
        """Lay out a report from its beginning."""
        self._zoom = zoom
        self.clear()
        self._hits, self._at, self._images = [], -1, []
        self._steps = self._build(report, masked=masked)
        self._step()
        self._timer.start()

    def find_words(self, words: str) -> None:
        """Mark every place of these words and go to the first."""
        self._words = words.strip()
        self._mark()
        self.go_to_hit(0)

    def go_to_hit(self, step: int) -> None:
        """Go on by so many matches, round and round."""
        if self._hits:
            self._at = (max(0, self._at) + step) % len(self._hits) if self._at >= 0 else 0
            cursor = QTextCursor(self._hits[self._at])
            self.setTextCursor(cursor)
            self.ensureCursorVisible()
        self.searched.emit()

    def _mark(self) -> None:
        self._hits, self._at = [], -1
        document = self.document()
        cursor = document.find(self._words) if self._words else QTextCursor()
        while not cursor.isNull() and len(self._hits) < _MOST_MARKED:
            self._hits.append(cursor)
            cursor = document.find(self._words, cursor)
        marks = []
        for hit in self._hits:
            mark = QTextEdit.ExtraSelection()
            mark.cursor = hit
            mark.format.setBackground(QColor(T.accent_tint))
            mark.format.setForeground(QColor(T.accent))
            marks.append(mark)
        self.setExtraSelections(marks)

    def _step(self) -> None:
        if next(self._steps, self) is self:
            self._timer.stop()
            if self._words:
                self._mark()
                self.searched.emit()

    def _build(self, report: ReportText, *, masked: bool) -> Iterator[None]:
        cursor = QTextCursor(self.document())
        self._put(cursor, 0, 12.0, ("title", T.t1, report.title))
        for line in report.facts:
            self._put_line(cursor, line, masked=masked, above=2.0)
        for number, line in enumerate(report.lines):
            self._put_line(cursor, line, masked=masked, above=16.0 if number == 0 else 0.0)
            if number % _LINES_A_STEP == _LINES_A_STEP - 1:
                yield

    def _put_line(self, cursor: QTextCursor, line: ReportLine, *, masked: bool, above: float) -> None:
        value = shown_value(line, masked=masked).replace("\n", "\u2028")
        if line.role is Role.HEADING:
            parts = [("label", T.t1, line.name)]
            above = max(above, 12.0)
        elif line.role is Role.NOTE:
            parts = [("caption", T.warn, line.name)]
        elif value:
            parts = [("caption", T.t3, f"{line.name}  "), ("body", T.t1, value)] if line.name else []
            parts = parts or [("body", T.t1, value)]
        else:
            parts = [("body", T.t2, line.name)]
        self._put(cursor, line.depth, max(above, 4.0), *parts)
        if line.image is not None:
            self._put_link(cursor, line.image)

    def _put_link(self, cursor: QTextCursor, image: ImageName) -> None:
        """Words behind a line that take the reader to its image; the link is a number of ours."""
        form = self._form("body", T.accent)
        form.setAnchor(True)
        form.setAnchorHref(str(len(self._images)))
        self._images.append(image)
        cursor.insertText("  ", self._form("body", T.t1))
        cursor.insertText("Show the image", form)

    def _follow(self, link: QUrl) -> None:
        self.imageWanted.emit(self._images[int(link.toString())])

    def _form(self, style: str, colour: str) -> QTextCharFormat:
        form = QTextCharFormat()
        font = fonts.font(style)
        font.setPixelSize(max(8, round(font.pixelSize() * self._zoom)))
        form.setFont(font)
        form.setForeground(QColor(colour))
        return form

    def _put(self, cursor: QTextCursor, depth: int, above: float, *parts: tuple[str, str, str]) -> None:
        block = QTextBlockFormat()
        block.setLeftMargin(min(depth, _MOST_INDENT) * _INDENT_PX * self._zoom)
        block.setTopMargin(above * self._zoom)
        block.setLineHeight(125, int(QTextBlockFormat.LineHeightTypes.ProportionalHeight.value))
        if cursor.position() == 0:
            cursor.setBlockFormat(block)
        else:
            cursor.insertBlock(block)
        for style, colour, words in parts:
            cursor.insertText(words, self._form(style, colour))
