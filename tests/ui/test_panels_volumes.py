"""Volumes and sequences on the findings panel: what a model outlined, from what, and what was not given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medvision_desktop.domain.findings import GateCheck, GateReport, LabelScore
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, Segment
from medvision_desktop.domain.study import InstanceRef, SeriesRef, SourceKind, StudyRef
from medvision_desktop.paths import Locations
from medvision_desktop.ui.panes.findings import FindingsPane
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.channel_choice import NONE, ChannelChoice
from medvision_desktop.ui.viewmodels.finding_rows import Section
from medvision_desktop.ui.viewmodels.layers import LayersModel
from medvision_desktop.ui.viewmodels.model_layers import ModelLayers
from medvision_desktop.ui.widgets.channel_list import ChannelList
from tests.helpers.panel_scene import Scene, result, study

STUDY = study()
NAMES = ("T1", "T1ce", "T2", "FLAIR")


@pytest.fixture
def scene(qapp: QApplication, locations: Locations) -> Iterator[Scene]:
    stylesheet.apply(qapp)
    made = Scene(locations)
    yield made
    made.close()


def layer(uid: str = "m-1") -> LabelMap:
    values = np.zeros((3, 4, 5), np.uint8)
    values[1, 1:3, 1:4] = 1
    segments = (Segment(1, "Anterior hippocampus", (230, 159, 0)),)
    return LabelMap(values, np.eye(4), segments, uid, origin=LayerOrigin.MODEL)


def outlined(volume_ml: float = 1.624, *, uncertain: bool = False) -> LabelScore:
    return LabelScore("Anterior hippocampus", 0.93, 0.93, 0.5, volume_ml > 0, uncertain, volume_ml)


def test_a_volume_is_a_row_that_waits_for_a_decision_and_has_no_bar(scene: Scene, qtbot: QtBot) -> None:
    scene.record(replace(result(outlined()), maps=(), label_map=layer()), STUDY)
    pane = FindingsPane(scene.findings)
    qtbot.addWidget(pane)
    pane.resize(368, 800)
    pane.show()
    scene.show(STUDY)
    (row,) = pane.list.rows
    assert row.row.section is Section.OUTLINED
    assert row.row.score is not None
    assert row.row.score.named == "Anterior hippocampus 1.62 mL"
    assert "1.62 mL" in row.accessibleName()
    assert "threshold" not in row.accessibleName()
    assert not row._bar.isVisible()
    assert row.accept.isEnabled()
    scene.findings.accept_row(row.row.key)
    scene.settle()
    assert scene.findings.rows[0].chip == "Accepted"


def test_an_unusual_volume_is_uncertain_in_words(scene: Scene) -> None:
    scene.record(replace(result(outlined(0.2, uncertain=True)), maps=(), label_map=layer()), STUDY)
    scene.show(STUDY)
    (row,) = scene.findings.rows
    assert row.chip == "Uncertain"
    assert "Unlike the images that the model knows" in row.note


def test_the_label_map_of_the_shown_run_comes_from_the_record(scene: Scene) -> None:
    told: list[object] = []
    scene.findings.labelsWanted.connect(lambda *given: told.append(given))
    scene.record(replace(result(outlined()), maps=(), label_map=layer()), STUDY)
    scene.show(STUDY)
    key, series, shown = told[-1]  # type: ignore[misc]  # a signal of three
    assert (key, series) == (STUDY.key, STUDY.series[0].uid)
    np.testing.assert_array_equal(shown.values_kji, layer().values_kji)


def test_a_newer_run_takes_the_place_of_the_older_label_map(qapp: QApplication) -> None:
    layers = LayersModel()
    model = ModelLayers(layers)
    model.show("s", "1", layer("m-1"))
    model.show("s", "1", layer("m-2"))
    assert [entry.uid for entry in layers.of_study("s")] == ["m-2"]
    model.show("s", "2", layer("m-3"))
    model.show("s", "1", None)
    assert [entry.uid for entry in layers.of_study("s")] == ["m-3"]


def _series(uid: str, description: str) -> SeriesRef:
    instances = (InstanceRef(Path(uid), f"{uid}.1"),)
    return SeriesRef(uid, SourceKind.DICOM, instances, modality="MR", description=description)


def _brain() -> StudyRef:
    series = (_series("1", "T1 mprage"), _series("2", "T1 post gd"), _series("3", "FLAIR"))
    return replace(STUDY, series=series)


def test_each_sequence_says_its_series_and_what_is_missing() -> None:
    brain, choice = _brain(), ChannelChoice()
    lines = choice.lines(brain, brain.series[2], NAMES)
    assert [line.chosen for line in lines] == ["1", "2", "", "3"]
    assert lines[2].said == NONE
    assert choice.lines(brain, brain.series[2], ("T1",)) == ()


def test_the_reader_may_say_otherwise_and_a_series_is_one_sequence_at_a_time() -> None:
    brain, choice = _brain(), ChannelChoice()
    choice.choose(brain, "T2", "1")
    assert choice.given(brain, brain.series[2], NAMES) == {"T1ce": "2", "T2": "1", "FLAIR": "3"}
    choice.choose(brain, "T1", "1")
    assert choice.given(brain, brain.series[2], NAMES) == {"T1": "1", "T1ce": "2", "FLAIR": "3"}
    choice.choose(brain, "FLAIR", "")
    assert "FLAIR" not in choice.given(brain, brain.series[2], NAMES)


def test_a_press_on_a_sequence_offers_every_series_and_none(qtbot: QtBot) -> None:
    brain, choice = _brain(), ChannelChoice()
    shown = ChannelList()
    qtbot.addWidget(shown)
    shown.show_lines(choice.lines(brain, brain.series[2], NAMES))
    button = shown.buttons["T2"]
    assert "T2: Not given" in button.accessibleName()
    offered = button.choices.actions()
    assert [action.text() for action in offered] == ["T1 mprage, 1", "T1 post gd, 1", "FLAIR, 1", NONE]
    with qtbot.waitSignal(shown.chosen) as chosen:
        offered[0].trigger()
    assert chosen.args == ["T2", "1"]


def test_missing_sequences_are_named_in_words() -> None:
    checks = (GateCheck("Sequences", False, "given T1ce, FLAIR; missing T1, T2"),)
    assert words.reason_words("channels_missing", checks) == "Not given: T1, T2"


def test_a_refusal_of_a_brain_model_does_not_speak_of_chest_films() -> None:
    checks = (GateCheck("Modality", False, "CT"),)
    gate = GateReport(False, ("wrong_modality",), checks, "T1 MR crop", "CT HEAD")
    title, why = words.refusal(gate)
    assert title == "Another modality"
    assert "CT" in why


def test_the_next_finding_leads_to_the_image_that_holds_most_of_its_outline(scene: Scene) -> None:
    from medvision_desktop.domain.image import Frame, LoadedSeries, Stack

    scene.record(replace(result(outlined()), maps=(), label_map=layer()), STUDY)
    frames = tuple(
        Frame(np.zeros((4, 5), np.uint8), sop_instance_uid=f"2.25.9.{k}", bits_stored=8) for k in range(3)
    )
    scene.findings.set_study(STUDY, LoadedSeries(STUDY, STUDY.series[0], Stack(frames)))
    scene.settle()
    asked: list[object] = []
    scene.findings.imageWanted.connect(lambda *given: asked.append(given))
    scene.findings.step(1, show_image=True)
    assert asked == []  # every voxel is counted on a lane
    scene.settle()
    assert asked == [(STUDY.series[0].uid, "2.25.9.1", 1)]


def test_an_accepted_volume_stands_in_the_report_and_leaves_it_when_it_is_rejected(scene: Scene) -> None:
    from medvision_desktop.domain.findings import Decision, ReviewState
    from medvision_desktop.reporting.report import prefill, refilled
    from medvision_desktop.services import review

    scene.record(replace(result(outlined()), maps=(), label_map=layer()), STUDY)
    (found,) = review.findings(scene.store, STUDY.key)
    accepted = review.decide(scene.store, found.id, Decision(ReviewState.ACCEPTED), reader="Dr Vale")
    text = prefill([accepted])
    assert text.findings == "Anterior hippocampus, 1.62 mL."
    decision = Decision(ReviewState.REJECTED, reason="Outline is off")
    rejected = review.decide(scene.store, found.id, decision, reader="Dr Vale")
    assert refilled(text, [rejected]).findings == ""


def test_the_eye_of_a_volume_takes_its_outline_off_and_brings_it_back(scene: Scene) -> None:
    layers = LayersModel()
    model = ModelLayers(layers)
    scene.findings.labelsWanted.connect(model.show)
    scene.findings.outlineWanted.connect(model.show_label)
    scene.record(replace(result(outlined()), maps=(), label_map=layer()), STUDY)
    scene.show(STUDY)
    (row,) = scene.findings.rows
    assert row.has_map
    assert row.eye_on
    scene.findings.toggle_eye(row.key)
    (entry,) = layers.of_study(STUDY.key)
    assert not entry.style.segments[1].visible
    assert not scene.findings.rows[0].eye_on
    scene.findings.toggle_eye(row.key)
    assert layers.of_study(STUDY.key)[0].style.segments[1].visible
