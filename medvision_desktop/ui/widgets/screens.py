"""The name by which a screen is known: maker, model and serial number, else what the system calls it."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget


def screen_name(widget: QWidget) -> str:
    """The screen that a widget is on."""
    # A widget or window that is asked for its screen itself deletes that screen when it goes.
    middle = widget.mapToGlobal(widget.rect().center())
    screen = QGuiApplication.screenAt(middle) or QGuiApplication.primaryScreen()
    told = " ".join(part for part in (screen.manufacturer(), screen.model(), screen.serialNumber()) if part)
    return told or screen.name() or "screen"
