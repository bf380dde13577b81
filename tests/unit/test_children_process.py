"""A child costs one request when it crashes, stalls or lies; the next request finds a new one."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from medvision_desktop.children import process
from medvision_desktop.children.process import ChildProcess
from medvision_desktop.children.serve import serve
from medvision_desktop.errors import Cancelled, ChildFailed, InputRefused
from medvision_desktop.work import CancelToken, Progress


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChildProcess]:
    def command(kind: str, descriptor: int) -> list[str]:
        return [sys.executable, "-m", "tests.helpers.child_programs", kind, str(descriptor)]

    monkeypatch.setattr(process, "command", command)
    made = ChildProcess("test")
    yield made
    made.close()


def test_a_request_brings_back_words_and_arrays(child: ChildProcess) -> None:
    sent = np.arange(12, dtype=np.int16).reshape(3, 4)
    answer, arrays = child.request("echo", {"k": [1, "ä"]}, {"a": sent})
    assert answer["given"] == {"k": [1, "ä"]}
    assert np.array_equal(arrays["a"], sent)


def test_one_child_serves_many_requests(child: ChildProcess) -> None:
    pids = {child.request("echo")[0]["pid"] for _ in range(5)}
    assert pids == {child.pid}
    assert child.pid != os.getpid()


def test_progress_arrives_in_order(child: ChildProcess) -> None:
    seen: list[Progress] = []
    child.request("count", {"steps": 5}, progress=seen.append)
    assert [report.done for report in seen] == [1, 2, 3, 4, 5]
    assert seen[-1].fraction == 1.0


def test_a_held_request_stands_still_until_it_is_let_go(child: ChildProcess) -> None:
    token, seen = CancelToken(), []

    def watch(report: Progress) -> None:
        seen.append(report.done)
        if report.done == 2:
            token.hold()
            later.start()

    at_release: list[int] = []

    def go_on() -> None:
        at_release.extend(seen)
        token.release()

    later = threading.Timer(0.5, go_on)
    child.request("walk", {"steps": 30}, progress=watch, cancel=token)
    later.join()
    assert seen == list(range(1, 31))
    assert len(at_release) < 30


def test_a_held_request_can_be_stopped(child: ChildProcess) -> None:
    token = CancelToken()

    def watch(report: Progress) -> None:
        if report.done == 2:
            token.hold()
            threading.Timer(0.2, token.cancel).start()

    with pytest.raises(Cancelled):
        child.request("walk", {"steps": 1000}, progress=watch, cancel=token)


def test_a_refusal_crosses_with_its_three_sentences(child: ChildProcess) -> None:
    with pytest.raises(InputRefused) as caught:
        child.request("refuse")
    assert (caught.value.what, caught.value.why, caught.value.now) == (
        "It cannot be read.",
        "It is short.",
        "Leave it out.",
    )


def test_a_fault_in_the_child_brings_its_type_and_not_its_text(child: ChildProcess) -> None:
    with pytest.raises(ChildFailed) as caught:
        child.request("fault", {"secret": "DOE^JOHN"})
    assert caught.value.why == "Its fault was KeyError."
    assert "DOE" not in str(caught.value)
    assert child.request("echo")[0]["given"] == {}


def test_a_panic_that_is_no_exception_costs_one_request(child: ChildProcess) -> None:
    with pytest.raises(ChildFailed):
        child.request("panic")
    assert child.request("echo")[0]["pid"] == child.pid


@pytest.mark.parametrize(("operation", "sign"), [("abort", "SIGABRT"), ("leave", "5")])
def test_a_child_that_dies_is_named_and_replaced(child: ChildProcess, operation: str, sign: str) -> None:
    before = child.request("echo")[0]["pid"]
    with pytest.raises(ChildFailed, match=sign):
        child.request(operation)
    assert child.request("echo")[0]["pid"] != before


def test_a_child_that_is_killed_from_outside_is_replaced(child: ChildProcess) -> None:
    before = child.request("echo")[0]["pid"]
    os.kill(before, 9)
    # A process of several threads is only gone when the last of them is.
    assert child._process is not None
    child._process.wait(timeout=10)
    assert child.request("echo")[0]["pid"] != before


def test_an_operation_that_does_not_exist_is_a_failure_of_one_request(child: ChildProcess) -> None:
    with pytest.raises(ChildFailed):
        child.request("nonsense")
    assert child.request("echo")[0]["given"] == {}


def test_polite_work_stops_when_asked_and_the_child_lives_on(child: ChildProcess) -> None:
    pid = child.request("echo")[0]["pid"]
    token = CancelToken()
    with pytest.raises(Cancelled):
        child.request("polite", progress=lambda report: token.cancel(), cancel=token)
    assert child.request("echo")[0]["pid"] == pid


def test_deaf_work_is_killed_after_a_moment(child: ChildProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_CANCEL_GRACE_S", 0.2)
    token = CancelToken()
    with pytest.raises(Cancelled):
        child.request("deaf", progress=lambda report: token.cancel(), cancel=token)
    assert child.pid is None


def test_work_past_its_time_limit_is_killed_and_said_so(child: ChildProcess) -> None:
    child.request("echo")
    with pytest.raises(ChildFailed, match=r"0\.3 s"):
        child.request("deaf", timeout_s=0.3)
    assert child.request("echo")[0]["given"] == {}


def test_a_cancelled_token_starts_no_child(child: ChildProcess) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        child.request("echo", cancel=token)
    assert child.pid is None


def test_another_thread_can_end_the_child_under_a_request(child: ChildProcess) -> None:
    started = threading.Event()
    failures: list[Exception] = []

    def ask() -> None:
        try:
            child.request("deaf", progress=lambda report: started.set())
        except ChildFailed as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert started.wait(20)
    child.kill()
    asking.join()
    assert len(failures) == 1


def test_requests_from_two_threads_follow_one_another(child: ChildProcess) -> None:
    answers: list[int] = []

    def ask(number: int) -> None:
        answers.append(child.request("echo", {"n": number})[0]["given"]["n"])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(6))


def test_closing_ends_the_child_and_may_be_done_twice(child: ChildProcess) -> None:
    pid = child.request("echo")[0]["pid"]
    child.close()
    child.close()
    assert not psutil.pid_exists(pid)


def test_what_the_child_prints_goes_nowhere(child: ChildProcess, capfd: pytest.CaptureFixture[str]) -> None:
    child.request("noise", {"secret": "DOE^JOHN"})
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_a_program_that_cannot_be_started_is_a_failure_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "command", lambda kind, descriptor: ["/nowhere/python"])
    child = ChildProcess("test")
    with pytest.raises(ChildFailed, match="could not be started"):
        child.request("echo")


def test_an_unknown_kind_of_child_ends_at_once() -> None:
    assert serve("nonsense", 0) == 2


def test_a_source_tree_and_a_frozen_build_start_children_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    assert process.command("decode", 7)[-3:] == ["child", "decode", "7"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert process.command("decode", 7) == [sys.executable, "child", "decode", "7"]
