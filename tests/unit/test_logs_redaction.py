"""No name, number or path of a patient reaches a log, whoever logs it."""

from __future__ import annotations

import ast
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop import logs
from medvision_desktop.errors import InputRefused
from medvision_desktop.privacy import redact

PACKAGE = Path(logs.__file__).parent
CANARY = "DOE^JOHN 19400305"


@pytest.fixture
def written(tmp_path: Path, expected_log: list[logging.LogRecord]) -> Iterator[Path]:
    end = logs.begin(tmp_path, "DEBUG")
    yield tmp_path / logs.FILE_NAME
    end()


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_our_template_is_written_and_values_that_are_not_numbers_are_withheld(written: Path) -> None:
    logging.getLogger("medvision_desktop.io").info("opened %d files of %s in %.1f s", 3, CANARY, 1.25)
    assert lines(written)[0]["event"] == "opened 3 files of (withheld) in 1.2 s"


def test_words_that_the_code_vouches_for_are_written(written: Path) -> None:
    logging.getLogger("medvision_desktop.x").info("runs on %s", redact.Plain("OpenVINO CPU"))
    assert lines(written)[0]["event"] == "runs on OpenVINO CPU"


def test_the_text_of_a_library_is_never_written(written: Path) -> None:
    logging.getLogger("some_library").warning("Invalid value for VR PN: %s", CANARY)
    logging.getLogger("medvision_desktop_lookalike").warning(CANARY)
    warnings.resetwarnings()
    warnings.warn(CANARY, UserWarning, stacklevel=1)
    text = written.read_text(encoding="utf-8")
    assert "DOE" not in text
    assert "Invalid" not in text
    assert [entry["logger"] for entry in lines(written)] == [
        "some_library",
        "medvision_desktop_lookalike",
        "py.warnings",
    ]


def test_small_talk_of_libraries_makes_no_lines(written: Path) -> None:
    logging.getLogger("some_library").info("hello")
    logging.getLogger("medvision_desktop.x").info("hello")
    assert [entry["logger"] for entry in lines(written)] == ["medvision_desktop.x"]


def test_an_exception_leaves_its_type_and_our_places_but_not_its_text(written: Path) -> None:
    try:
        redact.message(None, CANARY)  # type: ignore[arg-type]
    except AttributeError:
        logging.getLogger("medvision_desktop.x").exception("it broke")
    entry = lines(written)[0]
    assert entry["error"] == "AttributeError"
    places = entry["places"]
    assert isinstance(places, list)
    assert places[0].startswith("privacy/redact.py:")
    assert places[0].endswith(":message")
    assert "DOE" not in written.read_text(encoding="utf-8")


def test_an_exception_given_as_the_message_leaves_only_its_type(written: Path) -> None:
    logging.getLogger("medvision_desktop.x").error(InputRefused(CANARY))
    assert lines(written)[0]["event"] == "InputRefused"


def test_fields_outside_the_table_are_counted_and_dropped(written: Path) -> None:
    fields = {"patient": CANARY, "files": 3, "model": "chest-pneumonia", "state": CANARY, "seconds": CANARY}
    logging.getLogger("medvision_desktop.x").info("done", extra=fields)
    entry = lines(written)[0]
    assert entry["files"] == 3
    assert entry["model"] == "chest-pneumonia"
    assert entry["withheld"] == 3
    assert "DOE" not in written.read_text(encoding="utf-8")


def test_every_line_carries_the_run_and_the_correlation_of_its_job(written: Path) -> None:
    log = logging.getLogger("medvision_desktop.x")
    with logs.correlation() as first:
        log.info("one")
        log.info("two")
    with logs.correlation("chosen"):
        log.info("three")
    log.info("four")
    entries = lines(written)
    assert [entry["correlation"] for entry in entries] == [first, first, "chosen", ""]
    assert len({entry["run"] for entry in entries}) == 1


def test_time_is_utc_with_a_z(written: Path) -> None:
    logging.getLogger("medvision_desktop.x").info("now")
    assert str(lines(written)[0]["at"]).endswith("Z")


@given(st.one_of(st.text(), st.binary(), st.lists(st.text()), st.dictionaries(st.text(), st.text())))
def test_no_argument_that_is_text_is_ever_filled_in(argument: object) -> None:
    arguments = (argument, 7)
    record = logging.LogRecord(
        "medvision_desktop.x", logging.INFO, "f", 1, "read %s of %d", arguments, None
    )
    assert redact.message(record, "medvision_desktop") == "read (withheld) of 7"


def test_every_message_that_our_code_logs_is_a_literal() -> None:
    """A template made at run time could hold anything; the redaction relies on this."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            of = node.func.value
            name = of.id if isinstance(of, ast.Name) else ""
            levels = ("debug", "info", "warning", "error", "exception", "critical")
            if node.func.attr not in levels or name not in ("_log", "log", "logger", "_logger", "LOG"):
                continue
            first = node.args[0] if node.args else None
            if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert not wrong, f"messages made at run time: {wrong}"
