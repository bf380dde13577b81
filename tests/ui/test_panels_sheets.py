"""Sheets block nothing, close with Esc, move by their grip, and save only what is complete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.domain.findings import Laterality, ReviewState, Severity
from medvision_desktop.domain.report import CheckState, SignatureCheck
from medvision_desktop.paths import Locations
from medvision_desktop.ui.dialogs.add_finding import AddFindingSheet
from medvision_desktop.ui.dialogs.finding_sheets import FindingSheets
from medvision_desktop.ui.dialogs.override import OverrideSheet
from medvision_desktop.ui.dialogs.reject import RejectSheet
from medvision_desktop.ui.dialogs.sign import KIND_OF_SIGNATURE, SignSheet
from medvision_desktop.ui.panes.findings import FindingsPane
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.viewmodels.finding_rows import RowState
from tests.helpers.panel_scene import Scene, result, score, study

STUDY = study()
LEFT = Qt.MouseButton.LeftButton
CTRL = Qt.KeyboardModifier.ControlModifier
Key = Qt.Key


class Room:
    """A window with a viewer's worth of space, the findings panel and the sheets."""

    def __init__(self, scene: Scene, qtbot: QtBot, width: int = 1280, height: int = 800) -> None:
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.window.resize(width, height)
        self.beside = QPushButton("Beside")
        self.pane = FindingsPane(scene.findings)
        self.pane.setFixedWidth(368)
        row = QHBoxLayout(self.window)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.beside, 1)
        row.addWidget(self.pane)
        self.sheets = FindingSheets(self.window, scene.findings, scene.report, self.pane, self.pane.row_top)
        with qtbot.waitExposed(self.window):
            self.window.show()
        self.window.activateWindow()


@pytest.fixture
def scene(qapp: QApplication, locations: Locations) -> Iterator[Scene]:
    stylesheet.apply(qapp)
    made = Scene(locations)
    made.record(result(score(0.88)), STUDY)
    yield made
    made.close()


@pytest.fixture
def room(scene: Scene, qtbot: QtBot) -> Room:
    made = Room(scene, qtbot)
    scene.show(STUDY)
    return made


def override_sheet(room: Room, qtbot: QtBot) -> OverrideSheet:
    qtbot.mouseClick(room.pane.list.rows[0].override, LEFT)
    sheet = room.sheets.sheet
    assert isinstance(sheet, OverrideSheet)
    return sheet


def test_an_override_is_filled_in_and_saved_with_ctrl_enter(scene: Scene, room: Room, qtbot: QtBot) -> None:
    sheet = override_sheet(room, qtbot)
    line = sheet.fields.label.lineEdit()
    assert line is not None
    line.selectAll()
    qtbot.keyClicks(line, "Mass")
    sheet.fields.location.setCurrentText("Lower zone")
    qtbot.mouseClick(sheet.fields.laterality.button("left"), LEFT)
    qtbot.mouseClick(sheet.fields.severity.button("severe"), LEFT)
    assert not sheet.save_button.isEnabled()
    qtbot.mouseClick(sheet.reasons.buttons["Wrong label"], LEFT, pos=QPoint(12, 10))
    qtbot.keyClicks(sheet.comment, "Two rounded masses.")
    assert sheet.change.after.text() == "Mass, left lower zone, severe"
    qtbot.keyClick(sheet.comment, Key.Key_Return, CTRL)
    scene.settle()
    assert room.sheets.sheet is None
    [finding] = scene.findings.findings
    decision = finding.decision
    assert decision.state is ReviewState.OVERRIDDEN
    assert (decision.label, decision.location) == ("Mass", "Lower zone")
    assert (decision.laterality, decision.severity) == (Laterality.LEFT, Severity.SEVERE)
    assert (decision.reason, decision.comment) == ("Wrong label", "Two rounded masses.")
    assert scene.findings.rows[0].state is RowState.OVERRIDDEN


def test_esc_closes_without_saving(scene: Scene, room: Room, qtbot: QtBot) -> None:
    sheet = override_sheet(room, qtbot)
    sheet.reasons.choose("Artefact")
    qtbot.keyClick(sheet.comment, Key.Key_Escape)
    scene.settle()
    assert room.sheets.sheet is None
    assert scene.findings.rows[0].state is RowState.POSITIVE


def test_a_sheet_stands_clear_of_the_panel_and_inside_the_window(room: Room, qtbot: QtBot) -> None:
    sheet = override_sheet(room, qtbot)
    assert sheet.width() == 434
    assert room.pane.x() - (sheet.x() + sheet.width()) == 48
    assert room.window.rect().contains(sheet.geometry())


def test_a_sheet_moves_by_its_grip_and_stays_inside_the_window(room: Room, qtbot: QtBot) -> None:
    sheet = override_sheet(room, qtbot)
    before = sheet.pos()
    start = QPoint(200, 20)
    qtbot.mousePress(sheet.head, LEFT, pos=start)
    qtbot.mouseMove(sheet.head, start + QPoint(-90, -30))
    assert sheet.pos() - before == QPoint(-90, -30)
    qtbot.mouseMove(sheet.head, QPoint(-5000, -5000))
    qtbot.mouseRelease(sheet.head, LEFT)
    assert room.window.rect().contains(sheet.geometry())


