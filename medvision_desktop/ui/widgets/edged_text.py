"""Text that stays readable on any image: a black edge of 2 px at 75 % around it, and a faint ring.

A line is drawn once and kept as a small picture, because most lines stay the same while an image is
windowed or scrolled.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPixmap, QRegion

from medvision_desktop.pixels import lettering
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import T

# Reach and opacity. Outside the edge a fainter ring: over a white film border the edge alone leaves
# grey on white.
_RINGS: Final = ((3.0, 0.4), (2.0, 0.75))
_PAD: Final = 4
_KEPT: Final = 256
_Key = tuple[str, str, str, float]


def edge_colour() -> QColor:
    """Black at 75 %."""
    colour = QColor(T.image)
    colour.setAlphaF(0.75)
    return colour


class EdgedText:
    """Draws edged lines for one widget; keeps the last 256 of them, and the widths of as many.

    `seen`: the region that is being painted, outside of which lines may be left out; None for all.
    """

    def __init__(self) -> None:
        self.seen: QRegion | None = None
        self._kept: OrderedDict[_Key, QPixmap] = OrderedDict()
        self._widths: dict[tuple[str, str], float] = {}

    def width(self, text: str, style: str = "caption") -> float:
        """How wide a line is, without its edge."""
        known = self._widths.get((text, style))
        if known is None:
            if len(self._widths) >= _KEPT:
                self._widths.clear()
            known = QFontMetricsF(fonts.font(style)).horizontalAdvance(text)
            self._widths[text, style] = known
        return known

    def cut(self, text: str, width: float, style: str = "caption") -> str:
        """A line cut short to a width; empty where not even an ellipsis fits."""
        shown = QFontMetricsF(fonts.font(style)).elidedText(
            text, Qt.TextElideMode.ElideRight, max(0.0, width)
        )
        return shown if len(shown) > 1 else ""

    def draw(
        self,
        painter: QPainter,
        x: float,
        y: float,
        text: str,
        *,
        style: str = "caption",
        colour: str = T.corner,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    ) -> None:
        """One line whose middle is at height `y` and whose left end, right end or centre is at `x`."""
        if not text:
            return
        ratio = painter.device().devicePixelRatioF()
        picture = self._picture((text, style, colour, ratio))
        width, height = picture.width() / ratio - 2 * _PAD, picture.height() / ratio
        if align is Qt.AlignmentFlag.AlignRight:
            x -= width
        elif align is Qt.AlignmentFlag.AlignHCenter:
            x -= width / 2
        # Halves always go the same way, or lines of text would stand unevenly.
        at = QPointF(math.floor(x + 0.5) - _PAD, math.floor(y - height / 2 + 0.5))
        painter.drawPixmap(at, picture)

    def _picture(self, key: _Key) -> QPixmap:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        picture = _drawn(*key)
        self._kept[key] = picture
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return picture


def _drawn(text: str, style: str, colour: str, ratio: float) -> QPixmap:
    font = fonts.font(style)
    metrics = QFontMetricsF(font)
    width = math.ceil(metrics.horizontalAdvance(text)) + 2 * _PAD
    height = math.ceil(metrics.height()) + 2 * _PAD
    image = QImage(
        math.ceil(width * ratio), math.ceil(height * ratio), QImage.Format.Format_ARGB32_Premultiplied
    )
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setFont(font)
    painter.setPen(QColor(Qt.GlobalColor.black))
    painter.drawText(QPointF(_PAD, _PAD + metrics.ascent()), text)
    painter.end()
    words = np.frombuffer(image.bits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    face = QColor(colour)
    rings = [(reach * ratio, opacity) for reach, opacity in _RINGS]
    ink = (words >> 24).astype(np.uint8)
    words[:] = lettering.edged(ink, (face.red(), face.green(), face.blue()), rings)
    return QPixmap.fromImage(image)
