"""Test patterns on the screen, and a display that was measured: entered, kept, driven, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableWidgetItem, QWidget

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.pixels import gsdf, pipeline, screen_patterns
from medvision_desktop.pixels.gsdf import MEASURED_LEVELS
from medvision_desktop.pixels.screen_patterns import PATTERNS
from medvision_desktop.services import displays
from medvision_desktop.ui.dialogs.measured_display import MeasuredDisplaySheet
from medvision_desktop.ui.dialogs.patterns import PatternWindow
from medvision_desktop.ui.viewmodels.calibration import UNCALIBRATED, Calibration
from medvision_desktop.ui.widgets.screens import screen_name
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen

DAY = date(2026, 11, 22)
LUMINANCE = [0.4 + 349.6 * (level / 255) ** 2.2 for level in MEASURED_LEVELS]


@pytest.fixture
def window(qtbot: Any) -> QWidget:
    """A window to open things over."""
    made = QWidget()
    made.resize(1200, 800)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def calibration(tmp_path: Path) -> Calibration:
    """Measured displays of a file that is not there yet."""
    made = Calibration()
    made.use(tmp_path / displays.FILE_NAME)
    return made


@pytest.mark.parametrize("size", [(240, 300), (768, 1024), (1080, 1920), (1600, 1200)])
def test_every_pattern_has_exactly_the_pixels_of_the_screen(size: tuple[int, int]) -> None:
    for pattern in PATTERNS:
        image = pattern.make(*size)
        assert image.shape == size
        assert image.dtype == np.uint8


def test_the_steps_hold_black_white_and_five_per_cent_from_either(qtbot: Any) -> None:
    del qtbot
    image = screen_patterns.smpte(1080, 1920)
    counts = np.bincount(image.ravel(), minlength=256)
    side = 0.42 * 1.5 * 108
    for level in (13, 242):
        assert counts[level] == pytest.approx(side**2, rel=0.05)
    for step in range(11):
        assert counts[round(255 * step / 10)] > 15_000


def test_there_is_a_patch_for_the_meter_at_each_of_18_levels() -> None:
    patches = [pattern for pattern in PATTERNS if pattern.raw]
    assert len(patches) == 18
    for level, patch in zip(MEASURED_LEVELS, patches, strict=True):
        image = patch.make(1000, 1000)
        assert image[500, 500] == level
        if level != 51:
            assert np.count_nonzero(image == level) == pytest.approx(100_000, rel=0.02)


def test_line_pairs_are_single_pixels(qtbot: Any) -> None:
    del qtbot
    image = screen_patterns.resolution(800, 1200)
    assert np.array_equal(image[10, :6], [0, 255, 0, 255, 0, 255])
    assert np.array_equal(image[410:416, 10], image[400 + np.arange(10, 16), 10])
    assert set(np.unique(image[410:420, 10])) == {0, 255}


def test_patterns_are_stepped_through_and_closed_by_key(
    window: QWidget, calibration: Calibration, qtbot: Any
) -> None:
    patterns = PatternWindow(window, calibration)
    closed: list[bool] = []
    patterns.closed.connect(lambda: closed.append(True))
    patterns.open()
    qtbot.waitExposed(patterns)
    assert patterns.pattern is PATTERNS[0]
    QTest.keyClick(patterns, Qt.Key.Key_Right)
    assert patterns.pattern is PATTERNS[1]
    assert PATTERNS[1].name in patterns.accessibleName()
    QTest.keyClick(patterns, Qt.Key.Key_End)
    assert patterns.pattern is PATTERNS[-1]
    QTest.keyClick(patterns, Qt.Key.Key_Right)
    assert patterns.pattern is PATTERNS[0]
    QTest.keyClick(patterns, Qt.Key.Key_T)
    image = patterns.grab().toImage()
    ratio = patterns.devicePixelRatioF()
    levels = patterns.levels()
    for row, column in ((0, 0), (levels.shape[0] // 2, levels.shape[1] // 2), (30, 200)):
        colour = image.pixelColor(round(column / ratio), round(row / ratio))
        assert colour.red() == colour.green() == colour.blue() == levels[row, column]
    QTest.keyClick(patterns, Qt.Key.Key_Escape)
    assert closed == [True]


def test_patterns_go_through_the_correction_and_patches_do_not(
    window: QWidget, calibration: Calibration
) -> None:
    calibration.keep(screen_name(window), LUMINANCE, DAY)
    table = calibration.table(screen_name(window))
    assert table is not None
    patterns = PatternWindow(window, calibration, "ramp")
    assert patterns.is_corrected
    plain = patterns.pattern.make(*patterns.levels().shape)
    assert np.array_equal(patterns.levels(), table[plain])
    QTest.keyClick(patterns, Qt.Key.Key_C)
    assert np.array_equal(patterns.levels(), plain)
    patch = PatternWindow(window, calibration, "level_120")
    assert not patch.is_corrected
    for each in (patterns, patch):
        each.close()


def test_a_measurement_is_entered_kept_and_there_again_at_the_next_start(
    window: QWidget, calibration: Calibration, tmp_path: Path
) -> None:
    asked: list[int] = []
    sheet = MeasuredDisplaySheet(window, calibration, "EIZO 1", asked.append)
    sheet.open_at()
    assert calibration.words("EIZO 1")[0] == UNCALIBRATED
    QTest.keyClick(sheet.save, Qt.Key.Key_Space)
    assert sheet.fault.text() == "There is no luminance at level 0."
    for row, value in enumerate(LUMINANCE):
        sheet.table.setItem(row, 1, QTableWidgetItem(f"{value:.3f}".replace(".", "," if row % 2 else ".")))
    sheet.table.setCurrentCell(3, 1)
    QTest.keyClick(sheet.patch, Qt.Key.Key_Space)
    assert asked == [45]
    QTest.keyClick(sheet.save, Qt.Key.Key_Space)
    words = calibration.words("EIZO 1")
    assert words[0].startswith("GSDF from measurement of ")
    assert "cd/m2" in words[1]
    again = Calibration()
    again.use(tmp_path / displays.FILE_NAME)
    assert np.array_equal(again.table("EIZO 1"), calibration.table("EIZO 1"))  # type: ignore[arg-type]
    again.forget("EIZO 1")
    assert displays.load(tmp_path / displays.FILE_NAME) == {}


def test_luminances_that_fall_are_refused_below_the_table(
    window: QWidget, calibration: Calibration
) -> None:
    sheet = MeasuredDisplaySheet(window, calibration, "EIZO 1", lambda _: None)
    sheet.open_at()
    for row, value in enumerate(LUMINANCE):
        sheet.table.setItem(row, 1, QTableWidgetItem(f"{500 - value:.3f}"))
    QTest.keyClick(sheet.save, Qt.Key.Key_Space)
    assert "measure those again" in sheet.fault.text()
    assert calibration.table("EIZO 1") is None


@pytest.fixture
def screen(qtbot: Any) -> Iterator[Screen]:
    """A viewer with a series of grey slices."""
    loaded = cases.scan()
    made = Screen(qtbot, loaded)
    made.open(loaded)
    yield made
    made.lanes.close()


def test_a_measured_screen_is_driven_through_the_correction_and_the_image_is_not_changed(
    screen: Screen,
) -> None:
    viewer = screen.viewer
    shown = viewer.active_pane.shown
    assert shown is not None
    viewer.set_display(0, viewer.active_pane.display.__class__(voi=VoiWindow(100, 400)))
    before = screen.canvas().grab().toImage()
    plan = viewer.active_pane.shown.plan  # type: ignore[union-attr]
    levels = pipeline.render(plan)
    viewer.calibration.keep(screen_name(screen.grid), LUMINANCE, DAY)
    table = viewer.calibration.table(screen_name(screen.grid))
    assert table is not None
    after = screen.canvas().grab().toImage()
    compared = 0
    for row in range(12, 28, 3):
        at = screen.at(row, 16)
        one, other = before.pixelColor(at), after.pixelColor(at)
        assert other.red() == table[one.red()]
        compared += int(table[one.red()] != one.red())
    assert compared > 0
    assert np.array_equal(pipeline.render(viewer.active_pane.shown.plan), levels)  # type: ignore[union-attr]
    viewer.calibration.forget(screen_name(screen.grid))
    assert screen.canvas().grab().toImage() == before


def test_the_words_tell_how_far_the_driven_display_is_from_the_standard(calibration: Calibration) -> None:
    calibration.keep("EIZO 1", LUMINANCE, DAY)
    found = calibration.measured("EIZO 1")
    table = calibration.table("EIZO 1")
    assert found is not None
    assert table is not None
    error = gsdf.worst_step(found.characteristic, table)
    assert f"{error * 100:.0f} %" in calibration.words("EIZO 1")[1]
