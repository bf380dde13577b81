"""Playing images with the space bar, by a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from medvision_desktop.domain.header import CineTimes
from medvision_desktop.services import header
from medvision_desktop.ui.dialogs.tags import TagSheet, found
from medvision_desktop.ui.viewmodels.cine import Cine
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen


@pytest.fixture
def playing(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(header, "cine_times", lambda *_: CineTimes((40.0,), "Frame Time"))
    loaded = cases.scan(count=9)
    screen = Screen(qtbot, loaded)
    clock = [1000.0]
    cine = Cine(screen.lanes, screen.viewer, now_ms=lambda: clock[0])
    screen.open(loaded)
    yield screen, cine, clock
    cine.stop()
    screen.lanes.close()


def index(screen: Screen) -> int:
    shown = screen.viewer.panes[0].shown
    assert shown is not None
    return shown.index


def test_the_clock_decides_which_image_stands_so_a_slow_machine_skips(playing: Any) -> None:
    screen, cine, clock = playing
    screen.viewer.set_index(0, 2)
    assert cine.toggle()
    screen.settle()
    assert "Cine 25 /s, Frame Time" in screen.viewer.view(0).corner.bottom_right[0].text
    for elapsed, wanted in ((39, 2), (41, 3), (165, 6), (290, 0), (40 * 9 * 10 + 1, 2)):
        clock[0] = 1000.0 + elapsed
        cine._on_tick()
        assert index(screen) == wanted
    cine.toggle()
    assert cine.playing is None
    clock[0] += 400
    assert index(screen) == 2
    assert "Cine" not in screen.viewer.view(0).corner.bottom_right[0].text


def test_it_runs_by_itself_and_stops_when_the_reader_scrolls(playing: Any, qtbot: Any) -> None:
    screen, cine, clock = playing
    cine.toggle()
    screen.settle()
    clock[0] += 130
    qtbot.waitUntil(lambda: index(screen) == 3, timeout=3000)
    event = QWheelEvent(
        QPointF(50, 50),
        QPointF(50, 50),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(screen.canvas(), event)
    qtbot.waitUntil(lambda: cine.playing is None, timeout=3000)
    assert index(screen) == 4


def test_one_image_is_not_played(qtbot: Any) -> None:
    film = cases.film()
    screen = Screen(qtbot, film)
    cine = Cine(screen.lanes, screen.viewer)
    screen.open(film)
    assert not cine.toggle()
    screen.lanes.close()


def test_the_header_is_searched_by_every_word_and_masked_with_the_names(qtbot: Any) -> None:
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QWidget

    from medvision_desktop.domain.header import HeaderRow

    rows = (
        HeaderRow(0, "(0010,0010)", "Patient's Name", "PN", "Doe^Jane", is_personal=True),
        HeaderRow(0, "(0018,0050)", "Slice Thickness", "DS", "2.5"),
        HeaderRow(1, "(0018,1151)", "X-Ray Tube Current", "IS", "200"),
    )
    assert found(rows, "thick 2.5") == (rows[1],)
    assert found(rows, "(0018") == rows[1:]
    window = QWidget()
    window.resize(1000, 700)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    sheet = TagSheet(window, rows, masked=True)
    sheet.open_at()
    texts = [sheet.items.index(row, 3).data() for row in range(3)]
    assert texts == ["Hidden", "2.5", "200"]
    QTest.keyClicks(sheet.field, "current")
    assert sheet.items.rowCount() == 1
    assert sheet.count.text() == "1 of 3 elements"
    QTest.keyClick(sheet.field, Qt.Key.Key_Return)
    assert sheet.table.hasFocus()
