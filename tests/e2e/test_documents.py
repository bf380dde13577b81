"""A reader reads reports and letters of a study: with the mouse, with keys, masked, and broken ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from medvision_desktop.ui.viewmodels.documents import DocumentStatus
from tests.helpers.dicom_files import ct, write
from tests.helpers.report_files import item, letter, pdf_document, report
from tests.helpers.sitting import CTRL, Sitting


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of one image, a report and a letter."""
    folder = tmp_path / "study"
    folder.mkdir()
    finding = item("TEXT", "Finding", TextValue="No fracture, no dislocation.")
    observer = item("PNAME", "Observer", PersonName="Curie^Marie")
    write(ct(), folder / "image.dcm")
    write(report([observer, finding], SeriesNumber=4), folder / "report.dcm")
    write(pdf_document(letter(), SeriesNumber=5), folder / "letter.dcm")
    return folder


def pick(sitting: Sitting, title: str) -> None:
    """Click the row of the worklist that is called so."""
    rows = sitting.room.worklist_pane.list
    number = next(n for n in range(rows.items.rowCount()) if rows.items.index(n).data() == title)
    sitting.click(rows.viewport(), rows.visualRect(rows.items.index(number)).center())
    sitting.wait(lambda: sitting.room.documents.model.state.status is not DocumentStatus.LOADING)


def test_a_report_is_picked_read_searched_and_copied(sit_down: Callable[..., Any], study: Path) -> None:
    sitting: Sitting = sit_down()
    sitting.open(study)
    pick(sitting, "Radiology report")
    pane = sitting.room.documents.pane
    sitting.wait(lambda: pane.text.is_complete)

    assert pane.isVisible()
    assert "No fracture, no dislocation." in pane.text.toPlainText()
    sitting.key(Qt.Key.Key_F, CTRL)
    sitting.type("no ")
    assert pane.text.hits == (1, 2)
    sitting.key(Qt.Key.Key_F3)
    assert pane.count.text() == "2 of 2"
    sitting.click(pane.copy_button)
    assert QApplication.clipboard().text().strip().lower() == "no"
    assert sitting.room.viewer.active_pane.shown is not None
    pane.focus_content()
    sitting.key(Qt.Key.Key_Escape)
    assert not pane.isVisible()


def test_a_reader_goes_from_a_report_to_the_images_it_speaks_of(
    sit_down: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "cited"
    folder.mkdir()
    slices = [ct(z=2.0 * n, number=n + 1) for n in range(4)]
    for number, one in enumerate(slices):
        write(one, folder / f"{number}.dcm")
    absent = ct(z=99.0, number=99)
    cited = [
        item("IMAGE", "Image", ReferencedSOPSequence=[pointing_at(one)]) for one in (slices[2], absent)
    ]
    write(report(cited), folder / "report.dcm")
    sitting: Sitting = sit_down()
    sitting.open(folder)
    pick(sitting, "Radiology report")
    room, view = sitting.room, sitting.room.documents.pane.text
    sitting.wait(lambda: view.is_complete)
    uid = slices[2].SOPInstanceUID

    def seen() -> str:
        shown = room.viewer.active_pane.shown
        return "" if shown is None else shown.frame.sop_instance_uid

    # By keys: Tab to the first link, Enter.
    view.setFocus()
    sitting.key(Qt.Key.Key_Tab)
    sitting.key(Qt.Key.Key_Return)
    assert seen() == uid
    found = view.document().find("Show the image")
    # By the mouse, from an empty room: the series is read first.
    room.viewer.close_study(sitting.study_key)
    sitting.click(view.viewport(), view.cursorRect(found).center() - QPoint(4, 0))
    sitting.wait(lambda: seen() == uid)
    # What is not here is said, and nothing moves.
    other = view.document().find("Show the image", found)
    sitting.click(view.viewport(), view.cursorRect(other).center() - QPoint(4, 0))
    assert sitting.toasts[-1].text == "The image is not here"
    assert seen() == uid


def pointing_at(image: Dataset) -> Dataset:
    """A reference to an image as content items have it."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return reference


def test_documents_are_reached_one_after_the_other_by_key(
    sit_down: Callable[..., Any], study: Path
) -> None:
    sitting: Sitting = sit_down()
    sitting.open(study)
    model = sitting.room.documents.model
    titles = []
    for _ in range(3):
        sitting.key(Qt.Key.Key_D, CTRL)
        sitting.wait(lambda: model.state.status is DocumentStatus.SHOWN)
        assert model.state.document is not None
        titles.append(model.state.document.title)

    assert titles == ["Radiology report", "Letter", "Radiology report"]


def test_a_letter_is_drawn_searched_and_zoomed(sit_down: Callable[..., Any], study: Path) -> None:
    sitting: Sitting = sit_down()
    sitting.open(study)
    pick(sitting, "Letter")
    room = sitting.room
    sitting.wait(lambda: room.documents.model.page(0) is not None)
    before = room.documents.pane.desk.sheets.page_width
    sitting.key(Qt.Key.Key_F, CTRL)
    sitting.type("page 2")
    sitting.wait(lambda: len(room.documents.model.matches) == 1)

    assert room.documents.model.matches[0].page == 1
    assert room.documents.pane.count.text() == "1 of 1"
    sitting.click(room.documents.pane.larger)
    assert room.documents.pane.desk.sheets.page_width > before


def test_in_privacy_mode_names_are_hidden_and_pages_are_covered(
    sit_down: Callable[..., Any], study: Path
) -> None:
    sitting: Sitting = sit_down()
    sitting.open(study)
    pick(sitting, "Radiology report")
    sitting.room.commands.perform("privacy.mask")
    pane = sitting.room.documents.pane
    sitting.wait(lambda: pane.text.is_complete)
    assert "Curie" not in pane.text.toPlainText()
    assert "Doe" not in pane.text.toPlainText()
    assert "No fracture" in pane.text.toPlainText()
    pick(sitting, "Letter")
    assert pane.pages.currentWidget() is pane.message
    sitting.click(pane.show_anyway)
    assert pane.pages.currentWidget() is pane.desk


def test_a_broken_letter_says_so_in_one_sentence(sit_down: Callable[..., Any], study: Path) -> None:
    write(pdf_document(b"%PDF-1.4 cut", SeriesNumber=5, DocumentTitle="Cut"), study / "cut.dcm")
    sitting: Sitting = sit_down()
    sitting.open(study)
    pick(sitting, "Cut")
    pane = sitting.room.documents.pane

    assert pane.message.title.text() == "The document cannot be shown."
    assert pane.message.isVisible()


def test_a_study_of_documents_alone_is_opened(sit_down: Callable[..., Any], study: Path) -> None:
    (study / "image.dcm").unlink()
    sitting: Sitting = sit_down()
    sitting.drop(study)
    room = sitting.room
    sitting.wait(lambda: room.documents.model.state.status is DocumentStatus.SHOWN)
    sitting.settle()

    assert [row.study.series for row in room.worklist.studies] == [()]
    assert room.documents.pane.isVisible()
