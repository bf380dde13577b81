"""Hanging in the real window: priors beside their study, stages, further windows, key images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from medvision_desktop.services.key_marks import key_marks
from medvision_desktop.services.verify import verify
from medvision_desktop.ui.dialogs.hanging import HangingSheet
from medvision_desktop.ui.dialogs.key_marks import KeyMarksSheet
from tests.helpers import dicom_files
from tests.helpers.sitting import CTRL, SHIFT, Sitting

Sit = Callable[..., Sitting]
NOW, OLD = "1.2.826.0.1.77.1", "1.2.826.0.1.77.2"


@pytest.fixture
def two_years(tmp_path: Path) -> Path:
    """A CT of today and one of two years and three months before, each of five slices."""
    folder = tmp_path / "cd"
    for study, day, value in ((NOW, "20040826", 100), (OLD, "20020519", 400)):
        for number in range(5):
            pixels = np.full((40, 40), value + 10 * number, np.int16)
            slice_ = dicom_files.ct(
                pixels,
                z=5.0 * number,
                number=number + 1,
                SOPInstanceUID=f"{study}.9.{number}",
                StudyInstanceUID=study,
                SeriesInstanceUID=f"{study}.1",
                StudyDate=day,
                BodyPartExamined="CHEST",
                StudyDescription="CT chest",
                PatientBirthDate="19400305",
            )
            place = folder / day
            place.mkdir(parents=True, exist_ok=True)
            dicom_files.write(slice_, place / f"{number}.dcm")
    return folder


def opened(sitting: Sitting, key: str) -> None:
    sitting.room.worklist.select(key)
    sitting.wait(lambda: sitting.room.viewer.active_pane.shown is not None)
    sitting.settle()


def shown(sitting: Sitting) -> list[str]:
    viewer = sitting.room.viewer
    panes = [viewer.panes[number] for number in viewer.visible]
    return [pane.study.key if pane.study is not None else "" for pane in panes]


def test_a_ct_hangs_beside_its_prior_and_both_scroll_by_position(sit_down: Sit, two_years: Path) -> None:
    sitting = sit_down(paths=[two_years])
    opened(sitting, NOW)
    assert shown(sitting) == [NOW, OLD]
    sitting.key(Qt.Key.Key_Down)
    viewer = sitting.room.viewer
    assert [viewer.panes[n].shown.index for n in (0, 1)] == [1, 1]
    sitting.key(Qt.Key.Key_Right, CTRL)
    assert shown(sitting) == [NOW]
    assert viewer.panes[0].shown.index == 1
    sitting.key(Qt.Key.Key_Left, CTRL)
    assert shown(sitting) == [NOW, OLD]


def test_a_prior_is_listed_under_its_study_and_named_in_the_comparison(
    sit_down: Sit, two_years: Path
) -> None:
    sitting = sit_down(paths=[two_years])
    opened(sitting, NOW)
    items = sitting.room.worklist_pane.list.items
    spoken = [
        str(items.index(row).data(Qt.ItemDataRole.AccessibleTextRole)) for row in range(items.rowCount())
    ]
    assert "Prior CT chest, 19 May 2002, 2 y 3 mo before" in spoken
    sitting.key(Qt.Key.Key_1, CTRL)
    assert shown(sitting) == [NOW]
    sitting.click_study("Prior CT chest")
    assert shown(sitting) == [NOW, OLD]
    sitting.key(Qt.Key.Key_P, CTRL)
    sitting.settle()
    section = sitting.room.report_pane.editor.sections["comparison"]
    section.phraseChosen.emit("CT chest of 19 May 2002 (2 y 3 mo before).")
    sitting.settle()
    assert section.text() == "CT chest of 19 May 2002 (2 y 3 mo before)."


def test_panes_go_to_a_window_of_their_own_and_come_back(sit_down: Sit, two_years: Path) -> None:
    sitting = sit_down(paths=[two_years])
    opened(sitting, NOW)
    room = sitting.room
    room.viewer.set_active(1)
    room.actions["window.move_pane"].trigger()
    (side,) = room.windows.open_ones.values()
    assert QTest.qWaitForWindowActive(side, 10_000)
    assert (room.viewer.on_window(0), room.viewer.on_window(1)) == ((0,), (4,))
    assert room.windows.front is side
    room.actions["view.full_screen"].trigger()
    assert (side.isFullScreen(), sitting.window.isFullScreen()) == (True, False)
    QTest.keyClick(QApplication.focusWidget() or side, Qt.Key.Key_Down)
    assert room.viewer.panes[4].shown.index == 1
    side.close()
    assert (shown(sitting), room.windows.open_ones) == ([NOW, OLD], {})


def test_a_window_that_was_open_is_open_again_and_the_main_one_has_the_keyboard(
    sit_down: Sit, two_years: Path
) -> None:
    first = sit_down(paths=[two_years])
    first.room.actions["window.new"].trigger()
    (side,) = first.room.windows.open_ones.values()
    side.resize(700, 500)
    first.close()
    second = sit_down()
    (again,) = second.room.windows.open_ones.values()
    assert (again.width(), again.height()) == (700, 500)
    assert QApplication.activeWindow() is second.window


def test_a_key_image_is_kept_reported_and_taken_away_again(sit_down: Sit, two_years: Path) -> None:
    first = sit_down(paths=[two_years])
    opened(first, NOW)
    first.key(Qt.Key.Key_Down)
    first.key(Qt.Key.Key_K)
    first.settle()
    view = first.room.viewer.view(0)
    assert view.rail is not None
    assert view.rail.keys == (1,)
    assert [line.text for line in view.corner.top_right][-1] == "Key image"
    assert "Key image" not in [line.text for line in first.room.viewer.view(1).corner.top_right]
    (mark,) = key_marks(first.store, NOW)
    assert first.room.report.draft is not None
    assert [image.id for image in first.room.report.draft.key_images] == [mark.id]
    first.close()

    second = sit_down()
    opened(second, NOW)
    assert second.room.viewer.view(0).rail.keys == (1,)
    second.key(Qt.Key.Key_K, CTRL | SHIFT)
    (sheet,) = second.window.findChildren(KeyMarksSheet)
    QTest.keyClick(sheet.list, Qt.Key.Key_Return)
    assert second.room.viewer.panes[0].shown.index == 1
    QTest.keyClick(sheet.list, Qt.Key.Key_Delete)
    second.settle()
    assert key_marks(second.store, NOW) == ()
    assert second.room.report.draft is not None
    assert second.room.report.draft.key_images == ()
    assert second.room.viewer.view(0).rail.keys == ()
    assert verify(second.store).ok


def test_the_table_is_edited_on_its_sheet_and_holds_after_a_restart(sit_down: Sit, two_years: Path) -> None:
    first = sit_down(paths=[two_years])
    first.room.actions["hang.rules"].trigger()
    (sheet,) = first.window.findChildren(HangingSheet)
    sheet.add()
    sheet.rules.item(0, 0).setText("Mine")
    sheet.panes.item(0, 1).setText("9x9")
    sheet.save.click()
    assert "needs a layout" in sheet.fault.text()
    sheet.panes.item(0, 1).setText("2x1")
    sheet.save.click()
    assert first.room.hanging.rules[0].name == "Mine"
    first.close()
    second = sit_down()
    opened(second, NOW)
    assert second.room.viewer.layout.name == "2x1"


def test_a_table_with_a_fault_is_told_and_the_protocols_that_ship_hold(
    sit_down: Sit, two_years: Path
) -> None:
    first = sit_down()
    path = first.room.hanging_file
    first.close()
    path.write_text('[[rule]]\nname = "a"\nlayout = "1x1"\n', encoding="utf-8")
    second = sit_down(paths=[two_years])
    told = [label.text() for label in second.window.findChildren(QLabel)]
    assert "The table of hanging protocols is not used." in told
    assert "A rule has no “layout”." in told
    opened(second, NOW)
    assert shown(second) == [NOW, OLD]
