"""A probability with its threshold: bar and tick, and a pattern for every doubt.

Above threshold it is the model's violet, below it is dimmer, rejected it is grey, uncertain it is
hatched; without a score there is a broken line and never a bar of length zero.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from medvision_desktop.domain.findings import probability_text
from medvision_desktop.ui.theme.tokens import T

_HEIGHT: Final = 6.0
_TICK: Final = (2.0, 14.0)
_TICK_GAP: Final = 1.0
_HATCH_STEP: Final = 5.0


class BarStyle(Enum):
    """What the bar's pattern says, apart from its length."""

    ABOVE = "above threshold"
    BELOW = "below threshold"
    UNCERTAIN = "uncertain"
    REJECTED = "rejected by the reader"
    NO_SCORE = "no score"


_FILL: Final = {
    BarStyle.ABOVE: T.ai,
    BarStyle.BELOW: T.aidim,
    BarStyle.UNCERTAIN: T.warn,
    BarStyle.REJECTED: T.rej,
}


class ProbabilityBar(QWidget):
    """Draws one probability in 0..1 against one threshold in 0..1."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._style = BarStyle.NO_SCORE
        self._probability = 0.0
        self._threshold: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(int(_TICK[1]) + 2)
        self._describe()

    def show_score(self, probability: float, threshold: float, style: BarStyle) -> None:
        """Show a score; `style` must not be `NO_SCORE`."""
        self._style, self._probability, self._threshold = style, probability, threshold
        self._describe()
        self.update()

    def show_no_score(self) -> None:
        """Show that there is no score."""
        self._style, self._threshold = BarStyle.NO_SCORE, None
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as it gets; the height holds the tick."""
        return QSize(120, int(_TICK[1]) + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, bar and tick, centred in the height."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        if self._style is BarStyle.NO_SCORE:
            pen = QPen(QColor(T.ctl), 1.5, Qt.PenStyle.CustomDashLine, Qt.PenCapStyle.FlatCap)
            pen.setDashPattern([2.0, 2.0])
            painter.setPen(pen)
            painter.drawLine(QPointF(0, middle), QPointF(self.width(), middle))
            return
        track = QRectF(0, middle - _HEIGHT / 2, self.width(), _HEIGHT)
        rounded = QPainterPath()
        rounded.addRoundedRect(track, _HEIGHT / 2, _HEIGHT / 2)
        tick = self._tick(track)
        if tick is not None:
            gap = QPainterPath()
            gap.addRect(tick.adjusted(-_TICK_GAP, 0, _TICK_GAP, 0))
            rounded = rounded.subtracted(gap)
        painter.fillPath(rounded, QColor(T.track))
        filled = QRectF(track)
        filled.setWidth(track.width() * min(1.0, max(0.0, self._probability)))
        painter.setClipPath(rounded)
        painter.fillRect(filled, QColor(_FILL[self._style]))
        if self._style is BarStyle.UNCERTAIN:
            self._hatch(painter, filled)
        painter.setClipping(False)
        if tick is not None:
            painter.fillRect(tick, QColor(T.t1))

    def _hatch(self, painter: QPainter, area: QRectF) -> None:
        painter.save()
        painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
        painter.setPen(QPen(QColor(T.warn_tint), 1.8))
        x = area.left() - area.height()
        while x < area.right() + area.height():
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x + area.height(), area.top()))
            x += _HATCH_STEP
        painter.restore()

    def _tick(self, track: QRectF) -> QRectF | None:
        if self._threshold is None:
            return None
        width, height = _TICK
        left = round(track.width() * min(1.0, max(0.0, self._threshold)) - width / 2)
        left = min(max(left, 0), int(track.width() - width))
        return QRectF(left, round(track.center().y() - height / 2), width, height)

    def _describe(self) -> None:
        if self._style is BarStyle.NO_SCORE or self._threshold is None:
            self.setAccessibleName("No score")
            return
        likely = probability_text(self._probability)
        self.setAccessibleName(
            f"Probability {likely}, threshold {self._threshold:.2f}, {self._style.value}"
        )
