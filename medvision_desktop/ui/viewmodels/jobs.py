"""What is running, for the status bar: jobs that have a title, how far they are, and a way to stop them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from medvision_desktop.ui.workers.lane import Job, Lanes

# Progress on screen changes at most twice a second: numbers that race cannot be read.
_REFRESH_MS: Final = 500
# A forecast from less than this is a guess, so none is given.
_FORECAST_AFTER_S: Final = 1.0
_FORECAST_AFTER_SHARE: Final = 0.03


@dataclass(frozen=True)
class JobRow:
    """One job as it is shown. `fraction` 0..1 and `seconds_left` are None when not known."""

    title: str
    text: str = ""
    fraction: float | None = None
    seconds_left: float | None = None
    waiting: bool = False
    stopping: bool = False

    @property
    def time_text(self) -> str:
        """Time left in words."""
        if self.stopping:
            return "stopping"
        if self.waiting:
            return "waiting"
        return time_left(self.seconds_left)


def time_left(seconds: float | None) -> str:
    """Time left in words: "34 s left", "3 min left", or that it is not known yet."""
    if seconds is None:
        return "time not known yet"
    if seconds < 90:
        return f"{max(1, round(seconds))} s left"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"


class JobsModel(QObject):
    """Follows the lanes. `changed` comes when a job starts or ends, and at most twice a second between."""

    changed = Signal()

    def __init__(self, lanes: Lanes) -> None:
        super().__init__()
        self._jobs: list[Job] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self.changed)
        for lane in lanes.all:
            lane.started.connect(self._on_started)
            lane.ended.connect(self._on_ended)

    @property
    def rows(self) -> tuple[JobRow, ...]:
        """Jobs with a title that the reader may still care about, oldest first."""
        return tuple(_row(job) for job in self._live())

    def cancel(self, index: int) -> None:
        """Stop the job of that row; unknown rows are gone already."""
        live = self._live()
        if 0 <= index < len(live):
            live[index].cancel()
            self.changed.emit()

    def _live(self) -> list[Job]:
        return [job for job in self._jobs if job.is_live]

    def _on_started(self, job: Job) -> None:
        if job.title:
            self._jobs.append(job)
            job.progressed.connect(self._on_progress)
            self.changed.emit()

    def _on_ended(self, job: Job) -> None:
        if job in self._jobs:
            self._jobs.remove(job)
            if not self._jobs:
                self._timer.stop()
            self.changed.emit()

    def _on_progress(self) -> None:
        if not self._timer.isActive():
            self._timer.start()


def _row(job: Job) -> JobRow:
    fraction = job.progress.fraction
    left: float | None = None
    if job.started_at is not None and fraction is not None and fraction > _FORECAST_AFTER_SHARE:
        taken = time.monotonic() - job.started_at
        if taken > _FORECAST_AFTER_S:
            left = taken * (1.0 - fraction) / fraction
    return JobRow(job.title, job.progress.text, fraction, left, job.started_at is None, job.token.cancelled)
