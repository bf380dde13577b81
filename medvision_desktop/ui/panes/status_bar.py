"""The bar at the foot: what runs, where networks run, the input gate, the record, the reader."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.stylesheet import repolish
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.jobs import JobsModel
from medvision_desktop.ui.widgets.badge import Ring
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.progress_row import ProgressLine, ProgressRow
from medvision_desktop.ui.widgets.text import elided

_TONES: Final = {"": T.t2, "ok": T.ok, "warn": T.warn, "bad": T.bad, "ai": T.ai, "accent": T.accent}
_GATE_GLYPHS: Final = {"": "scan-line", "ok": "scan-line", "warn": "ban", "bad": "octagon-alert"}
_RECORD_GLYPHS: Final = {
    "": "shield-check",
    "ok": "shield-check",
    "warn": "shield-alert",
    "bad": "shield-x",
}


class StatusItem(QWidget):
    """A glyph and a few words that give way when there is no room."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._glyph = QLabel()
        self._text = elided("", "caption", "t2")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._glyph)
        row.addWidget(self._text, 1)
        self.hide()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text.text()

    def say(self, text: str, glyph: str, tone: str = "", *, coloured_text: bool = False) -> None:
        """Say something; with no text, go away. `tone` is "", ok, warn, bad, ai or accent."""
        self._glyph.setPixmap(icons.pixmap(glyph, _TONES[tone], M.chip_icon, 2.0, self.devicePixelRatioF()))
        self._text.setProperty("tone", tone if coloured_text and tone else "t2")
        repolish(self._text)
        self._text.setText(text)
        self.setAccessibleName(f"{self._name}: {text}")
        self.setVisible(bool(text))


