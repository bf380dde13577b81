"""The rail at the right edge: which slice of how many, and where a model found something."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.rails import Rail
from medvision_desktop.ui.widgets.edged_text import edge_colour

_FROM_RIGHT: Final = 14
_WIDTH: Final = 4
_CLEAR: Final = 48
_THUMB_WIDTH: Final = 10
_THUMB_HEIGHT: Final = 8
_GRIP: Final = 22
_MARK_HEIGHT: Final = 3.0
_MARK_OVER: Final = 2.0
_THIN: Final = 1.5
_WEDGE: Final = 7.0


def track(pane: QRectF) -> QRectF:
    """Where the rail lies in a pane."""
    return QRectF(
        pane.right() - _FROM_RIGHT, pane.top() + _CLEAR, _WIDTH, max(1.0, pane.height() - 2 * _CLEAR)
    )


def grip(pane: QRectF) -> QRectF:
    """Where the mouse takes hold of the rail: wider than it is drawn."""
    return QRectF(pane.right() - _GRIP, pane.top() + _CLEAR - 8, _GRIP, track(pane).height() + 16)


def fraction_at(pane: QRectF, y: float) -> float:
    """How far along the rail a height is, 0 at the top."""
    rail = track(pane)
    return min(1.0, max(0.0, (y - rail.top()) / rail.height()))


def _paint_track(painter: QPainter, rail: Rail, where: QRectF) -> None:
    """The track where images are here; a thinner one where they are still to be read."""
    if rail.came is None:
        painter.setBrush(QColor(T.track))
        painter.drawRoundedRect(where, 2, 2)
        return
    painter.setBrush(QColor(T.track))
    painter.drawRect(where.adjusted(_THIN, 0, -_THIN, 0))
    painter.setBrush(QColor(T.t3))
    step = where.height() / max(1, rail.count)
    for first, last in rail.came:
        painter.drawRect(
            QRectF(where.left(), where.top() + first * step, _WIDTH, max(1.0, (last + 1 - first) * step))
        )


def paint(painter: QPainter, rail: Rail, pane: QRectF) -> None:
    """Draw the rail and its thumb."""
    where = track(pane)
    painter.setPen(Qt.PenStyle.NoPen)
    _paint_track(painter, rail, where)
    _paint_runs(painter, rail, where)
    painter.setBrush(QColor(T.ai))
    for mark in rail.marks:
        # Wider than the rail, so that it is told by its shape, too.
        middle = where.top() + where.height() * mark / max(1, rail.count - 1)
        painter.drawRect(
            QRectF(
                where.left() - _MARK_OVER, middle - _MARK_HEIGHT / 2, _WIDTH + 2 * _MARK_OVER, _MARK_HEIGHT
            )
        )
    painter.setBrush(QColor(T.accent))
    for key in rail.keys:
        # A wedge that points at the rail: another shape than what a model found.
        middle = where.top() + where.height() * key / max(1, rail.count - 1)
        tip, back = where.left() - 1, where.left() - 1 - _WEDGE
        painter.drawPolygon(
            [QPointF(tip, middle), QPointF(back, middle - _WEDGE / 2), QPointF(back, middle + _WEDGE / 2)]
        )
    y = where.top() + where.height() * rail.index / max(1, rail.count - 1)
    thumb = QRectF(
        where.center().x() - _THUMB_WIDTH / 2, y - _THUMB_HEIGHT / 2, _THUMB_WIDTH, _THUMB_HEIGHT
    )
    painter.setPen(QPen(edge_colour(), 1.5))
    painter.setBrush(QColor(T.t1))
    painter.drawRoundedRect(thumb, 3, 3)


def _paint_runs(painter: QPainter, rail: Rail, where: QRectF) -> None:
    """Stretches of the rail in the colours of the labels that lie on these images."""
    step = where.height() / max(1, rail.count - 1)
    for run in rail.runs:
        top = max(where.top(), where.top() + (run.first - 0.5) * step)
        bottom = min(where.bottom(), where.top() + (run.last + 0.5) * step)
        painter.setBrush(QColor(*run.colour))
        painter.drawRect(QRectF(where.left(), top, _WIDTH, max(1.0, bottom - top)))
