"""Chips: a glyph and a word on a tint. The glyph alone tells the state in grey."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.chips import RING, Chip

_PAD: Final = 7
_GLYPH_GAP: Final = 4
_COLOURS: Final = {
    "neutral": (T.t2, T.bg3),
    "accent": (T.accent, T.accent_tint),
    "ai": (T.ai, T.ai_tint),
    "ok": (T.ok, T.ok_tint),
    "warn": (T.warn, T.warn_tint),
    "bad": (T.bad, T.bad_tint),
}


def chip_width(chip: Chip) -> int:
    """Width of a chip in pixels; it is `M.chip` high."""
    glyph = M.chip_icon + _GLYPH_GAP if chip.glyph else 0
    return math.ceil(QFontMetricsF(fonts.font("chip")).horizontalAdvance(chip.text)) + glyph + 2 * _PAD


def draw_chip(painter: QPainter, at: QPointF, chip: Chip, *, raised: bool = False) -> float:
    """Draw a chip with its upper left corner at a point; the width it took.

    `raised`: it lies on a selected row, so a neutral chip takes a lighter ground.
    """
    text_colour, ground = _COLOURS[chip.kind]
    if raised and chip.kind == "neutral":
        ground = T.bg4
    width = float(chip_width(chip))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(QRectF(at.x(), at.y(), width, M.chip), M.radius_chip, M.radius_chip)
    x = at.x() + _PAD
    if chip.glyph:
        place = QRectF(x - 1, at.y() + (M.chip - M.chip_icon) / 2, M.chip_icon, M.chip_icon)
        draw_glyph(painter, place, chip.glyph, text_colour, chip.fraction)
        x += M.chip_icon + _GLYPH_GAP - 1
    painter.setPen(QColor(text_colour))
    painter.setFont(fonts.font("chip"))
    painter.drawText(QRectF(x, at.y(), width, M.chip), Qt.AlignmentFlag.AlignVCenter, chip.text)
    painter.restore()
    return width


def draw_glyph(
    painter: QPainter, place: QRectF, glyph: str, colour: str, fraction: float | None = None
) -> None:
    """Draw a Lucide glyph, or the still ring of something that runs, into a square."""
    if glyph == RING:
        draw_ring(painter, place, colour, fraction)
        return
    ratio = painter.device().devicePixelRatioF()
    drawn = icons.pixmap(glyph, colour, round(place.width()), 2.0, ratio)
    painter.drawPixmap(place.topLeft(), drawn)


def draw_ring(painter: QPainter, place: QRectF, colour: str, fraction: float | None) -> None:
    """A still ring: filled clockwise from the top by `fraction`, three quarters when not known."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    width = place.width() / 9
    ring = place.adjusted(width, width, -width, -width)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(T.line2), width))
    painter.drawEllipse(ring)
    share = 0.75 if fraction is None else max(0.03, min(1.0, fraction))
    pen = QPen(QColor(colour), width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawArc(ring, 90 * 16, -round(share * 360 * 16))
    painter.restore()


class Badge(QWidget):
    """A chip as a widget."""

    def __init__(self, chip: Chip, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chip = chip
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_chip(chip)

    @property
    def chip(self) -> Chip:
        """What it says."""
        return self._chip

    def show_chip(self, chip: Chip) -> None:
        """Say something else."""
        self._chip = chip
        self.setAccessibleName(chip.text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as its words."""
        return QSize(chip_width(self._chip), M.chip)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        draw_chip(painter, QPointF(0, 0), self._chip)
        painter.end()


class Ring(QWidget):
    """The still ring of something that runs, as a widget."""

    def __init__(self, size: int = M.row_icon, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fraction: float | None = None
        self.setFixedSize(size, size)

    def show_fraction(self, fraction: float | None) -> None:
        """How far it is, 0..1, or None when not known."""
        self._fraction = fraction
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        draw_ring(painter, QRectF(self.rect()), T.accent, self._fraction)
        painter.end()
