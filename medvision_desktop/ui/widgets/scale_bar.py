"""An upright scale bar with ticks, its length and where the millimetres come from."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.pane_view import Ruler
from medvision_desktop.ui.widgets.corner_text import INSET, LINE
from medvision_desktop.ui.widgets.edged_text import EdgedText, edge_colour

_FROM_RIGHT: Final = 28
_BELOW_MIDDLE: Final = 32
_END_TICK: Final = 8
_TICK: Final = 5


def place(text: EdgedText, ruler: Ruler, room: QRectF, ratio: float, lines_below: int) -> QRectF:
    """Bar and words: on the right, between the orientation letter and the lower right corner's text.

    Empty where there is no room.
    """
    length = ruler.length_px / ratio
    top = room.center().y() + _BELOW_MIDDLE
    lowest = room.bottom() - INSET - LINE * (lines_below + 1)
    if length < 2 * LINE or top + length > lowest:
        top = lowest - length
    if length < 2 * LINE or top < room.top() + room.height() / 4:
        return QRectF()
    right = round(room.right() - _FROM_RIGHT) + 0.5
    wide = max(text.width(ruler.text), text.width(ruler.source)) + _END_TICK + 4
    return QRectF(right - wide, round(top) + 0.5, wide, length)


def paint(painter: QPainter, text: EdgedText, ruler: Ruler, where: QRectF) -> None:
    """Draw the bar along the right edge of its place."""
    if where.isEmpty():
        return
    x, top, length = where.right(), where.top(), where.height()
    lines = [QLineF(x, top, x, top + length)]
    for part in range(ruler.parts + 1):
        y = top + length * part / ruler.parts
        tick = _END_TICK if part in (0, ruler.parts) else _TICK
        lines.append(QLineF(x - tick, y, x, y))
    for colour, width in ((edge_colour(), 3.0), (QColor(T.corner), 1.0)):
        painter.setPen(QPen(colour, width))
        painter.drawLines(lines)
    middle, right = top + length / 2, x - _END_TICK - 4
    align = Qt.AlignmentFlag.AlignRight
    text.draw(painter, right, middle - LINE / 2, ruler.text, align=align)
    text.draw(painter, right, middle + LINE / 2, ruler.source, align=align)
