"""One job that runs: a still ring, what it is, how far, time left, a way to stop it, and a bar."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.jobs import JobRow
from medvision_desktop.ui.widgets.badge import Ring
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.text import elided, label


class ProgressLine(QWidget):
    """A bar of 4 px. When the share is not known, a still piece in its middle: nothing runs about."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fraction: float | None = None
        self.setFixedHeight(4)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Wide enough to read."""
        return QSize(120, 4)

    def show_fraction(self, fraction: float | None) -> None:
        """How far it is, 0..1, or None when not known."""
        self._fraction = fraction
        self.setAccessibleName("Progress not known" if fraction is None else f"{fraction:.0%} done")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw track and share."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(T.line2))
        whole = QRectF(self.rect())
        painter.drawRoundedRect(whole, 2, 2)
        start, end = (0.3, 0.58) if self._fraction is None else (0.0, self._fraction)
        painter.setBrush(QColor(T.accent))
        if end > start:
            part = QRectF(start * whole.width(), 0, (end - start) * whole.width(), whole.height())
            painter.drawRoundedRect(part, 2, 2)
        painter.end()


class ProgressRow(QWidget):
    """A job in a list. `cancelAsked` when the reader wants it to stop."""

    cancelAsked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ring = Ring()
        self._title = label("", "value")
        self._text = elided("", "caption", "t2")
        self._time = label("", "caption", "t2")
        self.cancel = Button("Cancel", kind="quiet", size="tiny")
        self.cancel.clicked.connect(self.cancelAsked)
        self._line = ProgressLine()
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._ring)
        top.addWidget(self._title)
        top.addWidget(self._text, 1)
        top.addWidget(self._time)
        top.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self._line)

    def show_job(self, job: JobRow) -> None:
        """Show how far a job is."""
        self._title.setText(job.title)
        self._text.setText(job.text)
        self._time.setText(job.time_text)
        self._ring.show_fraction(job.fraction)
        self._line.show_fraction(job.fraction)
        self.cancel.setEnabled(not job.stopping)
        self.cancel.setAccessibleName(f"Cancel {job.title}")
        self.setAccessibleName(f"{job.title}, {job.text}, {job.time_text}")
