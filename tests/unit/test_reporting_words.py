"""The words that follow from decisions: what stands is said, what was rejected is not mentioned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medvision_desktop.domain.findings import (
    Decision,
    Finding,
    LabelScore,
    Laterality,
    ReviewState,
    Severity,
)
from medvision_desktop.domain.report import ReportSections
from medvision_desktop.reporting import report as words

SCORE = LabelScore("Pneumonia", 0.93, 0.9, 0.5, positive=True)


def finding(state: ReviewState, label: str = "Pneumonia", **decision: object) -> Finding:
    return Finding("1.0", "s", label, 1, None, SCORE, Decision(state, **decision))  # type: ignore[arg-type]


def test_an_accepted_suggestion_is_named_without_its_probability() -> None:
    accepted = finding(ReviewState.ACCEPTED, laterality=Laterality.RIGHT, severity=Severity.MILD)
    assert words.finding_sentence(accepted) == "Pneumonia, right, mild."


def test_an_override_uses_the_readers_words_and_comment() -> None:
    overridden = finding(
        ReviewState.OVERRIDDEN, laterality=Laterality.LEFT, location="lower zone", comment="about 2 cm"
    )
    overridden = replace(overridden, decision=replace(overridden.decision, label="Mass", reason="round"))
    assert words.finding_sentence(overridden) == "Mass, left, lower zone. About 2 cm."


@pytest.mark.parametrize("state", [ReviewState.PENDING, ReviewState.REJECTED, ReviewState.LEFT_UNDECIDED])
def test_what_does_not_stand_is_not_mentioned(state: ReviewState) -> None:
    assert words.finding_sentence(finding(state)) == ""
    assert words.prefill([finding(state)]) == ReportSections()


def test_refilling_adds_what_is_new_and_removes_what_fell_but_keeps_the_readers_own_lines() -> None:
    before = ReportSections(findings="My own sentence.\nPneumonia.", impression="Mine.")
    after = words.refilled(
        before, [finding(ReviewState.REJECTED), finding(ReviewState.ACCEPTED, label="Effusion")]
    )
    assert after == ReportSections(findings="My own sentence.\nEffusion.", impression="Mine.")


def test_refilling_twice_changes_nothing_more() -> None:
    listed = [finding(ReviewState.ACCEPTED), finding(ReviewState.ACCEPTED, label="Effusion")]
    once = words.refilled(ReportSections(), listed)
    assert words.refilled(once, listed) == once
    assert once.impression == "1 Pneumonia.\n2 Effusion."


def test_a_line_the_reader_typed_stays_while_the_suggestion_is_pending() -> None:
    typed = ReportSections(findings="Pneumonia.", impression="Pneumonia.\nCT is advised.")
    assert words.refilled(typed, [finding(ReviewState.PENDING)]) == typed


def test_an_impression_made_by_us_follows_the_decisions() -> None:
    accepted = finding(ReviewState.ACCEPTED, laterality=Laterality.RIGHT, severity=Severity.MILD)
    made = words.prefill([accepted, finding(ReviewState.ACCEPTED, label="Effusion")])
    assert made.impression == "1 Pneumonia, right, mild.\n2 Effusion."
    after = words.refilled(
        made, [finding(ReviewState.REJECTED), finding(ReviewState.ACCEPTED, label="Effusion")]
    )
    assert (after.findings, after.impression) == ("Effusion.", "Effusion.")


def test_an_impression_the_reader_wrote_into_only_loses_what_fell() -> None:
    before = ReportSections(impression="1 Pneumonia, right.\n2 CT is advised.")
    after = words.refilled(before, [finding(ReviewState.REJECTED)])
    assert after.impression == "2 CT is advised."


@pytest.mark.parametrize(
    ("text", "named"),
    [("Pneumonia, less likely.", True), ("2. pneumonia.", True), ("No pneumonia.", False), ("", False)],
)
def test_text_that_still_names_a_rejected_suggestion_is_noticed(text: str, named: bool) -> None:
    rejected = finding(ReviewState.REJECTED)
    assert words.names_what_fell(ReportSections(impression=text), rejected) is named
    assert not words.names_what_fell(ReportSections(impression=text), finding(ReviewState.ACCEPTED))


@pytest.mark.parametrize(
    ("dicom", "people"),
    [
        ("Larsen^Ingrid", "Larsen, Ingrid"),
        ("Larsen", "Larsen"),
        ("Adams^John Robert^Quincy^Rev.^B.A.", "Adams, John Robert Quincy"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou"),
        ("=山田^太郎", "山田, 太郎"),
        ("^^^", ""),
        ("", ""),
    ],
)
def test_person_names_read_as_people_write_them(dicom: str, people: str) -> None:
    assert words.person_name(dicom) == people


@pytest.mark.parametrize(
    ("codes", "title"),
    [
        (("CR", "CHEST", "PA", ""), "Chest radiograph, PA"),
        (("MR", "BRAIN", "", ""), "Brain MRI"),
        (("CT", "", "", "Abdomen routine"), "CT"),
        (("", "", "", "T1 template"), "T1 template"),
        (("", "", "", "https://example.org/data"), "Radiology examination"),
        (("OT", "", "", ""), "Radiology examination"),
    ],
)
def test_the_title_says_what_the_header_says_and_no_more(
    codes: tuple[str, str, str, str], title: str
) -> None:
    assert words.exam_title(*codes) == title


def test_dates_read_as_days_and_moments() -> None:
    assert words.day("2004-08-26") == "26 Aug 2004"
    assert words.moment("2004-08-26T18:50:12.123456Z") == "26 Aug 2004, 18:50 UTC"
    assert words.day("unknown") == "unknown"
