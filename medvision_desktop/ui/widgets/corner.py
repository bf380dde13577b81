"""Where news may stand: the lower left corner of the first panel that has room, never a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRect
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

MARGIN: Final = 8
ROOM_PX: Final = 240
# What may move a corner; a layout request also comes when an error sheet opens or goes.
MOVES: Final = (
    QEvent.Type.Resize,
    QEvent.Type.Move,
    QEvent.Type.Show,
    QEvent.Type.Hide,
    QEvent.Type.LayoutRequest,
)
# The property of what already stands in a corner; toasts stand above it.
NEWS: Final = "standsInCorner"


def stands(window: QWidget) -> bool:
    """Whether a window is there and shown; one that is being taken down still sends events."""
    return isValid(window) and window.isVisible()


def lower_left(window: QWidget, hosts: Sequence[QWidget]) -> QRect | None:
    """The rectangle, in the window's coordinates, of the first visible host wide enough for news."""
    for host in hosts:
        if host.isVisible() and host.width() >= ROOM_PX and host.window() is window.window():
            return QRect(host.mapTo(window, QPoint(0, 0)), host.size()).adjusted(
                MARGIN, MARGIN, -MARGIN, -MARGIN
            )
    return None
