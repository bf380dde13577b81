"""The name by which a screen is known: maker, model and serial number, else what the system calls it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def screen_name(widget: QWidget) -> str:
    """The screen that a widget is on."""
    screen = widget.screen()
    told = " ".join(part for part in (screen.manufacturer(), screen.model(), screen.serialNumber()) if part)
    return told or screen.name() or "screen"
