"""A field of several lines. Tab leaves it, as in every other field."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M, T

# The style sheet of the application takes the edge from every scroll area; a field has one.
_SHEET: Final = f"""
QPlainTextEdit {{ background: {T.bg2}; color: {T.t1}; border: 1px solid {T.ctl};
  border-radius: {M.radius_control}px; padding: 5px 7px; }}
QPlainTextEdit:hover {{ border-color: {T.t3}; }}
QPlainTextEdit:focus {{ border: 2px solid {T.accent}; padding: 4px 6px; }}
QPlainTextEdit[readOnly="true"] {{ background: {T.bg1}; color: {T.t2}; border-color: {T.line2}; }}
"""


class TextField(QPlainTextEdit):
    """Plain text, wrapped at the width."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFont(fonts.font("body"))
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(2)
        self.setStyleSheet(_SHEET)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Words may be dropped here; files are for the window, which opens them."""
        if event.mimeData().hasUrls():
            event.ignore()
        else:
            super().dragEnterEvent(event)
