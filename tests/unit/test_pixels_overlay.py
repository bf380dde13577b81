"""Model attention: colours, opacity and where it lies."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
import scipy.ndimage

from medvision_desktop.domain.display import DisplayState, VoiWindow
from medvision_desktop.domain.findings import HeatMap
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import Frame
from medvision_desktop.pixels import overlay, pipeline, viewport
from medvision_desktop.pixels.viewport import Viewport

TURNS = [ViewTurn(q, h, v) for q, h, v in itertools.product(range(4), (False, True), (False, True))]


def heat(grid: np.ndarray, box: tuple[float, float, float, float]) -> HeatMap:
    return HeatMap("Pneumonia", "native", np.asarray(grid, np.float32), box)


def bump(rows: int = 7, columns: int = 7, at: tuple[int, int] = (2, 5)) -> np.ndarray:
    grid = np.zeros((rows, columns), np.float32)
    grid[at] = 1.0
    return grid


def test_the_colours_are_matplotlibs_inferno() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is the oracle and never shipped")
    table = np.rint(matplotlib.colormaps["inferno"](np.arange(256))[:, :3] * 255)
    assert np.abs(overlay.inferno().astype(int) - table).max() <= 1


def test_drawing_attention_does_not_import_matplotlib() -> None:
    code = (
        "import sys, numpy as np; from medvision_desktop.pixels import overlay;"
        "overlay.coloured(np.ones((2, 2), np.float32), 0.3, 0.5); print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_colours_run_from_015_to_095_of_the_table() -> None:
    shown = overlay.coloured(np.asarray([0.0, 1.0]), 0.0, 0.58)[:, :3]
    assert np.array_equal(shown, overlay.inferno()[[38, 242]])
    assert np.array_equal(overlay.colour_bar(2), shown)


def test_nothing_is_drawn_up_to_the_threshold() -> None:
    values = np.linspace(0, 0.35, 50, dtype=np.float32)
    assert not overlay.coloured(values, 0.35, 0.58)[:, 3].any()


def test_opacity_rises_smoothly_over_a_quarter_to_at_most_58_percent() -> None:
    values = np.linspace(0.35, 1, 400)
    opacity = overlay.alpha(values, 0.35, 1.0)
    assert (np.diff(opacity) >= 0).all()
    assert opacity.max() == pytest.approx(0.58)
    assert overlay.alpha(np.asarray([0.35 + 0.125]), 0.35, 0.58)[0] == pytest.approx(0.29, abs=1e-3)
    assert overlay.alpha(np.asarray([0.6]), 0.35, 0.58)[0] == pytest.approx(0.58)
    assert np.diff(opacity)[0] < np.diff(opacity).max() / 10  # it starts flat


def test_a_lower_opacity_is_the_readers() -> None:
    assert overlay.alpha(np.asarray([1.0]), 0.35, 0.2)[0] == pytest.approx(0.2)
    assert overlay.alpha(np.asarray([1.0]), 0.35, -1.0)[0] == 0


def test_the_map_peaks_where_its_cell_lies_in_the_image() -> None:
    values = overlay.attention_in_source(heat(bump(), (0, 0, 140, 70)), 70, 140)
    assert values.shape == (70, 140)
    assert values.dtype == np.float32
    y, x = np.mgrid[:70, :140]
    center = ((values * y).sum() / values.sum(), (values * x).sum() / values.sum())
    # Cell (2, 5) of 7x7 covers rows 20..30 and columns 100..120 by their edges.
    assert center == pytest.approx((24.5, 109.5), abs=0.6)
    assert values.max() == pytest.approx(1, abs=0.02)


def test_a_map_of_a_part_of_the_image_is_zero_outside_it() -> None:
    values = overlay.attention_in_source(heat(np.ones((4, 4)), (10, 20, 30, 50)), 60, 40)
    assert np.allclose(values[20:50, 10:30], 1)
    assert values.sum() == pytest.approx(30 * 20)


def test_a_constant_map_stays_constant() -> None:
    assert np.allclose(overlay.attention_in_source(heat(np.full((5, 3), 0.4), (0, 0, 33, 21)), 21, 33), 0.4)


def test_interpolation_never_leaves_the_range_of_the_map() -> None:
    grid = np.random.default_rng(0).choice([0.0, 0.7], (7, 7)).astype(np.float32)
    values = overlay.attention_in_source(heat(grid, (0, 0, 100, 100)), 100, 100)
    assert values.min() >= 0
    assert values.max() <= np.float32(0.7)


@pytest.mark.parametrize(
    ("box", "shape"),
    [((0, 0, 3000, 1500), (256, 512)), ((0, 0, 10, 10), (512, 512)), ((0, 0, 1, 5000), (512, 7))],
)
def test_the_coloured_map_has_a_bounded_size_and_the_shape_of_its_box(
    box: tuple[float, float, float, float], shape: tuple[int, int]
) -> None:
    rgba = overlay.attention_rgba(heat(bump(), box), 0.3, 0.5)
    assert rgba.shape == (*shape, 4)
    assert rgba.dtype == np.uint8


def test_a_grid_finer_than_the_bound_is_reduced_to_it() -> None:
    rgba = overlay.attention_rgba(heat(np.zeros((900, 700), np.float32), (0, 0, 700, 900)), 0.3, 0.5)
    assert max(rgba.shape) <= 512


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_in_a_pane_the_map_lies_over_the_same_source_pixels(turn: ViewTurn) -> None:
    frame = Frame(np.zeros((70, 140), np.uint16))
    pane = Viewport(220, 180, 2.3, (14.0, -9.0), turn)
    view = viewport.transform(frame, pane)
    attention = heat(bump(), (0, 0, 140, 70))
    in_pane = overlay.attention_in_pane(attention, view, pane)
    in_source = overlay.attention_in_source(attention, 70, 140)
    assert in_pane.shape == (180, 220)
    for y, x in itertools.product(range(0, 180, 11), range(0, 220, 13)):
        if view.pixel_at(x + 0.5, y + 0.5) is None:
            assert in_pane[y, x] == 0
            continue
        row, column = view.to_source(x + 0.5, y + 0.5)
        expected = scipy.ndimage.map_coordinates(in_source, [[row], [column]], order=1, mode="nearest")[0]
        assert in_pane[y, x] == pytest.approx(expected, abs=0.02)


def test_under_a_clear_layer_the_image_is_untouched() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    mixed = overlay.over(image, np.zeros((20, 30, 4), np.uint8))
    assert np.array_equal(mixed, np.repeat(image[..., None], 3, axis=2))


def test_a_half_clear_layer_is_half_mixed() -> None:
    rgba = np.asarray([[[200, 0, 100, 128]]], np.uint8)
    mixed = overlay.over(np.asarray([[100]], np.uint8), rgba)
    opaque = 128 / 255
    expected = [100 + 100 * opaque, 100 * (1 - opaque), 100]
    assert np.abs(mixed[0, 0] - expected).max() <= 0.5


def test_the_image_under_a_full_overlay_can_still_be_read() -> None:
    frame = Frame(np.arange(256, dtype=np.uint16)[None], voi=(VoiWindow(128, 256),))
    shown = pipeline.render(pipeline.resolve(DisplayState(), frame))
    mixed = overlay.over(shown, overlay.coloured(np.ones((1, 256), np.float32), 0.3, 1.0))
    assert (mixed[0, 255].astype(int) - mixed[0, 0]).min() >= 100
