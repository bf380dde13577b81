"""Lanes: one thread and one queue each, so that the event loop is never held.

Work is `work(progress, cancel)`; it captured all it needs and mutates nothing shared. Its result,
error and progress come back as queued signals and reach plain callbacks on the GUI thread. A newer
job with the same key supersedes the older one, whose callbacks are then never called.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, QThread, Signal

from medvision_desktop.errors import Cancelled
from medvision_desktop.work import CancelToken, Progress, ProgressSink

T = TypeVar("T")
Work = Callable[[ProgressSink, CancelToken], Any]

_PROGRESS_INTERVAL_S: Final = 0.1
_CLOSE_TIMEOUT_MS: Final = 10_000
_NICENESS: Final = 10
_RELEASE: Final = QEvent.Type(QEvent.registerEventType())
# Below Qt.EventPriority.LowEventPriority, at which Qt posts what makes a window paint.
_AFTER_PAINTING: Final = -10


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
        _let_the_window_go_first()
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


def _let_the_window_go_first() -> None:
    """Make this thread, and the threads and processes that it starts, wait where cores are short.

    Else the window's thread waits some milliseconds for a core whenever it wants to go on. On Linux the
    priority that Qt gives a thread does nothing; there threads have a niceness of their own (sched(7)).
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class Lane(QObject):
    """One background thread with one queue; jobs run in the order of submission.

    `unhandled` takes the error of a job that has no `failed` callback. Jobs of a lane that is
    `after_painting` start when what the event loop has to do now is done: when an image has come, the
    window paints it before what else is to be done about it competes for the interpreter.
    """

    started = Signal(object)
    ended = Signal(object)

    def __init__(
        self, name: str, unhandled: Callable[[Exception], None], *, after_painting: bool = False
    ) -> None:
        super().__init__()
        self.name = name
        self._after_painting = after_painting
        self._held: deque[tuple[Job, Work]] = deque()
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
            self._thread.start(QThread.Priority.LowPriority)
        if self._after_painting:
            self._held.append((job, work))
            QCoreApplication.postEvent(self, QEvent(_RELEASE), _AFTER_PAINTING)
        else:
            self._thread.queue.put((job, work))
        self.started.emit(job)
        return job

    def customEvent(self, event: QEvent) -> None:
        """Let what was held back go."""
        if event.type() == _RELEASE and self._held:
            self._thread.queue.put(self._held.popleft())

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
        self._held.clear()
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
    """The three lanes of the window: files, networks, record.

    `unhandled` takes the error of a job that has no `failed` callback.
    """

    def __init__(self, unhandled: Callable[[Exception], None]) -> None:
        self.unhandled = unhandled
        self.io = Lane("io", unhandled)
        self.gpu = Lane("gpu", unhandled, after_painting=True)
        self.db = Lane("db", unhandled, after_painting=True)

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
