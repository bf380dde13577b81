"""The crosshair of linked planes, the edge of a brush, and the probe's words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.brushwork import Ring
from medvision_desktop.ui.viewmodels.cross_reference import Reference
from medvision_desktop.ui.viewmodels.gestures import Position
from medvision_desktop.ui.viewmodels.planes import Crosshair, PlaneLine
from medvision_desktop.ui.widgets.corner_text import INSET, LINE, PLANE_COLOURS
from medvision_desktop.ui.widgets.edged_text import EdgedText, edge_colour

_OPEN_PX: Final = 14.0
_CURSOR_OPEN: Final = 4.0
_CURSOR_LONG: Final = 12.0
_HANDLE: Final = 4.5


def paint_crosshair(painter: QPainter, crosshair: Crosshair, pane: QRectF, ratio: float) -> None:
    """Each other plane's line across the pane in its colour, open for 14 px around the point."""
    point = QPointF(crosshair.point[0] / ratio, crosshair.point[1] / ratio)
    for line in crosshair.lines:
        dx, dy = line.end[0] - line.start[0], line.end[1] - line.start[1]
        norm = math.hypot(dx, dy)
        if norm == 0:
            continue
        along = QPointF(dx / norm, dy / norm)
        far = pane.width() + pane.height() + abs(point.x()) + abs(point.y())
        colour = QColor(PLANE_COLOURS[line.plane])
        painter.setPen(QPen(colour, 1.0))
        for way in (-1.0, 1.0):
            painter.drawLine(_on_pixels(point + along * (way * _OPEN_PX), point + along * (way * far)))
        _paint_handles(painter, line, colour, ratio)


def _paint_handles(painter: QPainter, line: PlaneLine, colour: QColor, ratio: float) -> None:
    """A ring where the line can be turned, black inside so that it stands out on any image."""
    if not line.handles:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.5))
    painter.setBrush(edge_colour())
    for x, y in line.handles:
        painter.drawEllipse(QPointF(x / ratio, y / ratio), _HANDLE, _HANDLE)
    painter.restore()


def paint_reference(painter: QPainter, reference: Reference, ratio: float) -> None:
    """The image of the active pane from its side: a broken line in the colour of what is active."""
    start, end = (QPointF(x / ratio, y / ratio) for x, y in (reference.start, reference.end))
    pen = QPen(QColor(T.accent), 1.0)
    pen.setDashPattern([6, 4])
    painter.setPen(pen)
    painter.drawLine(_on_pixels(start, end))


def paint_cursor(painter: QPainter, cursor: Position, ratio: float) -> None:
    """A cross, open in the middle, at the patient position that was pointed at."""
    middle = QPointF(cursor[0] / ratio, cursor[1] / ratio)
    for colour, width in ((edge_colour(), 3.0), (QColor(T.accent), 1.5)):
        painter.setPen(QPen(colour, width))
        for way in (QPointF(1, 0), QPointF(-1, 0), QPointF(0, 1), QPointF(0, -1)):
            painter.drawLine(middle + way * _CURSOR_OPEN, middle + way * _CURSOR_LONG)


def paint_probe(
    painter: QPainter, text: EdgedText, lines: Sequence[str], at: QPointF, room: QRectF
) -> None:
    """The probe's words beside the cursor, kept inside the pane."""
    width = max(text.width(line, "section") for line in lines)
    x, y = at.x() + 2 * INSET, at.y() + 2 * INSET
    if x + width > room.right() - INSET:
        x = at.x() - 2 * INSET - width
    if y + LINE * len(lines) > room.bottom() - INSET:
        y = at.y() - INSET - LINE * len(lines)
    for number, line in enumerate(lines):
        text.draw(painter, x, y + number * LINE, line, style="section", colour=T.onimage)


def _on_pixels(start: QPointF, end: QPointF) -> QLineF:
    """An upright or level line moved onto the middle of its pixels, so that it stays one pixel thin."""
    if abs(start.x() - end.x()) < 1e-6:
        x = math.floor(start.x()) + 0.5
        return QLineF(x, start.y(), x, end.y())
    if abs(start.y() - end.y()) < 1e-6:
        y = math.floor(start.y()) + 0.5
        return QLineF(start.x(), y, end.x(), y)
    return QLineF(start, end)


def paint_ring(painter: QPainter, ring: Ring, ratio: float) -> None:
    """The edge of the brush: a light line between two dark ones, to be seen on any image."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    middle = QPointF(ring.at[0] / ratio, ring.at[1] / ratio)
    for colour, width in ((edge_colour(), 3.0), (QColor(T.t1), 1.0)):
        painter.setPen(QPen(colour, width))
        painter.drawEllipse(middle, max(1.0, ring.across / ratio), max(1.0, ring.down / ratio))
    painter.restore()
