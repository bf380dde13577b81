"""The head of a section of a list: chevron, name, count. A click or Space folds the section."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.finding_row import TEXT_LEFT


class SectionHead(QAbstractButton):
    """Checked means open."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self.setText(title)
        self.setCheckable(True)
        self.setChecked(True)
        self.setFixedHeight(M.section_head)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_count(0)

    def show_count(self, count: int) -> None:
        """How many rows are in the section."""
        self._count = count
        self.setAccessibleName(f"{self.text()}, {count}")
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as the list."""
        return QSize(200, M.section_head)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Chevron, title and count."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        name = "chevron-down" if self.isChecked() else "chevron-right"
        mark = icons.pixmap(name, T.t2, M.chip_icon, 2.0, self.devicePixelRatioF())
        painter.drawPixmap(M.pad_left + 1, (self.height() - M.chip_icon) // 2, mark)
        font = fonts.font("section")
        width = QFontMetricsF(font).horizontalAdvance(self.text())
        painter.setFont(font)
        painter.setPen(QColor(T.t1 if self.underMouse() else T.t2))
        area = QRectF(TEXT_LEFT, 0, width + 1, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.setFont(fonts.font("caption"))
        painter.setPen(QColor(T.t3))
        area = QRectF(TEXT_LEFT + width + 8, 0, 60, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, str(self._count))
        if self.hasFocus():
            painter.setPen(QPen(QColor(T.t1), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(5, 1, -5, -1), 4, 4)
        painter.end()
