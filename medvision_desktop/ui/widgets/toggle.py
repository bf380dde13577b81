"""A switch that is on or off, with its words beside it. On, its knob carries a check mark."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import T

_TRACK: Final = QRectF(4, 3, 32, 18)
_GAP: Final = 8


class Toggle(QAbstractButton):
    """A check box in the shape of a switch; Space turns it."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setText(text)
        self.setAccessibleName(text)
        self.setFont(fonts.font("body"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Track and words."""
        words = QFontMetricsF(self.font()).horizontalAdvance(self.text())
        return QSize(math.ceil(_TRACK.right() + _GAP + words + 4), 24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw track, knob, words and the focus ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on, enabled = self.isChecked(), self.isEnabled()
        painter.setPen(QPen(QColor(T.accent if on and enabled else T.ctl if enabled else T.line2), 1))
        painter.setBrush(QColor(T.accent if on and enabled else T.bg2))
        radius = _TRACK.height() / 2
        painter.drawRoundedRect(_TRACK.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        knob_x = _TRACK.right() - radius if on else _TRACK.left() + radius
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(T.accentfg if on and enabled else T.t2 if enabled else T.tdis))
        painter.drawEllipse(QPointF(knob_x, _TRACK.center().y()), 6, 6)
        if on:
            mark = icons.pixmap("check", T.accent if enabled else T.bg1, 8, 3.5, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(knob_x - 4, _TRACK.center().y() - 4), mark)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(T.t1), 2))
            painter.drawRoundedRect(_TRACK.adjusted(-2, -2, 2, 2), radius + 2, radius + 2)
        painter.setPen(QColor(T.t1 if enabled else T.tdis))
        painter.setFont(self.font())
        place = QRectF(_TRACK.right() + _GAP, 0, self.width(), self.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()
