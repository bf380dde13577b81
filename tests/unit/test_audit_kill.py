"""kill -9 at any moment: what was reported as saved is there, and the record verifies."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medvision_desktop.audit.store import Store
from medvision_desktop.services import issue_report, review
from medvision_desktop.services.verify import verify
from tests.helpers.record_cases import STUDY

# Each line is printed after the call returned; what it names must survive anything.
_DECIDER = """
import sys
from pathlib import Path
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import Decision, ReviewState
from medvision_desktop.errors import DecisionRefused
from medvision_desktop.services import review
from tests.helpers.record_cases import READER, STUDY, analysed, opened

store = Store.open(Path(sys.argv[1]), busy_timeout_s=30)
opened(store)
while True:
    seq = analysed(store, pixels=str(store.head()))
    print("analysis", seq, flush=True)
    for finding in review.findings(store, STUDY):
        if finding.needs_decision:
            try:
                review.decide(store, finding.id, Decision(ReviewState.ACCEPTED, comment="c"), reader=READER)
            except DecisionRefused:
                continue  # another program ran the model again meanwhile
            print("accepted", finding.id, flush=True)
"""

_SIGNER = """
import sys
from dataclasses import replace
from pathlib import Path
from medvision_desktop.audit.store import Store
from medvision_desktop.services import issue_report
from tests.helpers.record_cases import READER, STUDY, opened

path = Path(sys.argv[1])
store = Store.open(path)
opened(store)
while True:
    draft = issue_report.load_draft(store, STUDY)
    draft = replace(draft, sections=replace(draft.sections, impression=f"Version {draft.version}."))
    signed = issue_report.sign(
        store, draft, reader=READER, institution="", reports_dir=path.parent / "reports"
    )
    print("signed", signed.pdf_sha256, flush=True)
"""

_FILLER = """
import resource, signal, sys
from pathlib import Path
from medvision_desktop.audit.store import Store
from medvision_desktop.errors import StoreUnavailable
from tests.helpers.record_cases import analysed, opened

store = Store.open(Path(sys.argv[1]))
opened(store)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
try:
    while True:
        print("analysis", analysed(store, pixels=str(store.head())), flush=True)
except StoreUnavailable as error:
    print("told", error.what.replace(" ", "_"), flush=True)
"""


def _run_and_kill(script: str, path: Path, lines: int, pause_s: float) -> list[list[str]]:
    """Start the script, wait for some lines and a moment more, kill it; the whole lines it printed."""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        time.sleep(pause_s)
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    return [line.split() for line in told if line.endswith("\n")]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 there")
@pytest.mark.parametrize("pause_s", [0.0, 0.013, 0.05])
def test_every_decision_reported_as_saved_survives_kill_9(tmp_path: Path, pause_s: float) -> None:
    path = tmp_path / "record.sqlite3"
    told: list[list[str]] = []
    for _ in range(2):  # the second run goes on in what the first one left
        told += _run_and_kill(_DECIDER, path, 6, pause_s)
    store = Store.open(path)
    try:
        result = verify(store)
        assert (result.ok, result.faults) == (True, ())
        runs = {run.seq for run in review.analyses(store, STUDY)}
        decided = {finding.id for finding in review.findings(store, STUDY) if finding.reader}
        assert {int(name) for what, name in told if what == "analysis"} <= runs
        assert {name for what, name in told if what == "accepted"} <= decided
        assert all(review.maps(store, seq) for seq in runs)
    finally:
        store.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 there")
@pytest.mark.parametrize("pause_s", [0.0, 0.031])
def test_every_report_reported_as_signed_survives_kill_9_and_no_other_is_signed(
    tmp_path: Path, pause_s: float
) -> None:
    path = tmp_path / "record.sqlite3"
    told = _run_and_kill(_SIGNER, path, 2, pause_s)
    store = Store.open(path)
    try:
        assert verify(store).faults == ()
        reports = issue_report.reports(store, STUDY)
        assert {name for _, name in told} <= {report.pdf_sha256 for report in reports}
        for report in reports:
            assert issue_report.signed_pdf(report, tmp_path / "reports")
    finally:
        store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="limits a file's size as Linux does")
def test_a_disk_with_no_room_left_is_told_and_keeps_all_that_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite3"
    done = subprocess.run(
        [sys.executable, "-c", _FILLER, str(path)], capture_output=True, text=True, check=True, timeout=120
    )
    told = [line.split() for line in done.stdout.splitlines()]
    assert told[-1] in (["told", "The_record_could_not_be_written."],
                        ["told", "The_record_could_not_be_read_or_written."])  # fmt: skip
    assert len(told) > 3
    store = Store.open(path)
    try:
        assert verify(store).faults == ()
        assert [int(name) for _, name in told[:-1]] == sorted(
            run.seq for run in review.analyses(store, STUDY)
        )
    finally:
        store.close()


def test_two_programs_deciding_at_once_leave_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite3"
    Store.open(path).close()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _DECIDER, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert all(process.stdout.readline() for _ in range(6))
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    store = Store.open(path)
    assert verify(store).faults == ()
    store.close()
