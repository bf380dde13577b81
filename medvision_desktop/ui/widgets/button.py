"""Buttons with an icon, a word and their key; the ground comes from the style sheet."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QStyle, QStyleOptionButton, QStylePainter, QWidget

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.hover import HoverFade

_PAD: Final = {"": 14, "small": 11, "tiny": 9}
_HEIGHT: Final = {"": M.control, "small": M.control_small, "tiny": M.control_tiny}
_TEXT: Final = {"": T.t1, "primary": T.accentfg, "quiet": T.t2, "ai": T.ai, "danger": T.bad}
_KEY_GROUND: Final = {"primary": T.accent_pressed, "ai": T.ai_hover}
_ICON_GAP: Final = 8
_KEY_GAP: Final = 12


def key_width(key: str) -> int:
    """Width of a key hint in pixels."""
    return max(20, math.ceil(QFontMetricsF(fonts.font("chip")).horizontalAdvance(key)) + 12)


def draw_key(painter: QPainter, place: QRectF, key: str, text: str, ground: str) -> None:
    """Draw a key hint: a small cap with the key's name."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(place, M.radius_chip, M.radius_chip)
    painter.setPen(QColor(text))
    painter.setFont(fonts.font("chip"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, key)
    painter.restore()


class KeyHint(QWidget):
    """A key hint as a widget."""

    def __init__(self, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = key
        self.setFixedSize(key_width(key), 22)
        self.setAccessibleName(f"Key {key}")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        draw_key(painter, QRectF(self.rect()), self._key, T.t1, T.bg3)
        painter.end()


class Button(QPushButton):
    """A button of a kind: default (""), primary, quiet, ai or danger; size "", small or tiny."""

    def __init__(
        self,
        text: str,
        icon: str = "",
        *,
        key: str = "",
        kind: str = "",
        size: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._icon_name = icon
        self._key = key
        self._kind = kind
        self._size = size
        self._fade = HoverFade(self)
        self.setFont(fonts.font("label"))
        self.setProperty("kind", kind)
        self.setProperty("density", size)
        self.setFixedHeight(_HEIGHT[size])
        self.setAccessibleName(text)
        if key:
            self.setToolTip(f"{text} ({key})")

    @property
    def key_hint(self) -> str:
        """The key it shows."""
        return self._key

    def sizeHint(self) -> QSize:
        """Words, icon and key with the padding of its size."""
        return QSize(math.ceil(self._content_width()) + 2 * _PAD[self._size], _HEIGHT[self._size])

    def minimumSizeHint(self) -> QSize:
        """It never shrinks below its words."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The ground from the style sheet, then icon, words and key, centred together."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        now = option.state
        for state, opacity in self._fade.looks(now):
            option.state = state
            painter.setOpacity(opacity)
            painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option)
        option.state = now
        painter.setOpacity(1.0)
        colour = self._text_colour(option)
        x = (self.width() - self._content_width()) / 2
        if self._icon_name:
            size = M.row_icon
            ratio = self.devicePixelRatioF()
            drawn = icons.pixmap(self._icon_name, colour, size, 2.0, ratio)
            painter.drawPixmap(round(x), (self.height() - size) // 2, drawn)
            x += size + (_ICON_GAP if self.text() else 0)
        painter.setPen(QColor(colour))
        painter.setFont(self.font())
        words = self._words_width()
        painter.drawText(QRectF(x, 0, words + 1, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self._key:
            place = QRectF(x + words + _KEY_GAP, (self.height() - 20) / 2, key_width(self._key), 20)
            ground = _KEY_GROUND.get(self._kind, T.bg4) if self.isEnabled() else T.bg3
            draw_key(painter, place, self._key, colour, ground)
        painter.end()

    def _text_colour(self, option: QStyleOptionButton) -> str:
        if not self.isEnabled():
            return T.tdis
        hot = bool(option.state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Sunken))
        return T.t1 if hot and self._kind == "quiet" else _TEXT[self._kind]

    def _words_width(self) -> float:
        return QFontMetricsF(self.font()).horizontalAdvance(self.text())

    def _content_width(self) -> float:
        icon = (M.row_icon + (_ICON_GAP if self.text() else 0)) if self._icon_name else 0
        key = key_width(self._key) + _KEY_GAP if self._key else 0
        return icon + self._words_width() + key
