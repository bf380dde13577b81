"""Runs that end before their time: stopped by the reader, or with the process that computed them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from medvision_desktop.domain.findings import AnalysisState
from medvision_desktop.services import review
from medvision_desktop.services.verify import verify
from medvision_desktop.ui.viewmodels.finding_rows import RowState, RunState
from tests.helpers.sitting import SHIFT, Sitting

Sit = Callable[..., Sitting]
Folder = Callable[..., Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are held by signals here")


def _held_run(sitting: Sitting) -> int:
    """A run whose process is held in the middle; its process id."""
    host = sitting.room.bench.host
    assert host.pid is not None, "the host is warm once a study is open"
    os.kill(host.pid, signal.SIGSTOP)
    asked = host._child._next_id
    sitting.key(Qt.Key.Key_F5)
    sitting.wait(lambda: host._child._next_id > asked)  # the request is on its way to the process
    (row,) = sitting.room.findings_pane.list.rows
    assert row.row.state is RowState.RUNNING
    assert sitting.chips()[0].startswith("Running")
    return host.pid


@pytest.mark.parametrize("by", ["key", "button"])
def test_a_stopped_run_leaves_no_score_and_can_be_started_again(
    sit_down: Sit, folder: Folder, by: str
) -> None:
    sitting = sit_down()
    sitting.open(folder("RG1_UNCR.dcm"))
    held = _held_run(sitting)
    findings = sitting.room.findings
    if by == "key":
        sitting.key(Qt.Key.Key_F5, SHIFT)
    else:
        sitting.click(sitting.room.findings_pane.stop)
    sitting.wait(lambda: findings.run_state is not RunState.RUNNING)
    sitting.settle()
    assert findings.run_state is RunState.NOT_RUN
    assert [row.state for row in findings.rows] == [RowState.NOT_RUN]
    assert sitting.toasts[-1].text == "The AI run was stopped"
    assert sitting.chips()[0] == "AI not run"
    assert review.findings(sitting.store, sitting.study_key) == ()
    kinds = [entry.kind for entry in sitting.store.entries()]
    assert kinds[-1] == "AnalysisCancelled"
    assert "AnalysisRecorded" not in kinds

    # A run that was stopped before it reached the process leaves it as it was: held by this test.
    with contextlib.suppress(ProcessLookupError):
        os.kill(held, signal.SIGCONT)
    sitting.run_ai()
    assert findings.run_state is RunState.DONE
    assert len(review.findings(sitting.store, sitting.study_key)) == 1
    assert sitting.errors == []


def test_a_killed_inference_process_is_told_with_why_and_the_window_goes_on(
    sit_down: Sit, folder: Folder
) -> None:
    sitting = sit_down()
    sitting.open(folder("RG1_UNCR.dcm"))
    os.kill(_held_run(sitting), signal.SIGKILL)
    findings = sitting.room.findings
    sitting.wait(lambda: findings.run_state is not RunState.RUNNING)
    sitting.settle()
    assert findings.run_state is RunState.FAILED
    (row,) = findings.rows
    assert (row.state, row.score) == (RowState.FAILED, None)
    assert "SIGKILL" in row.note
    (error,) = sitting.errors
    assert "SIGKILL" in error.why
    assert error.now
    assert error.safe
    sheet = sitting.room.errors.sheet
    assert sheet is not None
    assert sheet.isVisible()
    assert sitting.chips()[0] == "AI failed"
    (run,) = review.analyses(sitting.store, sitting.study_key)
    assert (run.state, run.labels) == (AnalysisState.FAILED, ())

    # The window lives: the image inverts, the sheet offers another run, and another process takes over.
    before = sitting.pixels(0)
    sitting.room.grid.focus_active()
    sitting.key(Qt.Key.Key_I)
    assert (sitting.pixels(0) != before).any()
    sitting.click(sheet.retry)
    sitting.wait(lambda: findings.run_state is RunState.DONE)
    sitting.settle()
    assert findings.rows[0].score is not None
    assert verify(sitting.store).ok
