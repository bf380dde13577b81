"""From a wish and a frame to grey levels."""

from __future__ import annotations

import numpy as np
import pytest

from medvision_desktop.domain.display import DisplayState, VoiFunction, VoiLut, VoiWindow, WindowSource
from medvision_desktop.domain.image import Frame, ModalityLut, Palette, Photometric, Rescale
from medvision_desktop.pixels import pipeline

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
WINDOW = VoiWindow(1000, 1000)


def plain(stored: np.ndarray, **entries: object) -> Frame:
    return Frame(stored, **{"bits_stored": 12, "voi": (WINDOW,), **entries})  # type: ignore[arg-type]


def rendered(frame: Frame, state: DisplayState | None = None) -> np.ndarray:
    return pipeline.render(pipeline.resolve(state or DisplayState(), frame))


def test_the_window_is_the_readers_before_any_other() -> None:
    wish = DisplayState(voi=VoiWindow(5, 10))
    plan = pipeline.resolve(wish, plain(RAMP), modality="CT")
    assert plan.voi == VoiWindow(5, 10)
    assert plan.source is WindowSource.READER


def test_a_voi_lut_comes_before_a_window_of_the_header() -> None:
    lut = VoiLut(0, np.arange(4096, dtype=np.uint16), 12)
    plan = pipeline.resolve(DisplayState(), plain(RAMP, voi=(WINDOW, lut)))
    assert plan.voi is lut
    assert plan.source is WindowSource.HEADER_LUT


def test_the_first_window_of_the_header_comes_before_the_modality() -> None:
    plan = pipeline.resolve(DisplayState(), plain(RAMP, voi=(WINDOW, VoiWindow(1, 2))), modality="CT")
    assert plan.voi == WINDOW
    assert plan.source is WindowSource.HEADER_WINDOW
    assert plan.badges == ()


def test_ct_without_a_window_has_a_default_and_says_so() -> None:
    plan = pipeline.resolve(DisplayState(), plain(RAMP, voi=(), units="HU"), modality="CT")
    assert isinstance(plan.voi, VoiWindow)
    assert (plan.voi.center, plan.voi.width) == (40, 400)
    assert plan.badges == ("Window: modality default",)


def test_a_screenshot_of_a_ct_is_shown_as_it_is_stored() -> None:
    stored = np.asarray([[0, 1, 128, 255]], np.uint8)
    plan = pipeline.resolve(DisplayState(), Frame(stored, bits_stored=8), modality="CT")
    assert plan.source is WindowSource.FULL_RANGE
    assert np.array_equal(pipeline.render(plan), stored)


def test_the_percentiles_of_the_series_come_last_and_say_so() -> None:
    plan = pipeline.resolve(
        DisplayState(), plain(RAMP, voi=()), modality="MR", modality_range=(100.0, 300.0)
    )
    assert plan.voi == VoiWindow(200, 200, VoiFunction.LINEAR_EXACT)
    assert plan.source is WindowSource.PERCENTILES
    assert plan.badges == ("Window: 0.5–99.5 percentiles",)


def test_without_a_series_the_percentiles_are_the_frames_without_padding() -> None:
    stored = np.asarray([[-2000] * 50 + list(range(50))], np.int16)
    plan = pipeline.resolve(DisplayState(), plain(stored, voi=(), padding=(-2000, -2000)), modality="MR")
    low, high = np.percentile(np.arange(50), (0.5, 99.5))
    assert isinstance(plan.voi, VoiWindow)
    assert plan.voi.center == pytest.approx((low + high) / 2)
    assert plan.voi.width == pytest.approx(high - low)


@pytest.mark.parametrize("ones", [0, 1, 300])
def test_one_bit_is_black_and_white_however_few_there_are_of_either(ones: int) -> None:
    stored = (np.arange(400).reshape(20, 20) < ones).astype(np.uint8)
    frame = Frame(stored, bits_stored=1)
    image = pipeline.render(pipeline.resolve(DisplayState(), frame, modality="MR"))
    assert np.array_equal(image, stored * 255)


def test_where_nearly_all_values_are_the_same_all_that_the_header_allows_are_shown() -> None:
    stored = np.zeros((20, 20), np.uint16)
    stored[3, 4] = 2048
    plan = pipeline.resolve(DisplayState(), plain(stored, voi=(), bits_stored=12), modality="MR")
    assert plan.source is WindowSource.FULL_RANGE
    image = pipeline.render(plan)
    assert (int(image[3, 4]), int(image[0, 0])) == (128, 0)


def test_a_photograph_is_shown_as_it_is_stored() -> None:
    stored = np.asarray([[0, 1, 128, 255]], np.uint8)
    frame = Frame(stored, bits_stored=8)
    assert rendered(frame).tolist() == stored.tolist()


