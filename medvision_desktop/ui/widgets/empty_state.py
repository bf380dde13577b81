"""What stands where a list is empty: an icon, what is so, why, and what now."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.widgets.text import label


class EmptyState(QWidget):
    """Centred; the buttons stand side by side when there is room, else one under another."""

    def __init__(
        self,
        icon: str = "inbox",
        *,
        buttons: Sequence[QPushButton] = (),
        stacked: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._glyph = QLabel()
        self._glyph.setPixmap(icons.pixmap(icon, T.t2, 32, 1.5, self.devicePixelRatioF()))
        self.title = label("", "title", wrap=True)
        self.detail = label("", "body", "t2", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 24, 16, 24)
        layout.setSpacing(8)
        for part in (self._glyph, self.title, self.detail):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(part)
        row: QHBoxLayout | QVBoxLayout = QVBoxLayout() if stacked else QHBoxLayout()
        row.setSpacing(8)
        row.setContentsMargins(0, 8, 0, 0)
        row.addStretch(1)
        for button in buttons:
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignCenter)
        row.addStretch(1)
        if buttons:
            layout.addLayout(row)
        layout.addStretch(1)

    def say(self, title: str, detail: str = "") -> None:
        """Put it into words."""
        self.title.setText(title)
        self.detail.setText(detail)
        self.detail.setVisible(bool(detail))
        self.setAccessibleName(" ".join(part for part in (title, detail) if part))
