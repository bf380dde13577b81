"""The main job from the command line: analyse, decide, sign, verify; one object a line, as promised."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medvision_desktop.cli import run
from tests.helpers.dicom_files import write
from tests.helpers.report_files import item, report

Capture = pytest.CaptureFixture[str]
Sample = Callable[[str], Path]
Ask = Callable[..., tuple[int, list[dict[str, Any]], str]]

KEYS = (
    "path study series model version weights_sha256 state gate labels seconds ledger_seq".split()  # noqa: SIM905
)


@pytest.fixture
def ask(tmp_path: Path, capsys: Capture) -> Ask:
    def asked(*arguments: object) -> tuple[int, list[dict[str, Any]], str]:
        code = run([*map(str, arguments), "--json", "--data-dir", str(tmp_path / "data")])
        captured = capsys.readouterr()
        return code, [json.loads(line) for line in captured.out.splitlines()], captured.err

    return asked


def test_a_chest_film_is_analysed_with_its_doubts_and_its_map_in_source_pixels(
    ask: Ask, sample_file: Sample, tmp_path: Path
) -> None:
    film = sample_file("RG1_UNCR.dcm")
    code, lines, complaints = ask("analyse", film, "--model", "chest-pneumonia", "--cam", tmp_path / "cam")
    assert (code, complaints) == (0, "")
    (line,) = lines
    assert list(line) == KEYS
    assert line["state"] == "done"
    assert line["gate"] == {"ok": True, "reasons": ["age_outside_training"]}
    (score,) = line["labels"].values()
    assert set(score) == {"probability", "raw", "threshold", "positive"}
    assert 0 <= score["probability"] <= 1
    assert score["positive"] == (score["probability"] >= score["threshold"])
    (values,) = (np.load(path) for path in (tmp_path / "cam").glob("*.npy"))
    assert values.dtype == np.float32
    assert values.shape == (1955, 1841)
    assert 0 <= values.min() <= values.max() <= 1
    (picture,) = (tmp_path / "cam").glob("*.png")
    with Image.open(picture) as drawn:
        assert drawn.size == (1841, 1955)
    code, entries, _ = ask("record", "log")
    assert entries[line["ledger_seq"] - 1]["kind"] == "AnalysisRecorded"


def test_an_extremity_is_refused_with_and_without_its_tags(
    ask: Ask, sample_file: Sample, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.png"
    assert ask("render", sample_file("RG3_UNCR.dcm"), "--out", bare)[0] == 0
    for path in (sample_file("RG3_UNCR.dcm"), bare):
        code, lines, complaints = ask("analyse", path)
        assert code == 2
        assert complaints.count("\n") == 1
        assert lines[0]["state"] == "refused"
        assert lines[0]["gate"]["ok"] is False
        assert lines[0]["gate"]["reasons"]
        assert lines[0]["labels"] == {}
        assert lines[0]["ledger_seq"] > 0


def test_many_paths_are_one_run_and_each_has_its_line(
    ask: Ask, sample_file: Sample, tmp_path: Path
) -> None:
    (tmp_path / "bad.dcm").write_bytes(b"\0" * 200)
    code, lines, complaints = ask(
        "analyse", tmp_path / "bad.dcm", sample_file("693_UNCR.dcm"), sample_file("RG1_UNCR.dcm")
    )
    assert code == 0
    assert {Path(line["path"]).name: line["state"] for line in lines} == {
        "bad.dcm": "refused",
        "693_UNCR.dcm": "refused",
        "RG1_UNCR.dcm": "done",
    }
    assert all(list(line) == KEYS for line in lines)
    assert "2 of 3" in complaints


def test_a_copy_of_an_image_gets_a_line_of_its_own(ask: Ask, sample_file: Sample, tmp_path: Path) -> None:
    film = tmp_path / "film.png"
    assert ask("render", sample_file("RG1_UNCR.dcm"), "--out", film)[0] == 0
    shutil.copy(film, tmp_path / "copy.png")
    code, lines, complaints = ask("analyse", film, tmp_path / "copy.png")
    assert (code, complaints) == (0, "")
    assert sorted(Path(line["path"]).name for line in lines) == ["copy.png", "film.png"]
    assert lines[0]["labels"] == lines[1]["labels"]


def test_a_report_gets_a_line_that_says_what_it_is(ask: Ask, tmp_path: Path) -> None:
    write(report([item("TEXT", "Finding", TextValue="None.")]), tmp_path / "report.dcm")
    code, (line,), complaints = ask("analyse", tmp_path / "report.dcm")
    assert code == 2
    assert line["state"] == "refused"
    assert line["path"].endswith("report.dcm")
    assert "document" in complaints


def test_a_model_that_is_not_there_is_refused_before_anything_is_read(ask: Ask, tmp_path: Path) -> None:
    code, lines, complaints = ask("analyse", tmp_path / "absent.dcm", "--model", "no-such-model")
    assert (code, lines) == (2, [])
    assert "no-such-model" in complaints


def test_from_a_suggestion_to_a_signed_report_that_verifies(
    ask: Ask, sample_file: Sample, tmp_path: Path
) -> None:
    _, (result,), _ = ask("analyse", sample_file("RG1_UNCR.dcm"))
    study = result["study"]
    code, suggestions, _ = ask("record", "findings", study)
    assert code == 0
    assert [found["state"] for found in suggestions] == ["pending"]
    finding = suggestions[0]["finding"]

    if suggestions[0]["needs_decision"]:
        code, _, complaints = ask("report", "sign", study, "--reader", "Dr A")
        assert code == 2
        assert complaints.count("\n") == 1

    code, _, complaints = ask("record", "decide", finding, "reject", "--reader", "Dr A")
    assert code == 2
    assert "reason" in complaints
    code, (decided,), _ = ask(
        "record",
        "decide",
        finding,
        "override",
        "--reader",
        "Dr A",
        "--reason",
        "clear",
        "--label",
        "No opacity",
    )
    assert (code, decided["state"], decided["reader"]) == (0, "overridden", "Dr A")
    code, (added,), _ = ask(
        "record", "add", study, "Cardiomegaly", "--severity", "mild", "--reader", "Dr A"
    )
    assert (code, added["state"], added["severity"]) == (0, "added", "mild")

    code, (draft,), _ = ask("report", "write", study, "--indication", "Cough", "--reader", "Dr A")
    assert (code, draft["sections"]["indication"]) == (0, "Cough")
    assert "Cardiomegaly" in draft["sections"]["findings"]
    code, _, _ = ask("report", "preview", study, "--out", tmp_path / "draft.pdf")
    assert code == 0
    assert (tmp_path / "draft.pdf").read_bytes().startswith(b"%PDF")
    code, (signed,), complaints = ask(
        "report", "sign", study, "--reader", "Dr A", "--out", tmp_path / "r.pdf"
    )
    assert code == 0, complaints
    assert (signed["version"], signed["addendum"], signed["reader"]) == (1, False, "Dr A")
    assert Path(signed["path"]).read_bytes() == (tmp_path / "r.pdf").read_bytes()

    code, (known,), _ = ask("record", "studies")
    assert (known["study"], known["signed_version"], known["ai"]) == (study, 1, "done")
    code, shown, _ = ask("report", "show", study)
    assert [item["item"] for item in shown] == ["draft", "signed"]
    code, (verified,), _ = ask("record", "verify")
    assert (code, verified["ok"], verified["reports"]) == (0, True, 1)

    Path(signed["path"]).chmod(0o600)
    Path(signed["path"]).write_bytes(b"%PDF changed")
    code, (verified,), complaints = ask("record", "verify")
    assert (code, verified["ok"]) == (2, False)
    assert complaints.count("\n") == 1


def test_a_word_that_is_not_known_is_refused_with_those_that_are(ask: Ask, sample_file: Sample) -> None:
    ask("analyse", sample_file("RG3_UNCR.dcm"))
    code, _, complaints = ask("record", "add", "x", "y", "--laterality", "upwards", "--reader", "Dr A")
    assert code == 2
    assert "right, left, both" in complaints


def test_no_report_is_begun_for_a_study_that_nobody_opened(ask: Ask) -> None:
    code, _, complaints = ask("report", "show", "1.2.3")
    assert code == 2
    assert "1.2.3" in complaints


def test_models_say_what_they_are_for_and_damaged_ones_why_not(ask: Ask, tmp_path: Path) -> None:
    broken = tmp_path / "data" / "models" / "broken"
    broken.mkdir(parents=True)
    (broken / "manifest.toml").write_text('name = "broken"\n')
    code, lines, _ = ask("models")
    assert code == 0
    states = {line["model"]: line["state"] for line in lines}
    assert states["broken"] == "refused"
    assert states["chest-pneumonia"] == "ready"
    ready = next(line for line in lines if line["model"] == "chest-pneumonia")
    assert ready["labels"] == ["Pneumonia"]
    assert len(ready["weights_sha256"]) == 64


def test_logs_of_a_whole_journey_hold_no_patient(ask: Ask, sample_file: Sample, tmp_path: Path) -> None:
    ask("analyse", sample_file("RG1_UNCR.dcm"), sample_file("RG3_UNCR.dcm"))
    logs = tmp_path / "data" / "logs"
    text = "".join(path.read_text() for path in logs.iterdir()) if logs.exists() else ""
    for words in ("CompressedSamples", "9RG1", "1940", "RG1_UNCR", "1.3.6.1.4.1.5962"):
        assert words not in text
