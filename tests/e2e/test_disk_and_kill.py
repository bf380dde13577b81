"""What is told to be saved is saved, and what is not is not shown: a full disk, and kill -9."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt

from medvision_desktop import paths
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import ReviewState
from medvision_desktop.paths import Locations
from medvision_desktop.services import review
from medvision_desktop.services.ingest import known_studies
from medvision_desktop.services.verify import verify
from medvision_desktop.ui.viewmodels.finding_rows import RowState, RunState
from medvision_desktop.ui.widgets.error_sheet import ErrorSheet
from tests.helpers.sitting import CTRL, READER, Sitting

Sit = Callable[..., Sitting]
Folder = Callable[..., Path]
_DISK_BYTES = 24 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes of its own."""
    mount, place = shutil.which("mount"), tmp_path / "disk"
    if sys.platform != "linux" or mount is None:
        pytest.skip("makes a small disk as Linux does")
    place.mkdir()
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("only the administrator may mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(disk).free == 0
    return ballast


def test_on_a_full_disk_nothing_is_shown_that_is_not_saved(
    small_disk: Path, sit_down: Sit, folder: Folder
) -> None:
    sitting = sit_down(paths.locate(small_disk / "data"))
    sitting.open(folder("RG1_UNCR.dcm"))
    room = sitting.room

    ballast = _fill(small_disk)
    sitting.run_ai()
    assert room.findings.run_state is RunState.FAILED
    assert [row.score for row in room.findings.rows] == [None]
    sitting.click(_told_that_the_disk_is_full(sitting).close_button)
    ballast.unlink()
    sitting.run_ai()
    (row,) = room.findings_pane.list.rows
    undecided = row.row.state
    assert row.row.score is not None

    ballast = _fill(small_disk)
    sitting.click(row)
    sitting.key(Qt.Key.Key_Return)
    sitting.settle()
    assert row.row.state is undecided
    assert sitting.decisions() == [ReviewState.PENDING]
    assert "Accepted" not in sitting.chips()
    assert not any("accepted" in toast.text for toast in sitting.toasts)
    sheet = _told_that_the_disk_is_full(sitting)
    ballast.unlink()
    sitting.click(sheet.retry)
    sitting.wait(lambda: row.row.state is RowState.ACCEPTED)
    sitting.settle()
    assert sitting.decisions() == [ReviewState.ACCEPTED]

    ballast = _fill(small_disk)
    sitting.key(Qt.Key.Key_S, CTRL)
    sitting.key(Qt.Key.Key_Return, CTRL)
    sitting.settle()
    assert room.report.signed is None
    assert not any("signed" in toast.text for toast in sitting.toasts)
    assert sitting.errors[-1].what
    assert sitting.errors[-1].now
    assert list(room.bench.locations.reports.glob("*.pdf")) == []
    ballast.unlink()
    result = verify(sitting.store)
    assert (result.ok, result.faults) == (True, ())


def _told_that_the_disk_is_full(sitting: Sitting) -> ErrorSheet:
    """The error sheet that says what, why, what is safe and what now."""
    sheet = sitting.room.errors.sheet
    assert sheet is not None
    assert sheet.isVisible()
    assert sheet.notice.what == "The record could not be written."
    assert sheet.notice.why == "The disk is full."
    assert sheet.notice.safe
    assert "Free some space" in sheet.notice.now
    return sheet


_READER_AT_WORK = """
import sys
from pathlib import Path
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from medvision_desktop import paths
from medvision_desktop.services import review
from medvision_desktop.ui.widgets.error_sheet import ErrorSheet
from tests.helpers.sitting import CTRL, Sitting

application = QApplication(["medvision"])
sitting = Sitting(paths.locate(Path(sys.argv[1])))
sitting.open(Path(sys.argv[2]))
sitting.run_ai()
(row,) = sitting.room.findings_pane.list.rows
print("child", sitting.room.bench.host.pid, flush=True)
sitting.click(row)
sitting.key(Qt.Key.Key_Return)
sitting.wait(lambda: row.row.chip == "Accepted")
print("accepted", row.row.key, flush=True)
number = 0
while True:
    number += 1
    known = len(sitting.room.findings_pane.list.rows)
    sitting.key("+")
    sitting.key(Qt.Key.Key_A, CTRL)
    sitting.type(f"Nodule {number}")
    sitting.key(Qt.Key.Key_Return, CTRL)
    sitting.wait(lambda: len(sitting.room.findings_pane.list.rows) > known)
    print("added", sitting.room.findings_pane.list.rows[-1].row.key, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 there")
def test_decisions_that_were_shown_as_saved_survive_kill_9_of_the_whole_program(
    sit_down: Sit, folder: Folder, locations: Locations
) -> None:
    command = [sys.executable, "-c", _READER_AT_WORK, str(locations.data), str(folder("RG1_UNCR.dcm"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        told = [program.stdout.readline() for _ in range(4)]
        time.sleep(0.02)
        program.kill()
        told += program.stdout.readlines()
        said = program.stderr.read()
    lines = [line.split() for line in told if line.endswith("\n")]
    assert [line[0] for line in lines[:4]] == ["child", "accepted", "added", "added"], said
    _ends(int(lines[0][1]))

    store = Store.open(locations.record)
    try:
        (study_key,) = {row.study_key for row in known_studies(store)}
        decided = {finding.id: finding for finding in review.findings(store, study_key)}
        assert {line[1] for line in lines[1:]} <= set(decided)
        assert decided[lines[1][1]].decision.state is ReviewState.ACCEPTED
        assert all(finding.reader == READER for finding in decided.values())
        assert verify(store).faults == ()
    finally:
        store.close()

    sitting = sit_down()
    sitting.click_study("CompressedSamples, RG1")
    rows = {row.row.key: row.row for row in sitting.room.findings_pane.list.rows}
    assert set(rows) == set(decided)
    assert rows[lines[1][1]].state is RowState.ACCEPTED
    assert sitting.errors == []


def _ends(pid: int) -> None:
    """A child process goes when its program is gone, however it went."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(10)
