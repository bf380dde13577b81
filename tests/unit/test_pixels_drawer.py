"""The drawer's caches change the cost and never the picture."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from medvision_desktop.domain.display import DisplayState, Interpolation, VoiFunction, VoiWindow
from medvision_desktop.domain.image import Frame, ModalityLut, Palette, Photometric, Rescale
from medvision_desktop.pixels import pipeline, viewport
from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.pixels.viewport import Viewport

PANE = Viewport(120, 90)


def plan(frame: Frame, window: VoiWindow | None = None, *, invert: bool = False):  # type: ignore[no-untyped-def]
    return pipeline.resolve(DisplayState(voi=window, invert=invert), frame)


def noise(seed: int = 0) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 4096, (60, 80)).astype(np.uint16)


def test_a_window_drag_draws_what_a_fresh_drawer_would() -> None:
    frame, drawer = Frame(noise(), bits_stored=12), Drawer()
    for center in range(0, 4000, 500):
        wanted = plan(frame, VoiWindow(center, 700))
        fresh = Drawer().draw(wanted, PANE, interactive=True)
        assert np.array_equal(drawer.draw(wanted, PANE, interactive=True), fresh)


def test_inverting_needs_no_new_resampling_and_is_right() -> None:
    frame, drawer = Frame(noise(), bits_stored=12), Drawer()
    window = VoiWindow(2000, 700)
    normal = drawer.draw(plan(frame, window), PANE, interactive=False)
    inverted = drawer.draw(plan(frame, window, invert=True), PANE, interactive=False)
    assert np.abs(normal.astype(int) + inverted - 255).max() <= 1


def test_another_frame_is_never_drawn_from_the_old_one() -> None:
    drawer = Drawer()
    drawer.draw(plan(Frame(noise(1))), PANE, interactive=False)
    second = plan(Frame(noise(2)))
    assert np.array_equal(
        drawer.draw(second, PANE, interactive=False), Drawer().draw(second, PANE, interactive=False)
    )


def test_another_pane_or_pan_is_drawn_anew() -> None:
    frame, drawer = Frame(noise()), Drawer()
    for pane in (PANE, dataclasses.replace(PANE, pan=(3.0, 4.0)), Viewport(50, 50, 3.0), PANE):
        fresh = Drawer().draw(plan(frame), pane, interactive=False)
        assert np.array_equal(drawer.draw(plan(frame), pane, interactive=False), fresh)


def test_dragging_over_a_still_picture_keeps_its_careful_interpolation() -> None:
    frame, drawer = Frame(noise()), Drawer()
    small = Viewport(40, 30)
    still = drawer.draw(plan(frame), small, interactive=False)
    assert drawer.interpolation(frame, small, interactive=True) is Interpolation.AREA
    assert np.array_equal(drawer.draw(plan(frame), small, interactive=True), still)


def test_standing_still_after_moving_draws_carefully() -> None:
    frame, drawer = Frame(noise()), Drawer()
    small = Viewport(40, 30)
    drawer.draw(plan(frame), small, interactive=True)
    assert drawer.interpolation(frame, small, interactive=False) is Interpolation.AREA
    fresh = Drawer().draw(plan(frame), small, interactive=False)
    assert np.array_equal(drawer.draw(plan(frame), small, interactive=False), fresh)


def test_what_was_drawn_before_is_not_drawn_over() -> None:
    frame, drawer = Frame(noise()), Drawer()
    first = drawer.draw(plan(frame, VoiWindow(1000, 500)), PANE, interactive=False)
    kept = first.copy()
    drawer.draw(plan(frame, VoiWindow(3000, 500)), PANE, interactive=False)
    assert np.array_equal(first, kept)


def test_a_cleared_drawer_draws_again() -> None:
    frame, drawer = Frame(noise()), Drawer()
    before = drawer.draw(plan(frame), PANE, interactive=False)
    drawer.clear()
    assert np.array_equal(drawer.draw(plan(frame), PANE, interactive=False), before)


def test_a_palette_is_resampled_as_colours_and_not_as_indices() -> None:
    # Between index 0 (red) and 2 (blue) lies index 1 (green), which is nowhere in the image.
    palette = Palette(0, np.asarray([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8))
    frame = Frame(np.asarray([[0, 2]] * 2, np.uint8), Photometric.PALETTE_COLOR, 8, palette=palette)
    image = Drawer().draw(plan(frame), Viewport(100, 100), interactive=True)
    assert not image[..., 1].any()


one_to_one = Viewport(80, 60)


@pytest.mark.parametrize(
    "window",
    [VoiWindow(0, 6), VoiWindow(0.4, 0.01, VoiFunction.LINEAR_EXACT), VoiWindow(0, 1, VoiFunction.SIGMOID)],
)
def test_floats_reduced_to_16_bits_are_drawn_within_one_level(window: VoiWindow) -> None:
    values = np.random.default_rng(3).normal(size=(60, 80)).astype(np.float32)
    frame = Frame(values, voi=(window,), modality=Rescale(-1.5, 0.2))
    exact = pipeline.render(plan(frame)).astype(int)
    assert np.abs(Drawer().draw(plan(frame), one_to_one, interactive=False) - exact).max() <= 1


def test_one_enormous_value_does_not_coarsen_the_rest() -> None:
    values = np.random.default_rng(4).normal(size=(60, 80))
    values[0, 0], values[1, 1] = 1e30, np.nan
    frame = Frame(values)
    drawer = Drawer()
    windows = (VoiWindow(0, 4), VoiWindow(30, 4), VoiWindow(0, 1e30), VoiWindow(0.5, 2))
    for window in windows:
        exact = pipeline.render(plan(frame, window)).astype(int)
        shown = drawer.draw(plan(frame, window), one_to_one, interactive=False)
        assert np.abs(shown - exact).max() <= 1


def test_wide_integers_are_drawn_within_one_level() -> None:
    values = np.random.default_rng(5).integers(-(2**31), 2**31 - 1, (60, 80)).astype(np.int32)
    frame = Frame(values, bits_stored=32)
    for window in (VoiWindow(0, 2**32), VoiWindow(2**30, 2**20)):
        exact = pipeline.render(plan(frame, window)).astype(int)
        shown = Drawer().draw(plan(frame, window), one_to_one, interactive=False)
        assert np.abs(shown - exact).max() <= 1


def test_a_modality_lut_is_drawn_as_it_is_rendered() -> None:
    entries = (np.arange(4096, dtype=np.uint32) ** 2 // 256).astype(np.uint16)
    frame = Frame(noise(), bits_stored=12, modality=ModalityLut(0, entries), voi=(VoiWindow(30000, 60000),))
    assert np.array_equal(
        Drawer().draw(plan(frame), one_to_one, interactive=False), pipeline.render(plan(frame))
    )


def test_the_convenience_draws_like_the_drawer() -> None:
    wanted = plan(Frame(noise()))
    assert np.array_equal(
        viewport.draw(wanted, PANE, interactive=False), Drawer().draw(wanted, PANE, interactive=False)
    )


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_what_is_no_number_is_black_in_the_pane_as_in_a_file(kind: type[np.floating], invert: bool) -> None:
    values = np.linspace(-100, 100, 48, dtype=kind).reshape(6, 8)
    values[0, 0], values[1, 1], values[2, 2] = np.nan, np.inf, -np.inf
    wanted = plan(Frame(values), VoiWindow(0, 100), invert=invert)
    pane = Drawer().draw(wanted, Viewport(8, 6, zoom=1.0), interactive=False)
    assert pane[0, 0] == pane[1, 1] == pane[2, 2] == 0
    assert np.abs(pane.astype(int) - pipeline.render(wanted)).max() <= 1
