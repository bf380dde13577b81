"""Training as the reader sees it: one run at a time, on a lane of its own, with its curve and time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medvision_desktop.children.process import ChildProcess
from medvision_desktop.errors import InputRefused
from medvision_desktop.paths import Locations
from medvision_desktop.services import school
from medvision_desktop.services.school import Epoch, Plan
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.workers.lane import Job, Lane
from medvision_desktop.work import CancelToken, Progress, ProgressSink

_FEWEST_STEPS = 3


class TrainingState(Enum):
    """Where training stands."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"


class SchoolModel(QObject):
    """`changed` for the state and what can be pressed, `progressed` while a run goes on."""

    changed = Signal()
    progressed = Signal()

    def __init__(
        self,
        locations: Locations,
        notifier: Notifier,
        *,
        child: ChildProcess | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._locations = locations
        self._notifier = notifier
        # Hours of work would hold every other job of a shared lane.
        self._lane = Lane("school", notifier.error)
        self._reading = Lane("school-curve", notifier.error)
        self._child = child or ChildProcess("train", environment={"OMP_WAIT_POLICY": "passive"})
        self._clock = clock
        self._job: Job | None = None
        self._run: Path | None = None
        self._began = (0.0, 0)
        self.state = TrainingState.IDLE
        self.progress = Progress()
        self.epochs: tuple[Epoch, ...] = ()
        self.outcome = ""

    @property
    def seconds_left(self) -> float | None:
        """From the pace so far; None where too little was done, or nothing is known of the rest."""
        since, at = self._began
        done, total = self.progress.done - at, self.progress.total
        if self.state is not TrainingState.RUNNING or done < _FEWEST_STEPS or total <= self.progress.done:
            return None
        return (self._clock() - since) / done * (total - self.progress.done)

    def can_resume(self, recipe: Path) -> bool:
        """Whether a run of the recipe was stopped after a finished epoch."""
        try:
            return school.is_started(school.run_of(self._locations, recipe))
        except InputRefused:
            return False

    def choose(self, recipe: Path) -> None:
        """Show what an earlier run of a recipe came to."""
        if self.state is not TrainingState.IDLE:
            return
        try:
            self._run = school.run_of(self._locations, recipe)
        except InputRefused as refusal:
            self._run, self.epochs, self.outcome = None, (), f"{refusal.what} {refusal.why}"
            self.changed.emit()
            return
        self.outcome, self.progress = "", Progress()
        self._read_curve()
        self.changed.emit()

    def start(self, plan: Plan) -> None:
        """Train, unless something is trained already."""
        if self.state is not TrainingState.IDLE:
            return
        self._run = school.run_of(self._locations, plan.recipe)
        child, locations = self._child, self._locations

        def work(progress: ProgressSink, cancel: CancelToken) -> str:
            return school.train(child, plan, locations, progress=progress, cancel=cancel)

        self.state, self.outcome, self.progress = TrainingState.RUNNING, "", Progress()
        self._began = (self._clock(), 0)
        self._job = self._lane.submit(
            work,
            done=self._on_done,
            failed=self._on_failed,
            progressed=self._on_progress,
            cancelled=self._on_stopped,
        )
        self._read_curve()
        self.changed.emit()

    def pause(self) -> None:
        """Wait at the next step; nothing is lost, and the memory stays taken."""
        if self._job is not None and self.state is TrainingState.RUNNING:
            self._job.token.hold()
            self.state = TrainingState.PAUSED
            self.changed.emit()

    def go_on(self) -> None:
        """Go on after a pause."""
        if self._job is not None and self.state is TrainingState.PAUSED:
            self._job.token.release()
            self.state = TrainingState.RUNNING
            self._began = (self._clock(), self.progress.done)
            self.changed.emit()

    def stop(self) -> None:
        """Stop; the run can be resumed from its last finished epoch."""
        if self._job is not None and self.state in (TrainingState.RUNNING, TrainingState.PAUSED):
            self._job.cancel()
            self.state = TrainingState.STOPPING
            self.changed.emit()

    def close(self) -> None:
        """Stop what runs and end the child."""
        if self._job is not None:
            self._job.cancel()
        self._child.kill()
        self._lane.close()
        self._reading.close()
        self._child.close()

    def _on_progress(self, progress: Progress) -> None:
        if progress.total != self.progress.total or progress.done < self.progress.done:
            self._began = (self._clock(), progress.done)  # another part of the run has another pace
        fresh = progress.text.partition(",")[0] != self.progress.text.partition(",")[0]
        self.progress = progress
        if fresh:
            self._read_curve()
        self.progressed.emit()

    def _read_curve(self) -> None:
        run = self._run
        if run is not None:
            self._reading.submit(lambda *_: school.history(run), done=self._on_curve, key="curve")

    def _on_curve(self, epochs: tuple[Epoch, ...]) -> None:
        self.epochs = epochs
        self.progressed.emit()

    def _ended(self, outcome: str) -> None:
        self._job, self.state, self.outcome = None, TrainingState.IDLE, outcome
        self._read_curve()
        self.changed.emit()

    def _on_done(self, package: str) -> None:
        name = Path(package).name
        # A package in use lies in `models`; another waits in the registry until somebody promotes it.
        in_use = Path(package).parent.name == "models"
        becomes = "is in use" if in_use else "is a candidate; medvision promote puts it in use"
        self._ended(f"Trained. The package {name} {becomes}." if package else "Trained.")
        self._notifier.toast("Training has ended", f"{name or 'The run'} is ready.", "ok")

    def _on_failed(self, error: Exception) -> None:
        self._ended("It failed; what was finished is kept and can be resumed.")
        self._notifier.error(error, safe="Finished epochs are kept; the run can be resumed.")

    def _on_stopped(self) -> None:
        self._ended("Stopped. It can be resumed from its last finished epoch.")
