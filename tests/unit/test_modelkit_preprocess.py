"""One preprocessing for training and inference, that sees the same film in every encoding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.display import DisplayState, VoiFunction, VoiWindow
from medvision_desktop.domain.image import Frame, Photometric, Rescale
from medvision_desktop.modelkit.preprocess import (
    Preprocessing,
    display_gray,
    network_input,
    normalised,
    squared,
)
from medvision_desktop.pixels import pipeline

SPEC = Preprocessing(32, (0.5, 99.5), 0.5, 0.25)


def _film(seed: int = 0, shape: tuple[int, int] = (70, 60)) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(0, 200, shape).astype(np.uint8)


def test_the_same_film_with_8_or_16_bits_or_inverted_gives_the_same_input() -> None:
    film = _film()
    window = (VoiWindow(128, 256),)
    eight = Frame(film, bits_stored=8, voi=window)
    sixteen = Frame(film.astype(np.uint16) * 16, bits_stored=12, voi=(VoiWindow(2048, 4096),))
    inverted = Frame(255 - film, Photometric.MONOCHROME1, bits_stored=8, voi=window)
    rescaled = Frame(film, bits_stored=8, modality=Rescale(2, -50), voi=(VoiWindow(206, 512),))
    wanted = network_input(eight, SPEC)
    for other in (sixteen, inverted, rescaled):
        np.testing.assert_allclose(network_input(other, SPEC), wanted, atol=0.05)


@given(st.floats(0.3, 3.0), st.floats(0.0, 200.0))
def test_a_linear_change_of_brightness_changes_nothing(slope: float, offset: float) -> None:
    gray = _film(1).astype(np.float32)
    np.testing.assert_allclose(
        squared(gray * np.float32(slope) + np.float32(offset), 32, (0.5, 99.5)),
        squared(gray, 32, (0.5, 99.5)),
        atol=2e-4,
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_the_table_shows_what_the_display_pipeline_shows(dtype: type) -> None:
    random = np.random.default_rng(2)
    info = np.iinfo(dtype)
    stored = random.integers(info.min, info.max, (40, 50), endpoint=True).astype(dtype)
    for voi in (VoiWindow(10, 90), VoiWindow(5, 40, VoiFunction.SIGMOID)):
        frame = Frame(stored, bits_stored=info.bits, signed=info.min < 0, voi=(voi,))
        shown = pipeline.render_float(pipeline.resolve(DisplayState(), frame))
        np.testing.assert_allclose(display_gray(frame), shown, atol=1e-6)


def test_colours_are_read_as_luma() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[..., 1] = 255
    assert display_gray(Frame(picture, Photometric.RGB)).max() == pytest.approx(0.587)


def test_the_gray_plane_is_repeated_and_shifted_by_the_data_sets_numbers() -> None:
    square = np.full((4, 4), 0.75, np.float32)
    planes = normalised(square, Preprocessing(16, mean=0.5, std=0.25))
    assert planes.shape == (3, 4, 4)
    assert planes.dtype == np.float32
    assert np.all(planes == 1)


def test_an_empty_film_is_black_and_not_a_division_by_zero() -> None:
    assert squared(np.full((50, 50), 0.3, np.float32), 32, (0.5, 99.5)).max() == 0


def test_a_large_film_is_averaged_and_not_sampled() -> None:
    board = np.indices((640, 640)).sum(axis=0) % 2  # alternating pixels average to one grey
    film = board.astype(np.float32)
    film[:320] += 1
    small = squared(film, 32, (0, 100))
    np.testing.assert_allclose(small[:15], 1, atol=1e-5)
    np.testing.assert_allclose(small[17:], 0, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"size": 4}, {"stretch": (90, 10)}, {"std": 0.0}, {"channels": 2}])
def test_numbers_that_cannot_be_computed_with_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="preprocessing"):
        Preprocessing(**{"size": 32, **wrong})  # type: ignore[arg-type]
