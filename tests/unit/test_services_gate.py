"""The header gate: what a header rules out is refused, what it leaves open is a doubt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.domain.study import Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.inference.runner import UNLIKE
from medvision_desktop.modelkit.manifest import Manifest, Wanted
from medvision_desktop.services import gate
from medvision_desktop.services.gate import age_years, header_gate

WANTED = Wanted(
    text="Frontal chest film, PA or AP",
    modalities=("CR", "DX"),
    body_parts=("CHEST", "THORAX"),
    views=("PA", "AP"),
    age_years=(1, 5),
    pixel_gate="chest-gate",
)
MANIFEST = cast("Manifest", SimpleNamespace(wanted=WANTED))
SERIES = SeriesRef("1.2", SourceKind.DICOM, (), modality="CR", body_part="CHEST", view_position="PA")
STUDY = StudyRef("1", Patient(birth_date="2001-03-01"), (SERIES,), date="2004-08-26", age="003Y")
PICTURE = SeriesRef("x", SourceKind.RASTER, ())


def _frame(photometric: Photometric = Photometric.MONOCHROME2) -> Frame:
    stored = np.random.default_rng(0).integers(0, 4096, (300, 280)).astype(np.uint16)
    return Frame(stored, photometric, bits_stored=12)


def test_a_chest_film_of_a_child_passes_without_a_doubt() -> None:
    report = header_gate(STUDY, SERIES, _frame(), MANIFEST)
    assert report.ok
    assert report.reasons == ()
    assert report.wanted == "Frontal chest film, PA or AP"
    assert report.given == "CR CHEST PA"


def test_every_check_has_its_line_and_the_picture_question_is_left_open() -> None:
    report = header_gate(STUDY, SERIES, _frame(Photometric.MONOCHROME1), MANIFEST)
    assert {check.name: check.passed for check in report.checks} == {
        "Pixels readable": True,
        "Polarity": True,
        "Not clipped": True,
        "Modality": True,
        "Body part": True,
        "Looks like a chest film": None,
        "View": True,
        "Age": True,
    }
    details = {check.name: check.detail for check in report.checks}
    assert details["Pixels readable"] == "280 × 300, 12 bit"
    assert details["Polarity"] == "MONOCHROME1, inverted"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"modality": "CT"}, "wrong_modality"),
        ({"modality": "MR"}, "wrong_modality"),
        ({"body_part": "EXTREMITY"}, "wrong_body_part"),
        ({"body_part": "SKULL"}, "wrong_body_part"),
        ({"view_position": "LL"}, "wrong_view"),
        ({"view_position": "LATERAL"}, "wrong_view"),
    ],
)
def test_what_the_header_rules_out_is_refused(change: dict[str, str], reason: str) -> None:
    report = header_gate(STUDY, replace(SERIES, **cast("Any", change)), _frame(), MANIFEST)
    assert not report.ok
    assert reason in report.reasons


@pytest.mark.parametrize("part", ["CHEST", "Chest PA", "PORT CHEST", "THORAX"])
def test_makers_write_the_body_part_as_they_like(part: str) -> None:
    assert header_gate(STUDY, replace(SERIES, body_part=part), _frame(), MANIFEST).ok


def test_an_adult_passes_with_a_doubt() -> None:
    adult = replace(STUDY, age="", patient=Patient(birth_date="1940-03-05"))
    report = header_gate(adult, SERIES, _frame(), MANIFEST)
    assert report.ok
    assert report.reasons == ("age_outside_training",)


def test_a_silent_header_is_a_doubt_and_not_a_refusal() -> None:
    silent = replace(SERIES, modality="", body_part="", view_position="")
    report = header_gate(replace(STUDY, age="", date=""), silent, _frame(), MANIFEST)
    assert report.ok
    assert set(report.reasons) == {"modality_unknown", "age_unknown"}


def test_a_picture_without_a_header_passes_and_says_so_once() -> None:
    report = header_gate(replace(STUDY, age="", date=""), PICTURE, _frame(), MANIFEST)
    assert report.ok
    assert report.reasons == ("no_header",)
    assert report.given == "A picture without a header, 280 × 300"


def test_an_empty_or_tiny_picture_cannot_be_read() -> None:
    for stored in (np.full((200, 200), 7, np.uint8), np.eye(20, dtype=np.uint8)):
        report = header_gate(STUDY, SERIES, Frame(stored, bits_stored=8), MANIFEST)
        assert not report.ok
        assert report.reasons == ("pixels_unreadable",)


def test_a_film_that_is_mostly_at_its_limits_is_doubted() -> None:
    stored = np.full((200, 200), 4095, np.uint16)
    stored[:40] = np.arange(200)
    report = header_gate(STUDY, SERIES, Frame(stored, bits_stored=12), MANIFEST)
    assert report.ok
    assert report.reasons == ("clipped",)


@pytest.mark.parametrize(
    ("age", "born", "date", "years"),
    [
        ("064Y", "", "", 64),
        ("006M", "", "", 0.5),
        ("010D", "", "", 10 / 365.25),
        ("026W", "", "", 26 / 52.18),
        ("", "1940-03-05", "2004-08-26", 64.48),
        ("", "", "2004-08-26", None),
        ("", "2005-01-01", "2004-08-26", None),
        ("nonsense", "", "", None),
    ],
)
def test_age_comes_from_the_header_or_from_the_dates(
    age: str, born: str, date: str, years: float | None
) -> None:
    found = age_years(replace(STUDY, age=age, date=date, patient=Patient(birth_date=born)))
    assert found == (None if years is None else pytest.approx(years, abs=0.01))


def test_a_child_is_five_until_the_sixth_birthday() -> None:
    for age, reasons in (
        ("005Y", ()),
        ("006Y", ("age_outside_training",)),
        ("011M", ("age_outside_training",)),
    ):
        assert header_gate(replace(STUDY, age=age), SERIES, _frame(), MANIFEST).reasons == reasons


def test_every_reason_is_documented() -> None:
    reasons = {
        value
        for name, value in vars(gate).items()
        if name.isupper() and isinstance(value, str) and value.islower()
    }
    assert "age_outside_training" in reasons
    page = (Path(__file__).parents[2] / "docs" / "model-packages.md").read_text(encoding="utf-8")
    assert {word for word in (*reasons, UNLIKE) if f"`{word}`" not in page} == set()


HEAD = cast(
    "Manifest",
    SimpleNamespace(
        wanted=Wanted(text="MR slice of the head", modalities=("MR",), body_parts=("HEAD", "BRAIN"))
    ),
)


@pytest.mark.parametrize(
    ("described", "ok", "reasons"),
    [
        ("T1 brain axial", True, ()),
        ("SHOULDER", False, ("wrong_body_part",)),
        ("Head and neck", True, ()),
        ("routine", True, ("body_part_unknown",)),
    ],
)
def test_a_silent_body_part_is_looked_for_in_the_description(
    described: str, ok: bool, reasons: tuple[str, ...]
) -> None:
    series = replace(SERIES, modality="MR", body_part="", description="t2_tse", view_position="")
    report = header_gate(replace(STUDY, description=described), series, _frame(), HEAD)
    assert (report.ok, report.reasons) == (ok, reasons)


def test_a_model_with_a_network_that_looks_at_pixels_does_not_doubt_a_silent_body_part() -> None:
    assert header_gate(STUDY, replace(SERIES, body_part=""), _frame(), MANIFEST).reasons == ()


def test_how_much_may_lie_at_the_limits_is_the_models_to_say() -> None:
    stored = np.zeros((300, 280), np.uint16)
    stored[:100] = np.arange(1, 28001).reshape(100, 280) % 4000 + 1
    frame = Frame(stored, bits_stored=12)
    series = replace(SERIES, modality="MR", body_part="HEAD", view_position="")
    assert header_gate(STUDY, series, frame, HEAD).reasons == ("clipped",)
    dark = cast("Manifest", SimpleNamespace(wanted=replace(HEAD.wanted, clipped_share=0.8)))
    assert header_gate(STUDY, series, frame, dark).reasons == ()
