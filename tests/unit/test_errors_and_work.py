"""Progress, cancelling, and errors that say what, why and what now."""

from __future__ import annotations

import inspect
import threading

import pytest

from medvision_desktop import errors
from medvision_desktop.errors import Cancelled, InputRefused, MedVisionError
from medvision_desktop.work import CancelToken, Progress, no_progress

KINDS = [
    kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, MedVisionError)
]


@pytest.mark.parametrize(
    ("progress", "fraction"),
    [(Progress(1, 4), 0.25), (Progress(9, 4), 1.0), (Progress(3, 0), None), (Progress(), None)],
)
def test_a_fraction_is_known_only_where_the_total_is(progress: Progress, fraction: float | None) -> None:
    assert progress.fraction == fraction


def test_a_token_is_set_once_and_seen_by_every_thread() -> None:
    token = CancelToken()
    token.check()
    assert not token.cancelled
    other = threading.Thread(target=token.cancel)
    other.start()
    other.join()
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.check()
    token.cancel()
    assert token.cancelled


def test_nobody_watching_is_no_fault() -> None:
    assert no_progress(Progress(1, 2, "x")) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_says_what_why_and_what_now_in_one_line(kind: type[MedVisionError]) -> None:
    error = kind("What.", "Why.", "Now.")
    assert str(error) == "What. Why. Now."
    assert (error.what, error.why, error.now) == ("What.", "Why.", "Now.")


def test_what_is_not_known_is_left_out() -> None:
    assert str(InputRefused("What.", now="Now.")) == "What. Now."


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_names_every_error(kind: type[MedVisionError]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__


def test_cancelling_is_no_error() -> None:
    assert not issubclass(Cancelled, MedVisionError)
    assert "Cancelled" in (errors.__doc__ or "")


def test_held_work_waits_until_it_is_let_go() -> None:
    token, passed = CancelToken(), threading.Event()
    token.hold()

    def step() -> None:
        token.check()
        passed.set()

    worker = threading.Thread(target=step)
    worker.start()
    assert not passed.wait(0.1)
    assert token.held
    token.release()
    assert passed.wait(5)
    worker.join()
    assert not token.held


def test_held_work_can_be_stopped_and_stopped_work_cannot_be_held() -> None:
    token = CancelToken()
    token.hold()
    token.cancel()
    with pytest.raises(Cancelled):
        token.check()
    token.hold()
    assert not token.held
