"""The parser is kept quiet, and nothing else is."""

from __future__ import annotations

import logging
import threading
import warnings

import pytest

from medvision_desktop.io.dicom_faults import quiet, refused_by_parser


def test_warnings_inside_are_not_heard_and_outside_they_are() -> None:
    with quiet():
        warnings.warn("a header value", stacklevel=1)
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)


def test_threads_that_overlap_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def second() -> None:
        with quiet():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=second)
    with quiet():
        thread.start()
        inside.wait(5)
    # The first thread has left; the second is still inside and still quiet.
    warnings.warn("a header value", stacklevel=1)
    leave.set()
    thread.join()
    assert list(warnings.filters) == before


def test_the_log_of_the_parser_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("pydicom").error("a header value")
    assert caplog.records == []


def test_a_refusal_says_what_kind_of_fault_and_quotes_nothing() -> None:
    refusal = refused_by_parser(ValueError("Doe^Jane is no number"))
    assert "ValueError" in refusal.why
    assert "Doe" not in str(refusal)
