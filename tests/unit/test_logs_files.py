"""Log files: private, bounded, shared by several runs; and the sheet that a crash leaves."""

from __future__ import annotations

import json
import logging
import re
import stat
from pathlib import Path

import pytest

from medvision_desktop import logs, work
from medvision_desktop.errors import Cancelled, StoreUnavailable


def test_a_log_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    end = logs.begin(tmp_path / "logs")
    logging.getLogger("medvision_desktop.x").info("hello")
    end()
    file = tmp_path / "logs" / logs.FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_is_made_on_disk_until_something_is_logged(tmp_path: Path) -> None:
    logs.begin(tmp_path / "logs")()
    assert not (tmp_path / "logs").exists()


def test_a_long_log_moves_on_and_only_a_few_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 400)
    end = logs.begin(tmp_path)
    for number in range(100):
        logging.getLogger("medvision_desktop.x").info("line %d", number)
    end()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [
        logs.FILE_NAME,
        *(f"{logs.FILE_NAME}.{n}" for n in range(1, logs.KEPT_FILES + 1)),
    ] or kept == [f"{logs.FILE_NAME}.{n}" for n in range(1, logs.KEPT_FILES + 1)]
    newest = (tmp_path / f"{logs.FILE_NAME}.1").read_text(encoding="utf-8")
    assert "line 9" in newest


def test_two_runs_share_a_file_although_one_moves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = logs._SharedFile(tmp_path / "x.jsonl"), logs._SharedFile(tmp_path / "x.jsonl")
    record = logging.makeLogRecord({"msg": "a"})
    ours.emit(record)
    theirs.emit(record)
    (tmp_path / "x.jsonl").replace(tmp_path / "x.jsonl.1")
    ours.emit(record)
    theirs.emit(record)
    ours.close()
    theirs.close()
    assert (tmp_path / "x.jsonl").read_text() == "a\na\n"
    assert (tmp_path / "x.jsonl.1").read_text() == "a\na\n"


def test_a_folder_that_cannot_be_written_to_costs_the_log_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file, not a folder")
    end = logs.begin(tmp_path / "logs")
    logging.getLogger("medvision_desktop.x").info("lost")
    end()
    captured = capfd.readouterr()
    assert captured.err == ""


def test_the_state_of_logging_is_as_before_when_it_ends(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    logs.begin(tmp_path, "DEBUG")()
    assert (root.level, list(root.handlers)) == before


def _crash(secret: str) -> Exception:
    try:
        try:
            work.CancelToken.check(None)  # type: ignore[arg-type]
        except AttributeError as error:
            raise StoreUnavailable(secret) from error
    except StoreUnavailable as error:
        return error
    raise AssertionError


@pytest.mark.usefixtures("expected_log")
def test_a_crash_sheet_holds_types_and_our_places_but_no_text(tmp_path: Path) -> None:
    name = logs.crash_sheet(_crash("DOE^JOHN"), tmp_path)
    assert re.fullmatch(r"\d{8}-\d{4}-[0-9A-F]{2}", name)
    text = (tmp_path / f"crash-{name}.json").read_text(encoding="utf-8")
    sheet = json.loads(text)
    assert [entry["type"] for entry in sheet["errors"]] == [
        "medvision_desktop.errors.StoreUnavailable",
        "builtins.AttributeError",
    ]
    assert sheet["errors"][1]["places"][0].startswith("work.py:")
    assert "DOE" not in text
    assert str(Path.home()) not in text


@pytest.mark.usefixtures("expected_log")
def test_sheets_of_the_same_minute_have_different_names(tmp_path: Path) -> None:
    names = {logs.crash_sheet(Cancelled(), tmp_path) for _ in range(10)}
    assert len(names) == 10
    assert len(list(tmp_path.glob("crash-*.json"))) == 10


@pytest.mark.usefixtures("expected_log")
def test_old_sheets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "KEPT_SHEETS", 3)
    for _ in range(6):
        logs.crash_sheet(Cancelled(), tmp_path)
    assert len(list(tmp_path.glob("crash-*.json"))) == 3


@pytest.mark.usefixtures("expected_log")
def test_a_sheet_that_cannot_be_written_still_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert logs.crash_sheet(Cancelled(), tmp_path / "file")
