"""The upright bar that says what the colours of an image mean: its map, the window's ends, the unit."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.first_look import ColourScale
from medvision_desktop.ui.widgets.edged_text import EdgedText
from medvision_desktop.ui.widgets.thumbnail import to_image

_WIDTH: Final = 10
_HEIGHT: Final = 128
_LEFT: Final = 12
_ABOVE_CORNER: Final = 116
_LEAST_PANE: Final = 360


def paint(painter: QPainter, text: EdgedText, scale: ColourScale, room: QRectF) -> None:
    """At the left, above the lower corner; a pane without room for it goes without."""
    if room.height() < _LEAST_PANE:
        return
    bottom = room.bottom() - _ABOVE_CORNER
    bar = QRectF(room.left() + _LEFT, bottom - _HEIGHT, _WIDTH, _HEIGHT)
    upright = scale.entries[::-1, None, :]
    painter.drawImage(bar, to_image(upright))
    painter.setPen(QPen(QColor(T.line2), 1))
    painter.drawRect(bar)
    x = bar.right() + 8
    text.draw(painter, x, bar.top() + 4, scale.high)
    text.draw(painter, x, bar.bottom() - 4, scale.low)
    text.draw(painter, bar.left(), bar.top() - 14, scale.title)
