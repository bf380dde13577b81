"""Shutters and overlay planes over an image: masks worked out by hand, and what every drawing does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from medvision_desktop.domain.display import DisplayState, OverlayState, VoiFunction, VoiWindow
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.domain.layers import OverlayPlane, Shutter
from medvision_desktop.modelkit.preprocess import display_gray
from medvision_desktop.pixels import layers, pipeline, viewport
from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.pixels.viewport import Viewport

WINDOW = VoiWindow(127.5, 255, VoiFunction.LINEAR_EXACT)
LEFT_HALF = Shutter(rectangle=(0, 7, 0, 3))


def grey(level: int = 200, **entries: object) -> Frame:
    stored = np.full((8, 8), level, np.uint8)
    return Frame(stored, **{"bits_stored": 8, "voi": (WINDOW,), **entries})  # type: ignore[arg-type]


def test_a_rectangle_keeps_its_edges_visible() -> None:
    hidden = layers.covered(Shutter(rectangle=(2, 5, 1, 3)), 8, 8)
    expected = np.ones((8, 8), np.bool_)
    expected[2:6, 1:4] = False
    assert np.array_equal(hidden, expected)


def test_a_circle_counts_its_radius_in_columns_and_is_round_in_the_patient() -> None:
    square = layers.covered(Shutter(circle=(10, 10, 4)), 21, 21)
    assert [not hidden for hidden in square[10]].count(True) == 9
    assert [not hidden for hidden in square[:, 10]].count(True) == 9
    tall = layers.covered(Shutter(circle=(10, 10, 4)), 21, 21, aspect=2.0)
    assert np.flatnonzero(~tall[10]).tolist() == list(range(6, 15))
    assert np.flatnonzero(~tall[:, 10]).tolist() == [8, 9, 10, 11, 12]


def test_a_polygon_keeps_its_inside_and_its_edge() -> None:
    hidden = layers.covered(Shutter(polygon=((1, 1), (1, 5), (5, 5))), 7, 7)
    seen = [(row, column) for row in range(7) for column in range(7) if 1 <= row <= column <= 5]
    assert sorted(map(tuple, np.argwhere(~hidden).tolist())) == sorted(seen)


def test_shapes_add_up_and_a_bitmap_of_another_size_counts_for_nothing() -> None:
    bitmap = np.zeros((4, 4), np.bool_)
    bitmap[0, 0] = True
    both = layers.covered(Shutter(rectangle=(0, 3, 0, 1), bitmap=bitmap), 4, 4)
    assert np.argwhere(~both).tolist() == [[0, 1], [1, 0], [1, 1], [2, 0], [2, 1], [3, 0], [3, 1]]
    assert not layers.covered(Shutter(bitmap=np.ones((3, 3), np.bool_)), 4, 4).any()


@pytest.mark.parametrize(("level", "shown"), [(0.0, 0), (1.0, 255), (0.5, 128)])
@pytest.mark.parametrize("invert", [False, True])
def test_what_is_covered_takes_the_shutters_grey_in_either_polarity(
    level: float, shown: int, invert: bool
) -> None:
    frame = grey(shutter=dataclasses.replace(LEFT_HALF, level=level))
    plan = pipeline.resolve(DisplayState(invert=invert), frame)
    assert pipeline.SHUTTER_BADGE in plan.badges
    image = pipeline.render(plan)
    assert set(image[:, 4:].ravel().tolist()) == {shown}
    assert set(image[:, :4].ravel().tolist()) == {55 if invert else 200}
    assert np.all(pipeline.render_float(plan)[:, 4:] == np.float32(level))
    assert np.array_equal(Drawer().draw(plan, Viewport(8, 8), interactive=False), image)


def test_the_reader_lifts_the_shutter() -> None:
    plan = pipeline.resolve(DisplayState(shutter=False), grey(shutter=LEFT_HALF))
    assert plan.shutter is None
    assert plan.badges == ()
    assert set(pipeline.render(plan).ravel().tolist()) == {200}


def test_colour_is_covered_too() -> None:
    frame = Frame(np.full((8, 8, 3), 90, np.uint8), Photometric.RGB, shutter=LEFT_HALF)
    plan = pipeline.resolve(DisplayState(), frame)
    for image in (pipeline.render(plan), Drawer().draw(plan, Viewport(8, 8), interactive=False)):
        assert np.all(image[:, 4:] == 0)
        assert np.all(image[:, :4] == 90)


def test_a_turned_and_enlarged_image_takes_its_shutter_along() -> None:
    plan = pipeline.resolve(DisplayState(), grey(shutter=LEFT_HALF))
    pane = Viewport(80, 80, turn=ViewTurn(quarters=1))
    image = Drawer().draw(plan, pane, interactive=False)
    view = viewport.transform(plan.frame, pane)
    for row, column, shown in ((0, 0, 200), (7, 3, 200), (0, 4, 0), (7, 7, 0)):
        x, y = view.to_screen(row, column)
        assert image[int(y), int(x)] == shown


def test_one_drawer_follows_shutter_overlay_and_polarity() -> None:
    bits = np.zeros((8, 8), np.bool_)
    bits[0, 0] = True
    frame = grey(20, shutter=LEFT_HALF, overlays=(OverlayPlane(bits),), padding=(20.0, 20.0))
    drawer = Drawer()
    states = [
        DisplayState(invert=i, shutter=s, overlay=OverlayState(visible=o))
        for i in (0, 1)
        for s in (0, 1)
        for o in (0, 1)
    ]
    for state in (*states, *reversed(states)):
        plan = pipeline.resolve(state, frame)
        drawn = drawer.draw(plan, Viewport(8, 8), interactive=True)
        assert np.array_equal(drawn, pipeline.render(plan))


def test_padding_stays_black_where_the_image_is_resampled_and_inverted() -> None:
    stored = np.full((40, 40), -2000, np.int16)
    stored[10:30, 10:30] = 50
    frame = Frame(stored, padding=(-2000.0, -2000.0), voi=(VoiWindow(40, 400),))
    plan = pipeline.resolve(DisplayState(invert=True), frame)
    for size in (17, 40, 133):
        image = Drawer().draw(plan, Viewport(size, size), interactive=False)
        assert set(np.unique(image).tolist()) <= {0, int(pipeline.render(plan)[20, 20])}


def test_overlays_are_white_and_leave_the_rest_alone() -> None:
    bits = np.ones((2, 2), np.bool_)
    frame = grey(overlays=(OverlayPlane(bits, row=-1, column=7),))
    plan = pipeline.resolve(DisplayState(), frame)
    image = pipeline.render(plan)
    assert image[0, 7] == 255
    assert np.count_nonzero(image == 255) == 1
    assert pipeline.render_float(plan)[0, 7] == 1.0
    hidden = pipeline.resolve(DisplayState(overlay=OverlayState(visible=False)), frame)
    assert np.all(pipeline.render(hidden) == 200)


def test_thin_overlay_lines_survive_a_small_pane() -> None:
    bits = np.zeros((512, 512), np.bool_)
    bits[100] = True
    frame = Frame(np.zeros((512, 512), np.uint8), voi=(WINDOW,), overlays=(OverlayPlane(bits),))
    image = Drawer().draw(pipeline.resolve(DisplayState(), frame), Viewport(128, 128), interactive=False)
    assert np.all(image[25] == 255)


def test_without_layers_is_the_image_alone() -> None:
    frame = grey(
        shutter=LEFT_HALF, overlays=(OverlayPlane(np.ones((8, 8), np.bool_)),), badges=("Derived",)
    )
    plan = pipeline.without_layers(pipeline.resolve(DisplayState(), frame))
    assert plan.badges == ("Derived",)
    assert np.all(pipeline.render(plan) == 200)
    assert pipeline.without_layers(plan) is plan


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_the_model_sees_the_picture_without_shutter_and_overlays(kind: type) -> None:
    plain = grey()
    stored = plain.stored.astype(kind)
    covered = dataclasses.replace(
        plain, stored=stored.copy(), shutter=LEFT_HALF, overlays=(OverlayPlane(np.ones((8, 8), np.bool_)),)
    )
    assert np.array_equal(display_gray(dataclasses.replace(plain, stored=stored)), display_gray(covered))
