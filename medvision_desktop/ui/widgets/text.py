"""Labels: always plain text, in a style of type and a tone of the tokens."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from medvision_desktop.ui.theme import fonts


def label(text: str = "", style: str = "body", tone: str = "t1", *, wrap: bool = False) -> QLabel:
    """A label; `tone` is one of t1, t2, t3, tdis, accent, ai, ok, warn, bad."""
    return _dressed(QLabel(), text, style, tone, wrap=wrap)


def elided(text: str = "", style: str = "body", tone: str = "t1") -> ElidedLabel:
    """A label of one line that ends in an ellipsis when there is no room; its tooltip is the whole."""
    made = ElidedLabel()
    _dressed(made, text, style, tone, wrap=False)
    return made


def rule() -> QFrame:
    """A hairline across."""
    line = QFrame()
    line.setProperty("rule", True)
    return line


def _dressed(made: QLabel, text: str, style: str, tone: str, *, wrap: bool) -> QLabel:
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setFont(fonts.font(style))
    made.setProperty("tone", tone)
    made.setWordWrap(wrap)
    made.setText(text)
    return made


class ElidedLabel(QLabel):
    """One line that gives way: it may become as narrow as an ellipsis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """An ellipsis wide."""
        return QSize(self.fontMetrics().horizontalAdvance("…"), super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw what fits; the tooltip says the rest."""
        whole = self.text()
        shown = self.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideRight, self.width())
        tip = whole if shown != whole else ""
        if self.toolTip() != tip:
            self.setToolTip(tip)
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), shown)
        painter.end()
