"""The reader's own window presets: the file, and the sheet that edits it with real keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QTableWidgetItem, QWidget

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.pixels.presets import Preset, presets_for
from medvision_desktop.services import preset_table
from medvision_desktop.ui.dialogs.presets import PresetSheet
from medvision_desktop.ui.viewmodels import viewer_actions
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen


@pytest.mark.parametrize("modality", ["CT", "MR", "DX", "PT"])
def test_a_table_that_was_saved_is_read_as_it_was(tmp_path: Path, modality: str) -> None:
    path = tmp_path / "presets.toml"
    assert preset_table.load(path) == {}
    table = {modality: presets_for(modality), "US": (Preset(1, 'Quoted "ñ"', VoiWindow(0.5, 80.25)),)}
    preset_table.save(path, table)
    assert preset_table.load(path) == table


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[[CT]]\nkey = 12\nname = "A"', "A preset is on a key from 1 to 9."),
        ('[[CT]]\nkey = 1\nname = ""', "The preset on key 1 needs a name"),
        ('[[CT]]\nkey = 1\nname = "A"\ncenter = 3', "“A” needs both center and width as numbers."),
        ('[[CT]]\nkey = 1\nname = "A"\ncenter = 3\nwidth = 0', "“A” needs a centre, and a width"),
        ('[[MR]]\nkey = 1\nname = "A"\nlow_percent = 9\nhigh_percent = 2', "“A” needs a low and a higher"),
        ('[[CT]]\nkey = 1\nname = "A"\n[[CT]]\nkey = 1\nname = "B"', "Key 1 is given to both “A” and “B”."),
        ('[[CT]]\nkey = 1\nname = "A"\nlevel = 3', "A preset has no “level”."),
        ("CT = 3", "Each preset is a table of its own"),
    ],
)
def test_a_fault_refuses_the_whole_table_in_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "presets.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid) as caught:
        preset_table.load(path)
    assert caught.value.why.startswith(why)


@pytest.fixture
def sheet(qtbot: Any) -> Any:
    window = QWidget()
    window.resize(1000, 700)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    saved: list[Any] = []
    made = PresetSheet(window, "CT", presets_for("CT"), saved.append)
    made.open_at()
    return made, saved


def test_a_preset_is_renamed_with_keys_alone_and_saved(sheet: Any) -> None:
    made, saved = sheet
    table = made.table
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Down)
    QTest.keyClick(table, Qt.Key.Key_F2)
    editor = table.findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    QTest.keyClicks(editor, "Head")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QApplication.processEvents()
    QTest.keyClick(made.save, Qt.Key.Key_Space)
    assert saved[0][1] == Preset(2, "Head", VoiWindow(40, 80))
    assert len(saved[0]) == 9


def test_a_fault_is_said_and_nothing_is_saved_and_what_ships_comes_back(sheet: Any) -> None:
    made, saved = sheet
    made.table.setItem(2, 2, QTableWidgetItem("wide"))
    made.save.click()
    assert made.fault.text() == "“wide” on key 3 is not a number."
    assert saved == []
    made.shipped.click()
    assert saved == [None]


def test_the_readers_preset_is_on_its_key(qtbot: Any) -> None:
    scan = cases.scan()
    screen = Screen(qtbot, scan)
    screen.open(scan)
    screen.viewer.own_presets = {"CT": (Preset(4, "Mine", VoiWindow(7, 70)),)}
    assert [preset.name for preset in viewer_actions.presets(screen.viewer)] == ["Mine"]
    screen.key(Qt.Key.Key_4)
    shown = screen.viewer.panes[0].shown
    assert shown is not None
    assert isinstance(shown.plan.voi, VoiWindow)
    assert (shown.plan.voi.center, shown.plan.voi.width) == (7, 70)
    screen.lanes.close()
