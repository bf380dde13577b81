"""Which screen a widget is on, and its name: maker, model and serial number, else what the system says."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QWidget


def screen_of(widget: QWidget) -> QScreen:
    """The screen that a widget is on, or will be on.

    `QWidget.screen` is not asked: a widget that was asked deletes that screen when it goes.
    """
    middle = widget.mapToGlobal(widget.rect().center())
    return QGuiApplication.screenAt(middle) or QGuiApplication.primaryScreen()


def screen_name(widget: QWidget) -> str:
    """The name of the screen that a widget is on."""
    screen = screen_of(widget)
    told = " ".join(part for part in (screen.manufacturer(), screen.model(), screen.serialNumber()) if part)
    return told or screen.name() or "This screen"
