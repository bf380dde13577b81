"""Hover and press fade in 80 ms: one look of a button is drawn over the one before it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QVariantAnimation
from PySide6.QtWidgets import QApplication, QStyle, QWidget

from medvision_desktop.ui.theme.tokens import M

# Set on the application where the reader wants no transitions.
STILL: Final = "reducedMotion"
_HOT: Final = QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Sunken

Look = tuple[QStyle.StateFlag, float]


class HoverFade:
    """Asked at every painting which looks to draw, the lower one first, each with its opacity."""

    def __init__(self, widget: QWidget) -> None:
        self._widget = widget
        self._last: QStyle.StateFlag | None = None
        self._before: QStyle.StateFlag | None = None
        self._run: QVariantAnimation | None = None  # made for those that are ever hovered over

    def looks(self, state: QStyle.StateFlag) -> tuple[Look, ...]:
        """The state as it is now, while it fades in above what it was."""
        if self._last is not None and (state ^ self._last) & _HOT and _moves():
            self._before = self._last
            self._begin()
        self._last = state
        run = self._run
        if self._before is None or run is None or run.state() is not QVariantAnimation.State.Running:
            return ((state, 1.0),)
        below = (state & ~_HOT) | (self._before & _HOT)
        return ((below, 1.0), (state, float(run.currentValue())))

    def _begin(self) -> None:
        if self._run is None:
            widget = self._widget
            self._run = QVariantAnimation(widget)
            self._run.setStartValue(0.0)
            self._run.setEndValue(1.0)
            self._run.setDuration(M.hover_ms)
            self._run.valueChanged.connect(lambda _value: widget.update())
        self._run.stop()
        self._run.start()


def _moves() -> bool:
    application = QApplication.instance()
    return application is not None and not application.property(STILL)
