"""A series dropped from the worklist on a pane: its study's key and its own UID."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QMimeData

from medvision_desktop.ui.viewmodels.worklist_items import SERIES_MIME

_LONGEST: Final = 4096


def unpacked(data: QMimeData) -> tuple[str, str] | None:
    """Study key and series UID; None for drags of anything else."""
    if not data.hasFormat(SERIES_MIME):
        return None
    content = bytes(data.data(SERIES_MIME).data())
    if len(content) > _LONGEST:
        return None
    try:
        study_key, series_uid = content.decode().split("\n")
    except ValueError:
        return None
    return (study_key, series_uid) if study_key and series_uid else None