def test_an_open_sheet_blocks_nothing(room: Room, qtbot: QtBot) -> None:
    override_sheet(room, qtbot)
    pressed: list[bool] = []
    room.beside.clicked.connect(lambda: pressed.append(True))
    qtbot.mouseClick(room.beside, LEFT, pos=QPoint(20, 20))
    assert pressed == [True]
    assert QApplication.activeModalWidget() is None


def test_a_sheet_never_stands_over_another_study(scene: Scene, room: Room, qtbot: QtBot) -> None:
    override_sheet(room, qtbot)
    scene.show(study("2.25.8"))
    assert room.sheets.sheet is None


def test_another_sheet_takes_the_place_of_the_first(scene: Scene, room: Room, qtbot: QtBot) -> None:
    first = override_sheet(room, qtbot)
    qtbot.mouseClick(room.pane.list.rows[0].reject, LEFT)
    assert isinstance(room.sheets.sheet, RejectSheet)
    assert not first.isVisible()


def test_other_as_a_reason_wants_a_word_of_explanation(room: Room, qtbot: QtBot) -> None:
    sheet = override_sheet(room, qtbot)
    qtbot.mouseClick(sheet.reasons.buttons["Other"], LEFT, pos=QPoint(12, 10))
    assert not sheet.save_button.isEnabled()
    qtbot.keyClicks(sheet.comment, "Breast shadow.")
    assert sheet.save_button.isEnabled()


def test_rejecting_takes_two_keys_and_a_digit(scene: Scene, room: Room, qtbot: QtBot) -> None:
    room.pane.focus_list()
    qtbot.keyClick(room.pane.list, Key.Key_Backspace)
    sheet = room.sheets.sheet
    assert isinstance(sheet, RejectSheet)
    assert not sheet.save_button.isEnabled()
    focused = QApplication.focusWidget()
    assert focused is not None
    qtbot.keyClick(focused, Key.Key_2)
    assert sheet.decision().reason == "Artefact"
    qtbot.keyClick(focused, Key.Key_Return, CTRL)
    scene.settle()
    [row] = scene.findings.rows
    assert row.state is RowState.REJECTED
    assert row.note == "Artefact."
    assert room.pane.list.hasFocus()


def test_a_digit_in_the_comment_is_text(room: Room, qtbot: QtBot) -> None:
    qtbot.mouseClick(room.pane.list.rows[0].reject, LEFT)
    sheet = room.sheets.sheet
    assert isinstance(sheet, RejectSheet)
    qtbot.keyClicks(sheet.comment, "2 mm")
    assert sheet.comment.toPlainText() == "2 mm"
    assert sheet.reasons.reason == ""


def test_a_finding_of_the_readers_own_is_added(scene: Scene, room: Room, qtbot: QtBot) -> None:
    qtbot.mouseClick(room.pane.add, LEFT)
    sheet = room.sheets.sheet
    assert isinstance(sheet, AddFindingSheet)
    assert not sheet.save_button.isEnabled()
    line = sheet.fields.label.lineEdit()
    assert line is not None
    assert QApplication.focusWidget() in (line, sheet.fields.label)
    qtbot.keyClicks(line, "Central line")
    qtbot.mouseClick(sheet.save_button, LEFT)
    scene.settle()
    assert [f.label for f in scene.findings.findings if f.score is None] == ["Central line"]


def test_a_decision_is_taken_up_again_where_it_was_left(scene: Scene, room: Room, qtbot: QtBot) -> None:
    sheet = override_sheet(room, qtbot)
    sheet.fields.label.setCurrentText("Nodule")
    sheet.reasons.choose("Wrong label")
    sheet.comment.setPlainText("Round.")
    sheet.save()
    scene.settle()
    again = override_sheet(room, qtbot)
    assert again.fields.label.currentText() == "Nodule"
    assert again.reasons.reason == "Wrong label"
    assert again.comment.toPlainText() == "Round."
    again.close()


def test_the_confirmation_says_what_kind_of_signature_this_is(
    qtbot: QtBot, scene: Scene, room: Room
) -> None:
    sheet = SignSheet(room.window, "Dr Vale", 1, (SignatureCheck("All decided", CheckState.OK),))
    confirmed: list[bool] = []
    sheet.confirmed.connect(lambda: confirmed.append(True))
    sheet.open_at(None)
    picture_of_words = [child.accessibleName() for child in sheet.findChildren(QWidget)]
    assert KIND_OF_SIGNATURE in picture_of_words
    qtbot.keyClick(sheet, Key.Key_Return, CTRL)
    assert confirmed == [True]
    assert not sheet.isVisible()


def test_every_sheet_fits_the_smallest_window(scene: Scene, qtbot: QtBot) -> None:
    room = Room(scene, qtbot, 1280, 800)
    scene.show(STUDY)
    for open_sheet in (room.pane.list.rows[0].override, room.pane.list.rows[0].reject, room.pane.add):
        qtbot.mouseClick(open_sheet, LEFT)
        sheet = room.sheets.sheet
        assert sheet is not None
        assert room.window.rect().contains(sheet.geometry())
        needed = sheet.cancel_button.sizeHint().width() + sheet.save_button.sizeHint().width()
        assert sheet.save_button.width() >= sheet.save_button.sizeHint().width()
        assert needed + sheet.note.sizeHint().width() <= sheet.width() - 32
        sheet.close()
