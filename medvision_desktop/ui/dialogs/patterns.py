"""Test patterns over the whole screen, one image pixel to one screen pixel."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from medvision_desktop.pixels import screen_patterns
from medvision_desktop.pixels.screen_patterns import PATTERNS, Pattern
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.calibration import Calibration
from medvision_desktop.ui.widgets.screens import screen_name, screen_of
from medvision_desktop.ui.widgets.thumbnail import to_image

_PAD: Final = 8
_KEYS: Final = "Left and right change the pattern  ·  C correction  ·  T words  ·  Esc closes"
_STEPS: Final[dict[int, int]] = {
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_PageDown: 1,
    Qt.Key.Key_Space: 1,
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageUp: -1,
    Qt.Key.Key_Backspace: -1,
}


class PatternWindow(QWidget):
    """One window on the screen of `over`. `closed` when it goes. Luminance patches are never corrected."""

    closed = Signal()

    def __init__(self, over: QWidget, calibration: Calibration, first: str = "") -> None:
        super().__init__(over, Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setWindowTitle("Test patterns")
        self._calibration = calibration
        self._corrected = True
        self._words = True
        self._number = next((n for n, each in enumerate(PATTERNS) if each.id == first), 0)
        self._drawn: tuple[object, QImage] | None = None
        self.setGeometry(screen_of(over).geometry())
        calibration.changed.connect(self._forget)
        self._name()

    @property
    def pattern(self) -> Pattern:
        """The pattern on screen."""
        return PATTERNS[self._number]

    @property
    def is_corrected(self) -> bool:
        """Whether the pattern goes through the correction of the screen."""
        return self._corrected and not self.pattern.raw and self._table() is not None

    def open(self) -> None:
        """Take the whole screen and the keyboard."""
        self.showFullScreen()
        self.raise_()
        self.activateWindow()
        self.setFocus(Qt.FocusReason.ActiveWindowFocusReason)

    def levels(self) -> NDArray[np.uint8]:
        """What is sent to the screen: HxW driving levels in device pixels."""
        ratio = self.devicePixelRatioF()
        least = screen_patterns.LEAST_SIDE
        height, width = (max(least, round(side * ratio)) for side in (self.height(), self.width()))
        made = self.pattern.make(height, width)
        table = self._table()
        return table[made] if self.is_corrected and table is not None else made

    def step(self, by: int) -> None:
        """Another pattern, round and round."""
        self._number = (self._number + by) % len(PATTERNS)
        self._name()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The pattern, then a line that says what it is."""
        ratio = self.devicePixelRatioF()
        key = (self._number, self.size(), ratio, self.is_corrected)
        if self._drawn is None or self._drawn[0] != key:
            image = to_image(self.levels())
            image.setDevicePixelRatio(ratio)
            self._drawn = (key, image)
        painter = QPainter(self)
        painter.drawImage(QPointF(0, 0), self._drawn[1])
        if self._words:
            self._paint_words(painter)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, C switches the correction, T the words, Esc closes."""
        key = event.key()
        if key in _STEPS:
            self.step(_STEPS[key])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.step(-self._number if key == Qt.Key.Key_Home else len(PATTERNS) - 1 - self._number)
        elif key == Qt.Key.Key_C:
            self._corrected = not self._corrected
            self._name()
            self.update()
        elif key == Qt.Key.Key_T:
            self._words = not self._words
            self.update()
        elif key in (Qt.Key.Key_Escape, Qt.Key.Key_Q):
            self.close()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The left button goes on, the right one back."""
        self.step(-1 if event.button() == Qt.MouseButton.RightButton else 1)

    def closeEvent(self, event: object) -> None:
        """Tell whoever opened it."""
        del event
        self.closed.emit()

    def _table(self) -> NDArray[np.uint8] | None:
        return self._calibration.table(screen_name(self))

    def _forget(self) -> None:
        self._drawn = None
        self._name()
        self.update()

    def _said(self) -> str:
        drive = "driven as it is" if self.pattern.raw else self._calibration.words(screen_name(self))[0]
        if not self.pattern.raw and self._table() is not None and not self._corrected:
            drive = "correction switched off"
        return f"{self.pattern.name}  ·  {self.pattern.look_for}  ·  {drive}"

    def _name(self) -> None:
        self.setAccessibleName(self._said().replace("  ·  ", ", "))

    def _paint_words(self, painter: QPainter) -> None:
        painter.setFont(fonts.font("caption"))
        metrics = painter.fontMetrics()
        lines = (self._said(), _KEYS)
        wide = max(metrics.horizontalAdvance(line) for line in lines) + 2 * _PAD
        tall = len(lines) * metrics.lineSpacing() + 2 * _PAD
        box = QRectF(_PAD, self.height() - tall - _PAD, min(wide, self.width() - 2 * _PAD), tall)
        painter.fillRect(box, QColor(T.image))
        painter.setPen(QColor(T.t2))
        painter.drawText(
            box.adjusted(_PAD, _PAD, -_PAD, -_PAD), int(Qt.AlignmentFlag.AlignLeft), "\n".join(lines)
        )
