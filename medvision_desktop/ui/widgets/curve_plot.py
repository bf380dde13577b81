"""A small plot of one number over epochs, one line a part of the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import T

Line = tuple[str, tuple[tuple[int, float], ...]]

_HEIGHT: Final = 160
_LEFT: Final = 52
_BELOW: Final = 20
_ABOVE: Final = 34
_RIGHT: Final = 12
_TINTS: Final = (T.accent, T.ai, T.ok, T.warn, T.t2)


class CurvePlot(QWidget):
    """Axes from the data; what has no points yet says so."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._lines: tuple[Line, ...] = ()
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        """As wide as it is given."""
        return QSize(320, _HEIGHT)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Lines of (epoch, value); the newest value of each is said to a screen reader."""
        self._lines = tuple((name, points) for name, points in lines if points)
        newest = [f"{name or 'epoch'} {points[-1][0]}: {points[-1][1]:.4g}" for name, points in self._lines]
        self.setAccessibleDescription("; ".join(newest) or "no epoch is finished")
        self.update()

    def place(self, epoch: float, value: float) -> QPointF:
        """Where a value lies, in pixels of the widget."""
        (first, last), (low, high) = self._ranges()
        inner = self._inner()
        along = (epoch - first) / max(last - first, 1)
        up = (value - low) / max(high - low, 1e-12)
        return QPointF(inner.left() + along * inner.width(), inner.bottom() - up * inner.height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ground, name, axes, lines."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(T.bg1))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setFont(fonts.font("label"))
        painter.setPen(QColor(T.t2))
        painter.drawText(
            QRectF(12, 4, self.width() - 24, _ABOVE - 12), Qt.AlignmentFlag.AlignVCenter, self._name
        )
        painter.setFont(fonts.font("caption"))
        inner = self._inner()
        if not self._lines:
            painter.setPen(QColor(T.t3))
            painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, "No epoch is finished yet.")
            return
        self._axes(painter, inner)
        for index, (_, points) in enumerate(self._lines):
            colour = QColor(_TINTS[index % len(_TINTS)])
            drawn = [self.place(epoch, value) for epoch, value in points]
            painter.setPen(QPen(colour, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(QPolygonF(drawn))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(drawn[-1], 3, 3)

    def _axes(self, painter: QPainter, inner: QRectF) -> None:
        (first, last), (low, high) = self._ranges()
        painter.setPen(QColor(T.line2))
        painter.drawLine(inner.bottomLeft(), inner.bottomRight())
        painter.setPen(QColor(T.t3))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value, y in ((high, inner.top()), (low, inner.bottom())):
            painter.drawText(QRectF(0, y - 8, _LEFT - 6, 16), right, f"{value:.3g}")
        below = QRectF(inner.left(), inner.bottom() + 2, inner.width(), _BELOW - 4)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, str(first))
        if last > first:
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"epoch {last}")

    def _inner(self) -> QRectF:
        width = self.width() - _LEFT - _RIGHT
        return QRectF(_LEFT, _ABOVE + 4, width, self.height() - _ABOVE - _BELOW - 8)

    def _ranges(self) -> tuple[tuple[int, int], tuple[float, float]]:
        epochs = [epoch for _, points in self._lines for epoch, _ in points] or [0]
        values = [value for _, points in self._lines for _, value in points] or [0.0]
        low, high = min(values), max(values)
        room = (high - low) * 0.05 or abs(high) * 0.05 or 0.05
        return (min(epochs), max(epochs)), (low - room, high + room)
