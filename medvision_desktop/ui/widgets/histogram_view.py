"""The histogram of the image on screen, with its window over it to take hold of."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from medvision_desktop.pixels.histogram import Histogram
from medvision_desktop.ui.theme.tokens import T

_HEIGHT: Final = 72
_REACH: Final = 8.0
_GRIP: Final = QSize(5, 14)
_STEP_OF_RANGE: Final = 0.01
_ROOM: Final = 0.06


class HistogramView(QWidget):
    """Two edges and what lies between them can be dragged; arrow keys move, with Shift they widen.

    `dragged(low, high)` follows the hand; `began()` and `ended()` stand around it.
    """

    dragged = Signal(float, float)
    began = Signal()
    ended = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Window over the histogram")
        self.setToolTip("Drag an edge or the middle; arrow keys move it, Shift with them widens it")
        self._histogram: Histogram | None = None
        self._window: tuple[float, float] | None = None
        self._inverted = False
        self._held = ""
        self._from = 0.0
        self._start = (0.0, 0.0)

    def show_values(
        self, histogram: Histogram | None, window: tuple[float, float] | None, *, inverted: bool
    ) -> None:
        """Show these counts, and the values between which the window rises."""
        self._histogram, self._window, self._inverted = histogram, window, inverted
        said = "" if window is None else f"{window[0]:.4g} to {window[1]:.4g}"
        self.setAccessibleDescription(said)
        self.setEnabled(window is not None)
        self.update()

    @property
    def span(self) -> tuple[float, float]:
        """Values at the left and the right end: the image's own, and room for the window."""
        if self._histogram is None:
            return 0.0, 1.0
        low, high = float(self._histogram.edges[0]), float(self._histogram.edges[-1])
        if self._window is not None and not self._held:
            whole = high - low
            low = max(low - whole, min(low, self._window[0]))
            high = min(high + whole, max(high, self._window[1]))
        room = (high - low) * _ROOM
        return (low - room, high + room) if not self._held else self._kept_span

    def x_of(self, value: float) -> float:
        """Where a value lies, in pixels of the widget."""
        low, high = self.span
        return (value - low) / (high - low) * self.width()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Counts, the window's edges and its ramp."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.fillRect(area, QColor(T.bg2))
        if self._histogram is not None:
            self._paint_counts(painter, area, self._histogram)
        if self._window is not None:
            self._paint_window(painter, area, self._window)
        painter.setPen(QPen(QColor(T.line2), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(T.t1), 2))
            painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of an edge, or of the window as a whole."""
        if event.button() is not Qt.MouseButton.LeftButton or self._window is None:
            return
        x = event.position().x()
        low, high = (self.x_of(value) for value in self._window)
        near_low, near_high = abs(x - low), abs(x - high)
        if min(near_low, near_high) <= _REACH:
            held = "low" if near_low <= near_high else "high"
        elif low < x < high:
            held = "middle"
        else:
            return
        self._kept_span = self.span
        self._held, self._from, self._start = held, x, self._window
        self.began.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The window follows."""
        if not self._held:
            return
        low, high = self._kept_span
        moved = (event.position().x() - self._from) * (high - low) / max(1, self.width())
        self._tell(self._held, moved, self._start)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        if self._held:
            self._held = ""
            self.ended.emit()
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right move the window; with Shift they make it narrower and wider."""
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        way = ways.get(Qt.Key(event.key()))
        if way is None or self._window is None:
            super().keyPressEvent(event)
            return
        low, high = self.span
        step = way * (high - low) * _STEP_OF_RANGE
        self.began.emit()
        wide = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._tell("high" if wide else "middle", step, self._window)
        self.ended.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the ring."""
        super().focusOutEvent(event)
        self.update()

    def _tell(self, held: str, moved: float, start: tuple[float, float]) -> None:
        low, high = start
        least = (self.span[1] - self.span[0]) * 1e-4
        if held in ("low", "middle"):
            low = low + moved if held == "middle" else min(low + moved, high - least)
        if held in ("high", "middle"):
            high = high + moved if held == "middle" else max(high + moved, low + least)
        self.dragged.emit(low, high)

    def _paint_counts(self, painter: QPainter, area: QRectF, histogram: Histogram) -> None:
        # The empty background would dwarf all else: square roots, and the tallest bin is cut off.
        heights = np.sqrt(histogram.counts.astype(np.float64))
        most = float(np.sort(heights)[-2:].min()) or float(heights.max()) or 1.0
        heights = np.minimum(heights, most)
        middles = (histogram.edges[:-1] + histogram.edges[1:]) / 2
        outline = QPolygonF([QPointF(self.x_of(float(histogram.edges[0])), area.bottom())])
        for value, height in zip(middles, heights, strict=True):
            y = area.bottom() - height / most * (area.height() - 4)
            outline.append(QPointF(self.x_of(float(value)), y))
        outline.append(QPointF(self.x_of(float(histogram.edges[-1])), area.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(T.ctl))
        painter.drawPolygon(outline)

    def _paint_window(self, painter: QPainter, area: QRectF, window: tuple[float, float]) -> None:
        low, high = (self.x_of(value) for value in window)
        shade = QColor(T.accent)
        shade.setAlphaF(0.10)
        painter.fillRect(QRectF(low, area.top(), high - low, area.height()), shade)
        painter.setPen(QPen(QColor(T.accent), 1.5))
        ends = (area.top(), area.bottom()) if self._inverted else (area.bottom(), area.top())
        painter.drawLine(QPointF(low, ends[0]), QPointF(high, ends[1]))
        for x in (low, high):
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            grip = QRectF(0, 0, _GRIP.width(), _GRIP.height())
            grip.moveCenter(QPointF(x, area.center().y()))
            painter.setBrush(QColor(T.accent))
            painter.drawRoundedRect(grip, 2, 2)

    _kept_span: tuple[float, float] = (0.0, 1.0)
