"""The rules of review: superseded, never edited; a reason to reject or override; nothing asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import (
    AnalysisState,
    Decision,
    Finding,
    GateReport,
    Laterality,
    ReviewState,
    Severity,
)
from medvision_desktop.domain.provenance import ModelRef
from medvision_desktop.domain.study import Patient
from medvision_desktop.errors import DecisionRefused
from medvision_desktop.services import review
from medvision_desktop.services.analyse_record import (
    record_analysis,
    record_cancelled,
    record_failed,
    record_gate_refused,
)
from medvision_desktop.services.ingest import known_studies, study_opened
from medvision_desktop.services.verify import verify
from tests.helpers.record_cases import (
    IMAGE,
    MODEL,
    PATIENT,
    READER,
    SERIES,
    STUDY,
    analysed,
    opened,
    result,
    series,
    study,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(tmp_path / "record.sqlite3")
    opened(made)
    yield made
    assert verify(made).faults == ()
    made.close()


def named(store: Store, label: str) -> Finding:
    return next(finding for finding in review.findings(store, STUDY) if finding.label == label)


def decide(store: Store, label: str, state: ReviewState, **words: object) -> Finding:
    return review.decide(store, named(store, label).id, Decision(state, **words), reader=READER)  # type: ignore[arg-type]


def test_suggestions_come_pending_by_probability_with_their_scores(store: Store) -> None:
    seq = analysed(store, ("Effusion", 0.2), ("Pneumonia", 0.93))
    found = review.findings(store, STUDY)
    assert [finding.label for finding in found] == ["Pneumonia", "Effusion"]
    assert [finding.needs_decision for finding in found] == [True, False]
    assert {finding.analysis_seq for finding in found} == {seq}
    assert found[0].model == MODEL


def test_a_run_comes_back_from_the_record_as_it_went_in(store: Store) -> None:
    given = result()
    seq = record_analysis(
        store, STUDY, SERIES, IMAGE, given, READER, trained_on="3 500 images", intended_use="research"
    )
    (run,) = review.analyses(store, STUDY)
    assert (run.seq, run.state, run.model, run.labels, run.manifest, run.gate, run.message) == (
        seq, given.state, given.model, given.labels, given.manifest, given.gate, given.message,
    )  # fmt: skip
    assert (run.series_uid, run.sop_instance_uid, run.trained_on) == (SERIES, IMAGE, "3 500 images")
    assert len(run.manifest_digest) == 64


def test_attention_maps_come_back_bit_for_bit(store: Store) -> None:
    given = result()
    seq = record_analysis(store, STUDY, SERIES, IMAGE, given, READER)
    for back, heat in zip(review.maps(store, seq), given.maps, strict=True):
        assert back.grid.dtype == np.float32
        np.testing.assert_array_equal(back.grid, heat.grid)
        assert (back.label, back.method, back.box_xyxy) == (heat.label, heat.method, heat.box_xyxy)


@pytest.mark.parametrize("state", [ReviewState.ACCEPTED, ReviewState.LEFT_UNDECIDED])
def test_accepting_needs_no_reason(store: Store, state: ReviewState) -> None:
    analysed(store)
    decided = decide(store, "Pneumonia", state)
    assert decided.decision.state is state
    assert (decided.reader, decided.needs_decision) == (READER, False)
    assert decided.decided_utc.endswith("Z")


@pytest.mark.parametrize("state", [ReviewState.REJECTED, ReviewState.OVERRIDDEN])
@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_rejecting_and_overriding_without_a_reason_is_refused(
    store: Store, state: ReviewState, reason: str
) -> None:
    analysed(store)
    before = store.head()
    with pytest.raises(DecisionRefused, match="give a reason"):
        decide(store, "Pneumonia", state, reason=reason)
    assert store.head() == before


@pytest.mark.parametrize("state", [ReviewState.PENDING, ReviewState.ADDED])
def test_a_suggestion_can_be_neither_made_pending_nor_added(store: Store, state: ReviewState) -> None:
    analysed(store)
    with pytest.raises(DecisionRefused):
        decide(store, "Pneumonia", state, location="x", reason="x")


def test_a_decision_without_a_reader_is_refused(store: Store) -> None:
    analysed(store)
    with pytest.raises(DecisionRefused, match="Nobody is named"):
        review.decide(store, named(store, "Pneumonia").id, Decision(ReviewState.ACCEPTED), reader=" ")


def test_a_decision_on_an_unknown_finding_is_refused(store: Store) -> None:
    with pytest.raises(DecisionRefused, match="not in the record"):
        review.decide(store, "99.0", Decision(ReviewState.ACCEPTED), reader=READER)


def test_an_override_keeps_the_models_label_and_score_beneath_it(store: Store) -> None:
    analysed(store)
    wanted = Decision(
        ReviewState.OVERRIDDEN, "Mass", Laterality.LEFT, "lower zone", Severity.MODERATE, "round", "2 cm"
    )
    decided = review.decide(store, named(store, "Pneumonia").id, wanted, reader=READER)
    assert decided.decision == wanted
    assert decided.label == "Pneumonia"
    assert decided.score is not None
    assert decided.score.probability == 0.93
    assert named(store, "Pneumonia") == decided


def test_a_newer_decision_supersedes_and_the_older_one_stays_in_the_record(store: Store) -> None:
    analysed(store)
    decide(store, "Pneumonia", ReviewState.ACCEPTED)
    review.decide(
        store,
        named(store, "Pneumonia").id,
        Decision(ReviewState.REJECTED, reason="artefact"),
        reader="Dr Second",
    )
    steps = review.history(store, named(store, "Pneumonia").id)
    assert [(step.decision.state, step.reader) for step in steps] == [
        (ReviewState.ACCEPTED, READER),
        (ReviewState.REJECTED, "Dr Second"),
    ]
    assert named(store, "Pneumonia") == steps[-1]
    kinds = [entry.kind for entry in store.entries()]
    assert kinds.count(EventKind.FINDING_ACCEPTED) == kinds.count(EventKind.FINDING_REJECTED) == 1
    entries = {entry.seq: entry.data for entry in store.entries() if entry.kind.startswith("Finding")}
    first, second = sorted(entries)
    assert (entries[first]["supersedes"], entries[second]["supersedes"]) == (None, first)


def test_an_added_finding_carries_the_readers_words_and_no_score(store: Store) -> None:
    added = review.add_finding(
        store, STUDY, Decision(ReviewState.PENDING, " Central line \u202e", comment="new"), reader=READER
    )
    assert (added.label, added.score, added.model, added.analysis_seq) == ("Central line", None, None, None)
    assert added.decision.state is ReviewState.ADDED
    assert review.findings(store, STUDY) == (added,)


def test_an_added_finding_can_be_taken_back_and_brought_back(store: Store) -> None:
    added = review.add_finding(store, STUDY, Decision(ReviewState.ADDED, "Line"), reader=READER)
    for refused in (ReviewState.ACCEPTED, ReviewState.LEFT_UNDECIDED):
        with pytest.raises(DecisionRefused):
            review.decide(store, added.id, Decision(refused), reader=READER)
    taken = review.decide(
        store, added.id, Decision(ReviewState.REJECTED, "Line", reason="no"), reader=READER
    )
    back = review.decide(store, added.id, Decision(ReviewState.ADDED, "Line, left"), reader=READER)
    assert (taken.id, back.id) == (added.id, added.id)
    assert back.label == "Line, left"


def test_a_nameless_or_endless_finding_is_refused(store: Store) -> None:
    with pytest.raises(DecisionRefused, match="no name"):
        review.add_finding(store, STUDY, Decision(ReviewState.ADDED, " "), reader=READER)
    with pytest.raises(DecisionRefused, match="too long"):
        review.add_finding(store, STUDY, Decision(ReviewState.ADDED, "x" * 5000), reader=READER)


def test_a_second_run_replaces_what_nobody_decided(store: Store) -> None:
    analysed(store)
    newer = analysed(store, ("Pneumonia", 0.8), ("Effusion", 0.1), pixels="other")
    assert {finding.analysis_seq for finding in review.findings(store, STUDY)} == {newer}


def test_a_suggestion_that_a_newer_run_replaced_takes_no_decision(store: Store) -> None:
    analysed(store)
    old = named(store, "Pneumonia")
    analysed(store)
    with pytest.raises(DecisionRefused, match="newer run"):
        review.decide(store, old.id, Decision(ReviewState.ACCEPTED), reader=READER)
    assert named(store, "Pneumonia").needs_decision


def test_a_second_run_on_the_same_pixels_does_not_ask_again(store: Store) -> None:
    first = analysed(store)
    decided = decide(store, "Pneumonia", ReviewState.REJECTED, reason="artefact")
    second = analysed(store)
    found = {finding.label: finding for finding in review.findings(store, STUDY)}
    assert found["Pneumonia"] == decided
    assert decided.analysis_seq == first
    assert found["Effusion"].analysis_seq == second
    assert len(found) == 2


@pytest.mark.parametrize("what", ["pixels", "weights"])
def test_other_pixels_or_other_weights_are_a_new_question(store: Store, what: str) -> None:
    analysed(store)
    decided = decide(store, "Pneumonia", ReviewState.ACCEPTED)
    other = replace(MODEL, version="2", weights_sha256="0" * 64) if what == "weights" else MODEL
    analysed(store, pixels="other" if what == "pixels" else "pixels", model=other)
    asked = [finding for finding in review.findings(store, STUDY) if finding.label == "Pneumonia"]
    assert decided in asked
    assert [finding.needs_decision for finding in asked].count(True) == 1


def test_another_model_leaves_the_first_ones_suggestions_alone(store: Store) -> None:
    analysed(store)
    analysed(store, ("Tuberculosis", 0.7), model=ModelRef("chest-tb", "1", "1" * 64))
    assert {finding.label for finding in review.findings(store, STUDY)} == {
        "Pneumonia", "Effusion", "Tuberculosis",
    }  # fmt: skip


def test_only_a_finished_run_leaves_findings(store: Store) -> None:
    gate = GateReport(False, ("not_a_chest_film",), wanted="chest", given="leg")
    record_gate_refused(store, STUDY, SERIES, IMAGE, MODEL, gate, READER, message="A leg.")
    record_failed(store, STUDY, SERIES, IMAGE, MODEL, GateReport(True), READER, message="Out of memory.")
    record_cancelled(store, STUDY, SERIES, IMAGE, MODEL, READER)
    record_analysis(store, STUDY, SERIES, IMAGE, result(state=AnalysisState.ABSTAINED, maps=False), READER)
    assert review.findings(store, STUDY) == ()
    states = [run.state for run in review.analyses(store, STUDY)]
    assert states == [AnalysisState.ABSTAINED, AnalysisState.FAILED, AnalysisState.REFUSED]
    refused = review.analyses(store, STUDY)[-1]
    assert (refused.gate, refused.message) == (gate, "A leg.")
    assert [entry.kind for entry in store.entries()][-4:] == [
        EventKind.GATE_REFUSED,
        EventKind.ANALYSIS_FAILED,
        EventKind.ANALYSIS_CANCELLED,
        EventKind.ANALYSIS_RECORDED,
    ]


def test_a_failed_second_run_leaves_the_first_ones_suggestions(store: Store) -> None:
    analysed(store)
    record_failed(store, STUDY, SERIES, IMAGE, MODEL, GateReport(True), READER, message="Out of memory.")
    assert [finding.label for finding in review.findings(store, STUDY)] == ["Pneumonia", "Effusion"]


def test_an_analysis_of_a_study_nobody_opened_is_recorded_all_the_same(store: Store) -> None:
    record_analysis(store, "9.9", "9.9.1", "9.9.1.1", result(), "")
    (run,) = review.analyses(store, "9.9")
    assert (run.reader, run.series_uid) == ("", "9.9.1")


def test_the_worklist_learns_after_a_restart_how_far_each_study_is(store: Store) -> None:
    analysed(store)
    study_opened(store, study("other", Patient()), series("other.1"), reader=READER)
    summaries = {summary.study_key: summary for summary in known_studies(store)}
    chest, other = summaries[STUDY], summaries["other"]
    assert (chest.patient, chest.ai, chest.positives, chest.undecided, chest.read) == (
        PATIENT,
        "done",
        1,
        1,
        False,
    )
    assert (other.patient, other.ai, other.undecided, other.read) == (Patient(), "", 0, False)
    decide(store, "Pneumonia", ReviewState.ACCEPTED)
    chest = next(summary for summary in known_studies(store) if summary.study_key == STUDY)
    assert (chest.undecided, chest.read) == (0, True)


def test_two_studies_of_one_person_share_a_pseudonym_and_two_nameless_ones_do_not(store: Store) -> None:
    for key, patient in (("a", PATIENT), ("b", Patient()), ("c", Patient())):
        study_opened(store, study(key, patient), series(f"{key}.1"), reader=READER)
    patients = [e.data["patient"]["id"] for e in store.entries() if e.kind == EventKind.STUDY_OPENED]
    assert patients[0] == patients[1]
    assert len(set(patients)) == 3


def test_a_corrected_name_is_taken_over_and_still_verifies(store: Store) -> None:
    corrected = replace(PATIENT, sex="O")
    study_opened(store, study(STUDY, corrected), series(), reader=READER)
    assert known_studies(store)[0].patient == corrected
