"""Chips in rows, as many side by side as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels.chips import Chip
from medvision_desktop.ui.widgets.badge import chip_width, draw_chip

_GAP: Final = 4


class ChipFlow(QWidget):
    """Takes no room when it has no chips."""

    def __init__(self) -> None:
        super().__init__()
        self._chips: tuple[Chip, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(0)

    @property
    def chips(self) -> tuple[Chip, ...]:
        """What it shows."""
        return self._chips

    def show_chips(self, chips: Sequence[Chip]) -> None:
        """Show other chips."""
        self._chips = tuple(chips)
        self.setVisible(bool(chips))
        self.setAccessibleName(", ".join(chip.text for chip in chips))
        self._fit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width wraps differently."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw them."""
        del event
        painter = QPainter(self)
        for chip, at in zip(self._chips, self._places(), strict=True):
            draw_chip(painter, at, chip)
        painter.end()

    def _places(self) -> list[QPointF]:
        places, x, y = [], 0, 0
        for chip in self._chips:
            width = chip_width(chip)
            if x and x + width > self.width():
                x, y = 0, y + M.chip + _GAP
            places.append(QPointF(x, y))
            x += width + _GAP
        return places

    def _fit(self) -> None:
        places = self._places()
        wanted = round(places[-1].y()) + M.chip if places else 0
        if wanted != self.height():
            self.setFixedHeight(wanted)
