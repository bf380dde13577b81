"""Rows and words: every state has its own face, and numbers never claim more than they know."""

from __future__ import annotations

import re
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.findings import (
    Decision,
    Finding,
    GateCheck,
    GateReport,
    LabelScore,
    Laterality,
    ReviewState,
    Severity,
    probability_text,
)
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.finding_rows import (
    COMPACT_FROM,
    GLYPHS,
    ListInput,
    RowState,
    RunState,
    Section,
    rows_of,
)


def finding(name: str, probability: float, state: ReviewState = ReviewState.PENDING) -> Finding:
    score = LabelScore(name, probability, probability, 0.5, probability >= 0.5)
    return Finding(name, "study", name, 1, None, score, Decision(state, reason="seen"))


def test_every_row_state_has_a_glyph_of_its_own() -> None:
    assert set(GLYPHS) == set(RowState)
    assert all(one != other for one, other in combinations(GLYPHS.values(), 2))


def test_rows_stand_by_section_and_then_by_probability() -> None:
    listed = rows_of(
        ListInput(
            RunState.DONE,
            findings=(
                finding("low", 0.2),
                finding("high", 0.9),
                finding("mid", 0.6),
                finding("lower", 0.1),
            ),
        )
    )
    assert [row.label for row in listed] == ["high", "mid", "low", "lower"]
    assert [row.section for row in listed] == [Section.ABOVE, Section.ABOVE, Section.BELOW, Section.BELOW]


def test_a_single_negative_row_keeps_its_buttons_and_many_become_lines() -> None:
    one = rows_of(ListInput(RunState.DONE, findings=(finding("a", 0.1),)))
    many = rows_of(
        ListInput(RunState.DONE, findings=tuple(finding(f"l{i}", 0.1) for i in range(COMPACT_FROM)))
    )
    assert not one[0].compact
    assert all(row.compact for row in many)


def test_a_decision_does_not_move_a_row_to_another_section() -> None:
    for state in ReviewState:
        if state is ReviewState.ADDED:
            continue
        [row] = rows_of(ListInput(RunState.DONE, findings=(finding("a", 0.9, state),)))
        assert row.section is Section.ABOVE


def test_under_the_confidence_floor_the_row_says_review_by_hand() -> None:
    score = LabelScore("Pneumonia", 0.55, 0.5, 0.5, positive=True, uncertain=True)
    doubtful = Finding("f", "study", "Pneumonia", 1, None, score)
    [row] = rows_of(ListInput(RunState.DONE, findings=(doubtful,), floor=0.70))
    assert row.state is RowState.UNCERTAIN
    assert row.section is Section.NOT_JUDGED
    assert row.note == "Uncertain: review by hand. Confidence 0.55 of 0.70."


def test_a_finding_taken_back_by_its_reader_says_so() -> None:
    mine = Finding(
        "f", "study", "Line", decision=Decision(ReviewState.REJECTED, "Line", reason="Other film")
    )
    [row] = rows_of(ListInput(RunState.DONE, findings=(mine,)))
    assert row.state is RowState.REJECTED
    assert row.chip == "Taken back"
    assert row.note == "Other film."


@given(
    probabilities=st.lists(st.floats(0, 1), max_size=12),
    run=st.sampled_from(list(RunState)),
    by_name=st.booleans(),
)
def test_every_finding_has_exactly_one_row_in_every_state_of_the_run(
    probabilities: list[float], run: RunState, by_name: bool
) -> None:
    listed = tuple(finding(f"label {i}", p) for i, p in enumerate(probabilities))
    rows = rows_of(ListInput(run, labels=("label 0",), findings=listed, sort_by_name=by_name))
    keys = [row.key for row in rows]
    assert len(keys) == len(set(keys))
    assert {row.key for row in rows if row.finding is not None} == {one.id for one in listed}


@given(st.floats(0, 1))
def test_a_probability_is_never_written_as_certainty_or_as_nothing(probability: float) -> None:
    text = probability_text(probability)
    assert text not in ("0.00", "1.00")
    number = float(re.sub("[<>]", "", text))
    assert abs(number - probability) <= 0.0101


def test_side_and_place_are_said_as_a_radiologist_says_them() -> None:
    decision = Decision(ReviewState.OVERRIDDEN, "Mass", Laterality.LEFT, "Lower zone", Severity.SEVERE)
    assert words.described(decision) == "Mass, left lower zone, severe"
    assert (
        words.described(Decision(ReviewState.ADDED, "Effusion", Laterality.BOTH)) == "Effusion, both sides"
    )
    assert words.described(Decision(ReviewState.ADDED, "Line")) == "Line"


def test_an_adult_and_an_older_child_are_told_apart() -> None:
    adult = (GateCheck("Age", False, "64 y, trained on 1 to 5 y"),)
    child = (GateCheck("Age", False, "9 y, trained on 1 to 5 y"),)
    assert words.reason_words("age_outside_training", adult) == "Adult: this model saw only children"
    assert (
        words.reason_words("age_outside_training", child)
        == "Age outside training: 9 y, trained on 1 to 5 y"
    )


def test_an_unknown_reason_is_shown_and_not_hidden() -> None:
    assert words.reason_words("some_new_doubt") == "Some new doubt"


def test_a_refusal_names_what_header_and_picture_say() -> None:
    gate = GateReport(
        False,
        ("clipped", "wrong_body_part", "looks_unlike_chest_film"),
        (
            GateCheck("Body part", False, "EXTREMITY"),
            GateCheck("Looks like a chest film", False, "0.02 of 0.80"),
        ),
    )
    title, why = words.refusal(gate)
    assert title == "Not a chest film"
    assert why == (
        "The header says EXTREMITY and the picture agrees: chest likeness 0.02, where the model needs 0.80."
    )
