"""Planes turned about the crosshair with real mouse and key events."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from medvision_desktop.domain.geometry import edge_letters
from medvision_desktop.domain.measurement import MeasurementKind
from medvision_desktop.pixels import oblique, reslice, sampling
from medvision_desktop.pixels.oblique import ObliqueStack
from medvision_desktop.pixels.reslice import PlaneStack, Slab, SlabMode
from medvision_desktop.ui.viewmodels import plane_care, planes, turning
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.plane_care import PlaneCare
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import LEFT, NONE, Screen, move

K = Qt.Key
ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def screen(qtbot: Any) -> Iterator[Screen]:
    loaded = cases.brain(shape=(60, 72, 48))
    found = Screen(qtbot, loaded)
    found.grid.resize(1000, 800)
    found.open(loaded)
    found.settle()
    yield found
    found.lanes.close()


def stacks(screen: Screen) -> list[Any]:
    return [pane.shown.planes for pane in screen.viewer.panes[:3] if pane.shown is not None]


def normals(screen: Screen) -> list[np.ndarray[Any, Any]]:
    shown = [pane.shown for pane in screen.viewer.panes[:3]]
    return [np.asarray(one.frame.geometry.normal_lps) for one in shown if one and one.frame.geometry]


def handle(screen: Screen, pane: int, plane: str) -> QPoint:
    found = screen.viewer.crosshair(pane)
    assert found is not None
    line = next(line for line in found.lines if line.plane.value == plane)
    x, y = line.handles[0]
    return QPoint(round(x), round(y))


def on_screen(screen: Screen, pane: int) -> tuple[float, float]:
    found = screen.viewer.crosshair(pane)
    assert found is not None
    return found.point


def swing(screen: Screen, degrees: float, pane: int = 0) -> None:
    """Take hold of a ring and carry it around the point."""
    start = handle(screen, pane, "coronal")
    x, y = on_screen(screen, pane)
    turn = math.radians(degrees)
    dx, dy = start.x() - x, start.y() - y
    cos, sin = math.cos(turn), math.sin(turn)
    end = QPoint(round(x + dx * cos - dy * sin), round(y + dx * sin + dy * cos))
    screen.drag(start, end, pane)


def test_dragging_a_ring_turns_the_other_two_planes_and_not_this_one(screen: Screen) -> None:
    before, point = normals(screen), planes.common_point(screen.viewer.panes)
    swing(screen, 20)
    after = normals(screen)
    assert np.allclose(after[0], before[0])
    assert isinstance(stacks(screen)[0], PlaneStack)
    for old, new in zip(before[1:], after[1:], strict=True):
        assert math.degrees(math.acos(float(old @ new))) == pytest.approx(20, abs=0.5)
        assert float(new @ after[0]) == pytest.approx(0, abs=1e-9)
    assert float(after[1] @ after[2]) == pytest.approx(0, abs=1e-9)
    moved = planes.common_point(screen.viewer.panes)
    assert moved is not None
    assert np.allclose(moved, point, atol=1e-6)
    assert screen.viewer.marks_on(0) == ()


def test_the_line_follows_the_hand_in_a_view_that_is_flipped_and_turned(screen: Screen) -> None:
    for action in ("view.flip_h", "view.rotate_right"):
        screen.viewer.perform(action)
    swing(screen, 15)
    found = screen.viewer.crosshair(0)
    assert found is not None
    line = next(line for line in found.lines if line.plane.value == "coronal")
    tilt = math.degrees(math.atan2(line.end[1] - line.start[1], line.end[0] - line.start[0])) % 90
    assert tilt == pytest.approx(15, abs=0.6)


def test_the_voxel_under_the_crosshair_stays_the_same_in_all_planes(screen: Screen) -> None:
    screen.viewer.set_point((20.0, 30.0, 25.0))
    volume = cases.brain(shape=(60, 72, 48)).volume
    assert volume is not None
    expected = float(volume.values_kji[25, 30, 20])
    swing(screen, -33)
    for number in range(3):
        view, shown = screen.viewer.view(number), screen.viewer.panes[number].shown
        assert view.transform is not None
        assert shown is not None
        pixel = view.transform.pixel_at(*on_screen(screen, number))
        assert pixel is not None
        assert float(shown.frame.stored[pixel]) == pytest.approx(expected, rel=1e-5)


def test_turning_leaves_the_point_and_the_size_of_the_image_where_they_were(screen: Screen) -> None:
    at = [on_screen(screen, number) for number in range(3)]
    sizes = [screen.viewer.view(number).ruler for number in range(3)]
    swing(screen, 25)
    for number in range(3):
        assert on_screen(screen, number) == pytest.approx(at[number], abs=1.5)
        ruler, before = screen.viewer.view(number).ruler, sizes[number]
        assert ruler is not None
        assert before is not None
        assert ruler.length_px == pytest.approx(before.length_px, rel=0.02)


def test_a_turned_plane_says_so_and_has_two_letters(screen: Screen) -> None:
    swing(screen, 30)
    shown = screen.viewer.panes[1].shown
    assert shown is not None
    assert oblique.BADGE in shown.plan.badges
    letters = edge_letters(shown.frame.orientation)
    assert letters is not None
    assert len(letters.left) == len(letters.right) == 2
    corner = screen.viewer.view(1).corner
    assert any("oblique 30°" in line.text for line in corner.bottom_left)
    assert any(line.text == oblique.BADGE for line in corner.bottom_right)


def test_keys_turn_and_straighten_and_undo(screen: Screen) -> None:
    screen.key(K.Key_Period, ALT)
    screen.key(K.Key_Period, CTRL)
    turned = normals(screen)
    assert math.degrees(math.acos(turned[1][1])) == pytest.approx(6, abs=1e-6)
    screen.key(K.Key_Comma, CTRL)
    screen.key(K.Key_Comma, ALT)
    assert normals(screen)[1][1] == pytest.approx(1)
    screen.key(K.Key_Z, CTRL)
    assert math.degrees(math.acos(normals(screen)[1][1])) == pytest.approx(5, abs=1e-6)
    screen.key(K.Key_0, CTRL)
    assert not turning.is_turned(screen.viewer.panes[:3])
    assert all(isinstance(stack, PlaneStack) for stack in stacks(screen))
    screen.key(K.Key_Z, CTRL)
    assert turning.is_turned(screen.viewer.panes[:3])


def test_escape_while_turning_takes_the_turn_back(screen: Screen) -> None:
    canvas, start = screen.canvas(), handle(screen, 0, "coronal")
    QTest.mousePress(canvas, LEFT, NONE, start)
    move(canvas, start + QPoint(5, 90), LEFT)
    assert turning.is_turned(screen.viewer.panes[:3])
    QTest.keyClick(canvas, K.Key_Escape)
    assert not turning.is_turned(screen.viewer.panes[:3])
    QTest.mouseRelease(canvas, LEFT, NONE, start)


def test_away_from_the_rings_the_crosshair_takes_planes_to_a_point(screen: Screen) -> None:
    x, y = on_screen(screen, 0)
    screen.click(QPoint(round(x) + 30, round(y) + 30))
    assert not turning.is_turned(screen.viewer.panes[:3])
    assert on_screen(screen, 0) != (x, y)


def test_rings_are_there_with_the_crosshair_in_hand_only(screen: Screen) -> None:
    found = screen.viewer.crosshair(0)
    assert found is not None
    assert all(len(line.handles) == 2 for line in found.lines)
    screen.viewer.set_tool(Tool.LENGTH)
    found = screen.viewer.crosshair(0)
    assert found is not None
    assert not any(line.handles for line in found.lines)


def test_scrolling_a_turned_plane_steps_along_its_normal(screen: Screen) -> None:
    swing(screen, 30)
    screen.viewer.set_active(1)
    shown = screen.viewer.panes[1].shown
    assert shown is not None
    before = planes.common_point(screen.viewer.panes)
    screen.key(K.Key_Down)
    after = planes.common_point(screen.viewer.panes)
    assert before is not None
    assert after is not None
    step = np.asarray(after) - np.asarray(before)
    assert float(step @ normals(screen)[1]) == pytest.approx(shown.planes.spacing_mm if shown.planes else 0)


def test_a_length_on_a_turned_plane_is_the_distance_in_the_patient(screen: Screen) -> None:
    swing(screen, 30)
    screen.viewer.set_tool(Tool.LENGTH)
    x, y = (round(value) for value in on_screen(screen, 1))
    screen.drag(QPoint(x - 40, y - 20), QPoint(x + 35, y + 30), 1)
    shown = screen.viewer.panes[1].shown
    assert shown is not None
    assert shown.frame.geometry is not None
    mark = screen.viewer.marks_on(1)[0]
    assert mark.kind is MeasurementKind.LENGTH
    ends = [np.asarray(shown.frame.geometry.point_lps_mm(*point)) for point in mark.points]
    assert mark.lines[0].startswith(f"{np.linalg.norm(ends[0] - ends[1]):.1f} mm")
    # It belongs to this very cut: on the straight plane and on its neighbour there is none.
    screen.viewer.set_active(1)
    screen.key(K.Key_Down)
    assert screen.viewer.marks_on(1) == ()
    screen.key(K.Key_Up)
    assert len(screen.viewer.marks_on(1)) == 1
    screen.key(K.Key_0, CTRL)
    assert screen.viewer.marks_on(1) == ()


def test_a_region_drawn_through_a_slab_is_not_shown_on_the_thin_plane(screen: Screen) -> None:
    screen.viewer.set_slab(Slab(SlabMode.MIP, 9.0))
    screen.viewer.set_tool(Tool.RECTANGLE)
    x, y = (round(value) for value in on_screen(screen, 0))
    screen.drag(QPoint(x - 30, y - 30), QPoint(x + 30, y + 30))
    assert len(screen.viewer.marks_on(0)) == 1
    screen.viewer.set_slab(Slab())
    assert screen.viewer.marks_on(0) == ()
    screen.viewer.set_slab(Slab(SlabMode.MIP, 9.0))
    assert len(screen.viewer.marks_on(0)) == 1


def becomes_whole(screen: Screen, stack: ObliqueStack | PlaneStack) -> None:
    """The plane on the second pane is coarse, and soon the one that `stack` gives with care."""

    def is_whole() -> bool:
        shown = screen.viewer.panes[1].shown
        return shown is not None and reslice.ROUGH_BADGE not in shown.plan.badges

    assert not is_whole()
    screen.qtbot.waitUntil(is_whole)
    shown = screen.viewer.panes[1].shown
    assert shown is not None
    assert np.array_equal(shown.frame.stored, stack.with_care().frame(shown.index).stored, equal_nan=True)


def test_a_coarse_slab_becomes_whole_when_it_rests(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oblique, "_QUICK_SAMPLES", 500)
    care = PlaneCare(screen.lanes, screen.viewer)
    swing(screen, 30)
    screen.viewer.set_slab(Slab(SlabMode.MEAN, 9.0))
    stack = stacks(screen)[1]
    assert isinstance(stack, ObliqueStack)
    assert stack.stride > 1
    becomes_whole(screen, stack)
    care.stop()


def test_a_coarse_slab_along_the_grid_becomes_whole_when_it_rests(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reslice, "_QUICK_VOXELS", 500)
    monkeypatch.setattr(reslice, "_QUICK_VOXELS_ALONG_ROWS", 500)
    care = PlaneCare(screen.lanes, screen.viewer)
    screen.viewer.set_slab(Slab(SlabMode.MEAN, 9.0))
    stack = stacks(screen)[1]
    assert isinstance(stack, PlaneStack)
    assert stack.stride > 1
    becomes_whole(screen, stack)
    care.stop()


def test_measurements_are_gone_back_to_on_their_very_cut_slab_and_slice(screen: Screen) -> None:
    viewer = screen.viewer
    swing(screen, 30)
    viewer.set_slab(Slab(SlabMode.MIP, 5.0))
    viewer.set_tool(Tool.LENGTH)
    x, y = (round(value) for value in on_screen(screen, 1))
    screen.drag(QPoint(x - 40, y - 20), QPoint(x + 35, y + 30), 1)
    said = screen.lines(1)
    screen.key(K.Key_0, CTRL)
    viewer.set_slab(Slab())
    viewer.set_index(0, 7)
    screen.drag(QPoint(60, 60), QPoint(120, 90), 0)
    viewer.set_index(0, 20)
    assert screen.lines(0) == screen.lines(1) == []
    viewer.marks.select("")
    screen.key(K.Key_BracketRight, ALT)
    assert screen.lines(1) == said
    assert viewer.active == 1
    assert viewer.slab == Slab(SlabMode.MIP, 5.0)
    screen.key(K.Key_BracketRight, ALT)
    assert viewer.active == 0
    assert viewer.slab == Slab()
    assert len(screen.lines(0)) == 1
    assert viewer.panes[0].shown is not None
    assert viewer.panes[0].shown.index == 7
    screen.key(K.Key_BracketLeft, ALT)
    assert screen.lines(1) == said


def test_a_measurement_on_an_image_is_gone_back_to_from_the_images(qtbot: Any) -> None:
    scan = cases.scan()
    screen = Screen(qtbot, scan)
    screen.open(scan)
    screen.viewer.set_index(0, 3)
    screen.viewer.set_tool(Tool.LENGTH)
    screen.drag(QPoint(300, 200), QPoint(380, 230))
    screen.viewer.set_index(0, 8)
    assert screen.viewer.perform("measure.next")
    assert screen.viewer.panes[0].shown is not None
    assert screen.viewer.panes[0].shown.index == 3
    assert len(screen.lines(0)) == 1
    screen.lanes.close()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was compiled, in the order; none of it is."""
    done: list[str] = []
    monkeypatch.setattr(sampling, "stages", lambda: (lambda: done.append("compiler"),))
    monkeypatch.setattr(oblique, "warm", lambda _volume: done.append("volume"))
    return done


@pytest.fixture
def care(screen: Screen) -> Iterator[PlaneCare]:
    made = PlaneCare(screen.lanes, screen.viewer)
    yield made
    made.stop()


def test_the_compiler_waits_until_no_lane_has_work(
    screen: Screen, care: PlaneCare, compiled: list[str]
) -> None:
    release = threading.Event()
    screen.lanes.db.submit(lambda *_: release.wait(10), done=lambda _: None)
    screen.viewer.layoutChanged.emit()
    screen.qtbot.wait(300)
    assert compiled == []
    release.set()
    screen.qtbot.waitUntil(lambda: len(compiled) == 2)
    assert compiled == ["compiler", "volume"]


def test_the_compiler_does_not_wait_for_work_that_takes_minutes(
    screen: Screen, care: PlaneCare, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plane_care, "_MOST_WAITS", 2)
    release = threading.Event()
    screen.lanes.gpu.submit(lambda *_: release.wait(10), done=lambda _: None)
    screen.viewer.layoutChanged.emit()
    screen.qtbot.waitUntil(lambda: len(compiled) == 2)
    assert screen.lanes.gpu.jobs
    release.set()