class JobsArea(QWidget):
    """The oldest job with its bar and a way to stop it; the others in a card above."""

    def __init__(self, jobs: JobsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._idle = StatusItem("Jobs", self)
        self._idle.say("No jobs running", "check")
        self._ring = Ring(M.chip_icon)
        self._text = elided("", "caption", "t2")
        self._line = ProgressLine()
        self._line.setFixedWidth(96)
        self.cancel = IconButton("x", "Cancel the job", kind="mini")
        self.cancel.clicked.connect(partial(jobs.cancel, 0))
        self.more = _link("", "All jobs")
        self.more.clicked.connect(self._show_all)
        self._popup: JobsPopup | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for part in (self._idle, self._ring, self._text, self._line, self.cancel, self.more):
            row.addWidget(part)
        jobs.changed.connect(self._refresh)
        self._refresh()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text.text() if self._jobs.rows else self._idle.text

    def _refresh(self) -> None:
        rows = self._jobs.rows
        self._idle.setVisible(not rows)
        for part in (self._ring, self._text, self._line, self.cancel):
            part.setVisible(bool(rows))
        self.more.setVisible(len(rows) > 1)
        self.more.setText(f"{len(rows) - 1} more")
        if rows:
            first = rows[0]
            words = (first.title, first.text, first.time_text)
            self._text.setText("  ·  ".join(part for part in words if part))
            self._ring.show_fraction(first.fraction)
            self._line.show_fraction(first.fraction)
            self.cancel.setEnabled(not first.stopping)
            self.cancel.rename(f"Cancel {first.title}")
        self.setAccessibleName(f"Jobs: {self.text}")

    def _show_all(self) -> None:
        self._popup = JobsPopup(self._jobs, self)
        self._popup.show_above(self.mapToGlobal(QPoint(0, 0)))


class JobsPopup(QFrame):
    """Every job with its own cancel; it goes when the reader clicks elsewhere or presses Esc."""

    def __init__(self, jobs: JobsModel, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("card", "raised")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName("Jobs")
        self._jobs = jobs
        self.rows: list[ProgressRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(4, 4, 4, 4)
        self._column.setSpacing(0)
        jobs.changed.connect(self._refresh)
        self._refresh()

    def show_above(self, place: QPoint) -> None:
        """Show with the lower left corner at a point of the screen."""
        self.setFixedWidth(520)
        self.adjustSize()
        self.move(place.x(), place.y() - self.height() - 8)
        self.show()

    def _refresh(self) -> None:
        jobs = self._jobs.rows
        while len(self.rows) < len(jobs):
            row = ProgressRow()
            row.cancelAsked.connect(partial(self._jobs.cancel, len(self.rows)))
            self.rows.append(row)
            self._column.addWidget(row)
        for number, row in enumerate(self.rows):
            row.setVisible(number < len(jobs))
            if number < len(jobs):
                row.show_job(jobs[number])
        if not jobs:
            self.close()


class StatusBar(QFrame):
    """28 px. `actionAsked` carries the id of an action of the table."""

    actionAsked = Signal(str)

    def __init__(self, jobs: JobsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setFixedHeight(M.status_bar)
        self.setAccessibleName("Status")
        self.setStyleSheet(
            f"QFrame#statusBar {{ background: {T.bg1}; border: none; border-top: 1px solid {T.line}; }}"
        )
        self.jobs = JobsArea(jobs)
        self.device = StatusItem("Networks run on")
        self.news = StatusItem("News")
        self.gate = StatusItem("Input gate")
        self.display = _link("", "Measure this display")
        self.display.clicked.connect(partial(self.actionAsked.emit, "display.measure"))
        self.record = _link("", "Verify the record")
        self.record.clicked.connect(partial(self.actionAsked.emit, "record.verify"))
        self.reader = _link("", "Change the reader")
        self.reader.clicked.connect(partial(self.actionAsked.emit, "file.reader"))
        row = QHBoxLayout(self)
        row.setContentsMargins(M.pad_left, 0, M.pad_left - 6, 0)
        row.setSpacing(10)
        row.addWidget(self.jobs)
        self._device_line = _separator()
        row.addWidget(self._device_line)
        row.addWidget(self.device)
        row.addStretch(1)
        row.addWidget(self.news)
        row.addWidget(self.gate)
        self._gate_line = _separator()
        row.addWidget(self._gate_line)
        row.addWidget(self.display)
        row.addWidget(_separator())
        row.addWidget(self.record)
        row.addWidget(_separator())
        row.addWidget(self.reader)
        self.show_device("")
        self.show_gate("")
        self.show_display("Uncalibrated display")
        self.show_record("Record not checked yet")
        self.show_reader("")

    def show_device(self, text: str) -> None:
        """Where networks run, such as "OpenVINO CPU"; empty while nobody knows."""
        self.device.say(text, "cpu")
        self._device_line.setVisible(bool(text))

    def show_gate(self, text: str, tone: str = "") -> None:
        """What the input gate says of the image in view; tone "", ok, warn or bad."""
        self.gate.say(text, _GATE_GLYPHS[tone], tone, coloured_text=tone in ("warn", "bad"))
        self._gate_line.setVisible(bool(text))

    def show_news(self, text: str, tone: str = "") -> None:
        """A toast that found no place of its own."""
        self.news.say(text, "info", tone, coloured_text=bool(tone))

    def show_display(self, text: str, detail: str = "") -> None:
        """Whether the display is driven by a measurement of it."""
        self.display.setText(f" {text}")
        self.display.setIcon(icons.icon("contrast", T.t2, M.chip_icon))
        self.display.setAccessibleName(f"Display: {text}")
        self.display.setToolTip(" ".join(part for part in (f"{text}.", detail) if part))

    def show_record(self, text: str, tone: str = "") -> None:
        """The state of the record; tone "", ok, warn or bad."""
        self.record.setText(f" {text}")  # Qt sets words close to the icon
        self.record.setIcon(icons.icon(_RECORD_GLYPHS[tone], _TONES[tone], M.chip_icon))
        self.record.setAccessibleName(f"Record: {text}")
        self.record.setToolTip(f"{text}. Verify the record")

    def show_reader(self, name: str) -> None:
        """Who reads."""
        shown = name or "Name the reader"
        fitted = self.reader.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideRight, 180)
        self.reader.setText(f" {fitted}")
        self.reader.setIcon(icons.icon("user", T.t2, M.chip_icon))
        self.reader.setAccessibleName(f"Reader: {shown}")


def _link(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setProperty("kind", "status")
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setFont(fonts.font("caption"))
    button.setIconSize(QSize(M.chip_icon, M.chip_icon))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return button


def _separator() -> QFrame:
    line = QFrame()
    line.setFixedSize(1, 14)
    line.setStyleSheet(f"background: {T.line2}; border: none;")
    return line
