"""Tools in the real window: what is drawn is in the record, in the report, and there after a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from medvision_desktop.services.measurements import measurements
from medvision_desktop.services.verify import verify
from medvision_desktop.ui.viewmodels import viewer_actions
from tests.helpers.sitting import CTRL, LEFT, NO_KEYS, Sitting
from tests.helpers.viewer_screen import move

Sit = Callable[..., Sitting]


def draw(sitting: Sitting, start: QPoint, end: QPoint) -> None:
    canvas = sitting.room.grid.panes[0].canvas
    QTest.mousePress(canvas, LEFT, NO_KEYS, start)
    move(canvas, end, LEFT)
    QTest.mouseRelease(canvas, LEFT, NO_KEYS, end)
    sitting.settle()


def said(sitting: Sitting) -> list[tuple[str, ...]]:
    return [mark.lines for mark in sitting.room.viewer.marks_on(0)]


def test_a_measurement_is_recorded_offered_to_the_report_and_there_after_a_restart(
    sit_down: Sit, folder: Callable[..., Path]
) -> None:
    files = folder("RG1_UNCR.dcm")
    first = sit_down()
    first.open(files)
    first.key(Qt.Key.Key_L)
    draw(first, QPoint(120, 300), QPoint(240, 340))
    first.key(Qt.Key.Key_R)
    draw(first, QPoint(120, 400), QPoint(200, 460))
    first.key(Qt.Key.Key_Z, CTRL)
    first.settle()
    before = said(first)
    assert len(before) == 1
    assert before[0][0].endswith(" px")
    assert [one.said for one in measurements(first.store, first.study_key)] == before
    assert verify(first.store).ok
    first.key(Qt.Key.Key_P, CTRL)
    first.settle()
    section = first.room.report_pane.editor.sections["findings"]
    assert section.note.text() == "from 1 measurement"
    assert before[0][0] in first.room.report_pane.editor.chips.accessibleName()
    section.phraseChosen.emit(f"Measurement: {before[0][0]}.")
    first.settle()
    assert before[0][0] in section.text()
    first.close()
    second = sit_down()
    second.click_study("CompressedSamples, RG1")
    assert said(second) == before


def test_the_readers_keys_and_presets_hold_from_the_start_and_a_fault_is_told(
    sit_down: Sit, folder: Callable[..., Path]
) -> None:
    files = folder("RG1_UNCR.dcm")
    first = sit_down()
    data = first.room.bench.locations.data
    first.close()
    (data / "keys.toml").write_text('"tool.length" = "Shift+X"\n', encoding="utf-8")
    (data / "presets.toml").write_text(
        '[[CR]]\nkey = 3\nname = "Mine"\ncenter = 9000\nwidth = 4000\n', encoding="utf-8"
    )
    second = sit_down()
    second.open(files)
    second.key(Qt.Key.Key_L)
    assert second.room.viewer.tool.value == "window"
    second.key(Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert second.room.viewer.tool.value == "length"
    assert [preset.name for preset in viewer_actions.presets(second.room.viewer)] == ["Mine"]
    second.close()
    (data / "keys.toml").write_text('"tool.length" = "P"\n', encoding="utf-8")
    third = sit_down()
    third.settle()
    (data / "keys.toml").unlink()
    assert any("both “Pan” and “Length”" in why for why in _told(third))


def _told(sitting: Sitting) -> list[str]:
    from PySide6.QtWidgets import QLabel

    return [label.text() for label in sitting.room.errors.findChildren(QLabel)] + [
        label.text() for label in sitting.window.findChildren(QLabel)
    ]
