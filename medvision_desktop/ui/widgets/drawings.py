"""What the reader draws on an image, the crosshair of linked planes, and the probe's words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.pane_view import DrawnLength
from medvision_desktop.ui.viewmodels.planes import Crosshair
from medvision_desktop.ui.widgets.corner_text import INSET, LINE, PLANE_COLOURS
from medvision_desktop.ui.widgets.edged_text import EdgedText, edge_colour

_OPEN_PX: Final = 14.0
_END_RADIUS: Final = 3.5
_LABEL_GAP: Final = 16


def paint_lengths(
    painter: QPainter, text: EdgedText, lengths: Sequence[DrawnLength], room: QRectF, ratio: float
) -> None:
    """Lines with open ends, and each length below the middle of its line."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for length in lengths:
        start, end = (QPointF(x / ratio, y / ratio) for x, y in (length.start, length.end))
        line = QLineF(start, end)
        for colour, width in ((edge_colour(), 3.5), (QColor(T.onimage), 1.5)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(line)
        painter.setBrush(QColor(T.image))
        painter.setPen(QPen(QColor(T.onimage), 1.5))
        for point in (start, end):
            painter.drawEllipse(point, _END_RADIUS, _END_RADIUS)
        half = text.width(length.text, "section") / 2 + INSET
        x = min(max(line.center().x(), room.left() + half), room.right() - half)
        below = max(start.y(), end.y()) if abs(line.dx()) < 2 * _LABEL_GAP else line.center().y()
        y = below + _LABEL_GAP + abs(line.dy()) / max(2.0, abs(line.dx())) * _LABEL_GAP / 2
        y = min(max(y, room.top() + INSET), room.bottom() - INSET)
        text.draw(
            painter,
            x,
            y,
            length.text,
            style="section",
            colour=T.onimage,
            align=Qt.AlignmentFlag.AlignHCenter,
        )
    painter.restore()


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
