"""Painting on label maps with mouse and keys: what changes, what can be undone, what is never touched."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, Segment
from medvision_desktop.pixels import label_edit
from medvision_desktop.ui.viewmodels import label_copies
from medvision_desktop.ui.viewmodels.gestures import Tool
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import LEFT, NONE, Screen, move

CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def screen(qtbot: Any) -> Iterator[Screen]:
    loaded = cases.brain()
    made = Screen(qtbot, loaded)
    made.told: list[str] = []  # type: ignore[misc, attr-defined]
    made.viewer.masks.told.connect(lambda what, _why: made.told.append(what))  # type: ignore[attr-defined]
    made.open(loaded)
    if made.viewer.layout.name != "mpr":
        assert made.viewer.set_layout("mpr")
    made.settle()
    made.viewer.set_point((12.0, 15.0, 15.0))
    made.viewer.masks.set_radius(3.0)
    yield made
    made.viewer.masks.close()
    made.lanes.close()


def loaded_of(screen: Screen) -> LoadedSeries:
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    return shown.loaded


def own(screen: Screen) -> LabelMap:
    """The reader's map in work."""
    entry = screen.viewer.layers.entry(screen.viewer.masks.uid)
    assert entry is not None
    assert isinstance(entry.layer, LabelMap)
    return entry.layer


@pytest.mark.parametrize(
    ("pane", "axis", "normal"), [(0, 0, (0, 0, 1)), (1, 1, (0, 1, 0)), (2, 2, (-1, 0, 0))]
)
def test_a_stroke_paints_a_disc_along_its_way_in_the_plane_it_is_drawn_on(
    screen: Screen, pane: int, axis: int, normal: tuple[float, float, float]
) -> None:
    shown = screen.viewer.panes[pane].shown
    assert shown is not None
    assert shown.planes is not None
    start, end = (14.0, 9.0), (14.0, 14.0)
    screen.viewer.set_tool(Tool.BRUSH)
    edited: list[str] = []
    screen.viewer.layers.edited.connect(lambda _study, uid: edited.append(uid))
    screen.drag(screen.at(*start, pane), screen.at(*end, pane), pane)
    layer = own(screen)
    assert layer.origin is LayerOrigin.READER
    assert edited == [layer.uid]  # once: when the stroke ends
    held = np.flatnonzero(layer.values_kji.any(axis=tuple(one for one in range(3) if one != axis)))
    assert len(held) == 1
    points = [shown.planes.point_lps_mm(shown.index, *place) for place in (start, end)]
    found = label_edit.touched(
        layer.values_kji.shape,  # type: ignore[arg-type]
        layer.affine_kji_to_lps,
        label_edit.Brush(3.0, normal),
        points[0],
        points[1],
    )
    assert found is not None
    wanted = np.zeros_like(layer.values_kji)
    wanted[found[0]] = found[1]
    # The mouse lands on whole pixels of the screen, so voxels on the very edge may differ.
    assert np.count_nonzero(wanted != layer.values_kji) <= 0.15 * np.count_nonzero(wanted)


def test_undo_takes_a_stroke_back_and_redo_brings_it_again(screen: Screen) -> None:
    screen.viewer.set_tool(Tool.BRUSH)
    screen.click(screen.at(10, 10))
    first = own(screen).values_kji.copy()
    screen.click(screen.at(20, 16))
    both = own(screen).values_kji.copy()
    assert np.count_nonzero(both) > np.count_nonzero(first)
    screen.key(Qt.Key.Key_Z, CTRL)
    assert np.array_equal(own(screen).values_kji, first)
    screen.key(Qt.Key.Key_Z, CTRL)
    assert not own(screen).values_kji.any()
    screen.key(Qt.Key.Key_Z, CTRL | SHIFT)
    screen.key(Qt.Key.Key_Z, CTRL | SHIFT)
    assert np.array_equal(own(screen).values_kji, both)


def test_escape_during_a_stroke_leaves_the_map_as_it_was(screen: Screen) -> None:
    screen.viewer.set_tool(Tool.BRUSH)
    screen.click(screen.at(10, 10))
    before = own(screen)
    canvas = screen.canvas()
    QTest.mousePress(canvas, LEFT, NONE, screen.at(20, 16))
    move(canvas, screen.at(22, 18), LEFT)
    assert np.count_nonzero(own(screen).values_kji) > np.count_nonzero(before.values_kji)
    screen.key(Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, NONE, screen.at(22, 18))
    assert own(screen) is before


def test_the_eraser_takes_labels_away(screen: Screen) -> None:
    screen.viewer.set_tool(Tool.BRUSH)
    screen.drag(screen.at(10, 8), screen.at(10, 16))
    screen.viewer.set_tool(Tool.ERASER)
    screen.click(screen.at(10, 12))
    values = own(screen).values_kji[15]
    assert values[10, 12] == 0
    assert values[10, 7] == 1
    assert values[10, 17] == 1


