"""Lanes: one thread and one queue each, so that the event loop is never held.

Work is `work(progress, cancel)`; it captured all it needs and mutates nothing shared. Its result,
error and progress come back as queued signals and reach plain callbacks on the GUI thread. A newer
job with the same key supersedes the older one, whose callbacks are then never called.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, QThread, Signal

from medvision_desktop.errors import Cancelled
from medvision_desktop.work import CancelToken, Progress, ProgressSink

T = TypeVar("T")
Work = Callable[[ProgressSink, CancelToken], Any]

_PROGRESS_INTERVAL_S: Final = 0.1
_CLOSE_TIMEOUT_MS: Final = 10_000


class Job(QObject):
    """One piece of work on a lane, as the GUI thread sees it."""

    progressed = Signal(object)
    ended = Signal()

    def __init__(self, lane: Lane, title: str, key: str | None, callbacks: _Callbacks) -> None:
        super().__init__()
        self.title = title
        self.key = key
        self.token = CancelToken()
        self.progress = Progress()
        self.lane_name = lane.name
        self.started_at: float | None = None
        self.callbacks: _Callbacks | None = callbacks

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` is called when it has."""
        self.token.cancel()

    @property
    def is_live(self) -> bool:
        """Whether its callbacks can still be called."""
        return self.callbacks is not None


@dataclass(frozen=True)
class _Callbacks:
    done: Callable[[Any], None]
    failed: Callable[[Exception], None] | None
    progressed: Callable[[Progress], None] | None
    cancelled: Callable[[], None] | None


@dataclass(frozen=True)
class _Failure:
    error: Exception


class _Cancelled:
    """What a thread reports when the work stopped because it was asked to."""


class _Thread(QThread):
    reported = Signal(object, object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(f"lane-{name}")
        self.queue: queue.SimpleQueue[tuple[Job, Work] | None] = queue.SimpleQueue()

    def run(self) -> None:
        threading.current_thread().name = self.objectName()
        while (item := self.queue.get()) is not None:
            job, work = item
            self.reported.emit(job, self._outcome(job, work))
            del item, job, work

    def _outcome(self, job: Job, work: Work) -> object:
        last = 0.0

        def sink(progress: Progress, /) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _PROGRESS_INTERVAL_S or (progress.total and progress.done >= progress.total):
                last = now
                self.reported.emit(job, progress)

        try:
            job.token.check()
            job.started_at = time.monotonic()
            return ("result", work(sink, job.token))
        except Cancelled:
            return _Cancelled()
        except Exception as error:  # noqa: BLE001 - reported on the GUI thread, never lost
            return _Failure(error)
        except BaseException as panic:  # noqa: BLE001 - panics of native code are not Exceptions
            return _Failure(RuntimeError(type(panic).__name__))


class Lane(QObject):
    """One background thread with one queue; jobs run in the order of submission.

    `unhandled` takes the error of a job that has no `failed` callback.
    """

    started = Signal(object)
    ended = Signal(object)

    def __init__(self, name: str, unhandled: Callable[[Exception], None]) -> None:
        super().__init__()
        self.name = name
        self._unhandled = unhandled
        self._jobs: list[Job] = []
        self._thread = _Thread(name)
        self._thread.reported.connect(self._on_report)
        self._closed = False

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Jobs waiting or running, oldest first."""
        return tuple(self._jobs)

    def submit(
        self,
        work: Callable[[ProgressSink, CancelToken], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
        progressed: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], None] | None = None,
        key: str | None = None,
        title: str = "",
    ) -> Job:
        """Queue work. With a `key`, jobs of that key still here are cancelled and go silent.

        A `title` makes the job visible in the status bar. Exactly one of `done`, `failed` and
        `cancelled` is called, on the GUI thread, unless the job is superseded or the lane closed.
        """
        job = Job(self, title, key, _Callbacks(done, failed, progressed, cancelled))
        if self._closed:
            job.callbacks = None
            return job
        if key is not None:
            for older in self._jobs:
                if older.key == key:
                    older.callbacks = None
                    older.cancel()
        self._jobs.append(job)
        if not self._thread.isRunning():
            self._thread.start()
        self._thread.queue.put((job, work))
        self.started.emit(job)
        return job

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        for job in self._jobs:
            job.cancel()

    def drain(self, timeout_s: float = 30.0) -> bool:
        """Run the event loop until every job has ended; False when time ran out."""
        deadline = time.monotonic() + timeout_s
        while self._jobs and time.monotonic() < deadline:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.002)
        return not self._jobs

    def close(self) -> None:
        """Cancel what runs, forget what waits, and end the thread."""
        if self._closed:
            return
        self._closed = True
        for job in self._jobs:
            job.callbacks = None
            job.cancel()
        self._thread.queue.put(None)
        if self._thread.isRunning():
            self._thread.wait(_CLOSE_TIMEOUT_MS)
        self._thread.reported.disconnect(self._on_report)
        self._jobs.clear()

    def _on_report(self, job: Job, report: object) -> None:
        callbacks = job.callbacks
        if isinstance(report, Progress):
            job.progress = report
            if callbacks is not None:
                job.progressed.emit(report)
                if callbacks.progressed is not None:
                    callbacks.progressed(report)
            return
        if job in self._jobs:
            self._jobs.remove(job)
        job.callbacks = None
        try:
            if callbacks is not None:
                self._deliver(callbacks, report)
        finally:
            job.ended.emit()
            self.ended.emit(job)

    def _deliver(self, callbacks: _Callbacks, report: object) -> None:
        if isinstance(report, _Cancelled):
            if callbacks.cancelled is not None:
                callbacks.cancelled()
        elif isinstance(report, _Failure):
            (callbacks.failed or self._unhandled)(report.error)
        elif isinstance(report, tuple):
            callbacks.done(report[1])


class Lanes:
    """The three lanes of the window: files, networks, record."""

    def __init__(self, unhandled: Callable[[Exception], None]) -> None:
        self.io = Lane("io", unhandled)
        self.gpu = Lane("gpu", unhandled)
        self.db = Lane("db", unhandled)

    @property
    def all(self) -> tuple[Lane, Lane, Lane]:
        """Every lane."""
        return (self.io, self.gpu, self.db)

    def drain(self, timeout_s: float = 30.0) -> bool:
        """Wait until no lane has work, also work that finished work started."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not any(lane.jobs for lane in self.all):
                return True
            for lane in self.all:
                lane.drain(max(0.0, deadline - time.monotonic()))
        return False

    def close(self) -> None:
        """End all three threads."""
        for lane in self.all:
            lane.close()
