"""The findings model: nothing is shown that the record does not hold, and nothing moves the view."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import (
    AnalysisState,
    Decision,
    HeatMap,
    Laterality,
    ReviewState,
    Severity,
)
from medvision_desktop.errors import ChildFailed
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.paths import Locations
from medvision_desktop.services import review
from medvision_desktop.ui.viewmodels.finding_rows import RowState, RunState, Section
from tests.helpers.panel_scene import READER, Scene, gate, loaded, result, score, study

STUDY = study()


@pytest.fixture
def scene(qapp: QCoreApplication, locations: Locations) -> Iterator[Scene]:
    made = Scene(locations)
    yield made
    made.close()


def kinds(scene: Scene) -> list[str]:
    return [entry.kind for entry in scene.store.entries()]


def test_a_study_that_no_model_saw_says_not_run(scene: Scene) -> None:
    scene.show(STUDY)
    assert scene.findings.run_state is RunState.NOT_RUN
    assert [row.state for row in scene.findings.rows] == [RowState.NOT_RUN]
    assert scene.findings.rows[0].score is None


def test_images_that_no_model_is_for_have_no_rows_of_a_model_and_say_so(scene: Scene) -> None:
    series = dataclasses.replace(STUDY.series[0], modality="US", body_part="ABDOMEN", view_position="")
    scene.show(dataclasses.replace(STUDY, series=(series,), description="Abdomen"))
    assert scene.findings.run_state is RunState.NO_MODEL
    assert scene.findings.rows == ()
    (installed,) = scene.findings.card_rows
    assert "chest\u2011pneumonia" in installed[1].split(", ")


def test_a_result_is_in_the_record_before_it_is_shown(scene: Scene) -> None:
    scene.show(STUDY)
    recorded_when_shown: list[bool] = []

    def look() -> None:
        if scene.findings.run_state is RunState.DONE:
            recorded_when_shown.append(EventKind.ANALYSIS_RECORDED in kinds(scene))

    scene.findings.changed.connect(look)
    scene.findings.run()
    assert scene.findings.run_state is RunState.RUNNING
    scene.settle()
    assert scene.findings.run_state is RunState.DONE
    assert recorded_when_shown
    assert all(recorded_when_shown)


def test_a_running_row_shows_how_far_it_is(scene: Scene, qtbot: QtBot) -> None:
    scene.show(STUDY)
    scene.host.release.clear()
    scene.findings.run()
    qtbot.waitUntil(lambda: scene.findings.fraction == 0.61)
    [row] = scene.findings.rows
    assert row.state is RowState.RUNNING
    assert row.chip == "Running 61 %"
    assert row.score is None
    scene.host.release.set()
    scene.settle()


def test_a_late_result_of_another_study_moves_nothing_and_says_so(scene: Scene) -> None:
    other = study("2.25.8")
    scene.show(STUDY)
    scene.host.release.clear()
    scene.findings.run()
    scene.wait(scene.host.started.is_set)
    scene.findings.set_study(other, loaded(other))
    assert scene.lanes.db.drain(10)
    moved: list[object] = []
    scene.findings.attentionWanted.connect(lambda *what: moved.append(what))
    scene.findings.imageWanted.connect(lambda *what: moved.append(what))
    scene.host.release.set()
    scene.settle()
    assert scene.findings.study == other
    assert scene.findings.run_state is RunState.NOT_RUN
    assert moved == []
    [toast] = scene.toasts
    assert toast.kind == "ai"
    assert "has not moved" in toast.detail
    assert "Vale" not in toast.text + toast.detail
    opened: list[object] = []
    scene.findings.openWanted.connect(lambda *what: opened.append(what))
    assert toast.action is not None
    toast.action()
    assert opened == [(STUDY, STUDY.series[0])]


def test_a_stopped_run_leaves_no_score_and_is_in_the_record(scene: Scene) -> None:
    scene.show(STUDY)
    scene.host.release.clear()
    scene.findings.run()
    scene.wait(scene.host.started.is_set)
    scene.findings.cancel()
    scene.settle()
    assert scene.findings.run_state is RunState.NOT_RUN
    assert scene.findings.findings == ()
    assert EventKind.ANALYSIS_CANCELLED in kinds(scene)


def test_a_failed_run_says_why_and_survives_the_program(scene: Scene, locations: Locations) -> None:
    def fail(_: InferenceRequest) -> object:
        raise ChildFailed("The child ran out of memory.", "The limit is 2 GB.", "Close other programs.")

    scene.host.answer = fail  # type: ignore[assignment]
    scene.show(STUDY)
    scene.findings.run()
    scene.settle()
    assert scene.findings.run_state is RunState.FAILED
    assert "out of memory" in scene.findings.rows[0].note
    assert scene.errors[0].what == "The child ran out of memory."
    again = Scene(locations)
    again.show(STUDY)
    assert again.findings.run_state is RunState.FAILED
    assert "out of memory" in again.findings.rows[0].note
    again.close()


def test_without_a_record_nothing_is_shown_and_the_reader_is_told(
    scene: Scene, locations: Locations
) -> None:
    scene.record(result(score(0.2)), study("2.25.99"))  # makes the file
    scene.bench.store.close()
    scene.bench._store = Store.open(locations.record, read_only=True)
    scene.show(STUDY)
    scene.findings.run()
    scene.settle()
    assert scene.findings.findings == ()
    assert scene.findings.run_state is RunState.FAILED
    assert all(row.score is None for row in scene.findings.rows)
    assert "could not be recorded" in scene.errors[0].safe


def test_a_row_is_decided_only_when_the_record_has_the_decision(scene: Scene) -> None:
    scene.record(result(score(0.9)), STUDY)
    scene.show(STUDY)
    [row] = scene.findings.rows
    assert row.state is RowState.POSITIVE
    scene.findings.accept_row(row.key)
    assert scene.findings.rows[0].state is RowState.POSITIVE
    assert scene.findings.saving == {row.key}
    scene.settle()
    assert scene.findings.rows[0].state is RowState.ACCEPTED
    assert scene.findings.saving == frozenset()
    assert EventKind.FINDING_ACCEPTED in kinds(scene)
    [stands] = review.findings(scene.store, STUDY.key)
    assert stands.reader == READER


def test_a_decision_that_cannot_be_saved_is_not_shown(scene: Scene, locations: Locations) -> None:
    scene.record(result(score(0.9)), STUDY)
    scene.bench.store.close()
    scene.bench._store = Store.open(locations.record, read_only=True)
    scene.show(STUDY)
    scene.findings.accept_row(scene.findings.rows[0].key)
    scene.settle()
    assert scene.findings.rows[0].state is RowState.POSITIVE
    assert scene.findings.saving == frozenset()
    assert len(scene.errors) == 1
    assert "not saved" in scene.errors[0].safe


def test_a_reader_without_a_name_is_asked_for_it(qapp: QCoreApplication, locations: Locations) -> None:
    scene = Scene(locations, reader="")
    scene.record(result(score(0.9)), STUDY)
    scene.show(STUDY)
    asked: list[bool] = []
    scene.findings.readerWanted.connect(lambda: asked.append(True))
    scene.findings.accept_row(scene.findings.rows[0].key)
    scene.settle()
    assert scene.findings.rows[0].state is RowState.POSITIVE
    toast = scene.toasts[-1]
    assert toast.action is not None
    toast.action()
    assert asked == [True]
    scene.close()


def test_an_overridden_finding_keeps_the_score_of_the_model(scene: Scene) -> None:
    scene.record(result(score(0.9)), STUDY)
    scene.show(STUDY)
    key = scene.findings.rows[0].key
    decision = Decision(
        ReviewState.OVERRIDDEN, "Mass", Laterality.LEFT, "Lower zone", Severity.SEVERE, "Wrong label"
    )
    scene.findings.decide(key, decision)
    scene.settle()
    [row] = scene.findings.rows
    assert row.state is RowState.OVERRIDDEN
    assert row.note == "Now: Mass, left lower zone, severe."
    assert row.score is not None
    assert row.score.probability == pytest.approx(0.9)


def test_an_added_finding_stands_in_its_own_section(scene: Scene) -> None:
    scene.record(result(score(0.2)), STUDY)
    scene.show(STUDY)
    scene.findings.add(Decision(ReviewState.ADDED, "Central line", Laterality.LEFT))
    scene.settle()
    added = [row for row in scene.findings.rows if row.section is Section.ADDED]
    assert [row.label for row in added] == ["Central line, left"]
    assert scene.findings.selected == added[0].key
    assert added[0].chip == READER


def test_decisions_scores_and_maps_are_back_after_a_restart(scene: Scene, locations: Locations) -> None:
    scene.show(STUDY)
    scene.findings.run()
    scene.settle()
    scene.findings.accept_row(scene.findings.rows[0].key)
    scene.settle()
    before = scene.findings.rows
    again = Scene(locations)
    again.show(STUDY)
    assert [(row.key, row.state, row.score) for row in again.findings.rows] == [
        (row.key, row.state, row.score) for row in before
    ]
    seen: list[tuple[str | None, HeatMap | None]] = []
    again.findings.attentionWanted.connect(lambda label, heat: seen.append((label, heat)))
    again.findings.toggle_eye("Pneumonia")
    assert seen[0][0] == "Pneumonia"
    assert seen[0][1] is not None
    assert seen[0][1].grid.tolist() == result(score(0.9)).maps[0].grid.tolist()
    again.close()


def test_what_is_tuned_on_the_colour_bar_is_taken_over_and_not_told_back(scene: Scene) -> None:
    scene.show(STUDY)
    tuned: list[tuple[float, float]] = []
    taken: list[tuple[float, float]] = []
    scene.findings.attentionTuned.connect(lambda *pair: tuned.append(pair))
    scene.findings.attentionTaken.connect(lambda *pair: taken.append(pair))
    scene.findings.take_attention(0.3, 0.7)
    scene.findings.take_attention(0.3, 0.7)
    assert scene.findings.attention == (0.3, 0.7)
    assert (tuned, taken) == ([], [(0.3, 0.7)])


def test_the_eye_goes_off_again_and_never_stays_for_another_study(scene: Scene) -> None:
    scene.record(result(score(0.9)), STUDY)
    scene.show(STUDY)
    seen: list[str | None] = []
    scene.findings.attentionWanted.connect(lambda label, _: seen.append(label))
    key = scene.findings.rows[0].key
    scene.findings.toggle_eye(key)
    scene.findings.toggle_eye(key)
    scene.findings.toggle_eye(key)
    scene.show(study("2.25.8"))
    assert seen == ["Pneumonia", None, "Pneumonia", None]
    assert scene.findings.eye == ""


def test_a_map_below_the_threshold_is_not_a_silent_nothing(scene: Scene) -> None:
    faint = HeatMap("Pneumonia", "native", np.full((3, 4), 0.2, np.float32), (0, 0, 80, 96))
    scene.record(result(score(0.9), maps=(faint,)), STUDY)
    scene.show(STUDY)
    tuned: list[tuple[float, float]] = []
    scene.findings.attentionTuned.connect(lambda *values: tuned.append(values))
    scene.findings.toggle_eye("Pneumonia")
    toast = scene.toasts[-1]
    assert toast.text == "Model attention nowhere above 0.35"
    assert toast.action is not None
    toast.action()
    assert tuned[0][1] == pytest.approx(0.1)


def test_an_adult_is_told_in_words_beside_a_result_that_is_done(scene: Scene) -> None:
    scene.record(result(score(0.9)), STUDY)
    scene.show(STUDY)
    assert scene.findings.run_state is RunState.DONE
    assert scene.findings.doubts == ("Adult: this model saw only children",)


def test_a_refusal_is_no_result_and_has_no_score(scene: Scene) -> None:
    refused = result(
        state=AnalysisState.REFUSED,
        gate=gate("wrong_body_part", "looks_unlike_chest_film", ok=False),
        manifest=None,
    )
    scene.record(refused, STUDY)
    scene.show(STUDY)
    assert scene.findings.run_state is RunState.REFUSED
    assert [row.state for row in scene.findings.rows] == [RowState.NOT_RUN]
    assert dict(scene.findings.card_rows)["Wants"] == "Frontal chest film, PA or AP"


def test_an_answer_that_is_no_answer_says_abstained(scene: Scene) -> None:
    scene.record(result(state=AnalysisState.ABSTAINED, message="Too few cases to calibrate."), STUDY)
    scene.show(STUDY)
    assert scene.findings.run_state is RunState.ABSTAINED
    assert [(row.state, row.note) for row in scene.findings.rows] == [
        (RowState.ABSTAINED, "Too few cases to calibrate.")
    ]


def test_the_tour_of_findings_goes_round_and_shows_the_image(scene: Scene) -> None:
    scene.record(result(score(0.9, label="Pneumonia"), score(0.8, label="Effusion")), STUDY)
    scene.show(STUDY)
    first, second = (row.key for row in scene.findings.rows)
    images: list[tuple[str, str, int]] = []
    scene.findings.imageWanted.connect(lambda *where: images.append(where))
    scene.findings.step(1, show_image=True)
    assert scene.findings.selected == second
    scene.findings.step(1, show_image=True)
    assert scene.findings.selected == first
    scene.findings.step(-1)
    assert scene.findings.selected == first
    assert images == [("2.25.7.1", "2.25.7.1.1", 1)] * 2