def test_a_frame_of_nothing_but_padding_still_draws() -> None:
    stored = np.full((2, 2), -2000, np.int16)
    frame = plain(stored, voi=(), padding=(-2000, -2000))
    assert rendered(frame).shape == (2, 2)


def test_linear_grey_levels_are_those_of_the_formula() -> None:
    x = RAMP.astype(float)
    expected = np.clip((x - 999.5) / 999 + 0.5, 0, 1) * 255
    assert np.abs(rendered(plain(RAMP)) - expected).max() <= 0.5


def test_monochrome1_and_its_twin_look_identical() -> None:
    twin = plain((4095 - RAMP).astype(np.uint16), voi=(VoiWindow(4096 - 1000, 1000),))
    mono1 = plain(RAMP, photometric=Photometric.MONOCHROME1)
    difference = rendered(mono1).astype(int) - rendered(twin).astype(int)
    assert np.abs(difference).max() <= 1  # halves are rounded up on both sides
    assert np.allclose(
        pipeline.render_float(pipeline.resolve(DisplayState(), mono1)),
        pipeline.render_float(pipeline.resolve(DisplayState(), twin)),
        atol=1e-6,
    )


def test_polarity_is_turned_after_the_window_and_not_before() -> None:
    off_centre = VoiWindow(100, 50)
    mono1 = plain(RAMP, voi=(off_centre,), photometric=Photometric.MONOCHROME1)
    mono2 = plain(RAMP, voi=(off_centre,))
    plan1, plan2 = (pipeline.resolve(DisplayState(), frame) for frame in (mono1, mono2))
    assert np.allclose(pipeline.render_float(plan1), 1 - pipeline.render_float(plan2), atol=1e-6)


@pytest.mark.parametrize(
    ("photometric", "inverse", "white_is_low"),
    [
        (Photometric.MONOCHROME2, False, False),
        (Photometric.MONOCHROME2, True, True),
        (Photometric.MONOCHROME1, False, True),
        (Photometric.MONOCHROME1, True, True),
    ],
)
def test_monochrome1_with_an_inverse_shape_is_inverted_once(
    photometric: Photometric, inverse: bool, white_is_low: bool
) -> None:
    frame = plain(RAMP, photometric=photometric, presentation_inverse=inverse)
    assert pipeline.resolve(DisplayState(), frame).inverted is white_is_low
    assert pipeline.resolve(DisplayState(invert=True), frame).inverted is not white_is_low


def test_the_brightness_of_a_frame_does_not_depend_on_its_own_extremes() -> None:
    dim = np.full((2, 2), 900, np.uint16)
    with_peak = dim.copy()
    with_peak[0, 0] = 4095
    assert rendered(plain(dim))[1, 1] == rendered(plain(with_peak))[1, 1]


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.float32, np.float64]
)
def test_every_pixel_type_gives_the_same_picture(dtype: type[np.generic]) -> None:
    stored = np.arange(-100 if np.dtype(dtype).kind != "u" else 0, 120).astype(dtype).reshape(10, -1)
    window = VoiWindow(20, 150)
    frame = Frame(stored, bits_stored=stored.dtype.itemsize * 8, voi=(window,), modality=Rescale(0.5, 3.0))
    expected = np.clip((stored.astype(float) * 0.5 + 3 - 19.5) / 149 + 0.5, 0, 1)
    plan = pipeline.resolve(DisplayState(), frame)
    assert np.abs(pipeline.render_float(plan) - expected).max() < 1e-6
    assert np.abs(pipeline.render(plan) - expected * 255).max() <= 0.5 + 1e-6


def test_big_endian_pixels_look_like_little_endian_ones() -> None:
    assert np.array_equal(rendered(plain(RAMP.astype(">u2"))), rendered(plain(RAMP)))


def test_a_modality_lut_feeds_the_window() -> None:
    lut = ModalityLut(0, (2 * np.arange(4096)).astype(np.uint16))
    doubled = plain((2 * RAMP).astype(np.uint16), bits_stored=13)
    assert np.array_equal(rendered(plain(RAMP, modality=lut)), rendered(doubled))


def test_grey_levels_are_the_rounded_display_values() -> None:
    plan = pipeline.resolve(DisplayState(), plain(RAMP, modality=Rescale(0.7, -3.0)))
    exact = pipeline.render_float(plan)
    assert exact.dtype == np.float32
    assert np.abs(pipeline.render(plan) - exact * 255.0).max() <= 0.5 + 1e-4


