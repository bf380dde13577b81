"""Rows of the worklist as values: what they say, how they are found, in what order they come."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.study import InstanceRef, Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.services.ingest import StudySummary
from medvision_desktop.ui.viewmodels.jobs import time_left
from medvision_desktop.ui.viewmodels.study_rows import (
    SORTS,
    Running,
    StudyRow,
    ai_chip,
    arranged,
    found,
    has_model,
    merged,
    reading_chip,
    relaxed,
    search_text,
    series_detail,
    series_title,
)


def series(uid: str = "1.2", number: int | None = 1, frames: int = 1, **more: str) -> SeriesRef:
    instance = InstanceRef(Path("/data/a.dcm"), f"{uid}.1", number_of_frames=frames)
    return SeriesRef(uid, SourceKind.DICOM, (instance,), number=number, **more)


def study(
    key: str = "s", name: str = "Larsen, Ingrid", date: str = "2004-08-26", **more: object
) -> StudyRef:
    given: dict[str, object] = {"series": (series(modality="CR"),), "description": "Chest PA"}
    return StudyRef(key=key, patient=Patient(name, "9RG1"), date=date, **{**given, **more})


def summary(key: str = "s", **more: object) -> StudySummary:
    return StudySummary(key, Patient(), "", **more)


@pytest.mark.parametrize(
    ("known", "word", "glyph"),
    [
        (None, "AI not run", "circle-dashed"),
        (summary(), "AI not run", "circle-dashed"),
        (summary(ai="done", positives=1), "1 finding", "sparkles"),
        (summary(ai="done", positives=4), "4 findings", "sparkles"),
        (summary(ai="done"), "Negative", "sparkles"),
        (summary(ai="done", undecided=1), "Uncertain", "circle-help"),
        (summary(ai="abstained"), "AI abstained", "circle-slash"),
        (summary(ai="refused"), "AI refused", "ban"),
        (summary(ai="failed"), "AI failed", "circle-x"),
    ],
)
def test_every_ai_state_has_its_own_word_and_glyph(
    known: StudySummary | None, word: str, glyph: str
) -> None:
    chip = ai_chip(known)
    assert (chip.text, chip.glyph) == (word, glyph)


@pytest.mark.parametrize(
    ("modalities", "expected"),
    [(("CR",), True), (("US",), False), (("US", "CR"), True), (("",), True), ((), True)],
)
def test_a_study_has_a_model_where_one_is_for_a_modality_or_none_is_told(
    modalities: tuple[str, ...], expected: bool
) -> None:
    images = tuple(series(f"1.{number}", modality=name) for number, name in enumerate(modalities))
    assert has_model(study(series=images), {"CR", "DX"}) is expected


def test_a_layer_is_nothing_that_a_model_is_for() -> None:
    layer = series("1.9", modality="SEG", sop_class_uid="1.2.840.10008.5.1.4.1.1.66.4")
    assert not has_model(study(series=(series(modality="CT"), layer)), {"SEG"})


def test_without_a_model_the_chip_says_so_until_one_has_run() -> None:
    assert StudyRow(study(), 0, has_model=False).ai_chip.text == "No model"
    assert StudyRow(study(), 0, summary(), has_model=False).ai_chip.text == "No model"
    assert StudyRow(study(), 0, summary(ai="refused"), has_model=False).ai_chip.text == "AI refused"
    assert StudyRow(study(), 0, running=Running(), has_model=False).ai_chip.text == "Running"


def test_nothing_that_is_not_an_answer_looks_like_a_negative_result() -> None:
    negative = ai_chip(summary(ai="done"))
    others = [None, summary(), *(summary(ai=state) for state in ("abstained", "refused", "failed"))]
    assert all(ai_chip(other).text != negative.text for other in others)
    assert all(ai_chip(other).glyph != negative.glyph for other in others)


@pytest.mark.parametrize(
    ("known", "word"),
    [
        (None, "Unread"),
        (summary(), "Unread"),
        (summary(read=True), "Read"),
        (summary(read=True, is_draft=True), "Draft"),
        (summary(read=True, is_draft=True, signed_version=1), "Signed"),
    ],
)
def test_reading_states_go_from_unread_to_signed(known: StudySummary | None, word: str) -> None:
    assert reading_chip(known).text == word


def test_a_running_analysis_shows_how_far_it_is() -> None:
    row = StudyRow(study(), 0, running=Running(0.61))
    assert row.ai_chip.text == "Running 61 %"
    assert StudyRow(study(), 0, running=Running()).ai_chip.text == "Running"


def test_dates_read_day_month_year_and_an_unknown_date_is_absent() -> None:
    assert StudyRow(study(), 0).date_text == "26 Aug 2004"
    assert StudyRow(study(date=""), 0).date_text == ""


@pytest.mark.parametrize(
    "typed", ["lar", "INGRID", "9rg1", "2004", "26 aug 2004", "2004-08-26", "cr", "chest", "ingrid 2004"]
)
def test_a_study_is_found_by_name_number_date_modality_and_description(typed: str) -> None:
    assert found(search_text(StudyRow(study(), 0)), typed.split())


@pytest.mark.parametrize("typed", ["lar 2003", "mr", "okafor"])
def test_a_study_is_not_found_by_what_it_is_not(typed: str) -> None:
    assert not found(search_text(StudyRow(study(), 0)), typed.split())


def test_a_search_that_finds_nothing_offers_its_longest_beginning_that_does() -> None:
    rows = [StudyRow(study("a"), 0), StudyRow(study("b", "Larsen, Ole", "2010-01-01"), 1)]
    texts = [search_text(row) for row in rows]
    assert relaxed(texts, ["lar", "2003"]) == ("lar", 2)
    assert relaxed(texts, ["lar", "ole", "2003"]) == ("lar ole", 1)
    assert relaxed(texts, ["zzz"]) == ("", 0)


def test_undecided_suggestions_come_first_and_signed_studies_last() -> None:
    rows = [
        StudyRow(study("signed"), 0, summary(ai="done", positives=9, undecided=0, signed_version=1)),
        StudyRow(study("negative"), 1, summary(ai="done")),
        StudyRow(study("one"), 2, summary(ai="done", positives=1, undecided=1)),
        StudyRow(study("four"), 3, summary(ai="done", positives=4, undecided=4)),
    ]
    assert [row.key for row in arranged(rows, "priority")] == ["four", "one", "negative", "signed"]


def test_the_newest_date_comes_first_and_no_date_last() -> None:
    rows = [StudyRow(study(key, date=key), n) for n, key in enumerate(["2001-01-01", "", "2020-12-31"])]
    assert [row.key for row in arranged(rows, "date")] == ["2020-12-31", "2001-01-01", ""]


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.sampled_from([key for key, _ in SORTS]),
)
def test_every_order_keeps_every_study_once(positives: list[int], sort: str) -> None:
    rows = [
        StudyRow(study(f"s{n}", f"P{p}"), n, summary(f"s{n}", ai="done", positives=p, undecided=p))
        for n, p in enumerate(positives)
    ]
    ordered = arranged(rows, sort)
    assert sorted(row.key for row in ordered) == sorted(row.key for row in rows)
    assert arranged(ordered, sort) == ordered


def test_a_masked_row_shows_nothing_of_the_patient() -> None:
    row = StudyRow(study(), 0, alias="Patient 3")
    assert row.name == "Patient 3"
    assert "Larsen" not in row.spoken
    assert "9RG1" not in row.spoken


def test_a_study_without_a_name_is_called_by_its_number_or_description() -> None:
    assert StudyRow(study(name=""), 0).name == "9RG1"
    nameless = StudyRef("k", Patient(), (series(modality="MR"),), description="Template")
    assert StudyRow(nameless, 0).name == "Template"
    assert StudyRow(nameless, 0).what == "MR"
    assert StudyRow(StudyRef("k", Patient(), ()), 0).name == "No name given"


def test_a_picture_without_a_header_says_so() -> None:
    instance = InstanceRef(Path("/data/film.png"), "picture-1")
    raster = SeriesRef("picture-1", SourceKind.RASTER, (instance,))
    row = StudyRow(StudyRef("p", Patient(), (raster,), description="film.png"), 0)
    assert (row.name, row.what) == ("film.png", "Picture without header")


def test_two_scans_of_one_study_join_their_series_once() -> None:
    old = study(series=(series("1.1", 1), series("1.2", 2)))
    new = study(series=(series("1.2", 2, frames=9), series("1.3", 3)))  # the same file, read again
    both = merged(old, new)
    assert [one.uid for one in both.series] == ["1.1", "1.2", "1.3"]
    assert both.series[1].frame_count == 9


def test_slices_opened_one_after_another_make_up_one_series() -> None:
    def slice_of(number: int) -> StudyRef:
        one = InstanceRef(Path(f"/data/{number}.dcm"), f"1.2.3.{number}", instance_number=number)
        return study(series=(SeriesRef("1.2.3", SourceKind.DICOM, (one,), number=1),))

    whole = merged(merged(slice_of(2), slice_of(1)), slice_of(3))
    (only,) = whole.series
    assert [instance.instance_number for instance in only.instances] == [1, 2, 3]
    assert merged(whole, slice_of(2)).series[0].frame_count == 3


def test_the_readers_own_study_never_mixes_with_a_sample() -> None:
    sample = study(series=(series("1.1"),), is_sample=True)
    own = study(series=(series("1.2"),))
    assert [one.uid for one in merged(sample, own).series] == ["1.2"]


def test_a_series_without_a_description_is_called_by_body_part_and_view() -> None:
    assert series_title(series(description="T1W")) == "T1W"
    assert series_title(series(body_part="CHEST", view_position="PA", modality="CR")) == "Chest PA"
    assert series_title(series(modality="US")) == "US"
    assert series_title(series()) == "Images"


def test_a_series_tells_its_number_and_count() -> None:
    assert series_detail(series(frames=1)) == "Series 1  ·  1 image"
    assert series_detail(series(frames=28)) == "Series 1  ·  28 images"
    assert series_detail(series(number=None)) == "DICOM  ·  1 image"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "time not known yet"),
        (0.2, "1 s left"),
        (34.2, "34 s left"),
        (180, "3 min left"),
        (7200, "2.0 h left"),
    ],
)
def test_time_left_is_said_in_words(seconds: float | None, words: str) -> None:
    assert time_left(seconds) == words
