"""The findings panel under the reader's hands: mouse, keys, and what stays in sight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.domain.findings import AnalysisState, Finding
from medvision_desktop.paths import Locations
from medvision_desktop.ui.panes.findings import DISCLAIMER, FindingsPane
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.viewmodels.finding_rows import RowState, Section
from medvision_desktop.ui.widgets.attention_sliders import AttentionSliders
from tests.helpers.panel_scene import Scene, gate, result, score, study

STUDY = study()
LEFT = Qt.MouseButton.LeftButton
Key = Qt.Key


@pytest.fixture
def scene(qapp: QApplication, locations: Locations) -> Iterator[Scene]:
    stylesheet.apply(qapp)
    made = Scene(locations)
    yield made
    made.close()


@pytest.fixture
def pane(scene: Scene, qtbot: QtBot) -> FindingsPane:
    made = FindingsPane(scene.findings)
    qtbot.addWidget(made)
    made.resize(368, 900)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    return made


def visible_text(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def test_accepting_by_mouse_shows_accepted(scene: Scene, pane: FindingsPane, qtbot: QtBot) -> None:
    scene.record(result(score(0.9)), STUDY)
    scene.show(STUDY)
    [row] = pane.list.rows
    qtbot.mouseClick(row.accept, LEFT)
    scene.settle()
    assert row.row.state is RowState.ACCEPTED
    assert row.accept.isChecked()
    assert scene.toasts[-1].text == "Pneumonia accepted"


def test_the_list_answers_to_its_keys(scene: Scene, pane: FindingsPane, qtbot: QtBot) -> None:
    scene.record(result(score(0.9), score(0.8, label="Effusion"), score(0.7, label="Mass")), STUDY)
    scene.show(STUDY)
    asked: list[tuple[str, str]] = []
    scene.findings.rejectWanted.connect(lambda f: asked.append(("reject", f.label)))
    scene.findings.overrideWanted.connect(lambda f: asked.append(("override", f.label)))
    pane.focus_list()
    assert pane.list.hasFocus()
    qtbot.keyClick(pane.list, Key.Key_Down)
    qtbot.keyClick(pane.list, Key.Key_Backspace)
    qtbot.keyClick(pane.list, Key.Key_Down)
    qtbot.keyClick(pane.list, Key.Key_F2)
    qtbot.keyClick(pane.list, Key.Key_Up)
    qtbot.keyClick(pane.list, Key.Key_Up)
    qtbot.keyClick(pane.list, Key.Key_Return)
    scene.settle()
    assert asked == [("reject", "Effusion"), ("override", "Mass")]
    assert [row.row.state for row in pane.list.rows] == [
        RowState.ACCEPTED,
        RowState.POSITIVE,
        RowState.POSITIVE,
    ]


def test_n_tours_the_findings_in_both_directions(scene: Scene, pane: FindingsPane, qtbot: QtBot) -> None:
    scene.record(result(score(0.9), score(0.8, label="Effusion"), score(0.7, label="Mass")), STUDY)
    scene.show(STUDY)
    first, second, third = (row.row.key for row in pane.list.rows)
    pane.focus_list()
    seen = []
    for key, modifier in (
        (Key.Key_N, Qt.KeyboardModifier.NoModifier),
        (Key.Key_N, Qt.KeyboardModifier.ShiftModifier),
        (Key.Key_N, Qt.KeyboardModifier.ShiftModifier),
    ):
        qtbot.keyClick(pane.list, key, modifier)
        seen.append(scene.findings.selected)
    assert seen == [second, first, third]


def test_a_failed_positive_and_negative_result_never_look_alike(scene: Scene, pane: FindingsPane) -> None:
    pictures = []
    for number, given in enumerate(
        (
            None,
            result(score(0.9)),
            result(score(0.1)),
            result(score(0.55, uncertain=True)),
            result(state=AnalysisState.ABSTAINED),
            result(state=AnalysisState.FAILED, message="Out of memory."),
            result(state=AnalysisState.REFUSED, gate=gate("wrong_body_part", ok=False)),
        )
    ):
        one = study(f"2.25.100.{number}")
        if given is not None:
            scene.record(given, one)
        scene.show(one)
        pictures.append((pane.card.chip.chip.text, *(row.row.state.value for row in pane.list.rows)))
    assert pictures == [
        ("Not run", "not run"),
        ("Done", "positive"),
        ("Done", "below threshold"),
        ("Done", "uncertain"),
        ("Abstained", "abstained"),
        ("Failed", "failed"),
        ("Refused", "not run"),
    ]


def test_a_refusal_says_what_was_wanted_given_and_what_now(
    scene: Scene, pane: FindingsPane, qtbot: QtBot
) -> None:
    refused = result(
        state=AnalysisState.REFUSED,
        gate=gate("wrong_body_part", "looks_unlike_chest_film", ok=False),
        manifest=None,
    )
    scene.record(refused, STUDY)
    scene.show(STUDY)
    text = visible_text(pane)
    for words in (
        "Not a chest film",
        "Frontal chest film, PA or AP",
        "CR CHEST PA",
        "EXTREMITY",
        "What now",
    ):
        assert words in text
    assert [line.state for line in pane.gate_checks.lines] == ["ok", "refused", "refused", "ok"]
    went: list[bool] = []
    pane.viewerWanted.connect(lambda: went.append(True))
    qtbot.mouseClick(pane.gate_card.read, LEFT)
    assert went == [True]
    assert not pane.gate_card.isVisible()
    assert pane.card.chip.chip.text == "Refused"


def test_another_model_is_chosen_from_those_that_are_here(
    scene: Scene, pane: FindingsPane, qtbot: QtBot
) -> None:
    refused = result(state=AnalysisState.REFUSED, gate=gate("wrong_body_part", ok=False), manifest=None)
    scene.record(refused, STUDY)
    scene.show(STUDY)
    qtbot.mouseClick(pane.gate_card.choose, LEFT)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    texts = [action.text() for action in menu.actions()]
    assert any("Frontal chest film" in text for text in texts)
    assert not any("gate" in text.lower() for text in texts)
    menu.close()


def test_disclaimer_and_limits_stay_in_sight_in_every_state(scene: Scene, pane: FindingsPane) -> None:
    many = result(*(score(0.9 - i / 100, label=f"Label {i}") for i in range(14)))
    for number, given in enumerate((None, many, result(score(0.2)))):
        one = study(f"2.25.200.{number}")
        if given is not None:
            scene.record(given, one)
        scene.show(one)
        text = visible_text(pane)
        assert DISCLAIMER in text
        assert "Research use" in text
        assert pane.card.isVisible()
        for widget in (pane.add, pane.report):
            assert pane.rect().contains(widget.mapTo(pane, widget.rect().bottomRight()))


def test_nothing_is_cut_at_the_narrowest_width(scene: Scene, pane: FindingsPane) -> None:
    scene.record(result(score(0.9)), STUDY)
    scene.show(STUDY)
    pane.resize(336, 620)
    scene.settle()
    assert pane.width() == 336
    [row] = pane.list.rows
    assert row.width() <= 336
    right = row.override.mapTo(pane, QPoint(row.override.width(), 0)).x()
    assert right <= 336 - 12
    report_right = pane.report.mapTo(pane, QPoint(pane.report.width(), 0)).x()
    assert report_right <= 336


def test_sections_fold_and_open_again(scene: Scene, pane: FindingsPane, qtbot: QtBot) -> None:
    scene.record(result(score(0.9), score(0.1, label="Effusion")), STUDY)
    scene.show(STUDY)
    head = pane.list.head(Section.BELOW)
    row = next(row for row in pane.list.rows if row.row.section is Section.BELOW)
    qtbot.mouseClick(head, LEFT)
    assert not row.isVisible()
    qtbot.keyClick(head, Key.Key_Space)
    assert row.isVisible()


def test_selecting_a_row_in_a_folded_section_opens_it(
    scene: Scene, pane: FindingsPane, qtbot: QtBot
) -> None:
    scene.record(result(score(0.9), score(0.1, label="Effusion")), STUDY)
    scene.show(STUDY)
    qtbot.mouseClick(pane.list.head(Section.BELOW), LEFT)
    scene.findings.step(1)
    assert pane.list.rows[-1].isVisible()


def test_the_eye_shows_one_map_at_a_time(scene: Scene, pane: FindingsPane, qtbot: QtBot) -> None:
    scene.record(result(score(0.9), score(0.8, label="Effusion")), STUDY)
    scene.show(STUDY)
    one, other = pane.list.rows
    seen: list[str | None] = []
    scene.findings.attentionWanted.connect(lambda label, _: seen.append(label))
    qtbot.mouseClick(one.eye, LEFT)
    qtbot.mouseClick(other.eye, LEFT)
    assert (one.eye.isChecked(), other.eye.isChecked()) == (False, True)
    qtbot.mouseClick(pane.hide_layer, LEFT)
    assert not other.eye.isChecked()
    assert seen == ["Pneumonia", "Effusion", None]


def test_a_map_of_reconstruction_errors_is_not_called_attention(
    scene: Scene, pane: FindingsPane, qtbot: QtBot
) -> None:
    drawn = result(score(0.9))
    errors = tuple(replace(heat, method="reconstruction error") for heat in drawn.maps)
    scene.record(replace(drawn, maps=errors), STUDY)
    scene.show(STUDY)
    (row,) = pane.list.rows
    qtbot.mouseClick(row.eye, LEFT)
    qtbot.mouseClick(pane.tune, LEFT)
    (sliders,) = pane.findChildren(AttentionSliders)
    named = [row.eye, pane.hide_layer, pane.tune, sliders.opacity, sliders.threshold]
    told = [widget.accessibleName() for widget in named]
    told += [words.text() for words in sliders.findChildren(QLabel)]
    assert not [words for words in told if "attention" in words.lower() or "looked" in words]
    assert sum("reconstruction error" in words.lower() for words in told) == 6
    sliders.close()


def test_opacity_and_threshold_follow_the_sliders(scene: Scene, pane: FindingsPane, qtbot: QtBot) -> None:
    scene.record(result(score(0.9)), STUDY)
    scene.show(STUDY)
    tuned: list[tuple[float, float]] = []
    scene.findings.attentionTuned.connect(lambda *values: tuned.append(values))
    qtbot.mouseClick(pane.tune, LEFT)
    [sliders] = pane.findChildren(AttentionSliders)
    qtbot.keyClick(sliders.opacity, Key.Key_Left)
    qtbot.keyClick(sliders.threshold, Key.Key_Right)
    assert tuned == [(0.57, 0.35), (0.57, 0.36)]
    assert scene.findings.attention == (0.57, 0.36)
    sliders.close()


def test_a_row_that_has_no_finding_leads_to_adding_one(
    scene: Scene, pane: FindingsPane, qtbot: QtBot
) -> None:
    scene.show(STUDY)
    asked: list[str] = []
    scene.findings.addWanted.connect(asked.append)
    qtbot.mouseClick(pane.list.rows[0].override, LEFT)
    qtbot.mouseClick(pane.add, LEFT)
    assert asked == [pane.list.rows[0].row.label, ""]


def test_run_and_stop_stand_where_the_run_is_shown(scene: Scene, pane: FindingsPane, qtbot: QtBot) -> None:
    scene.show(STUDY)
    scene.host.release.clear()
    qtbot.mouseClick(pane.start, LEFT)
    scene.wait(scene.host.started.is_set)
    assert not pane.start.isVisible()
    qtbot.mouseClick(pane.stop, LEFT)
    scene.settle()
    assert pane.start.isVisible()
    assert scene.toasts[-1].text == "The AI run was stopped"


def test_rows_keep_their_widgets_while_their_finding_is_there(scene: Scene, pane: FindingsPane) -> None:
    scene.record(result(score(0.9), score(0.8, label="Effusion")), STUDY)
    scene.show(STUDY)
    before = pane.list.rows
    scene.findings.accept_row(before[0].row.key)
    scene.settle()
    assert pane.list.rows == before


def test_labels_are_plain_text_whatever_a_model_calls_them(scene: Scene, pane: FindingsPane) -> None:
    scene.record(result(score(0.9, label="<b>bold</b>")), STUDY)
    scene.show(STUDY)
    assert all(
        label.textFormat() is Qt.TextFormat.PlainText for label in pane.findChildren(QLabel) if label.text()
    )
    finding: Finding | None = pane.list.rows[0].row.finding
    assert finding is not None
    assert finding.label == "<b>bold</b>"
