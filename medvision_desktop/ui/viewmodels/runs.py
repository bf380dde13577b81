"""Runs under way, one a study. A run belongs to its study, not to what is on screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.errors import MedVisionError
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.workers.lane import Job, Lanes
from medvision_desktop.work import CancelToken, Progress, ProgressSink

_PERCENT_INTERVAL_S: Final = 0.5
_TOO_EARLY_TO_TELL: Final = 0.1
_SHOW_TENTHS_BELOW_S: Final = 10


@dataclass(eq=False)
class Run:
    """One run that has not ended."""

    study: StudyRef
    loaded: LoadedSeries
    model: str
    job: Job | None = None
    started: float = field(default_factory=time.monotonic)
    told: float = 0.0
    progress: Progress = Progress()

    @property
    def percent(self) -> int | None:
        """How far it is, in whole per cent; None when not known."""
        fraction = self.progress.fraction
        return None if fraction is None else int(fraction * 100)

    @property
    def time_left(self) -> str:
        """How long it will take from here ("0.4 s left"), or what it is doing."""
        fraction = self.progress.fraction
        if fraction is None or fraction < _TOO_EARLY_TO_TELL:
            return self.progress.text
        left = (time.monotonic() - self.started) * (1 - fraction) / fraction
        return f"{left:.1f} s left" if left < _SHOW_TENTHS_BELOW_S else f"{left:.0f} s left"


class Runs(QObject):
    """Starts and stops runs on the gpu lane.

    `changed` carries a study's key when its run began, moved on (at most twice a second) or ended.
    Then one of `done(Run)`, `cancelled(Run)` or `failed(Run, Exception)` follows.
    """

    changed = Signal(str)
    done = Signal(object)
    cancelled = Signal(object)
    failed = Signal(object, object)

    def __init__(self, bench: Workbench, lanes: Lanes) -> None:
        super().__init__()
        self._bench, self._lanes = bench, lanes
        self._runs: dict[str, Run] = {}
        self._failures: dict[str, str] = {}

    @property
    def studies(self) -> frozenset[str]:
        """Keys of the studies that a run is under way for."""
        return frozenset(self._runs)

    def of(self, study_key: str) -> Run | None:
        """The run of a study, or None."""
        return self._runs.get(study_key)

    def failure(self, study_key: str) -> str:
        """Why the last run of a study ended without a record of its own; empty when it did not."""
        return self._failures.get(study_key, "")

    def start(
        self,
        study: StudyRef,
        loaded: LoadedSeries,
        frame_index: int,
        model: str,
        reader: str,
        channels: Mapping[str, str] | None = None,
    ) -> None:
        """Queue a run; a study that has one already keeps it. `channels`: see `analyse`."""
        if study.key in self._runs:
            return
        run = self._runs[study.key] = Run(study, loaded, model)
        self._failures.pop(study.key, None)
        bench = self._bench

        def work(progress: ProgressSink, cancel: CancelToken) -> None:
            # Imported on the lane: what runs networks is slow to import and not for the window's thread.
            from medvision_desktop.services.analyse import analyse

            analyse(
                bench,
                loaded,
                frame_index=frame_index,
                model=model,
                reader=reader,
                channels=channels,
                progress=progress,
                cancel=cancel,
            )

        run.job = self._lanes.gpu.submit(
            work,
            done=lambda _: self._ended(run, self.done.emit),
            failed=partial(self._on_failed, run),
            progressed=partial(self._on_progress, run),
            cancelled=lambda: self._ended(run, self.cancelled.emit),
            title=f"{model} on {words.study_title(study)}",
        )
        self.changed.emit(study.key)

    def cancel(self, study_key: str) -> None:
        """Ask the run of a study to stop."""
        run = self._runs.get(study_key)
        if run is not None and run.job is not None:
            run.job.cancel()

    def _on_progress(self, run: Run, progress: Progress) -> None:
        run.progress = progress
        now = time.monotonic()
        if now - run.told >= _PERCENT_INTERVAL_S:
            run.told = now
            self.changed.emit(run.study.key)

    def _on_failed(self, run: Run, error: Exception) -> None:
        self._failures[run.study.key] = _what_failed(error)
        self._ended(run, lambda ended: self.failed.emit(ended, error))

    def _ended(self, run: Run, tell: Callable[[Run], None]) -> None:
        self._runs.pop(run.study.key, None)
        self.changed.emit(run.study.key)
        tell(run)


def _what_failed(error: Exception) -> str:
    if isinstance(error, MedVisionError):
        return " ".join(part for part in (error.what, error.why) if part)
    return "Something in the program went wrong. Nothing was stored."
