"""Lanes: work comes back on the GUI thread, stale work goes silent, nothing is left behind."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QThread
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.errors import Cancelled, InputRefused
from medvision_desktop.ui.workers.lane import Lane, Lanes
from medvision_desktop.work import CancelToken, Progress, ProgressSink


@pytest.fixture
def unhandled() -> list[Exception]:
    return []


@pytest.fixture
def lane(qapp: QCoreApplication, unhandled: list[Exception]) -> Iterator[Lane]:
    lane = Lane("test", unhandled.append)
    yield lane
    lane.close()


def test_work_runs_off_the_gui_thread_and_its_result_arrives_on_it(lane: Lane) -> None:
    gui = QThread.currentThread()
    seen: list[tuple[bool, bool]] = []

    def work(progress: ProgressSink, cancel: CancelToken) -> bool:
        return QThread.currentThread() is not gui

    lane.submit(work, done=lambda off: seen.append((off, QThread.currentThread() is gui)))
    assert lane.drain()
    assert seen == [(True, True)]


def test_jobs_run_in_the_order_of_submission(lane: Lane) -> None:
    order: list[int] = []
    for number in range(20):
        lane.submit(lambda p, c, n=number: n, done=order.append)
    assert lane.drain()
    assert order == list(range(20))


def test_a_newer_job_of_the_same_key_silences_the_older(lane: Lane) -> None:
    started, release = threading.Event(), threading.Event()
    results: list[str] = []

    def slow(progress: ProgressSink, cancel: CancelToken) -> str:
        started.set()
        release.wait(5)
        return "old"

    older = lane.submit(slow, done=results.append, key="image")
    started.wait(5)
    lane.submit(lambda p, c: "new", done=results.append, key="image")
    assert older.token.cancelled
    release.set()
    assert lane.drain()
    assert results == ["new"]


def test_a_cancelled_job_says_so_and_gives_no_result(lane: Lane) -> None:
    started = threading.Event()
    told: list[str] = []

    def work(progress: ProgressSink, cancel: CancelToken) -> None:
        started.set()
        while True:
            cancel.check()

    job = lane.submit(
        work,
        done=lambda _: told.append("done"),
        failed=lambda _: told.append("failed"),
        cancelled=lambda: told.append("cancelled"),
    )
    started.wait(5)
    job.cancel()
    assert lane.drain()
    assert told == ["cancelled"]


def test_a_job_cancelled_while_it_waits_never_starts(lane: Lane) -> None:
    started, release = threading.Event(), threading.Event()
    ran: list[str] = []

    def block(progress: ProgressSink, cancel: CancelToken) -> None:
        started.set()
        release.wait(5)

    lane.submit(block, done=lambda _: None)
    waiting = lane.submit(lambda p, c: ran.append("ran"), done=lambda _: None)
    started.wait(5)
    waiting.cancel()
    release.set()
    assert lane.drain()
    assert ran == []


def test_an_error_reaches_its_own_callback_or_the_common_one(
    lane: Lane, unhandled: list[Exception]
) -> None:
    own: list[Exception] = []

    def refuse(progress: ProgressSink, cancel: CancelToken) -> None:
        raise InputRefused("No image in this file.")

    lane.submit(refuse, done=lambda _: None, failed=own.append)
    lane.submit(refuse, done=lambda _: None)
    assert lane.drain()
    assert [type(error) for error in own] == [InputRefused]
    assert [type(error) for error in unhandled] == [InputRefused]


def test_a_panic_of_native_code_is_an_error_and_the_lane_goes_on(
    lane: Lane, unhandled: list[Exception]
) -> None:
    class PanicException(BaseException):
        pass

    def panic(progress: ProgressSink, cancel: CancelToken) -> None:
        raise PanicException

    after: list[int] = []
    lane.submit(panic, done=lambda _: None)
    lane.submit(lambda p, c: 1, done=after.append)
    assert lane.drain()
    assert str(unhandled[0]) == "PanicException"
    assert after == [1]


def test_the_last_progress_report_always_arrives(lane: Lane) -> None:
    reports: list[Progress] = []

    def work(progress: ProgressSink, cancel: CancelToken) -> None:
        for done in range(1, 1001):
            progress(Progress(done, 1000))

    lane.submit(work, done=lambda _: None, progressed=reports.append)
    assert lane.drain()
    assert reports[-1] == Progress(1000, 1000)
    assert len(reports) < 1000


def test_closing_ends_the_threads_and_silences_what_waits(qapp: QCoreApplication) -> None:
    before = threading.active_count()
    told: list[str] = []
    lanes = Lanes(lambda error: told.append("unhandled"))
    running = threading.Event()

    def endless(progress: ProgressSink, cancel: CancelToken) -> None:
        running.set()
        while not cancel.cancelled:
            pass
        raise Cancelled

    lanes.io.submit(endless, done=lambda _: told.append("done"), cancelled=lambda: told.append("cancelled"))
    lanes.io.submit(lambda p, c: 1, done=lambda _: told.append("done"))
    running.wait(5)
    lanes.close()
    QCoreApplication.processEvents()
    assert told == []
    assert threading.active_count() == before
    assert not lanes.io.submit(lambda p, c: 1, done=lambda _: told.append("late")).is_live


def test_drain_waits_for_work_that_finished_work_started(qapp: QCoreApplication) -> None:
    lanes = Lanes(lambda error: None)
    order: list[str] = []

    def then(_: object) -> None:
        order.append("io")
        lanes.db.submit(lambda p, c: None, done=lambda _: order.append("db"))

    lanes.io.submit(lambda p, c: None, done=then)
    assert lanes.drain()
    lanes.close()
    assert order == ["io", "db"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Qt's own priority does it")
def test_a_lane_and_what_it_starts_wait_where_cores_are_short(lane: Lane) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    seen: list[int] = []

    def work(progress: ProgressSink, cancel: CancelToken) -> int:
        child = threading.Thread(target=lambda: seen.append(niceness()))
        child.start()
        child.join()
        return niceness()

    own = niceness()
    lane.submit(work, done=seen.append)
    assert lane.drain()
    assert niceness() == own
    assert len(seen) == 2
    assert all(other > own for other in seen)


def test_what_is_due_after_painting_starts_when_the_window_has_painted(qtbot: QtBot) -> None:
    order: list[str] = []

    class Canvas(QWidget):
        def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
            order.append("painted")

    lane = Lane("late", lambda _: None, after_painting=True)
    canvas = Canvas()
    qtbot.addWidget(canvas)
    with qtbot.waitExposed(canvas):
        canvas.show()
    QCoreApplication.processEvents()
    order.clear()
    try:
        for number in (1, 2):
            lane.submit(lambda p, c, n=number: order.append(f"job {n}"), done=lambda _: None)
        canvas.update()  # asked for later, and yet there first
        assert lane.drain()
    finally:
        lane.close()
    assert order == ["painted", "job 1", "job 2"]


def test_what_was_held_back_until_the_window_had_painted_is_forgotten_when_the_lane_ends(
    qapp: QCoreApplication,
) -> None:
    ran: list[int] = []
    lane = Lane("late", lambda _: None, after_painting=True)
    lane.submit(lambda p, c: ran.append(1), done=lambda _: None)
    lane.close()
    QCoreApplication.processEvents()
    assert ran == []
