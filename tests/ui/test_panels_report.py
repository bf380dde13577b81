"""The report: what is typed is saved, what is signed is closed, and the preview is the PDF."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QDockWidget, QLabel, QMainWindow, QMenu, QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import Decision, Laterality, ReviewState
from medvision_desktop.domain.report import ReportDraft
from medvision_desktop.errors import InputRefused
from medvision_desktop.paths import Locations
from medvision_desktop.services import issue_report
from medvision_desktop.ui.panes.report import ReportPane
from medvision_desktop.ui.report_dock import ReportDock
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.viewmodels.pdf_pages import page_images
from medvision_desktop.ui.widgets.button import Button
from tests.helpers.panel_scene import READER, Scene, key_image, loaded, result, score, study

STUDY = study()
LEFT = Qt.MouseButton.LeftButton
Key = Qt.Key


@pytest.fixture
def scene(qapp: QApplication, locations: Locations) -> Iterator[Scene]:
    stylesheet.apply(qapp)
    made = Scene(locations)
    made.record(result(score(0.9)), STUDY)
    yield made
    made.close()


@pytest.fixture
def pane(scene: Scene, qtbot: QtBot) -> ReportPane:
    made = ReportPane(scene.report)
    qtbot.addWidget(made)
    made.resize(1304, 900)
    with qtbot.waitExposed(made):
        made.show()
    show(scene)
    return made


def show(scene: Scene) -> None:
    scene.show(STUDY)
    scene.report.set_study(STUDY)
    scene.settle()


def stored(scene: Scene) -> ReportDraft:
    return issue_report.load_draft(scene.store, STUDY.key)


def wait_saved(scene: Scene, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not scene.report.is_dirty, timeout=5000)
    scene.settle()


def accept_all(scene: Scene) -> None:
    for row in scene.findings.rows:
        scene.findings.accept_row(row.key)
    scene.settle()


def test_what_is_typed_saves_itself(scene: Scene, pane: ReportPane, qtbot: QtBot) -> None:
    qtbot.keyClicks(pane.editor.sections["indication"].field, "Cough.")
    assert pane.editor.head.saved.text() == "Saving"
    wait_saved(scene, qtbot)
    assert stored(scene).sections.indication == "Cough."
    assert pane.editor.head.saved.text().startswith("Saved ")


def test_many_keys_make_one_entry(scene: Scene, pane: ReportPane, qtbot: QtBot) -> None:
    qtbot.keyClicks(pane.editor.sections["comparison"].field, "None available, none asked for.")
    wait_saved(scene, qtbot)
    drafted = [entry for entry in scene.store.entries() if entry.kind == EventKind.REPORT_DRAFTED]
    assert len(drafted) == 1


def test_typing_goes_on_while_the_record_is_slow(scene: Scene, pane: ReportPane, qtbot: QtBot) -> None:
    field = pane.editor.sections["impression"].field
    held = threading.Event()
    scene.lanes.db.submit(lambda *_: held.wait(10), done=lambda _: None)
    qtbot.keyClicks(field, "One")
    scene.report.flush()
    qtbot.keyClicks(field, " two")
    held.set()
    scene.settle()
    assert field.toPlainText() == "One two"
    wait_saved(scene, qtbot)
    assert stored(scene).sections.impression == "One two"


def test_leaving_the_study_saves_what_the_timer_holds_back(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    qtbot.keyClicks(pane.editor.sections["indication"].field, "Fever.")
    scene.report.set_study(study("2.25.8"))
    scene.settle()
    assert stored(scene).sections.indication == "Fever."
    assert pane.editor.sections["indication"].text() == ""


def test_a_draft_is_there_after_a_restart(
    scene: Scene, pane: ReportPane, qtbot: QtBot, locations: Locations
) -> None:
    qtbot.keyClicks(pane.editor.sections["findings"].field, "Right lower zone.")
    scene.report.add_key_image(key_image(STUDY))
    pane.hide()
    scene.settle()
    again = Scene(locations)
    show(again)
    assert again.report.draft is not None
    assert again.report.draft.sections.findings == "Right lower zone."
    assert [image.id for image in again.report.draft.key_images] == ["k1"]
    again.close()


def test_a_decision_reaches_the_text_and_spares_what_the_reader_wrote(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    qtbot.keyClicks(pane.editor.sections["findings"].field, "Old fracture of a rib.")
    scene.findings.add(Decision(ReviewState.ADDED, "Effusion", Laterality.LEFT))
    scene.settle()
    text = pane.editor.sections["findings"].text()
    assert "Old fracture of a rib." in text
    assert "Effusion" in text
    assert [chip.text for chip in pane.editor.chips.chips] == ["Effusion, left"]
    wait_saved(scene, qtbot)


def test_a_decision_made_while_typing_goes_on_reaches_the_text_too(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    field = pane.editor.sections["findings"].field
    held = threading.Event()
    scene.lanes.db.submit(lambda *_: held.wait(10), done=lambda _: None)
    qtbot.keyClicks(field, "Old")
    scene.findings.add(Decision(ReviewState.ADDED, "Effusion", Laterality.LEFT))
    scene.report.refresh(STUDY.key)
    qtbot.keyClicks(field, " fracture.")
    held.set()
    scene.settle()
    wait_saved(scene, qtbot)
    wait_saved(scene, qtbot)
    text = stored(scene).sections.findings
    assert "Old fracture." in text
    assert "Effusion" in text


def test_leaving_while_a_decision_is_being_filled_in_loses_nothing(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    held = threading.Event()
    scene.lanes.db.submit(lambda *_: held.wait(10), done=lambda _: None)
    qtbot.keyClicks(pane.editor.sections["indication"].field, "Fever.")
    scene.report.refresh(STUDY.key)
    scene.report.set_study(study("2.25.8"))
    held.set()
    scene.settle()
    assert stored(scene).sections.indication == "Fever."


def test_a_full_record_keeps_the_text_on_screen(
    scene: Scene, pane: ReportPane, qtbot: QtBot, locations: Locations
) -> None:
    scene.bench.store.close()
    scene.bench._store = Store.open(locations.record, read_only=True)
    qtbot.keyClicks(pane.editor.sections["indication"].field, "Cough.")
    scene.report.flush()
    scene.settle()
    assert scene.report.is_dirty
    assert pane.editor.sections["indication"].text() == "Cough."
    assert scene.errors[-1].safe == "The text is still on screen."
    assert scene.errors[-1].retry is not None
    scene.report._timer.stop()


def test_a_pending_finding_stops_the_signature_and_leads_to_its_row(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    asked: list[bool] = []
    went: list[str] = []
    scene.report.signWanted.connect(lambda: asked.append(True))
    scene.report.findingWanted.connect(went.append)
    qtbot.mouseClick(pane.editor.sign_bar.sign, LEFT)
    assert asked == []
    assert scene.toasts[-1].text == "Not signed yet"
    [row] = [row for row in pane.editor.check_rows() if row.line.state == "stops"]
    go = next(button for button in row.findChildren(Button) if button.text() == "Go to finding")
    qtbot.mouseClick(go, LEFT)
    assert went == [scene.findings.findings[0].id]


def test_a_finding_left_undecided_on_purpose_stops_nothing(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    [row] = [row for row in pane.editor.check_rows() if row.line.state == "stops"]
    leave = next(button for button in row.findChildren(Button) if button.text() == "Leave undecided")
    qtbot.mouseClick(leave, LEFT)
    scene.settle()
    wait_saved(scene, qtbot)
    assert scene.report.stopped_by == ()
    assert scene.findings.findings[0].decision.state is ReviewState.LEFT_UNDECIDED
    asked: list[bool] = []
    scene.report.signWanted.connect(lambda: asked.append(True))
    scene.report.ask_sign()
    assert asked == [True]


def test_a_signed_report_is_closed_and_its_hash_is_in_the_record(
    scene: Scene, pane: ReportPane, qtbot: QtBot, locations: Locations
) -> None:
    accept_all(scene)
    wait_saved(scene, qtbot)
    scene.report.sign()
    scene.settle()
    signed = scene.report.signed
    assert signed is not None
    pdf = (locations.reports / signed.pdf_name).read_bytes()
    assert hashlib.sha256(pdf).hexdigest() == signed.pdf_sha256
    assert pane.editor.head.chip.chip.text == "Signed"
    assert signed.pdf_sha256[:16] in pane.editor.sign_bar.digest.text()
    assert READER in pane.editor.sign_bar.who.text()
    before = pane.editor.sections["impression"].text()
    qtbot.keyClicks(pane.editor.sections["impression"].field, "afterthought")
    assert pane.editor.sections["impression"].text() == before
    assert not pane.editor.sign_bar.sign.isVisible()
    assert pane.editor.sign_bar.addendum.isVisible()


def test_an_older_signed_version_is_opened_and_left_again(
    scene: Scene, pane: ReportPane, qtbot: QtBot, locations: Locations
) -> None:
    accept_all(scene)
    wait_saved(scene, qtbot)
    scene.report.sign()
    scene.settle()
    scene.report.start_addendum()
    scene.report.edit("impression", "Compared again.")
    wait_saved(scene, qtbot)
    drafted = scene.report.pages
    versions = pane.editor.head.history_menu().actions()
    assert [action.text()[:9] for action in versions] == ["Version 1", "What is b"]
    assert [action.isChecked() for action in versions] == [False, True]
    versions[0].trigger()
    scene.settle()
    first = (locations.reports / scene.report.reports[0].pdf_name).read_bytes()
    asked = pane.preview.pages.page_width * pane.devicePixelRatioF()
    shown = [page.pixels for page in scene.report.pages]
    assert shown == [page.pixels for page in page_images(first, round(asked))]
    assert pane.preview.caption.text().startswith("Signed version 1")
    assert pane.editor.head.chip.chip.text == "Version 1"
    pane.editor.head.history_menu().actions()[1].trigger()
    scene.settle()
    assert [page.pixels for page in scene.report.pages] == [page.pixels for page in drafted]
    versions = pane.editor.head.history_menu().actions()
    versions[0].trigger()
    scene.report.edit("impression", "Typing goes back to what is written.")
    assert scene.report.older is None


def test_priors_are_offered_to_the_comparison_alone(scene: Scene, pane: ReportPane) -> None:
    pane.show_priors(("CT chest of 19 May 2002 (2 y 3 mo before).",))
    assert pane.editor.sections["comparison"]._offered == ("CT chest of 19 May 2002 (2 y 3 mo before).",)
    assert pane.editor.sections["findings"]._offered == ()
    assert scene.report.draft is not None


def test_the_report_comes_loose_as_a_window_and_docks_again(scene: Scene, qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    made = ReportPane(scene.report)
    dock = QDockWidget("Report", window)
    dock.setWidget(made)
    dock.setTitleBarWidget(QWidget(dock))
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.resize(1400, 900)
    window.show()
    handle = ReportDock(dock, made.editor.head)
    moves: list[bool] = []
    handle.moved.connect(moves.append)
    head = made.editor.head
    start = QPoint(120, 20)
    qtbot.mousePress(head, LEFT, pos=start)
    qtbot.mouseMove(head, start + QPoint(3, 0))
    assert not handle.is_floating
    qtbot.mouseMove(head, start + QPoint(60, 40))
    assert handle.is_floating
    head.float_button.click()
    assert not handle.is_floating
    assert moves == [True, False]


def test_an_addendum_is_the_next_version_and_the_first_stays(
    scene: Scene, pane: ReportPane, qtbot: QtBot, locations: Locations
) -> None:
    accept_all(scene)
    wait_saved(scene, qtbot)
    scene.report.sign()
    scene.settle()
    first = scene.report.reports[0]
    qtbot.mouseClick(pane.editor.sign_bar.addendum, LEFT)
    assert pane.editor.head.chip.chip.text == "Addendum 1"
    field = pane.editor.sections["impression"].field
    field.moveCursor(field.textCursor().MoveOperation.End)
    qtbot.keyClicks(field, " Compared again.")
    wait_saved(scene, qtbot)
    scene.report.sign()
    scene.settle()
    assert [report.version for report in scene.report.reports] == [1, 2]
    assert scene.report.reports[0] == first
    again = Scene(locations)
    show(again)
    assert again.report.signed is not None
    assert again.report.signed.version == 2
    again.close()


def test_an_addendum_that_was_begun_is_open_after_a_restart(
    scene: Scene, pane: ReportPane, qtbot: QtBot, locations: Locations
) -> None:
    accept_all(scene)
    wait_saved(scene, qtbot)
    scene.report.sign()
    scene.settle()
    scene.report.start_addendum()
    scene.report.edit("comparison", "Film of May.")
    wait_saved(scene, qtbot)
    again = Scene(locations)
    show(again)
    assert again.report.is_open
    assert again.report.draft is not None
    assert again.report.draft.version == 2
    again.close()


def test_the_preview_is_the_pdf_itself(scene: Scene, pane: ReportPane, qtbot: QtBot) -> None:
    accept_all(scene)
    wait_saved(scene, qtbot)
    scene.report.sign()
    scene.settle()
    qtbot.waitUntil(lambda: bool(scene.report.pages), timeout=5000)
    scene.settle()
    signed = scene.report.signed
    assert signed is not None
    pdf = (scene.bench.locations.reports / signed.pdf_name).read_bytes()
    [shown] = scene.report.pages
    [rendered] = page_images(pdf, shown.width)
    assert shown.pixels == rendered.pixels
    assert (shown.width, shown.height) == (rendered.width, rendered.height)
    assert shown.height / shown.width == pytest.approx(297 / 210, abs=0.01)


def test_the_page_is_as_wide_as_it_is_shown_and_not_blank(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    pages = pane.preview.pages
    qtbot.waitUntil(
        lambda: bool(scene.report.pages) and scene.report.pages[0].width == pages.page_width, timeout=5000
    )
    drawn = pages.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    values = np.frombuffer(drawn.constBits(), np.uint8).reshape(drawn.height(), drawn.bytesPerLine())
    middle = values[:, drawn.width() // 2 - 100 : drawn.width() // 2 + 100]
    assert np.mean(middle > 200) > 0.5
    assert np.any(middle < 80)


def test_dimming_takes_the_screen_and_not_the_document(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: bool(scene.report.pages), timeout=5000)
    scene.settle()
    document = scene.report.pages[0].pixels
    at = QPoint(pane.preview.pages.width() // 2, 20)
    bright = pane.preview.pages.grab().toImage().pixelColor(at).lightness()
    qtbot.mouseClick(pane.preview.dim, LEFT)
    dim = pane.preview.pages.grab().toImage().pixelColor(at).lightness()
    assert dim == pytest.approx(bright * 0.55, abs=3)
    assert scene.report.pages[0].pixels == document


def test_a_copy_is_byte_for_byte_the_signed_pdf(
    scene: Scene, pane: ReportPane, qtbot: QtBot, tmp_path: Path
) -> None:
    accept_all(scene)
    wait_saved(scene, qtbot)
    scene.report.sign()
    scene.settle()
    scene.report.export(tmp_path / "copy.pdf")
    scene.settle()
    signed = scene.report.signed
    assert signed is not None
    assert hashlib.sha256((tmp_path / "copy.pdf").read_bytes()).hexdigest() == signed.pdf_sha256


def test_a_copy_that_cannot_be_written_is_told(
    scene: Scene, pane: ReportPane, qtbot: QtBot, tmp_path: Path
) -> None:
    qtbot.waitUntil(lambda: bool(scene.report.pages), timeout=5000)
    scene.report.export(tmp_path / "nowhere" / "copy.pdf")
    scene.settle()
    assert scene.errors[-1].what == "The PDF was not written."


def test_key_images_come_and_go(scene: Scene, pane: ReportPane, qtbot: QtBot) -> None:
    scene.report.add_key_image(key_image(STUDY))
    scene.report.add_key_image(key_image(study("2.25.8"), "k2"))
    assert scene.toasts[-1].text == "Not added"
    assert pane.editor.image_count.text() == "1"
    removes = [b for b in pane.editor.images.findChildren(QLabel) if b.accessibleName().startswith("PA")]
    assert len(removes) == 1
    wait_saved(scene, qtbot)
    scene.report.remove_key_image("k1")
    wait_saved(scene, qtbot)
    assert stored(scene).key_images == ()


def test_a_phrase_is_put_behind_what_is_there_and_can_be_undone(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    section = pane.editor.sections["comparison"]
    qtbot.keyClicks(section.field, "See below.")
    qtbot.mouseClick(section.macros, LEFT)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.actions()[0].trigger()
    menu.close()
    assert section.text() == "See below. None available."
    section.field.setFocus()
    qtbot.keyClick(section.field, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert section.text() == "See below."
    wait_saved(scene, qtbot)
    assert stored(scene).sections.comparison == "See below."


def test_a_study_without_ai_and_without_findings_can_be_signed(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    plain = study("2.25.55")
    scene.findings.set_study(plain, loaded(plain))
    scene.report.set_study(plain)
    scene.settle()
    scene.report.edit("impression", "No acute finding.")
    wait_saved(scene, qtbot)
    assert scene.report.stopped_by == ()
    scene.report.sign()
    scene.settle()
    assert scene.report.signed is not None


def test_a_field_grows_with_its_text_and_needs_no_scroll_bar(
    scene: Scene, pane: ReportPane, qtbot: QtBot
) -> None:
    field = pane.editor.sections["technique"].field
    one = field.height()
    field.setPlainText("line\n" * 4 + "line")
    assert field.height() >= one + 4 * 14
    assert not field.verticalScrollBar().isVisible()
    wait_saved(scene, qtbot)


def test_nobody_named_cannot_sign_and_is_asked_for_a_name(qapp: QApplication, locations: Locations) -> None:
    scene = Scene(locations, reader="")
    show(scene)
    asked: list[bool] = []
    scene.report.readerWanted.connect(lambda: asked.append(True))
    scene.report.ask_sign()
    action = scene.toasts[-1].action
    assert action is not None
    action()
    assert asked == [True]
    scene.close()


def test_what_is_no_pdf_is_refused_in_words() -> None:
    with pytest.raises(InputRefused, match="cannot be shown"):
        page_images(b"not a pdf", 100)