def test_an_outline_is_filled_with_one_click_and_an_open_one_is_not(screen: Screen) -> None:
    screen.viewer.masks.set_radius(0.6)
    screen.viewer.set_tool(Tool.BRUSH)
    corners = [(8, 6), (8, 16), (18, 16), (18, 6), (8, 6)]
    for start, end in itertools.pairwise(corners):
        screen.drag(screen.at(*start), screen.at(*end))
    screen.viewer.set_tool(Tool.FILL)
    screen.click(screen.at(12, 12))
    values = own(screen).values_kji[15]
    assert np.all(values[9:18, 7:16] == 1)
    screen.click(screen.at(25, 20))
    assert screen.told[-1] == "Nothing was filled"  # type: ignore[attr-defined]
    assert own(screen).values_kji[15][25, 20] == 0


def test_the_threshold_brush_paints_only_values_like_those_where_it_begins(screen: Screen) -> None:
    loaded = loaded_of(screen)
    assert loaded.volume is not None
    screen.viewer.masks.set_limits((0.0, float(loaded.volume.values_kji[15, 12, 0])))
    screen.viewer.set_tool(Tool.THRESHOLD_BRUSH)
    screen.click(screen.at(12, 10))
    values = own(screen).values_kji[15]
    assert values.any()
    assert not values[13:].any()  # values grow with the row
    screen.viewer.masks.set_limits(None)
    screen.click(screen.at(20, 10))
    assert screen.viewer.masks.limits is not None


def model_map(loaded: LoadedSeries) -> LabelMap:
    assert loaded.volume is not None
    values = np.zeros(loaded.volume.stored_kji.shape, np.uint8)
    values[10:20, 10:20, 8:16] = 1
    affine = np.array(loaded.volume.affine_kji_to_lps)
    segments = (Segment(1, "Tumour", (230, 40, 40)),)
    return LabelMap(values, affine, segments, "model-1", "Tumour", "net 1.0", LayerOrigin.MODEL)


def test_editing_what_a_model_made_makes_a_copy_that_is_the_readers(screen: Screen) -> None:
    loaded = loaded_of(screen)
    made = model_map(loaded)
    screen.viewer.layers.put(loaded.study.key, made, series_uid=loaded.series.uid)
    screen.viewer.masks.choose("model-1")
    screen.viewer.set_tool(Tool.ERASER)
    screen.click(screen.at(14, 12))
    kept = screen.viewer.layers.entry("model-1")
    assert kept is not None
    assert kept.layer is made
    assert not kept.style.visible
    copy = own(screen)
    assert copy.uid != "model-1"
    assert copy.origin is LayerOrigin.READER
    entry = screen.viewer.layers.entry(copy.uid)
    assert entry is not None
    assert entry.made_from == "model-1"
    assert np.count_nonzero(copy.values_kji) < np.count_nonzero(made.values_kji)
    assert made.values_kji[15, 14, 12] == 1
    assert screen.told == ["You edit a copy"]  # type: ignore[attr-defined]
    screen.click(screen.at(12, 10))
    assert own(screen).uid == copy.uid


def test_the_values_of_a_map_that_was_handed_out_never_change(screen: Screen) -> None:
    screen.viewer.set_tool(Tool.BRUSH)
    screen.click(screen.at(10, 10))
    handed_out = own(screen)
    before = handed_out.values_kji.copy()
    screen.drag(screen.at(12, 8), screen.at(20, 16))
    assert np.array_equal(handed_out.values_kji, before)
    assert not np.array_equal(own(screen).values_kji, before)


def painted(screen: Screen) -> None:
    """A stroke, a touch at once after it, a stroke that is taken back, and one step undone."""
    screen.drag(screen.at(12, 8), screen.at(20, 16))
    screen.click(screen.at(6, 6))
    QTest.mousePress(screen.canvas(), LEFT, NONE, screen.at(24, 18))
    move(screen.canvas(), screen.at(26, 20), LEFT)
    screen.key(Qt.Key.Key_Escape)
    QTest.mouseRelease(screen.canvas(), LEFT, NONE, screen.at(26, 20))
    screen.click(screen.at(25, 10))
    screen.key(Qt.Key.Key_Z, CTRL)


