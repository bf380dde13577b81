"""The card that says what the colours over an image are: model attention, never a lesion."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from medvision_desktop.domain.display import OverlayState
from medvision_desktop.pixels.overlay import MAX_OPACITY, colour_bar
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M, T

SIZE: Final = QSize(272, 64)
_PAD: Final = 12
_BAR_TOP: Final = 29
_GAP: Final = 16
_WIDEST: Final = 400
_TITLE: Final = "Model attention"
_STEP: Final = 0.05
_BELOW_ALPHA: Final = 0.45
# Key -> how far threshold and opacity move.
_KEYS: Final[dict[int, tuple[float, float]]] = {
    Qt.Key.Key_Left: (-_STEP, 0.0),
    Qt.Key.Key_Right: (_STEP, 0.0),
    Qt.Key.Key_Down: (0.0, -_STEP),
    Qt.Key.Key_Up: (0.0, _STEP),
}


class ColorBar(QWidget):
    """Names the finding, shows threshold and opacity.

    The mouse or left and right move the threshold; the wheel or up and down change the opacity.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Model attention")
        self._label, self._title = "", _TITLE
        self._state = OverlayState()
        self.setFixedSize(SIZE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setToolTip("Drag for the threshold, turn the wheel for the opacity. Not a lesion outline.")
        self.hide()

    def show_state(self, label: str, state: OverlayState, title: str = _TITLE) -> None:
        """Say what is drawn now; `title` is what the map is called."""
        if (label, state, title) == (self._label, self._state, self._title):
            return
        self._label, self._state, self._title = label, state, title
        self.setAccessibleName(
            f"{title}, {label}, threshold {state.threshold:.2f}, opacity {_percent(state)}"
        )
        self._fit()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Card, title, colours, threshold tick and numbers."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(T.bg0)
        ground.setAlphaF(0.92)
        focused = self.hasFocus()
        painter.setPen(QPen(QColor(T.t1 if focused else T.line), 2 if focused else 1))
        painter.setBrush(ground)
        inside = 1.0 if focused else 0.5
        painter.drawRoundedRect(
            QRectF(self.rect()).adjusted(inside, inside, -inside, -inside), M.radius_card, M.radius_card
        )
        self._paint_words(painter)
        self._paint_bar(painter)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the threshold."""
        self._drag_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the threshold."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag_to(event.position().x())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Nothing: a double click here is not one on the image."""
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the opacity."""
        self._change(opacity=self._state.opacity + _STEP * event.angleDelta().y() / 120)
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Arrow keys belong to the card while it has the focus, not to the slices."""
        override = event.type() is QEvent.Type.ShortcutOverride
        if override and isinstance(event, QKeyEvent) and event.key() in _KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right for the threshold, up and down for the opacity."""
        step = _KEYS.get(event.key())
        if step is None:
            super().keyPressEvent(event)
            return
        self._change(threshold=self._state.threshold + step[0], opacity=self._state.opacity + step[1])

    def _drag_to(self, x: float) -> None:
        self._change(threshold=(x - _PAD) / (self.width() - 2 * _PAD))

    def _change(self, *, threshold: float | None = None, opacity: float | None = None) -> None:
        state = self._state
        if threshold is not None:
            state = replace(state, threshold=round(min(0.95, max(0.0, threshold)), 2))
        if opacity is not None:
            state = replace(state, opacity=round(min(MAX_OPACITY, max(0.0, opacity)), 2))
        if state != self._state:
            self.changed.emit(state)

    def _paint_words(self, painter: QPainter) -> None:
        right = self.width() - _PAD
        painter.setFont(fonts.font("section"))
        painter.setPen(QColor(T.t1))
        painter.drawText(QPointF(_PAD, 20), self._title)
        room = right - _PAD - QFontMetricsF(painter.font()).horizontalAdvance(self._title) - _GAP
        painter.setFont(fonts.font("caption"))
        painter.setPen(QColor(T.t2))
        metrics = QFontMetricsF(painter.font())
        tail = self._tail()
        space = room - metrics.horizontalAdvance(tail)
        words = metrics.elidedText(self._label, Qt.TextElideMode.ElideRight, space + 1) + tail
        painter.drawText(QPointF(right - metrics.horizontalAdvance(words), 20), words)
        base = 53.0
        painter.drawText(QPointF(_PAD, base), "0")
        painter.drawText(QPointF(right - metrics.horizontalAdvance("1"), base), "1")
        number = f"{self._state.threshold:.2f}"
        half = metrics.horizontalAdvance(number) / 2
        x = min(max(self._threshold_x(), _PAD + half + 16), right - half - 16)
        painter.drawText(QPointF(x - half, base), number)

    def _tail(self) -> str:
        return f"  ·  opacity {_percent(self._state)}"

    def _fit(self) -> None:
        """As wide as the words need, within reason."""
        title = QFontMetricsF(fonts.font("section")).horizontalAdvance(self._title)
        words = QFontMetricsF(fonts.font("caption")).horizontalAdvance(self._label + self._tail())
        self.setFixedWidth(min(_WIDEST, max(SIZE.width(), math.ceil(2 * _PAD + title + _GAP + words) + 1)))

    def _paint_bar(self, painter: QPainter) -> None:
        bar = QRectF(_PAD, _BAR_TOP, self.width() - 2 * _PAD, M.bar)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        colours = colour_bar(17)
        for number, (red, green, blue) in enumerate(colours):
            position = number / (len(colours) - 1)
            colour = QColor(int(red), int(green), int(blue))
            colour.setAlphaF(1.0 if position >= self._state.threshold else _BELOW_ALPHA)
            gradient.setColorAt(position, colour)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, M.bar / 2, M.bar / 2)
        x = round(self._threshold_x())
        painter.fillRect(QRectF(x - 2, bar.center().y() - 7, 4, 14), QColor(T.bg0))
        painter.fillRect(QRectF(x - 1, bar.center().y() - 7, 2, 14), QColor(T.t1))

    def _threshold_x(self) -> float:
        return _PAD + (self.width() - 2 * _PAD) * self._state.threshold


def _percent(state: OverlayState) -> str:
    return f"{round(min(state.opacity, MAX_OPACITY) * 100)} %"