def test_a_palette_gives_colours_and_clamps_its_index() -> None:
    palette = Palette(2, np.asarray([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8))
    frame = Frame(np.asarray([[0, 2, 3, 4, 9]], np.uint8), Photometric.PALETTE_COLOR, 8, palette=palette)
    red, green, blue = [255, 0, 0], [0, 255, 0], [0, 0, 255]
    assert rendered(frame).tolist() == [[red, red, green, blue, blue]]


@pytest.mark.parametrize("widen", [lambda x: x << 8, lambda x: x * 257])
def test_a_16_bit_palette_made_of_8_bits_gives_those_8_bits(widen) -> None:  # type: ignore[no-untyped-def]
    eight = np.repeat(np.arange(256, dtype=np.uint16)[:, None], 3, axis=1)
    frame = Frame(
        np.arange(256, dtype=np.uint8)[None],
        Photometric.PALETTE_COLOR,
        8,
        palette=Palette(0, widen(eight).astype(np.uint16)),
    )
    assert np.array_equal(rendered(frame)[0], eight)


def test_colour_is_shown_as_stored_and_has_no_window() -> None:
    colour = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    frame = Frame(colour, Photometric.RGB, 8, voi=(WINDOW,))
    plan = pipeline.resolve(DisplayState(voi=VoiWindow(1, 2)), frame, modality="US")
    assert plan.voi is None
    assert np.array_equal(pipeline.render(plan), colour)
    assert np.allclose(pipeline.render_float(plan), colour / 255)
    assert np.array_equal(rendered(frame, DisplayState(invert=True)), 255 - colour)


def test_rendering_leaves_the_stored_pixels_alone() -> None:
    colour = np.zeros((2, 2, 3), np.uint8)
    image = rendered(Frame(colour, Photometric.RGB, 8))
    image[:] = 9
    assert not colour.any()


def test_badges_of_the_frame_and_of_the_display_are_both_shown() -> None:
    frame = plain(RAMP, badges=("Derived",), not_faithful=("ICC profile ignored",))
    assert pipeline.resolve(DisplayState(), frame).badges == (
        "Derived",
        "Not faithful: ICC profile ignored",
    )


def test_a_probe_reads_stored_modality_and_display_values() -> None:
    frame = plain(RAMP, modality=Rescale(2.0, -10.0), units="HU", padding=(0, 0))
    probe = pipeline.probe(pipeline.resolve(DisplayState(), frame), 8, 3)
    assert probe is not None
    assert probe.stored == (515,)
    assert probe.modality == 1020.0
    assert probe.units == "HU"
    assert probe.display == (round(((1020 - 999.5) / 999 + 0.5) * 255),)
    assert not probe.is_padding
    corner = pipeline.probe(pipeline.resolve(DisplayState(), frame), 0, 0)
    assert corner is not None
    assert corner.is_padding


def test_a_probe_of_colour_gives_three_levels_and_no_modality_value() -> None:
    frame = Frame(np.asarray([[[1, 2, 3]]], np.uint8), Photometric.RGB, 8)
    probe = pipeline.probe(pipeline.resolve(DisplayState(invert=True), frame), 0, 0)
    assert probe is not None
    assert probe.stored == (1, 2, 3)
    assert probe.modality is None
    assert probe.display == (254, 253, 252)


def test_a_probe_of_a_palette_gives_its_colour() -> None:
    palette = Palette(0, np.asarray([[9, 8, 7], [6, 5, 4]], np.uint8))
    frame = Frame(np.asarray([[0, 1]], np.uint8), Photometric.PALETTE_COLOR, 8, palette=palette)
    probe = pipeline.probe(pipeline.resolve(DisplayState(), frame), 0, 1)
    assert probe is not None
    assert (probe.stored, probe.display) == ((1,), (6, 5, 4))


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, -1), (64, 0), (0, 64)])
def test_a_probe_outside_the_image_finds_nothing(row: int, column: int) -> None:
    assert pipeline.probe(pipeline.resolve(DisplayState(), plain(RAMP)), row, column) is None


@pytest.mark.parametrize("photometric", [Photometric.MONOCHROME1, Photometric.MONOCHROME2])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_padding_is_black_in_either_polarity(photometric: Photometric, invert: bool, kind: type) -> None:
    stored = np.asarray([[-2000, 0, 100]], kind)
    frame = Frame(
        stored, photometric, padding=(-2000.0, -1999.0), voi=(VoiWindow(50, 100, VoiFunction.LINEAR_EXACT),)
    )
    plan = pipeline.resolve(DisplayState(invert=invert), frame)
    low_is_white = (photometric is Photometric.MONOCHROME1) != invert
    assert pipeline.render(plan).tolist() == [[0, 255, 0] if low_is_white else [0, 0, 255]]
    assert pipeline.render_float(plan)[0, 0] == 0.0
    found = pipeline.probe(plan, 0, 0)
    assert found is not None
    assert found.display == (0,)
    assert found.is_padding


def test_what_is_not_a_number_is_black_in_either_polarity() -> None:
    frame = Frame(np.asarray([[np.nan, 1.0]], np.float32), Photometric.MONOCHROME1)
    for invert in (False, True):
        plan = pipeline.resolve(DisplayState(invert=invert), frame)
        assert pipeline.render(plan)[0, 0] == 0
