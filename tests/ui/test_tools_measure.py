"""Measuring with real mouse and key events: every tool, undo and redo, and what the record keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medvision_desktop.audit.store import Store
from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.image import Frame, LoadedSeries
from medvision_desktop.domain.measurement import MeasurementKind
from medvision_desktop.errors import StoreUnavailable
from medvision_desktop.pixels import region
from medvision_desktop.services import measurements
from medvision_desktop.settings import Settings
from medvision_desktop.ui.viewmodels import mark_record, marks
from medvision_desktop.ui.viewmodels.mark_record import MarkRecord
from medvision_desktop.ui.viewmodels.pane_view import DrawnMark, Ruler
from medvision_desktop.ui.widgets import scale_bar
from medvision_desktop.ui.widgets.edged_text import EdgedText
from medvision_desktop.ui.widgets.mark_layer import words_place
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import LEFT, NONE, Screen, move

K = Qt.Key
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def show(qtbot: Any) -> Iterator[Any]:
    screens: list[Screen] = []

    def build(*loaded: Any, bench: Any = None) -> Screen:
        screens.append(Screen(qtbot, *loaded, bench=bench))
        return screens[-1]

    yield build
    for screen in screens:
        screen.lanes.close()


@pytest.fixture
def scan(show: Any) -> Screen:
    loaded = cases.scan(rows=100, columns=100)
    screen: Screen = show(loaded)
    screen.open(loaded)
    return screen


def degrees(text: str) -> float:
    return float(text.removeprefix("Cobb ").removesuffix("°"))


def test_an_angle_is_a_drag_and_a_click_for_its_second_arm(scan: Screen) -> None:
    scan.key(K.Key_A)
    scan.drag(scan.at(20, 60), scan.at(60, 60))
    assert scan.lines() == []
    move(scan.canvas(), scan.at(60, 90), Qt.MouseButton.NoButton)
    assert scan.viewer.marks_on(0)[-1].is_draft
    scan.click(scan.at(60, 90))
    (lines,) = scan.lines()
    assert degrees(lines[0]) == pytest.approx(90, abs=0.6)


def test_a_cobb_angle_and_a_heart_to_chest_ratio_are_two_lines(scan: Screen) -> None:
    scan.key(K.Key_A, SHIFT)
    scan.drag(scan.at(20, 20), scan.at(20, 60))
    scan.drag(scan.at(60, 20), scan.at(80, 60))
    assert degrees(scan.lines()[0][0]) == pytest.approx(26.6, abs=0.6)
    scan.viewer.perform("tool.cardiothoracic")
    scan.drag(scan.at(40, 42), scan.at(40, 66))
    scan.drag(scan.at(90, 22), scan.at(90, 70))
    assert scan.lines()[1][0] == "CTR 0.50"
    assert scan.lines()[1][1].endswith(" mm")


def test_regions_say_mean_spread_ends_and_area_in_the_units_of_the_image(scan: Screen) -> None:
    scan.key(K.Key_R)
    scan.drag(scan.at(20, 20), scan.at(40, 50))
    (mark,) = scan.viewer.marks_on(0)
    (top, left), (bottom, right) = mark.points
    columns = np.arange(np.ceil(left), np.floor(right) + 1)
    assert mark.lines[0] == f"Mean {columns.mean():.1f} HU  SD {columns.std():.1f}"
    assert mark.lines[1] == f"Min {columns[0]:g}  Max {columns[-1]:g}"
    assert mark.lines[2] == f"Area {(bottom - top) * (right - left):.1f} mm²"
    scan.key(K.Key_E)
    scan.drag(scan.at(60, 20), scan.at(80, 50))
    assert scan.viewer.marks_on(0)[1].kind is MeasurementKind.ELLIPSE
    assert len(scan.lines()[1]) == 3


@pytest.mark.parametrize("way", ["first corner", "double click", "return"])
def test_a_polygon_is_closed_by_its_first_corner_a_double_click_or_return(scan: Screen, way: str) -> None:
    scan.key(K.Key_R, SHIFT)
    corners = [scan.at(20, 20), scan.at(20, 60), scan.at(60, 60)]
    for corner in corners:
        scan.click(corner)
    assert scan.lines() == []
    if way == "first corner":
        scan.click(corners[0])
    elif way == "double click":
        QTest.mouseDClick(scan.canvas(), LEFT, NONE, corners[2])
        assert not scan.viewer.is_maximised
    else:
        scan.key(K.Key_Return)
    (mark,) = scan.viewer.marks_on(0)
    assert (mark.kind, len(mark.points)) == (MeasurementKind.POLYGON, 3)
    assert float(mark.lines[2].split()[1]) == pytest.approx(800, rel=0.03)


def test_escape_drops_a_drawing_of_several_steps_and_another_tool_too(scan: Screen) -> None:
    scan.key(K.Key_R, SHIFT)
    scan.click(scan.at(20, 20))
    scan.click(scan.at(20, 60))
    scan.key(K.Key_Escape)
    assert scan.viewer.marks_on(0) == ()
    scan.key(K.Key_A)
    scan.drag(scan.at(20, 60), scan.at(60, 60))
    scan.key(K.Key_W)
    assert scan.viewer.marks_on(0) == ()


def test_a_text_and_an_arrow_take_words_and_an_arrow_may_have_none(scan: Screen) -> None:
    scan.key(K.Key_T, SHIFT)
    scan.click(scan.at(30, 30))
    field = scan.grid.panes[0].words
    assert field.isVisible()
    QTest.keyClicks(field, "old rib fracture")
    QTest.keyClick(field, K.Key_Return)
    assert scan.lines() == [("old rib fracture",)]
    assert scan.canvas().hasFocus()
    scan.key(K.Key_Q)
    scan.drag(scan.at(50, 50), scan.at(70, 80))
    QTest.keyClick(field, K.Key_Return)
    assert [mark.kind for mark in scan.viewer.marks_on(0)] == [
        MeasurementKind.TEXT,
        MeasurementKind.ARROW,
    ]
    scan.key(K.Key_T, SHIFT)
    scan.click(scan.at(60, 30))
    QTest.keyClicks(field, "never mind")
    QTest.keyClick(field, K.Key_Escape)
    assert len(scan.viewer.marks_on(0)) == 2


def test_undo_and_redo_go_through_drawings_and_views_in_order(scan: Screen) -> None:
    scan.key(K.Key_L)
    scan.drag(scan.at(20, 20), scan.at(20, 60))
    before = scan.lines()
    scan.key(K.Key_I)
    scan.drag(scan.at(20, 60), scan.at(20, 80))  # its end, taken further
    after = scan.lines()
    assert len(after) == 1
    assert after != before
    scan.key(K.Key_Z, CTRL)
    assert scan.lines() == before
    assert scan.viewer.panes[0].display.invert
    scan.key(K.Key_Z, CTRL)
    assert not scan.viewer.panes[0].display.invert
    scan.key(K.Key_Z, CTRL)
    assert scan.lines() == []
    scan.key(K.Key_Z, CTRL)
    for _ in range(3):
        scan.key(K.Key_Z, CTRL | SHIFT)
    assert scan.lines() == after
    assert scan.viewer.panes[0].display.invert
    scan.key(K.Key_Delete)
    assert scan.lines() == []
    scan.key(K.Key_Z, CTRL)
    assert scan.lines() == after


def test_a_window_drag_is_one_step_to_undo(scan: Screen) -> None:
    before = scan.viewer.panes[0].display
    QTest.mousePress(scan.canvas(), LEFT, NONE, QPoint(100, 100))
    for x in (120, 160, 240):
        move(scan.canvas(), QPoint(x, 110), LEFT)
    QTest.mouseRelease(scan.canvas(), LEFT, NONE, QPoint(240, 110))
    assert scan.viewer.panes[0].display.voi is not None
    scan.key(K.Key_Z, CTRL)
    assert scan.viewer.panes[0].display == before


def test_a_whole_drawing_is_moved_by_its_edge(scan: Screen) -> None:
    scan.key(K.Key_R)
    scan.drag(scan.at(20, 20), scan.at(40, 50))
    before = scan.viewer.marks_on(0)[0].points
    scan.drag(scan.at(20, 35), scan.at(30, 45))
    (mark,) = scan.viewer.marks_on(0)
    for old, new in zip(before, mark.points, strict=True):
        assert (new[0] - old[0], new[1] - old[1]) == pytest.approx((10, 10), abs=0.6)


@pytest.mark.parametrize(
    ("key", "modifier"),
    [
        (K.Key_L, NONE),
        (K.Key_A, NONE),
        (K.Key_A, SHIFT),
        (K.Key_R, NONE),
        (K.Key_E, NONE),
        (K.Key_R, SHIFT),
    ],
)
def test_everything_is_drawn_and_moved_by_keys_alone(scan: Screen, key: Any, modifier: Any) -> None:
    scan.key(key, modifier)
    scan.key(K.Key_Return)
    (before,) = scan.viewer.marks_on(0)
    scan.key(K.Key_BracketRight)
    assert scan.viewer.marks_on(0)[0].selected == 1
    scan.key(K.Key_Right, ALT)
    scan.key(K.Key_Down, ALT | SHIFT)
    (after,) = scan.viewer.marks_on(0)
    view = scan.viewer.view(0).transform
    assert view is not None
    (x0, y0), (x1, y1) = view.to_screen(*before.points[1]), view.to_screen(*after.points[1])
    assert (x1 - x0, y1 - y0) == pytest.approx((1, 10), abs=1e-6)
    assert after.points[0] == before.points[0]


def test_measurements_stay_with_their_image_and_go_with_the_layers(scan: Screen) -> None:
    scan.key(K.Key_L)
    scan.drag(scan.at(20, 20), scan.at(20, 60))
    scan.key(K.Key_Down)
    assert scan.viewer.view(0).marks == ()
    scan.key(K.Key_Up)
    assert len(scan.viewer.view(0).marks) == 1
    scan.key(K.Key_O)
    assert scan.viewer.view(0).marks == ()


def test_a_window_is_taken_from_a_rectangle(scan: Screen) -> None:
    scan.key(K.Key_W, SHIFT)
    scan.drag(scan.at(20, 30), scan.at(60, 50))
    shown = scan.viewer.panes[0].shown
    assert shown is not None
    voi = shown.plan.voi
    assert isinstance(voi, VoiWindow)
    assert (voi.center, voi.width) == pytest.approx((40, 20), abs=1.5)
    assert scan.viewer.marks_on(0) == ()
    scan.key(K.Key_Z, CTRL)
    assert scan.viewer.panes[0].display.voi is None


# The record.


def full(*_: Any, **__: Any) -> int:
    raise StoreUnavailable("The disk is full.", "", "Make room.")


def with_store(tmp_path: Path) -> Any:
    store = Store.open(tmp_path / "record.db")
    return SimpleNamespace(settings=Settings(reader="Dr Vale"), decoder=None, store=store)


def recording(show: Any, loaded: LoadedSeries, tmp_path: Path) -> tuple[Any, Screen, MarkRecord]:
    """A series on screen, whose drawings are kept in the record of this test."""
    bench = with_store(tmp_path)
    screen: Screen = show(loaded, bench=bench)
    record = MarkRecord(bench, screen.lanes, screen.notifier, screen.viewer)
    screen.open(loaded)
    return bench, screen, record


def test_what_is_drawn_is_saved_at_once_and_there_again_after_a_restart(show: Any, tmp_path: Path) -> None:
    loaded = cases.scan(rows=100, columns=100)
    bench, first, record = recording(show, loaded, tmp_path)
    first.key(K.Key_L)
    first.drag(first.at(20, 20), first.at(20, 60))
    first.drag(first.at(60, 20), first.at(60, 60))
    first.key(K.Key_Delete)
    first.settle()
    said = first.lines()
    kept = measurements.measurements(bench.store, loaded.study.key)
    assert [one.said for one in kept] == said
    assert [offer.chip for offer in record.offers(loaded.study.key)] == [said[0][0]]
    assert record.offers(loaded.study.key)[0].sentence == f"Measurement: {said[0][0]}."
    bench.store.close()
    bench, second, again = recording(show, loaded, tmp_path)
    second.settle()
    assert second.lines() == said
    assert len(again.offers(loaded.study.key)) == 1
    bench.store.close()


def test_what_could_not_be_saved_is_saved_with_the_next_that_can(
    show: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = cases.scan(rows=100, columns=100)
    bench, screen, _record = recording(show, loaded, tmp_path)

    screen.key(K.Key_L)
    with monkeypatch.context() as patched:
        patched.setattr(measurements, "record", full)
        for row in (20, 40):
            screen.drag(screen.at(row, 20), screen.at(row, 60))
            screen.settle()
    assert [lines[-1] for lines in screen.lines()] == ["not saved"] * 2
    screen.drag(screen.at(60, 20), screen.at(60, 60))
    for _ in range(3):
        screen.settle()
    assert "not saved" not in [lines[-1] for lines in screen.lines()]
    kept = measurements.measurements(bench.store, loaded.study.key)
    assert {one.measurement.points for one in kept} == {mark.points for mark in screen.viewer.marks_on(0)}
    assert len(screen.errors) == 2
    bench.store.close()
    QApplication.processEvents()


def test_what_the_record_does_not_have_says_so_on_the_image(
    show: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = cases.scan(rows=100, columns=100)
    bench, screen, record = recording(show, loaded, tmp_path)

    with monkeypatch.context() as patched:
        patched.setattr(measurements, "record", full)
        screen.key(K.Key_L)
        screen.drag(screen.at(20, 20), screen.at(20, 60))
        screen.settle()
    assert screen.lines()[0][-1] == "not saved"
    assert screen.errors[0].what == "The disk is full."
    screen.errors[0].retry()
    screen.settle()
    assert screen.lines()[0][-1] != "not saved"
    assert len(measurements.measurements(bench.store, loaded.study.key)) == 1
    assert record.offers(loaded.study.key)
    bench.store.close()
    QApplication.processEvents()


def test_values_of_a_large_region_come_from_a_lane_and_are_in_the_record(
    show: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[bool] = []
    reckoned = marks.said_by

    def said_by(frame: Frame, *drawn: Any) -> tuple[str, ...]:
        if region.size_px(frame, drawn[1]) > 500:
            threads.append(threading.current_thread() is threading.main_thread())
        return reckoned(frame, *drawn)

    monkeypatch.setattr(mark_record, "said_by", said_by)
    monkeypatch.setattr(marks, "said_by", said_by)
    monkeypatch.setattr(marks, "_MOST_AT_ONCE_PX", 500)
    loaded = cases.scan(rows=100, columns=100)
    bench, first, record = recording(show, loaded, tmp_path)
    first.key(K.Key_R)
    first.drag(first.at(20, 20), first.at(70, 60))
    assert first.lines()[0][0] == "Mean and SD: working"
    first.settle()
    (said,) = first.lines()
    (mark,) = first.viewer.marks_on(0)
    left, right = mark.points[0][1], mark.points[1][1]
    columns = np.arange(np.ceil(left), np.floor(right) + 1)
    assert said[0] == f"Mean {columns.mean():.1f} HU  SD {columns.std():.1f}"
    (kept,) = measurements.measurements(bench.store, loaded.study.key)
    assert kept.said == said
    assert record.offers(loaded.study.key)[0].sentence.startswith("Rectangle: Mean")
    with monkeypatch.context() as patched:
        patched.setattr(measurements, "record", full)
        first.drag(first.at(10, 10), first.at(80, 90))
        for _ in range(2):
            first.settle()
    assert first.lines()[1][0].startswith("Mean")
    assert first.lines()[1][0] != "Mean and SD: working"
    assert first.lines()[1][-1] == "not saved"
    bench.store.close()

    bench, second, _again = recording(show, loaded, tmp_path)
    for _ in range(2):
        second.settle()
    assert second.lines() == [said]
    assert threads
    assert not any(threads)
    bench.store.close()
    QApplication.processEvents()


def test_the_words_of_measurements_side_by_side_stand_clear_of_each_other(qapp: QApplication) -> None:
    text, room = EdgedText(), QRectF(0, 0, 400, 400)
    lines = ("Mean -1002.9 HU  SD 1.3", "Min -1006  Max -999", "Area 254.5 mm²")
    taken: list[QRectF] = []
    for left, bottom in ((100, 150), (160, 160), (130, 170), (120, 390), (140, 395)):
        points = [QPointF(left, bottom - 40), QPointF(left + 50, bottom)]
        mark = DrawnMark(MeasurementKind.RECTANGLE, tuple((p.x(), p.y()) for p in points), lines)
        place = words_place(text, mark, points, room, taken)
        assert room.contains(place)
        assert not any(place.intersects(other) for other in taken)
        taken.append(place)


def test_words_of_a_measurement_leave_the_scale_bar_free(qapp: QApplication) -> None:
    text, room = EdgedText(), QRectF(0, 0, 600, 700)
    bar = scale_bar.place(text, Ruler(160.0, 5, "50 mm", "patient"), room, 1.0, 2)
    assert room.contains(bar)
    points = [QPointF(500, 300), QPointF(560, bar.top() + 20)]
    mark = DrawnMark(
        MeasurementKind.RECTANGLE, tuple((p.x(), p.y()) for p in points), ("Mean 3 HU", "Area 2 mm²")
    )
    assert words_place(text, mark, points, room, []).intersects(bar)
    assert not words_place(text, mark, points, room, [bar]).intersects(bar)


def test_where_there_is_no_room_words_stay_by_their_mark(qapp: QApplication) -> None:
    text, room = EdgedText(), QRectF(0, 0, 200, 60)
    points = [QPointF(50, 10), QPointF(90, 20)]
    mark = DrawnMark(MeasurementKind.RECTANGLE, ((50, 10), (90, 20)), ("Mean 3", "Min 1", "Area 2"))
    first = words_place(text, mark, points, room, [])
    assert words_place(text, mark, points, room, [first]) == first
