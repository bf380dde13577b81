"""The bar that says what the colours of a parametric map are: title, ends of the range, unit."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from medvision_desktop.domain.labelmap import ParametricMap
from medvision_desktop.pixels.parametric import colour_bar
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.layers import DrawnLayer

_WIDTH: Final = 216
_HEIGHT: Final = 56
_PAD: Final = 12
_STEPS: Final = 17
_FROM_BOTTOM: Final = 63
_GAP: Final = 8


class MapBar(QWidget):
    """The bar alone with the numbers under it, for a panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._map: tuple[str, tuple[float, float], str] = ("Viridis", (0.0, 1.0), "")
        self.setFixedHeight(M.bar + 22)

    def show_map(self, colour_map: str, shown: tuple[float, float], units: str) -> None:
        """These colours from low to high."""
        self._map = (colour_map, shown, units)
        self.setAccessibleName(f"{colour_map}: {ends_text(shown[0])} to {ends_text(shown[1])} {units}")
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(_WIDTH, M.bar + 22)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Colours, and what their ends are."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _paint_scale(painter, QRectF(0, 2, self.width(), M.bar), *self._map)
        painter.end()


def paint(painter: QPainter, layers: tuple[DrawnLayer, ...], pane: QRectF, above: float) -> None:
    """Cards of every parametric map that is drawn, at the foot of a pane, one above the other."""
    bottom = pane.bottom() - _FROM_BOTTOM - above
    for one in layers:
        if not isinstance(one.layer, ParametricMap):
            continue
        card = QRectF(pane.center().x() - _WIDTH / 2, bottom - _HEIGHT, _WIDTH, _HEIGHT)
        if card.top() < pane.top() + pane.height() / 2 or card.width() > pane.width() - 2 * _PAD:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(T.bg0)
        ground.setAlphaF(0.92)
        painter.setPen(QColor(T.line))
        painter.setBrush(ground)
        painter.drawRoundedRect(card.adjusted(0.5, 0.5, -0.5, -0.5), M.radius_card, M.radius_card)
        painter.setFont(fonts.font("section"))
        painter.setPen(QColor(T.t1))
        room = card.adjusted(_PAD, 6, -_PAD, 0)
        title = QFontMetricsF(painter.font()).elidedText(
            one.layer.title, Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(QPointF(room.left(), room.top() + 13), title)
        scale = QRectF(room.left(), room.top() + 20, room.width(), M.bar)
        _paint_scale(painter, scale, one.style.colour_map, one.layer.shown, one.layer.units)
        painter.restore()
        bottom = card.top() - _GAP


def ends_text(value: float) -> str:
    """A number at the end of a bar."""
    return f"{value:.3g}"


def _paint_scale(
    painter: QPainter, bar: QRectF, colour_map: str, shown: tuple[float, float], units: str
) -> None:
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for number, (red, green, blue) in enumerate(colour_bar(colour_map, _STEPS)):
        gradient.setColorAt(number / (_STEPS - 1), QColor(int(red), int(green), int(blue)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    painter.drawRoundedRect(bar, M.bar / 2, M.bar / 2)
    painter.setFont(fonts.font("caption"))
    painter.setPen(QColor(T.t2))
    metrics = QFontMetricsF(painter.font())
    base = bar.bottom() + 14
    low, high = ends_text(shown[0]), ends_text(shown[1])
    painter.drawText(QPointF(bar.left(), base), low)
    painter.drawText(QPointF(bar.right() - metrics.horizontalAdvance(high), base), high)
    painter.drawText(QPointF(bar.center().x() - metrics.horizontalAdvance(units) / 2, base), units)
