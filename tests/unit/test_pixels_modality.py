"""Stored values to modality values."""

from __future__ import annotations

import numpy as np
import pytest

from medvision_desktop.domain.image import Frame, ModalityLut, Photometric, Rescale
from medvision_desktop.pixels import modality


def test_rescale_multiplies_and_adds() -> None:
    found = modality.apply(Rescale(2.0, -1024.0), np.asarray([0, 100, -5], np.int16))
    assert found.tolist() == [-1024.0, -824.0, -1034.0]


def test_a_negative_slope_turns_the_order_round() -> None:
    found = modality.apply(Rescale(-1.0, 4095.0), np.asarray([0, 4095], np.uint16))
    assert found.tolist() == [4095.0, 0.0]


def test_a_modality_lut_clamps_at_both_ends() -> None:
    lut = ModalityLut(-2, np.asarray([10, 20, 30], np.uint16))
    found = modality.apply(lut, np.asarray([-300, -2, -1, 0, 1, 300], np.int16))
    assert found.tolist() == [10, 10, 20, 30, 30, 30]


def test_whole_modality_values_stay_integers() -> None:
    frame = Frame(np.asarray([[0, 3000]], np.uint16), bits_stored=12, modality=Rescale(1.0, -1024.0))
    values = modality.to_modality(frame)
    assert values.dtype == np.int32
    assert values.tolist() == [[-1024, 1976]]


def test_a_frame_without_a_modality_stage_gives_its_own_pixels() -> None:
    frame = Frame(np.asarray([[1, 2]], np.uint16))
    assert modality.to_modality(frame) is frame.stored


def test_fractions_are_float32_unless_digits_would_be_lost() -> None:
    narrow = Frame(np.asarray([[7]], np.uint16), modality=Rescale(0.5, 0.0))
    assert modality.to_modality(narrow).dtype == np.float32
    wide = Frame(np.asarray([[2**31 - 1]], np.int32), bits_stored=32, modality=Rescale(0.5, 0.0))
    assert modality.to_modality(wide).dtype == np.float64
    assert modality.to_modality(wide)[0, 0] == (2**31 - 1) / 2


def test_colour_has_no_modality_stage() -> None:
    frame = Frame(np.zeros((2, 2, 3), np.uint8), Photometric.RGB, modality=Rescale(2.0, 1.0))
    assert modality.to_modality(frame) is frame.stored


@pytest.mark.parametrize(
    ("dtype", "bits", "expected"),
    [
        (np.uint16, 12, (0.0, 4095.0)),
        (np.int16, 12, (-2048.0, 2047.0)),
        (np.uint8, 8, (0.0, 255.0)),
        (np.uint8, 16, (0.0, 255.0)),
        (np.int16, 16, (-32768.0, 32767.0)),
    ],
)
def test_the_declared_range_is_the_headers_and_not_the_pixels(
    dtype: type[np.generic], bits: int, expected: tuple[float, float]
) -> None:
    frame = Frame(np.full((2, 2), 7, dtype), bits_stored=bits)
    assert modality.declared_range(frame) == expected


def test_the_declared_range_follows_the_slope() -> None:
    frame = Frame(np.zeros((1, 1), np.uint16), bits_stored=8, modality=Rescale(-2.0, 10.0))
    assert modality.declared_range(frame) == (-500.0, 10.0)


def test_the_declared_range_of_a_lut_is_that_of_its_descriptor_and_not_of_its_entries() -> None:
    lut = ModalityLut(0, np.asarray([3, 200], np.uint16), 8)
    assert modality.declared_range(Frame(np.zeros((1, 1), np.uint16), modality=lut)) == (0.0, 255.0)


def test_padding_is_a_range_of_stored_values_and_whatever_is_no_number() -> None:
    frame = Frame(np.asarray([[-2000, -1999, 5]], np.int16), padding=(-2000, -1999))
    assert modality.is_padding(frame, frame.stored).tolist() == [[True, True, False]]
    floats = Frame(np.asarray([[np.nan, np.inf, 1.0]], np.float32))
    assert modality.is_padding(floats, floats.stored).tolist() == [[True, True, False]]