def test_strokes_on_a_map_too_large_to_copy_at_once_wait_for_the_copy_and_come_out_the_same(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen.viewer.set_tool(Tool.BRUSH)
    screen.click(screen.at(10, 10))
    painted(screen)
    wanted = own(screen).values_kji
    while screen.viewer.undo():
        pass
    assert not own(screen).values_kji.any()

    monkeypatch.setattr(label_copies, "_LARGE", 0)
    screen.click(screen.at(10, 10))
    assert screen.viewer.masks.is_painting
    assert not own(screen).values_kji.any()  # the event loop has copied nothing
    screen.qtbot.waitUntil(lambda: not screen.viewer.masks.is_painting)
    assert own(screen).values_kji.any()
    painted(screen)
    screen.qtbot.waitUntil(lambda: not screen.viewer.masks.is_painting)
    assert np.array_equal(own(screen).values_kji, wanted)


def test_undo_with_the_button_down_takes_back_the_stroke_before_once_this_one_is_done(
    screen: Screen,
) -> None:
    screen.viewer.set_tool(Tool.BRUSH)
    screen.click(screen.at(10, 10))
    first = own(screen).values_kji > 0
    QTest.mousePress(screen.canvas(), LEFT, NONE, screen.at(24, 18))
    screen.key(Qt.Key.Key_Z, CTRL)
    move(screen.canvas(), screen.at(26, 20), LEFT)
    QTest.mouseRelease(screen.canvas(), LEFT, NONE, screen.at(26, 20))
    assert not screen.viewer.masks.is_painting
    values = own(screen).values_kji > 0
    assert not values[first].any()
    assert values.any()


def test_an_outline_is_filled_also_while_its_last_stroke_waits_for_a_copy(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    corners = ((8, 6), (8, 18), (20, 18), (20, 6), (8, 6))
    monkeypatch.setattr(label_copies, "_LARGE", 0)
    screen.viewer.set_tool(Tool.BRUSH)
    screen.viewer.masks.set_radius(1.0)
    for start, end in itertools.pairwise(corners):
        screen.drag(screen.at(*start), screen.at(*end))
    screen.viewer.set_tool(Tool.FILL)
    screen.click(screen.at(14, 12))
    assert not own(screen).values_kji.any()
    screen.qtbot.waitUntil(lambda: not screen.viewer.masks.is_painting)
    assert np.all(own(screen).values_kji[15, 9:20, 7:18] == 1)


def test_keys_move_the_brush_touch_and_change_its_size(screen: Screen) -> None:
    screen.viewer.set_tool(Tool.BRUSH)
    screen.key(Qt.Key.Key_BracketRight, CTRL)
    assert screen.viewer.masks.radius_mm > 3.0
    screen.key(Qt.Key.Key_BracketLeft, CTRL)
    screen.key(Qt.Key.Key_Return)
    middle = np.argwhere(own(screen).values_kji).mean(axis=0)
    for _ in range(3):
        screen.key(Qt.Key.Key_Right, ALT | SHIFT)
    screen.key(Qt.Key.Key_Return)
    both = np.argwhere(own(screen).values_kji)
    assert both[:, 0].min() == both[:, 0].max()
    assert both.mean(axis=0)[2] > middle[2]


def test_shift_and_the_wheel_change_the_brush_and_not_the_slice(screen: Screen) -> None:
    screen.viewer.set_tool(Tool.BRUSH)
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    canvas, at = screen.canvas(), screen.at(10, 10)
    event = QWheelEvent(
        QPointF(at),
        QPointF(canvas.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        SHIFT,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)
    assert screen.viewer.masks.radius_mm == pytest.approx(3.6)
    after = screen.viewer.active_pane.shown
    assert after is not None
    assert after.index == shown.index


def test_a_series_without_a_regular_grid_says_why_nothing_can_be_drawn(qtbot: Any) -> None:
    loaded = dataclasses.replace(cases.scan(), not_a_volume="Slice spacing varies: 2.5 to 5.0 mm.")
    made = Screen(qtbot, loaded)
    told: list[tuple[str, str]] = []
    made.viewer.masks.told.connect(lambda what, why: told.append((what, why)))
    made.open(loaded)
    made.viewer.set_tool(Tool.BRUSH)
    made.click(made.at(10, 10))
    assert told == [("No label map can be drawn here", "Slice spacing varies: 2.5 to 5.0 mm.")]
    assert made.viewer.layers.of_study(loaded.study.key) == ()
    made.lanes.close()


def test_new_labels_get_names_colours_and_numbers_of_their_own(screen: Screen) -> None:
    assert screen.viewer.masks.begin(loaded_of(screen)) is not None
    assert screen.viewer.masks.add_segment("Lesion")
    assert screen.viewer.masks.add_segment("")
    segments = own(screen).segments
    assert [one.label for one in segments] == ["Label 1", "Lesion", "Label 3"]
    assert len({one.colour for one in segments}) == 3
    assert screen.viewer.masks.number == 3
    assert screen.viewer.masks.rename(2, "Cyst")
    assert own(screen).segments[1].label == "Cyst"
    screen.key(Qt.Key.Key_L, ALT)
    assert screen.viewer.masks.number == 1
