"""The head of a panel: 44 px, and the handle by which its dock is moved."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from medvision_desktop.ui.theme.tokens import M, T


class PanelHead(QFrame):
    """Put parts into `row`. A dock asks for the hint alone, so the height stands there, too."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panelHead")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"QFrame#panelHead {{ background: {T.bg1}; border: none; }}")
        self.setFixedHeight(M.panel_head)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(M.pad_left, 8, M.pad_right - 4, 0)
        self.row.setSpacing(8)

    def sizeHint(self) -> QSize:
        """As wide as its parts, 44 high."""
        return QSize(super().sizeHint().width(), M.panel_head)

    def minimumSizeHint(self) -> QSize:
        """As narrow as its parts allow, 44 high."""
        return QSize(super().minimumSizeHint().width(), M.panel_head)
