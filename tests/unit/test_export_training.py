"""What readers decided leaves as a set to train on, with nothing of the patient, and is a source again."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset

from medvision_desktop.audit.schema import EventKind
from medvision_desktop.cli import run as command
from medvision_desktop.domain.findings import Decision, LabelScore, ReviewState
from medvision_desktop.domain.provenance import InputRef
from medvision_desktop.errors import ExportFailed, InputRefused
from medvision_desktop.exports import training_set
from medvision_desktop.modelkit.preprocess import display_gray
from medvision_desktop.paths import Locations
from medvision_desktop.pixels.digest import pixel_digest
from medvision_desktop.services import review
from medvision_desktop.services.analyse_record import record_analysis
from medvision_desktop.services.export_training import TrainingExport, export_training
from medvision_desktop.services.ingest import study_opened
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings
from medvision_desktop.training import sources
from medvision_desktop.training.recipe import Recipe
from tests.helpers import dicom_files, record_cases

CANARY = "CANARY^PATIENT"
FILM = "1.2.840.10008.5.1.4.1.1.1.1"


def _film(folder: Path, person: int, **elements: object) -> Path:
    random = np.random.default_rng(person)
    dataset: Dataset = dicom_files.ct(
        random.integers(0, 2000, (24, 20)).astype(np.int16), number=person, **elements
    )
    dataset.SOPClassUID, dataset.Modality, dataset.ViewPosition = FILM, "DX", "PA"
    dataset.SOPInstanceUID = f"1.2.3.{person}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.{person}", f"1.2.{person}.1"
    dataset.PatientName, dataset.PatientID = f"{CANARY}{person}", f"CANARY-{person}"
    dataset.PatientBirthDate = "19400305"
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dicom_files.write(dataset, folder / f"film{person}.dcm")


@pytest.fixture
def bench(locations: Locations) -> Iterator[Workbench]:
    made = Workbench(Settings(), locations)
    yield made
    made.close()


def _analysed(bench: Workbench, folder: Path, **scores: float) -> tuple[str, dict[str, str]]:
    """Open and analyse the only film in a folder; its study and the finding of each label."""
    (study,) = index([folder], scratch=folder / "scratch").studies
    (series,) = study.series
    frame = open_series(study, series, decoder=bench.decoder).stack.frames[0]
    study_opened(bench.store, study, series, reader="Dr A")
    given = record_cases.result(*scores.items(), maps=False)
    assert given.manifest is not None
    seen = InputRef(pixel_digest(frame.stored), frame.rows, frame.columns, frame.sop_instance_uid, 1)
    given = replace(
        given,
        labels=tuple(LabelScore(name, p, p, 0.5, p >= 0.5) for name, p in scores.items()),
        manifest=replace(given.manifest, inputs=(seen,)),
    )
    record_analysis(bench.store, study.key, series.uid, frame.sop_instance_uid, given, "Dr A")
    found = review.findings(bench.store, study.key)
    return study.key, {finding.label: finding.id for finding in found}


def _decide(bench: Workbench, finding: str, state: ReviewState, label: str = "") -> None:
    review.decide(bench.store, finding, Decision(state, label=label, reason="seen"), reader="Dr A")


@pytest.fixture
def films(bench: Workbench, tmp_path: Path) -> Path:
    """Three people: one rejected, one accepted with another label added, one let be."""
    folder = tmp_path / "films"
    for person in (1, 2, 3):
        _film(folder / str(person), person)
    _, first = _analysed(bench, folder / "1", Pneumonia=0.9, Effusion=0.1)
    _decide(bench, first["Pneumonia"], ReviewState.REJECTED)
    study, second = _analysed(bench, folder / "2", Pneumonia=0.8, Effusion=0.2)
    _decide(bench, second["Pneumonia"], ReviewState.ACCEPTED)
    for label in ("Effusion", "Mr Canary fell"):
        review.add_finding(bench.store, study, Decision(ReviewState.ADDED, label=label), reader="Dr A")
    _analysed(bench, folder / "3", Pneumonia=0.55, Effusion=0.3)
    return folder


def _export(bench: Workbench, films: Path, out: Path, **more: bool) -> TrainingExport:
    return export_training(bench, [films], out, scratch=out.parent / "scratch", **more)


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "cases.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_the_disagreements_come_first_and_each_answer_is_the_readers(
    bench: Workbench, films: Path, tmp_path: Path
) -> None:
    found = _export(bench, films, tmp_path / "out")
    told = [
        (row["label"], row["decision"], row["answer"], row["disagreement"])
        for row in _rows(tmp_path / "out")
    ]
    assert told == [
        ("Effusion", "pending", "", ""),
        ("Pneumonia", "rejected", "0", "0.900000"),
        ("Effusion", "added", "1", "0.800000"),
        ("Pneumonia", "accepted", "1", "0.200000"),
        ("Effusion", "pending", "", ""),
        ("Pneumonia", "pending", "", ""),
    ]
    assert vars(found.written) == {"images": 3, "people": 3, "answers": 3, "against": 2}
    assert found.left_out == ()


def test_the_pictures_are_what_the_network_is_shown(bench: Workbench, films: Path, tmp_path: Path) -> None:
    _export(bench, films, tmp_path / "out")
    name = _rows(tmp_path / "out")[0]["image"]
    path = tmp_path / "out" / "images" / name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    (study,) = index([films / "1"], scratch=tmp_path / "s").studies
    frame = open_series(study, study.series[0], decoder=bench.decoder).stack.frames[0]
    wanted = np.rint(display_gray(frame) * 255)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), wanted)


def test_nothing_of_the_patient_and_nothing_that_was_typed_leaves(
    bench: Workbench, films: Path, tmp_path: Path
) -> None:
    _export(bench, films, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        content = path.read_bytes().lower() if path.is_file() else b""
        assert b"canary" not in content
        assert b"1.2.3." not in content
        assert b"1940" not in content
    with bench.store.reading() as tx:
        entries = list(tx.entries())
    assert entries[-1].kind == EventKind.EXPORT_WRITTEN.value
    assert entries[-1].data["images"] == 3
    pseudonyms = {entry.data["patient"]["id"] for entry in entries if entry.kind == "StudyOpened"}
    assert not pseudonyms & {row["person"] for row in _rows(tmp_path / "out")}


def test_an_export_is_a_source_that_knows_what_nobody_answered(
    bench: Workbench, films: Path, tmp_path: Path
) -> None:
    _export(bench, films, tmp_path / "out")
    recipe = Recipe("x", "efficientnet-b0", "medvision-export", ".", ("Effusion", "Pneumonia"))
    items = sources.read(recipe, tmp_path / "out")
    np.testing.assert_array_equal(sources.truth(items, 2, softmax=False), [[-1, 0], [1, 1]])
    assert [item.stratum for item in items] == ["view PA", "view PA"]
    assert len(sources.read(replace(recipe, at_most=1), tmp_path / "out")) == 1
    one = sources.read(replace(recipe, labels=("pneumonia",)), tmp_path / "out")
    np.testing.assert_array_equal(sources.truth(one, 1, softmax=False), [[0], [1]])
    with pytest.raises(InputRefused, match="no answer"):
        sources.read(replace(recipe, labels=("Hernia",)), tmp_path / "out")


def test_images_that_may_hold_letters_stay_unless_somebody_looked(bench: Workbench, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    _film(folder, 4, BurnedInAnnotation="YES")
    _, found = _analysed(bench, folder, Pneumonia=0.9)
    _decide(bench, found["Pneumonia"], ReviewState.ACCEPTED)
    with pytest.raises(InputRefused, match="Letters may stand"):
        _export(bench, folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert _export(bench, folder, tmp_path / "out", unmarked=True).written.images == 1


def test_pixels_that_are_not_those_of_the_run_are_left_out(
    bench: Workbench, films: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(99)
    other = dicom_files.ct(random.integers(0, 2000, (24, 20)).astype(np.int16))
    for name in (
        "SOPClassUID",
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "PatientID",
        "PatientName",
    ):
        import pydicom

        setattr(other, name, getattr(pydicom.dcmread(films / "1" / "film1.dcm"), name))
    dicom_files.write(other, films / "1" / "film1.dcm")
    found = _export(bench, films, tmp_path / "out")
    assert found.written.images == 2
    assert found.left_out == (("The pixels are not those that were analysed.", 1),)


def test_an_overridden_suggestion_is_the_other_label_or_the_same_described_better(
    bench: Workbench, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    _film(folder, 5)
    _, found = _analysed(bench, folder, Pneumonia=0.9, Effusion=0.2)
    _decide(bench, found["Pneumonia"], ReviewState.OVERRIDDEN, "Effusion")
    _export(bench, folder, tmp_path / "one")
    assert {row["label"]: row["answer"] for row in _rows(tmp_path / "one")} == {
        "Pneumonia": "0",
        "Effusion": "1",
    }
    _decide(bench, found["Pneumonia"], ReviewState.OVERRIDDEN, "Pneumonia")
    _export(bench, folder, tmp_path / "two")
    assert {row["label"]: row["answer"] for row in _rows(tmp_path / "two")} == {
        "Pneumonia": "1",
        "Effusion": "",
    }


def test_a_signed_report_lets_stand_what_was_clearly_negative() -> None:
    def said(state: ReviewState, *, positive: bool = False, signed: bool = True) -> tuple[str, bool | None]:
        return training_set.answered(state, positive=positive, uncertain=False, signed=signed)

    assert said(ReviewState.PENDING) == ("let stand", False)
    assert said(ReviewState.PENDING, positive=True) == ("pending", None)
    assert said(ReviewState.PENDING, signed=False) == ("pending", None)
    assert said(ReviewState.LEFT_UNDECIDED) == ("left undecided", None)


def test_a_folder_that_holds_something_is_not_written_over(
    bench: Workbench, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ExportFailed, match="not empty"):
        _export(bench, films, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_the_command_exports_and_says_what_stayed(
    bench: Workbench, films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(bench.locations.data)
    bench.close()
    arguments = ["export-training", str(films), "--out", str(tmp_path / "out"), "--data-dir", data]
    assert command([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["images"], said["against"], said["left_out"]) == (3, 2, {})
    assert (
        command(
            ["export-training", str(tmp_path / "none"), "--out", str(tmp_path / "b"), "--data-dir", data]
        )
        == 2
    )
    assert "nothing to export" in capsys.readouterr().err
