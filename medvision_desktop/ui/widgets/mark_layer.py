"""Measurements as they are drawn over an image: lines, points to take hold of, and their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from medvision_desktop.domain.measurement import REGIONS, MeasurementKind
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.pane_view import DrawnMark
from medvision_desktop.ui.widgets.corner_text import INSET, LINE
from medvision_desktop.ui.widgets.edged_text import EdgedText, edge_colour

_POINT_RADIUS: Final = 3.5
_LABEL_GAP: Final = 16
_HEAD_PX: Final = 11.0
_HEAD_DEG: Final = 24.0
_LINE: Final = 1.5
_EDGE: Final = 3.5


def paint(
    painter: QPainter,
    text: EdgedText,
    marks: Sequence[DrawnMark],
    room: QRectF,
    ratio: float,
    beside: Sequence[QRectF] = (),
) -> None:
    """Every mark with its words below it, clear of those of others; the selected one has filled points.

    `beside`: places of other words over the image, which those of marks leave free.
    """
    taken = list(beside)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for mark in marks:
        points = [QPointF(x / ratio, y / ratio) for x, y in mark.points]
        _strokes(painter, _path(mark, points), filled=mark.filled)
        if mark.kind is MeasurementKind.COBB and len(points) == 4:
            _join(painter, points)
        if mark.selected is not None or mark.is_draft or mark.kind not in REGIONS:
            _points(painter, mark, points)
        if mark.lines:
            place = words_place(text, mark, points, room, taken)
            _words(painter, text, mark, place)
            taken.append(place)
    painter.restore()


def _path(mark: DrawnMark, points: list[QPointF]) -> QPainterPath:
    path, kind = QPainterPath(), mark.kind
    if len(points) < 2:
        return path
    if kind is MeasurementKind.RECTANGLE:
        path.addRect(QRectF(points[0], points[1]).normalized())
    elif kind is MeasurementKind.ELLIPSE:
        path.addEllipse(QRectF(points[0], points[1]).normalized())
    elif kind in (MeasurementKind.COBB, MeasurementKind.CARDIOTHORACIC):
        for at in range(0, len(points) - 1, 2):
            path.moveTo(points[at])
            path.lineTo(points[at + 1])
    else:
        path.addPolygon(QPolygonF(points))
        if kind is MeasurementKind.POLYGON and not mark.is_draft:
            path.closeSubpath()
        if kind is MeasurementKind.ARROW:
            for turn in (-_HEAD_DEG, _HEAD_DEG):
                barb = QLineF(points[0], points[1])
                barb.setLength(_HEAD_PX)
                barb.setAngle(barb.angle() + turn)
                path.moveTo(points[0])
                path.lineTo(barb.p2())
    return path


def _strokes(painter: QPainter, path: QPainterPath, *, filled: bool) -> None:
    painter.setBrush(QColor(T.onimage) if filled else Qt.BrushStyle.NoBrush)
    for colour, width in ((edge_colour(), _EDGE), (QColor(T.onimage), _LINE)):
        painter.setPen(QPen(colour, width))
        painter.drawPath(path)


def _join(painter: QPainter, points: list[QPointF]) -> None:
    """A dotted line from the middle of one line to the middle of the other: they belong together."""
    pen = QPen(QColor(T.onimage), 1.0)
    pen.setStyle(Qt.PenStyle.DotLine)
    painter.setPen(pen)
    painter.drawLine((points[0] + points[1]) / 2, (points[2] + points[3]) / 2)


def _points(painter: QPainter, mark: DrawnMark, points: list[QPointF]) -> None:
    painter.setPen(QPen(QColor(T.onimage), _LINE))
    for number, point in enumerate(points):
        if mark.kind is MeasurementKind.ARROW and number == 0 and mark.selected is None:
            continue
        painter.setBrush(QColor(T.image if mark.selected is None else T.onimage))
        grown = 1.5 if mark.selected == number else 0.0
        painter.drawEllipse(point, _POINT_RADIUS + grown, _POINT_RADIUS + grown)


def words_place(
    text: EdgedText, mark: DrawnMark, points: list[QPointF], room: QRectF, taken: Sequence[QRectF]
) -> QRectF:
    """Where the words of a mark stand: in the room, moved down, else up, past those that stand already."""
    x, y = _anchor(mark, points)
    half = max(text.width(line, "section") for line in mark.lines) / 2 + INSET
    x = min(max(x, room.left() + half), room.right() - half)
    highest, lowest = room.top() + INSET, room.bottom() - INSET - LINE * (len(mark.lines) - 1)
    wanted = QRectF(x - half, min(max(y, highest), lowest) - LINE / 2, 2 * half, LINE * len(mark.lines))
    tops = [wanted.top()]
    tops += sorted(other.bottom() for other in taken if other.bottom() > wanted.top())
    tops += sorted((other.top() - wanted.height() for other in taken), reverse=True)
    for top in tops:
        place = QRectF(wanted.left(), top, wanted.width(), wanted.height())
        inside = highest - LINE / 2 <= top <= lowest - LINE / 2
        if inside and not any(place.intersects(other) for other in taken):
            return place
    return wanted  # no room anywhere: better over other words than away from its mark


def _words(painter: QPainter, text: EdgedText, mark: DrawnMark, place: QRectF) -> None:
    for number, line in enumerate(mark.lines):
        text.draw(
            painter,
            place.center().x(),
            place.top() + (number + 0.5) * LINE,
            line,
            style="section",
            colour=T.onimage,
            align=Qt.AlignmentFlag.AlignHCenter,
        )


def _anchor(mark: DrawnMark, points: list[QPointF]) -> tuple[float, float]:
    """Where the first line of the words stands: below the drawing, clear of its lines."""
    if mark.kind is MeasurementKind.LENGTH:
        line = QLineF(points[0], points[1])
        steep = abs(line.dx()) < 2 * _LABEL_GAP
        below = max(points[0].y(), points[1].y()) if steep else line.center().y()
        lean = abs(line.dy()) / max(2.0, abs(line.dx())) * _LABEL_GAP / 2
        return line.center().x(), below + _LABEL_GAP + lean
    if mark.kind is MeasurementKind.ARROW:
        up = points[1].y() < points[0].y()
        return points[1].x(), points[1].y() + (-_LABEL_GAP if up else _LABEL_GAP)
    box = QPolygonF(points).boundingRect()
    return box.center().x(), box.bottom() + _LABEL_GAP
