"""The command line's manners: exit codes, one line for a refusal, results on standard output only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from medvision_desktop import cli_bench, cli_files, cli_session
from medvision_desktop.cli import run
from medvision_desktop.errors import Cancelled, StoreUnavailable
from medvision_desktop.services import open_study
from medvision_desktop.work import Progress

Capture = pytest.CaptureFixture[str]


def test_help_and_version_are_done(capsys: Capture) -> None:
    assert run(["--help"]) == 0
    assert "analyse" in capsys.readouterr().out
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("MedVision Desktop 0.")
    assert run([]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["record"],
        ["report"],
        ["analyse"],
        ["analyse", "x", "--nonsense"],
        ["bench", "nothing"],
        ["render", "x", "--frame", "0"],
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(arguments: list[str], capsys: Capture) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "--help" in captured.err


def test_the_data_directory_may_stand_before_or_after_the_command(tmp_path: Path, capsys: Capture) -> None:
    for arguments in (["--data-dir", "{}", "models"], ["models", "--data-dir", "{}"]):
        place = tmp_path / arguments[0].strip("-")
        place.mkdir()
        (place / "settings.toml").write_text("nonsense = 1\n")
        assert run([word.format(place) for word in arguments]) == 2
        assert "nonsense" in capsys.readouterr().err


def test_a_refusal_is_one_line_with_what_why_and_what_now(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").write_text("")
    assert run(["record", "log", "--data-dir", str(tmp_path / "d")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("medvision: There is no record yet.")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("error", [Cancelled(), KeyboardInterrupt()])
def test_being_stopped_is_no_fault(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    monkeypatch.setattr(cli_files, "workbench", _raising(error))
    assert run(["index", str(tmp_path), "--data-dir", str(tmp_path)]) == 2
    assert "Stopped" in capsys.readouterr().err


def test_a_fault_of_ours_leaves_a_sheet_and_tells_no_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture, expected_log: list[object]
) -> None:
    monkeypatch.setattr(open_study, "index", _raising(KeyError("DOE^JOHN")))
    assert run(["index", str(tmp_path), "--data-dir", str(tmp_path / "d")]) == 3
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "KeyError" in captured.err
    written = [path.read_text() for path in (tmp_path / "d" / "logs").iterdir()]
    assert any('"sheet"' in text for text in written)
    assert "DOE" not in captured.err + captured.out + "".join(written)
    assert expected_log


def test_a_refusal_of_a_room_below_is_told_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    monkeypatch.setattr(cli_files, "workbench", _raising(StoreUnavailable("What.", "Why.", "Now.")))
    assert run(["index", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "medvision: What. Why. Now.\n"


def test_a_reader_that_has_enough_is_no_fault() -> None:
    program = [sys.executable, "-m", "medvision_desktop", "keys"]
    asked = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert asked.stdout is not None
    assert asked.stderr is not None
    asked.stdout.close()
    complaints = asked.stderr.read()
    asked.stderr.close()
    assert (asked.wait(), complaints) == (0, "")


def test_json_lines_are_ascii_and_refuse_what_json_has_no_word_for(capsys: Capture) -> None:
    cli_session.emit({"name": "Müller\u2028\x1b[31m"})
    line = capsys.readouterr().out
    assert line.isascii()
    assert json.loads(line)["name"] == "Müller\u2028\x1b[31m"
    with pytest.raises(ValueError, match="JSON"):
        cli_session.emit({"x": float("nan")})


def test_text_from_files_cannot_steer_the_terminal(capsys: Capture) -> None:
    cli_session.tell("a\x1b[2Jb\r\nc\u202ed")
    cli_session.complain("a\x1b[2Jb\r\nc\u202ed")
    captured = capsys.readouterr()
    assert captured.out == "a?[2Jb??c?d\n"
    assert captured.err == "medvision: a?[2Jb c?d\n"


def test_the_first_interrupt_asks_and_the_second_insists() -> None:
    before = signal.getsignal(signal.SIGINT)
    with cli_session.cancellable() as token:
        os.kill(os.getpid(), signal.SIGINT)
        assert token.cancelled
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_progress_is_for_people_only(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    cli_session.progress_line()(Progress(1, 2, "Reading headers"))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    show = cli_session.progress_line()
    show(Progress(2, 4, "Reading headers"))
    show(Progress(4, 4, "Reading headers"))
    shown = capsys.readouterr().err
    assert "Reading headers 2 of 4" in shown
    assert shown.endswith("\r\x1b[K")


def test_every_bench_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    from medvision_desktop.bench import start
    from medvision_desktop.bench.measure import summarise

    measured = summarise("start", "case", [1.0, 2.0, 3.0], "peer", [4.0, 4.0, 4.0], 12.0)
    monkeypatch.setattr(start, "measure", lambda repeats: iter([measured]))
    assert run(["bench", cli_bench.Bench.START.value, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "bench": "start",
        "case": "case",
        "ours_ms": 2.0,
        "p95_ms": 3.0,
        "peer": "peer",
        "peer_ms": 4.0,
        "ratio": 2.0,
        "peak_mb": 12.0,
        "n": 3,
    }
    assert run(["bench", "start"]) == 0
    assert "2.0 times ours" in capsys.readouterr().out


def test_keys_come_from_the_table_of_actions(capsys: Capture) -> None:
    from medvision_desktop.ui.actions import ACTIONS

    assert run(["keys", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == [action.id for action in ACTIONS]
    assert run(["keys"]) == 0
    assert "Ctrl+O" in capsys.readouterr().out


def _raising(error: BaseException) -> object:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full, on Linux")
def test_a_full_disk_behind_the_results_is_told_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        program = [sys.executable, "-m", "medvision_desktop", "keys"]
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "medvision: The results cannot be written. No space left on device. Send them to another place.\n"
    )
