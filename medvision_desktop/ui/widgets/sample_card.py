"""A card with a picture and three lines; the whole card is one button."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.thumbnail import framed

_PAD: Final = 8
_TEXT: Final = 68
_WIDE: Final = 220


class SampleCard(QAbstractButton):
    """`fill` lets the picture cover its place; otherwise all of it is seen."""

    def __init__(
        self, title: str, shows: str, fact: str, *, fill: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setText(title)
        self._lines = (shows, fact)
        self._fill = fill
        self._picture: NDArray[np.uint8] | None = None
        self._drawn: QPixmap | None = None
        self._picture_height = 120
        self.setAccessibleName(f"Open sample: {title}")
        self.setAccessibleDescription(f"{shows}. {fact}.")
        self.setToolTip(f"Open {title}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_picture(self, picture: NDArray[np.uint8] | None) -> None:
        """HxW or HxWx3 uint8, None while there is none."""
        self._picture = picture
        self._drawn = None
        self.update()

    def set_picture_height(self, height: int) -> None:
        """Lower pictures for low windows."""
        if height != self._picture_height:
            self._picture_height = height
            self._drawn = None
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Picture above three lines."""
        return QSize(_WIDE, self._picture_height + _PAD + _TEXT)

    def minimumSizeHint(self) -> QSize:
        """Narrower cards would cut their words."""
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Card, picture, lines, focus ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        hot = self.underMouse() or self.isDown()
        ground = T.bg4 if self.isDown() else T.bg2 if hot else T.bg1
        edge = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(T.ctl if hot else T.line), 1))
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(edge, M.radius_card, M.radius_card)
        painter.drawPixmap(_PAD, _PAD, self._pixmap())
        top = _PAD + self._picture_height + 7
        room = self.width() - 24
        for style, tone, text, offset in (
            ("value", T.t1, self.text(), 0),
            ("caption", T.t2, self._lines[0], 19),
            ("caption", T.t3, self._lines[1], 36),
        ):
            font = fonts.font(style)
            painter.setFont(font)
            painter.setPen(QColor(tone))
            shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, room)
            place = QRectF(12, top + offset, room + 1, 18)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(T.t1), 2))
            ring = QRectF(self.rect()).adjusted(1, 1, -1, -1)
            painter.drawRoundedRect(ring, M.radius_card, M.radius_card)
        painter.end()

    def _pixmap(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        size = QSize(self.width() - 2 * _PAD, self._picture_height)
        wanted = QSize(round(size.width() * ratio), math.floor(size.height() * ratio + 0.5))
        if self._drawn is None or self._drawn.size() != wanted:
            self._drawn = framed(self._picture, size, ratio, fill=self._fill, edge=T.line)
        return self._drawn
