"""Corner text, gestures, measurements, the memory of series: pure values, checked by closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.display import (
    DisplayState,
    RenderPlan,
    VoiFunction,
    VoiLut,
    VoiWindow,
    WindowSource,
)
from medvision_desktop.domain.geometry import PixelSpacing, SpacingSource
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack
from medvision_desktop.domain.measurement import MeasurementKind, shape_lines
from medvision_desktop.domain.study import Patient, StudyRef
from medvision_desktop.pixels import viewport
from medvision_desktop.ui.viewmodels import corner_lines, gestures, pane_state
from medvision_desktop.ui.viewmodels.pane_state import PaneState
from medvision_desktop.ui.viewmodels.series_cache import SeriesCache, bytes_of, key_of
from tests.helpers import viewer_cases as cases


def pane_of(loaded: LoadedSeries) -> PaneState:
    return pane_state.with_loaded(pane_state.asked(loaded.study, loaded.series), loaded, complete=True)


def texts(loaded: LoadedSeries, *, small: bool = False, masked: bool = False) -> dict[str, list[str]]:
    pane = pane_of(loaded)
    assert pane.shown is not None
    found = corner_lines.corner_text(
        loaded.study, pane.shown, scale=0.34, interpolation="area", small=small, masked=masked
    )
    corners = ("top_left", "top_right", "bottom_left", "bottom_right")
    return {name: [line.text for line in getattr(found, name)] for name in corners}


def test_the_corners_say_who_where_what_and_how() -> None:
    assert texts(cases.film()) == {
        "top_left": ["Larsen, Ingrid", "9RG1", "05 Mar 1940  ·  F  ·  64 y"],
        "top_right": ["Riverside General", "26 Aug 2004  18:50"],
        "bottom_left": ["Chest PA", "Series 1  ·  image 1 of 1", "Pixel spacing not given: px"],
        "bottom_right": ["Derived", "W 1000  L 500", "Zoom 0.34  ·  area"],
    }


def test_a_small_pane_keeps_name_id_series_and_window() -> None:
    found = texts(cases.film(), small=True)
    assert found["top_left"] == ["Larsen, Ingrid", "9RG1"]
    assert found["top_right"] == []
    assert found["bottom_left"][0] == "Chest PA"
    assert "W 1000  L 500" in found["bottom_right"]


def test_a_small_pane_still_says_what_is_lost_or_covered() -> None:
    plain = cases.film()
    frame = replace(plain.stack.frames[0], badges=("Derived", "Lossy 10:1"))
    lossy = replace(plain, stack=replace(plain.stack, frames=(frame,)))
    found = texts(lossy, small=True)["bottom_right"]
    assert "Lossy 10:1" in found
    assert "Derived" not in " ".join(found)


def test_a_slice_says_where_it_lies() -> None:
    loaded = cases.scan()
    pane = pane_state.with_index(pane_of(loaded), 3)
    assert pane.shown is not None
    found = corner_lines.corner_text(loaded.study, pane.shown, scale=2, interpolation="cubic")
    assert [line.text for line in found.bottom_left][1:] == ["Series 1  ·  image 4 of 9", "H 6.0 mm"]


def test_a_doubt_about_the_picture_is_told_apart_from_a_badge() -> None:
    whole = cases.film()
    frame = whole.stack.frames[0]
    doubtful = Frame(frame.stored, badges=("Derived",), not_faithful=("the shutter is not applied",))
    loaded = LoadedSeries(whole.study, whole.series, Stack((doubtful,), (0.0, 1.0)))
    pane = pane_of(loaded)
    assert pane.shown is not None
    found = corner_lines.corner_text(loaded.study, pane.shown, scale=1, interpolation="nearest")
    warned = [line.text for line in found.bottom_right if line.warn]
    assert warned == ["Not faithful: the shutter is not applied"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Larsen^Ingrid", "Larsen, Ingrid"),
        ("Larsen^Ingrid^Maria^Dr", "Larsen, Ingrid Maria"),
        ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
        ("Larsen, Ingrid", "Larsen, Ingrid"),
        ("", "No name given"),
    ],
)
def test_a_person_name_is_written_as_people_write_it(name: str, shown: str) -> None:
    assert corner_lines.patient_name(name) == shown


@pytest.mark.parametrize(
    ("age", "born", "when", "shown"),
    [
        ("064Y", "1940-03-05", "2004-08-26", "64 y"),
        ("003M", "", "", "3 m"),
        ("", "1940-03-05", "2004-03-04", "63 y"),
        ("", "1940-03-05", "2004-03-05", "64 y"),
        ("", "", "2004-03-05", ""),
        ("", "2010-01-01", "2004-03-05", ""),
    ],
)
def test_age_is_the_headers_or_counted_from_birthdays(age: str, born: str, when: str, shown: str) -> None:
    study = StudyRef("k", Patient(birth_date=born), (), date=when, age=age)
    assert corner_lines.age_text(study) == shown


def test_a_window_is_written_with_its_function_or_as_a_lut() -> None:
    frame = cases.film().stack.frames[0]

    def written(voi: VoiWindow | VoiLut) -> str:
        return corner_lines.window_text(RenderPlan(frame, voi, WindowSource.READER, False))

    assert written(VoiWindow(10500, 19000, VoiFunction.SIGMOID)) == "W 19000  L 10500  ·  sigmoid"
    assert written(VoiWindow(0.5, 0.25, VoiFunction.LINEAR_EXACT)) == "W 0.25  L 0.5"
    lut = VoiLut(0, np.zeros(4, np.uint16), 12, "Bone")
    assert written(lut) == "VOI LUT  ·  Bone"


finite = st.floats(-500, 500)


@given(dx=finite, dy=finite, span=st.floats(1e-3, 1e5))
def test_a_window_drag_never_leaves_what_a_window_may_be(dx: float, dy: float, span: float) -> None:
    for function in VoiFunction:
        start = VoiWindow(span / 2, max(1.0, span), function)
        dragged = gestures.dragged_window(start, dx, dy, span=span)
        assert dragged.function is function
        assert (dragged.width >= start.width) == (dx >= 0) or abs(dx * span) < 1024


@given(
    factor=st.floats(0.2, 5),
    x=st.floats(0, 400),
    y=st.floats(0, 300),
    quarters=st.integers(0, 3),
    flip=st.booleans(),
)
def test_zooming_keeps_the_place_under_the_cursor(
    factor: float, x: float, y: float, quarters: int, flip: bool
) -> None:
    frame = cases.film().stack.frames[0]
    display = DisplayState()
    display = DisplayState(turn=display.turn.rotated(quarters).flipped(horizontal=flip))
    size = (400, 300)
    before = viewport.transform(frame, gestures.viewport_of(display, size))
    fresh = gestures.zoomed(display, frame, size, factor, (x, y))
    after = viewport.transform(frame, gestures.viewport_of(fresh, size))
    there = after.to_screen(*before.to_source(x, y))
    # Images lie on whole pane pixels: half a pixel before, enlarged, and half a pixel after, in x and y.
    assert math.dist(there, (x, y)) <= math.sqrt(2) * (factor + 1)


@pytest.mark.parametrize(
    ("spacing", "text"),
    [
        (None, "5 px"),
        (PixelSpacing(2.0, 2.0, SpacingSource.PATIENT), "10.0 mm"),
        (PixelSpacing(2.0, 1.0, SpacingSource.DETECTOR), "8.5 mm (detector)"),
        (PixelSpacing(1.0, 1.0, SpacingSource.ERMF), "5.0 mm (ERMF-corrected)"),
    ],
)
def test_a_length_says_where_its_unit_comes_from(spacing: PixelSpacing | None, text: str) -> None:
    frame = Frame(np.zeros((20, 20), np.uint8), bits_stored=8, spacing=spacing)
    # Three columns and four rows: 5 pixels; with 2 mm rows, sqrt(9 + 64).
    assert shape_lines(frame, MeasurementKind.LENGTH, ((1, 1), (5, 4))) == (text,)


def test_memory_lets_the_oldest_series_go_and_keeps_the_newest_whatever_its_size() -> None:
    one, two, three = (cases.scan(name) for name in ("one", "two", "three"))
    size = bytes_of(one)
    assert size == 9 * 40 * 32 * 2
    cache = SeriesCache(2 * size)
    keys = [key_of("s", name) for name in ("one", "two", "three")]
    cache.put(keys[0], one)
    cache.put(keys[1], two)
    assert cache.get(keys[0]) is one
    cache.put(keys[2], three)
    assert [cache.get(key) for key in keys] == [one, None, three]
    tiny = SeriesCache(1)
    tiny.put(keys[0], one)
    assert tiny.get(keys[0]) is one


def test_frames_that_are_views_of_one_array_are_counted_once() -> None:
    values = np.zeros((5, 8, 8), np.uint16)
    whole = cases.scan()
    frames = tuple(Frame(values[k]) for k in range(5))
    assert bytes_of(LoadedSeries(whole.study, whole.series, Stack(frames))) == values.nbytes
