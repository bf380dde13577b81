"""A square in the colour of a label, and the menu of colours with their names."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from medvision_desktop.domain.labelmap import LABEL_COLOURS, RgbColour
from medvision_desktop.ui.theme.tokens import M, T

NAMED: Final = (*LABEL_COLOURS, ("White", (230, 230, 230)))
_SIDE: Final = 14


class ColourMenu(QMenu):
    """`picked(colour)` carries an RGB colour. The menu goes when it closes."""

    picked = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for title, colour in NAMED:
            action = self.addAction(_icon(colour), title)
            action.triggered.connect(lambda _checked=False, colour=colour: self.picked.emit(colour))


class ColourSwatch(QToolButton):
    """`picked(colour)` carries another RGB colour."""

    picked = Signal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour: RgbColour = LABEL_COLOURS[0][1]
        self._name = name
        self.setFixedSize(M.mini_button, M.mini_button)
        self.setAutoRaise(True)
        self.clicked.connect(self._ask)
        self.show_colour(self._colour)

    def show_colour(self, colour: RgbColour) -> None:
        """The colour in use."""
        self._colour = colour
        word = next((title for title, known in NAMED if known == colour), "own colour")
        self.setAccessibleName(f"Colour of {self._name}: {word}")
        self.setToolTip(f"Colour: {word}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The square, and the ring of the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self.rect().toRectF()
        paint_swatch(painter, area, self._colour)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(T.t1), 2))
            painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 4, 4)
        painter.end()

    def _ask(self) -> None:
        menu = ColourMenu(self)
        menu.picked.connect(self.picked)
        menu.popup(self.mapToGlobal(self.rect().bottomLeft()))


def paint_swatch(painter: QPainter, area: QRectF, colour: RgbColour) -> None:
    """A square of the colour in the middle of an area, filled lightly with a full edge."""
    square = QRectF(0, 0, _SIDE, _SIDE)
    square.moveCenter(area.center())
    fill = QColor(*colour)
    painter.setPen(QPen(fill, 1.5))
    fill.setAlphaF(0.45)
    painter.setBrush(fill)
    painter.drawRoundedRect(square, 3, 3)


def _icon(colour: RgbColour) -> QIcon:
    pixmap = QPixmap(QSize(_SIDE, _SIDE))
    pixmap.fill(QColor(*colour))
    return QIcon(pixmap)
