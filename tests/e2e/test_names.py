"""Nothing is decided or signed without a name beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt

from medvision_desktop import settings
from medvision_desktop.domain.findings import ReviewState
from medvision_desktop.services import issue_report
from medvision_desktop.ui.dialogs.first_reader import FirstReaderSheet
from tests.helpers.sitting import CTRL, Sitting

Sit = Callable[..., Sitting]
Folder = Callable[..., Path]


def test_the_first_start_asks_who_reads_and_images_can_be_read_meanwhile(
    sit_down: Sit, folder: Folder
) -> None:
    sitting = sit_down(reader="")
    sheet = _reader_sheet(sitting)
    assert sheet.name.hasFocus()
    assert not sheet.save_button.isEnabled()
    sitting.type("Dr Noor ")
    sitting.key(Qt.Key.Key_Return)
    assert not sheet.isVisible()
    sitting.settle()
    assert sitting.room.reader.name == "Dr Noor"
    assert settings.load(sitting.room.bench.locations.settings, {}).reader == "Dr Noor"
    assert [entry.kind for entry in sitting.store.entries()] == ["ReaderCreated"]
    sitting.open(folder("RG3_UNCR.dcm"))
    assert sitting.pixels(0).std() > 10


def test_decisions_and_signatures_wait_for_a_name(sit_down: Sit, folder: Folder) -> None:
    sitting = sit_down(reader="")
    sitting.key(Qt.Key.Key_Escape)
    sitting.open(folder("RG1_UNCR.dcm"))
    sitting.run_ai()
    room = sitting.room
    (row,) = room.findings_pane.list.rows
    sitting.click(row.accept)
    sitting.settle()
    assert sitting.decisions() == [ReviewState.PENDING]
    assert row.row.chip != "Accepted"
    sitting.follow_toast()
    _introduce(sitting, "Dr Noor")
    sitting.click(row.accept)
    sitting.wait(lambda: row.row.chip == "Accepted")
    sitting.settle()
    assert sitting.decisions() == [ReviewState.ACCEPTED]


def test_a_report_without_a_reader_asks_for_one_and_is_not_signed(sit_down: Sit, folder: Folder) -> None:
    sitting = sit_down(reader="")
    sitting.key(Qt.Key.Key_Escape)
    sitting.open(folder("RG3_UNCR.dcm"))
    room = sitting.room
    sitting.key(Qt.Key.Key_S, CTRL)
    sitting.settle()
    assert room.sheets.sheet is None
    assert issue_report.reports(sitting.store, sitting.study_key) == ()
    assert room.report_pane.editor.sign_bar.who.text() == "Nobody is named as the reader"
    sitting.follow_toast()
    _introduce(sitting, "Dr Noor")
    sitting.key(Qt.Key.Key_S, CTRL)
    assert room.sheets.sheet is not None
    sitting.key(Qt.Key.Key_Return, CTRL)
    sitting.wait(lambda: room.report.signed is not None)
    sitting.settle()
    (signed,) = issue_report.reports(sitting.store, sitting.study_key)
    assert signed.reader == "Dr Noor"


def _reader_sheet(sitting: Sitting) -> FirstReaderSheet:
    (sheet,) = [one for one in sitting.window.findChildren(FirstReaderSheet) if one.isVisible()]
    return sheet


def _introduce(sitting: Sitting, name: str) -> None:
    sheet = _reader_sheet(sitting)
    assert sheet.name.hasFocus()
    sitting.type(name)
    sitting.click(sheet.save_button)
    sitting.settle()
