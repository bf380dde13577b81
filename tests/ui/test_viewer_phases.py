"""Series with several volumes at the same place: choosing one, stepping through them, playing over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medvision_desktop.domain.image import LoadedSeries, Phase, Stack
from medvision_desktop.ui.panes.tool_bar import ToolBar
from medvision_desktop.ui.viewmodels import linking, phases, turning
from medvision_desktop.ui.viewmodels.cine import Cine, times_of
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import NONE, Screen

K = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier
LABELS = ("b = 0 s/mm²", "b = 500 s/mm²", "b = 1000 s/mm²")


def several(
    plain: LoadedSeries, labels: tuple[str, ...] = LABELS, step_ms: float | None = None
) -> LoadedSeries:
    """Volumes whose values are 100,000 apart, from a series of one."""
    made = []
    for at, label in enumerate(labels):
        frames = tuple(
            replace(
                frame,
                stored=frame.stored.astype(np.float32) + 100_000 * at,
                frame_number=frame.frame_number + 100 * at,
            )
            for frame in plain.stack.frames
        )
        volume = plain.volume and replace(plain.volume, stored_kji=plain.volume.stored_kji + 100_000 * at)
        time_ms = None if step_ms is None else step_ms * at
        made.append(Phase(label, Stack(frames, plain.stack.modality_range), volume, "", time_ms))
    whole = Stack(tuple(frame for one in made for frame in one.stack.frames), plain.stack.modality_range)
    return replace(plain, stack=whole, volume=made[0].volume, phases=tuple(made))


@pytest.fixture
def show(qtbot: Any) -> Iterator[Any]:
    screens: list[Screen] = []

    def build(loaded: LoadedSeries) -> Screen:
        screen = Screen(qtbot, loaded)
        screens.append(screen)
        screen.grid.resize(1000, 800)
        screen.open(loaded)
        return screen

    yield build
    for screen in screens:
        screen.lanes.close()


def values(screen: Screen) -> list[int]:
    """Which volume each pane of the planes shows, by its pixels."""
    shown = [pane.shown for pane in screen.viewer.panes[:3] if pane.shown is not None]
    return [int(np.median(one.frame.stored) // 100_000) for one in shown]


def bottom(screen: Screen, pane: int = 0) -> list[str]:
    return [line.text for line in screen.viewer.view(pane).corner.bottom_left]


def test_the_first_volume_opens_and_the_others_have_keys(show: Any) -> None:
    screen = show(several(cases.brain()))
    assert values(screen) == [0, 0, 0]
    assert "b = 0 s/mm²  ·  volume 1 of 3" in bottom(screen)
    screen.key(K.Key_Right)
    assert values(screen) == [1, 1, 1]
    assert "b = 500 s/mm²  ·  volume 2 of 3" in bottom(screen)
    screen.key(K.Key_Left)
    screen.key(K.Key_Left)
    assert values(screen) == [2, 2, 2]


def test_another_volume_is_shown_at_the_same_place_and_looked_at_alike(show: Any) -> None:
    screen = show(several(cases.brain()))
    viewer = screen.viewer
    viewer.set_point((3.0, 5.0, 7.0))
    viewer.perform("view.invert")
    turning.turn(viewer, 0, 0.4)
    before = [
        (pane.shown.index, pane.shown.frame.geometry, pane.display)
        for pane in viewer.panes[:3]
        if pane.shown
    ]
    screen.key(K.Key_Right)
    after = [
        (pane.shown.index, pane.shown.frame.geometry, pane.display)
        for pane in viewer.panes[:3]
        if pane.shown
    ]
    for old, new in zip(before, after, strict=True):
        assert old[2] == new[2]
        assert old[1] is not None
        assert new[1] is not None
        assert np.allclose(old[1].origin_lps_mm, new[1].origin_lps_mm)
    assert turning.is_turned(viewer.panes[:3])


def test_images_of_a_stack_change_volume_at_the_same_image(show: Any) -> None:
    screen = show(several(cases.scan()))
    screen.viewer.set_index(0, 4)
    screen.key(K.Key_Right)
    shown = screen.viewer.panes[0].shown
    assert shown is not None
    assert shown.index == 4
    assert shown.count == 9
    assert shown.frame.frame_number == 101
    assert "b = 500 s/mm²  ·  volume 2 of 3" in bottom(screen)


def test_shift_and_the_wheel_step_through_the_volumes(show: Any) -> None:
    screen = show(several(cases.brain()))
    canvas, at = screen.canvas(), QPointF(50, 50)
    wheel = QWheelEvent(
        at,
        QPointF(canvas.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        SHIFT,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, wheel)
    assert values(screen) == [1, 1, 1]


def test_a_measurement_belongs_to_the_volume_it_was_drawn_on(show: Any) -> None:
    screen = show(several(cases.brain()))
    first = linking.place_of(screen.viewer.panes[0])
    screen.key(K.Key_Right)
    second = linking.place_of(screen.viewer.panes[0])
    assert first is not None
    assert second is not None
    assert first != second
    assert replace(second, phase=0) == first


def test_the_tool_bar_lists_the_volumes(show: Any, qtbot: Any) -> None:
    screen = show(several(cases.brain()))
    bar = ToolBar(screen.viewer)
    qtbot.addWidget(bar)
    bar.resize(1600, 40)
    bar.show()
    button = bar._phases
    assert button.isVisible()
    assert button.text().strip() == "1 of 3"
    assert button.accessibleName() == "Volume: b = 0 s/mm²"
    button.choices.aboutToShow.emit()
    actions = button.choices.actions()
    assert [action.text() for action in actions] == list(LABELS)
    actions[2].trigger()
    assert values(screen) == [2, 2, 2]
    assert button.text().strip() == "3 of 3"


def test_a_series_of_one_volume_has_no_menu_of_volumes(show: Any, qtbot: Any) -> None:
    screen = show(cases.brain())
    bar = ToolBar(screen.viewer)
    qtbot.addWidget(bar)
    bar.show()
    assert not bar._phases.isVisible()
    assert not screen.viewer.perform("phase.next")


def test_space_plays_over_time_at_the_times_of_the_header_and_shift_space_over_the_images(
    show: Any,
) -> None:
    screen = show(several(cases.brain(), ("t = 0.0 s", "t = 2.0 s", "t = 4.0 s"), 2000.0))
    clock = [1000.0]
    cine = Cine(screen.lanes, screen.viewer, now_ms=lambda: clock[0])
    assert cine.toggle()
    note = screen.viewer.view(0).corner.bottom_right[0].text
    assert "Cine over time 0.5 /s, times of the volumes" in note
    index = screen.viewer.panes[0].shown.index if screen.viewer.panes[0].shown else -1
    for elapsed, wanted in ((1999, 0), (2001, 1), (4100, 2), (6100, 0)):
        clock[0] = 1000.0 + elapsed
        cine._on_tick()
        assert values(screen) == [wanted] * 3
    assert screen.viewer.panes[0].shown is not None
    assert screen.viewer.panes[0].shown.index == index
    cine.toggle()
    assert cine.playing is None
    assert cine.toggle(over_time=False)
    screen.settle()
    clock[0] += 1000
    cine._on_tick()
    assert screen.viewer.panes[0].shown.index != index
    assert values(screen)[0] == 0
    cine.stop()


def test_volumes_without_times_or_minutes_apart_are_played_steadily() -> None:
    assert times_of(several(cases.brain())).frame_ms == (500.0,)
    assert times_of(several(cases.brain(), LABELS, 60_000.0)).frame_ms == (500.0,)
    assert times_of(several(cases.brain(), LABELS, 40.0)).frame_ms == (40.0, 40.0, 40.0)


def test_two_panes_may_show_two_volumes_of_one_series(show: Any) -> None:
    loaded = several(cases.scan())
    screen = show(loaded)
    screen.viewer.perform("layout.1x2")
    screen.viewer.open(loaded.study, loaded.series, pane=1)
    screen.settle()
    assert phases.choose(screen.viewer, 1, 2)
    numbers = [pane.shown.frame.frame_number for pane in screen.viewer.panes[:2] if pane.shown is not None]
    assert numbers == [1, 201]
    phases.choose_frame(screen.viewer, 0, "scan.3", 101)
    assert screen.viewer.panes[0].shown is not None
    assert screen.viewer.panes[0].shown.loaded.phase == 1


def test_keys_step_with_the_window_in_front(show: Any) -> None:
    screen = show(several(cases.brain()))
    screen.viewer.set_active(2)
    QTest.keyClick(screen.canvas(2), K.Key_Right, NONE)
    assert values(screen) == [1, 1, 1]
