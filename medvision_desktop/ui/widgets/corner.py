"""Where news may stand: the lower left corner of the first panel that has room, never a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QWidget

MARGIN: Final = 8
ROOM_PX: Final = 240


def lower_left(window: QWidget, hosts: Sequence[QWidget]) -> QRect | None:
    """The rectangle, in the window's coordinates, of the first visible host wide enough for news."""
    for host in hosts:
        if host.isVisible() and host.width() >= ROOM_PX and host.window() is window.window():
            return QRect(host.mapTo(window, QPoint(0, 0)), host.size()).adjusted(
                MARGIN, MARGIN, -MARGIN, -MARGIN
            )
    return None
