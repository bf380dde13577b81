"""Files dropped on a window: welcome anywhere, local ones only."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QDragMoveEvent, QDropEvent


def welcome(event: QDragMoveEvent) -> None:
    """Take a drag that carries files, as it comes in and as it moves."""
    if event.mimeData().hasUrls():
        event.acceptProposedAction()


def dropped(event: QDropEvent) -> list[Path]:
    """The local files of a drop, taken where there are any; addresses elsewhere are not opened."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    if paths:
        event.acceptProposedAction()
    return paths
