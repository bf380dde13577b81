"""Where pixels land in a pane, and that what is drawn is there."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.ndimage
from numpy.typing import NDArray

from medvision_desktop.domain.display import DisplayState, FittedArea, Interpolation, VoiWindow
from medvision_desktop.domain.geometry import PixelSpacing, SpacingSource, ViewTurn
from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.pixels import pipeline, viewport
from medvision_desktop.pixels.viewport import Viewport

TURNS = [ViewTurn(q, h, v) for q, h, v in itertools.product(range(4), (False, True), (False, True))]
EIGHT_BIT = VoiWindow(128, 256)  # shows 0..255 as they are


def smooth(rows: int, columns: int) -> NDArray[np.uint16]:
    y, x = np.mgrid[:rows, :columns]
    return np.rint(127 + 60 * np.sin(x / 5) + 60 * np.cos(y / 7)).astype(np.uint16)


def drawn(stored: NDArray[np.uint16], pane: Viewport, *, interactive: bool = False) -> NDArray[np.uint8]:
    frame = Frame(stored, voi=(EIGHT_BIT,))
    return viewport.draw(pipeline.resolve(DisplayState(), frame), pane, interactive=interactive)


def turned(image: NDArray[np.uint8], turn: ViewTurn) -> NDArray[np.uint8]:
    image = np.rot90(image, -turn.quarters)
    image = np.fliplr(image) if turn.flip_horizontal else image
    return np.flipud(image) if turn.flip_vertical else image


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_one_to_one_is_pixel_identical_in_every_turn(turn: ViewTurn) -> None:
    stored = np.random.default_rng(1).integers(0, 256, (23, 40)).astype(np.uint16)
    expected = turned(stored.astype(np.uint8), turn)
    height, width = expected.shape
    for pane in (Viewport(width, height, turn=turn), Viewport(width + 7, height + 4, zoom=1.0, turn=turn)):
        top, left = (pane.height - height + 1) // 2, (pane.width - width + 1) // 2
        image = drawn(stored, pane)
        assert np.array_equal(image[top : top + height, left : left + width], expected)
        assert image.sum() == expected.sum()  # black outside


@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize("zoom", [None, 0.37, 1.0, 2.6, 9.0])
def test_a_bright_pixel_is_drawn_where_the_transform_says(turn: ViewTurn, zoom: float | None) -> None:
    stored = np.zeros((31, 50), np.uint16)
    stored[12:15, 30:33] = 200
    pane = Viewport(300, 200, zoom, (5.0, -11.0), turn)
    frame = Frame(stored, voi=(EIGHT_BIT,))
    view = viewport.transform(frame, pane)
    image = drawn(stored, pane).astype(float)
    y, x = np.mgrid[:200, :300] + 0.5
    center = ((image * x).sum() / image.sum(), (image * y).sum() / image.sum())
    assert center == pytest.approx(view.to_screen(13, 31), abs=0.1)


@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize(("zoom", "pan"), [(1.7, (0, 0)), (3.3, (40, -25)), (12.5, (-300, 170))])
def test_bilinear_drawing_is_interpolation_at_to_source(
    turn: ViewTurn, zoom: float, pan: tuple[float, float]
) -> None:
    stored = smooth(60, 90)
    pane = Viewport(160, 120, zoom, pan, turn)
    view = viewport.transform(Frame(stored), pane)
    image = drawn(stored, pane, interactive=True)
    for x, y in itertools.product(range(3, 160, 17), range(2, 120, 13)):
        row, column = view.to_source(x + 0.5, y + 0.5)
        if not (0 <= row <= 59 and 0 <= column <= 89):
            continue
        expected = scipy.ndimage.map_coordinates(stored.astype(float), [[row], [column]], order=1)[0]
        assert image[y, x] == pytest.approx(expected, abs=1.2)


def test_reducing_when_still_averages_every_pixel_under_it() -> None:
    stored = np.random.default_rng(2).integers(0, 256, (300, 300)).astype(np.uint16)
    image = drawn(stored, Viewport(100, 100))
    blocks = stored.reshape(100, 3, 100, 3).mean(axis=(1, 3))
    assert np.abs(image - blocks).max() <= 1


def test_a_plane_of_thick_slices_is_averaged_along_the_axis_that_shrinks() -> None:
    stored = np.tile(np.random.default_rng(3).integers(0, 256, 300), (20, 1)).astype(np.uint16)
    frame = Frame(stored, voi=(EIGHT_BIT,), pixel_aspect=6.0)
    image = viewport.draw(pipeline.resolve(DisplayState(), frame), Viewport(100, 40), interactive=False)
    expected = stored[0].reshape(100, 3).mean(axis=1)
    assert np.abs(image - expected).max() <= 1


def test_a_part_of_a_reduced_image_is_the_part_of_the_whole() -> None:
    stored = smooth(400, 500)
    whole = drawn(stored, Viewport(500, 400, zoom=0.8))
    part = drawn(stored, Viewport(200, 100, zoom=0.8))
    assert np.array_equal(part, whole[150:250, 150:350])


@pytest.mark.parametrize("interactive", [False, True])
def test_a_strip_longer_than_a_warp_can_count_is_drawn_where_it_belongs(interactive: bool) -> None:
    stored = np.zeros((4, 70_000), np.uint16)
    stored[:, 35_000:] = 200
    image = drawn(stored, Viewport(4000, 40, zoom=0.1), interactive=interactive)
    line = image[20].astype(int)
    assert line[1990] == 0
    assert line[2010] == 200


def test_a_huge_enlargement_draws_only_what_is_visible() -> None:
    stored = smooth(3000, 400)
    frame = Frame(stored, voi=(EIGHT_BIT,), pixel_aspect=90.0)
    pane = Viewport(200, 100, zoom=0.9)
    image = viewport.draw(pipeline.resolve(DisplayState(), frame), pane, interactive=False)
    view = viewport.transform(frame, pane)
    row, column = view.to_source(100.5, 50.5)
    expected = scipy.ndimage.map_coordinates(stored.astype(float), [[row], [column]], order=1)[0]
    assert view.drawn_width * view.drawn_height > 60_000_000
    assert image[50, 100] == pytest.approx(expected, abs=3)


def test_fitting_shows_the_whole_image_and_nothing_beyond() -> None:
    image = drawn(np.full((100, 300), 200, np.uint16), Viewport(600, 400))
    assert (image[100:300] == 200).all()
    assert not image[:100].any()
    assert not image[300:].any()


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_pixels_twice_as_high_as_wide_are_drawn_so(turn: ViewTurn) -> None:
    stored = np.full((50, 100), 200, np.uint16)
    spacing = PixelSpacing(1.0, 0.5, SpacingSource.PATIENT)
    frame = Frame(stored, voi=(EIGHT_BIT,), spacing=spacing)
    pane = Viewport(400, 400, zoom=2.0, turn=turn)
    image = viewport.draw(pipeline.resolve(DisplayState(), frame), pane, interactive=False)
    assert image.any(axis=1).sum() == 200
    assert image.any(axis=0).sum() == 200
    view = viewport.transform(frame, pane)
    assert (view.scale_row, view.scale_column, view.scale) == (4, 2, 2)


def test_the_aspect_of_the_header_counts_where_there_is_no_spacing() -> None:
    frame = Frame(np.zeros((10, 10), np.uint16), pixel_aspect=1.5)
    assert viewport.aspect_of(frame) == 1.5
    assert viewport.aspect_of(dataclasses.replace(frame, pixel_aspect=float("nan"))) == 1.0
    assert viewport.aspect_of(dataclasses.replace(frame, pixel_aspect=0.0)) == 1.0


def test_colour_is_drawn_in_colour() -> None:
    stored = np.zeros((10, 20, 3), np.uint8)
    stored[..., 0] = 250
    frame = Frame(stored, Photometric.RGB, 8)
    image = viewport.draw(pipeline.resolve(DisplayState(), frame), Viewport(40, 40), interactive=False)
    assert image.shape == (40, 40, 3)
    assert image.flags.c_contiguous
    assert (image[10:30] == (250, 0, 0)).all()
    assert not image[:10].any()


def test_inverted_colour_is_still_black_outside() -> None:
    frame = Frame(np.zeros((10, 20, 3), np.uint8), Photometric.RGB, 8)
    plan = pipeline.resolve(DisplayState(invert=True), frame)
    image = viewport.draw(plan, Viewport(40, 40), interactive=False)
    assert (image[10:30] == 255).all()
    assert not image[:10].any()


def test_an_image_panned_out_of_the_pane_leaves_it_black() -> None:
    image = drawn(np.full((10, 10), 200, np.uint16), Viewport(50, 40, 1.0, (1000.0, 0.0)))
    assert image.shape == (40, 50)
    assert not image.any()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.float32])
def test_signed_values_are_interpolated_through_zero(dtype: type[np.generic]) -> None:
    stored = np.repeat(np.asarray([[-100, 100]], dtype), 2, axis=0)
    window = VoiWindow(128, 256)
    frame = Frame(stored, bits_stored=stored.dtype.itemsize * 8, voi=(VoiWindow(0.5, 256),))
    assert window.width == 256
    plan = pipeline.resolve(DisplayState(), frame)
    line = viewport.draw(plan, Viewport(40, 40), interactive=True)[20].astype(int)
    assert (np.diff(line) >= 0).all()
    assert line[0] == pytest.approx(27.5, abs=1)
    assert line[-1] == pytest.approx(227.5, abs=1)
    assert np.diff(line).max() <= 12


def test_zooming_about_the_cursor_keeps_what_is_under_it() -> None:
    frame = Frame(smooth(480, 640))
    pane = Viewport(900, 700, turn=ViewTurn(1, True))
    for _ in range(12):
        row, column = viewport.transform(frame, pane).to_source(700, 150)
        pane = viewport.zoomed_about(frame, pane, 700, 150, 1.25)
        x, y = viewport.transform(frame, pane).to_screen(row, column)
        assert np.hypot(x - 700, y - 150) < 2


def test_many_small_zoom_steps_come_to_one_large_one() -> None:
    frame = Frame(smooth(480, 640))
    start = Viewport(900, 700, turn=ViewTurn(1, True))
    pane = start
    for _ in range(40):
        pane = viewport.zoomed_about(frame, pane, 700, 150, 1.05)
    at_once = viewport.zoomed_about(frame, start, 700, 150, 1.05**40)
    assert pane.zoom == pytest.approx(at_once.zoom)
    assert pane.pan == pytest.approx(at_once.pan)


def test_zoom_stays_within_its_limits() -> None:
    frame = Frame(smooth(10, 10))
    assert viewport.zoomed_about(frame, Viewport(50, 50), 5, 5, 1e9).zoom == viewport.MAX_ZOOM
    assert viewport.zoomed_about(frame, Viewport(50, 50), 5, 5, 1e-9).zoom == viewport.MIN_ZOOM


def test_the_pixel_under_the_cursor_is_none_outside_the_image() -> None:
    view = viewport.transform(Frame(smooth(10, 20)), Viewport(40, 40))
    assert view.pixel_at(0.1, 10.1) == (0, 0)
    assert view.pixel_at(39.9, 29.9) == (9, 19)
    assert view.pixel_at(20, 9.9) is None
    assert view.pixel_at(20, 30.1) is None


def test_interpolation_is_named_as_it_is_done() -> None:
    frame = Frame(smooth(100, 100))
    cases = [(1.0, True, "nearest"), (2.0, True, "bilinear"), (2.0, False, "cubic"), (0.5, False, "area")]
    for zoom, interactive, name in cases:
        view = viewport.transform(frame, Viewport(300, 300, zoom))
        assert viewport.interpolation(view, interactive=interactive) is Interpolation(name)


def test_device_pixels_scale_the_readers_zoom_and_pan() -> None:
    state = DisplayState(zoom=1.5, pan=(10, -4), turn=ViewTurn(1))
    pane = Viewport.of(state, 800, 600, ratio=2.0)
    assert (pane.zoom, pane.pan, pane.turn) == (3.0, (20, -8), ViewTurn(1))


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (20000, 5)])
def test_panes_that_cannot_be_drawn_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="pixels"):
        Viewport(*size)


@pytest.mark.parametrize("zoom", [0.0, -1.0, float("nan"), float("inf")])
def test_zooms_that_mean_nothing_are_refused(zoom: float) -> None:
    with pytest.raises(ValueError, match="zoom"):
        Viewport(10, 10, zoom)


def test_one_pixel_fills_a_pane() -> None:
    image = drawn(np.full((1, 1), 77, np.uint16), Viewport(64, 64))
    assert (image == 77).all()


def test_a_long_thin_image_is_at_least_a_line() -> None:
    assert drawn(np.full((1, 5000), 77, np.uint16), Viewport(50, 50)).any()


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("flip", [False, True])
def test_an_area_is_fitted_and_centred_in_every_turn(quarters: int, flip: bool) -> None:
    frame = Frame(np.zeros((60, 100), np.uint8))
    pane = Viewport(400, 400, turn=ViewTurn(quarters, flip), area=FittedArea(10, 29, 50, 89))
    view = viewport.transform(frame, pane)
    middle = view.to_screen(19.5, 69.5)
    assert middle == pytest.approx((200, 200), abs=1)
    assert view.scale == pytest.approx(10, abs=0.05)
    corners = [view.to_screen(row, column) for row in (9.5, 29.5) for column in (49.5, 89.5)]
    assert min(min(corner) for corner in corners) == pytest.approx(0, abs=1.5)
    assert max(max(corner) for corner in corners) == pytest.approx(400, abs=1.5)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize(("wanted", "scale"), [(3.0, 3.0), (0.5, 0.5), (1e9, viewport.MAX_ZOOM)])
def test_an_area_of_a_given_size_keeps_it_in_any_pane(quarters: int, wanted: float, scale: float) -> None:
    frame = Frame(np.zeros((60, 100), np.uint8))
    for width, height in ((400, 300), (90, 700)):
        pane = Viewport(width, height, turn=ViewTurn(quarters), area=FittedArea(10, 29, 50, 89, wanted))
        view = viewport.transform(frame, pane)
        assert view.scale == pytest.approx(scale, rel=0.01)
        assert view.to_screen(19.5, 69.5) == pytest.approx((width / 2, height / 2), abs=1)


def test_zooming_out_of_an_area_keeps_the_point_under_the_cursor() -> None:
    frame = Frame(np.zeros((60, 100), np.uint8))
    pane = Viewport(400, 300, area=FittedArea(10, 29, 50, 89))
    before = viewport.transform(frame, pane).to_source(120, 80)
    after = viewport.transform(frame, viewport.zoomed_about(frame, pane, 120, 80, 1.5))
    assert after.to_source(120, 80) == pytest.approx(before, abs=0.2)
