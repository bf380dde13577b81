"""Windows and VOI LUTs, against numbers worked out by hand from the standard."""

from __future__ import annotations

import numpy as np
import pytest

from medvision_desktop.domain.display import VoiFunction, VoiLut, VoiWindow
from medvision_desktop.pixels import voi


def test_linear_is_the_pseudo_code_of_the_standard() -> None:
    # PS3.3 C.11.2.1.2.1 with centre 2048 and width 4096 gives 0 at 0 and 255 at 4095.
    window = VoiWindow(2048, 4096)
    found = voi.apply(window, np.asarray([-5, 0, 1, 2047, 4094, 4095, 9999]))
    expected = [0, 0, 1 / 4095, 2047 / 4095, 4094 / 4095, 1, 1]
    assert np.allclose(found, expected, atol=1e-12)


def test_linear_of_width_one_is_a_threshold_between_two_values() -> None:
    # C.11.2.1.2.1: centre 2048 width 1 gives 0 up to 2047 and the maximum from 2048.
    found = voi.apply(VoiWindow(2048, 1), np.asarray([0, 2047, 2048, 4095]))
    assert found.tolist() == [0, 0, 1, 1]
    assert voi.apply(VoiWindow(0, 1), np.asarray([-0.5, -0.49])).tolist() == [0, 1]


def test_linear_of_width_hundred_matches_the_standards_example() -> None:
    # C.11.2.1.2.1: centre 0 width 100 gives the minimum at -50 and the maximum at 49.
    found = voi.apply(VoiWindow(0, 100), np.asarray([-51, -50, -49, 48, 49, 50]))
    assert found[0] == found[1] == 0
    assert found[2] > 0
    assert found[3] < 1
    assert found[4] == found[5] == 1


def test_linear_exact_spans_its_width() -> None:
    window = VoiWindow(0, 100, VoiFunction.LINEAR_EXACT)
    found = voi.apply(window, np.asarray([-51.0, -50.0, 0.0, 25.0, 50.0, 51.0]))
    assert found.tolist() == [0, 0, 0.5, 0.75, 1, 1]


def test_linear_exact_may_be_narrower_than_one() -> None:
    found = voi.apply(VoiWindow(0.5, 0.5, VoiFunction.LINEAR_EXACT), np.asarray([0.25, 0.5, 0.75]))
    assert found.tolist() == [0, 0.5, 1]
    with pytest.raises(ValueError, match="too small"):
        VoiWindow(0.5, 0.5)


def test_a_sigmoid_is_half_at_its_centre_and_symmetric() -> None:
    window = VoiWindow(100, 40, VoiFunction.SIGMOID)
    found = voi.apply(window, np.asarray([100.0, 110.0, 90.0, 120.0]))
    assert found[0] == 0.5
    assert found[1] == pytest.approx(1 / (1 + np.exp(-1)))
    assert found[1] + found[2] == pytest.approx(1)
    assert found[3] == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_sigmoid_far_out_is_flat_and_silent() -> None:
    window = VoiWindow(0, 1e-3, VoiFunction.SIGMOID)
    assert voi.apply(window, np.asarray([-1e6, 1e6])).tolist() == [0, 1]


def test_a_voi_lut_clamps_and_is_scaled_by_its_declared_bits() -> None:
    lut = VoiLut(10, np.asarray([0, 100, 200], np.uint16), bits=8)
    found = voi.apply(lut, np.asarray([-5, 10, 11, 12, 4000]))
    assert np.allclose(found, [0, 0, 100 / 255, 200 / 255, 200 / 255])


def test_the_first_value_of_a_voi_lut_may_be_negative() -> None:
    lut = VoiLut(-1000, np.arange(2000, dtype=np.uint16), bits=11)
    assert np.allclose(voi.apply(lut, np.asarray([-1000.0, 0.0, 999.0])), [0, 1000 / 2047, 1999 / 2047])


def test_a_voi_lut_of_65536_entries_reaches_its_last() -> None:
    entries = np.arange(65536, dtype=np.uint32).astype(np.uint16)
    found = voi.apply(VoiLut(0, entries, bits=16), np.asarray([0, 32768, 65535]))
    assert np.allclose(found, [0, 32768 / 65535, 1])


def test_what_is_not_a_number_is_the_lowest_output() -> None:
    values = np.asarray([np.nan, np.inf, -np.inf])
    for function in VoiFunction:
        found = voi.apply(VoiWindow(0, 10, function), values)
        assert found.tolist() == [0, 1, 0]


def test_the_span_of_a_window_is_where_its_output_changes() -> None:
    assert voi.window_span(VoiWindow(2048, 4096)) == (0, 4095)
    assert voi.window_span(VoiWindow(0, 100, VoiFunction.LINEAR_EXACT)) == (-50, 50)
    assert voi.window_span(VoiLut(-3, np.zeros(10, np.uint16), 8)) == (-3, 6)


def test_a_window_spanning_two_values_takes_them_to_black_and_white() -> None:
    window = voi.spanning(30, -10)
    assert voi.apply(window, np.asarray([-10.0, 10.0, 30.0])).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("constant", [0.0, 5.0, -1e30, 1e-30])
def test_a_window_spanning_one_value_draws_it_mid_grey(constant: float) -> None:
    assert voi.apply(voi.spanning(constant, constant), np.asarray([constant])).tolist() == [0.5]


@pytest.mark.parametrize(
    ("low", "high"), [(-1.7e308, 1.7e308), (-np.inf, np.inf), (1e308, 1e308), (5.0, np.inf)]
)
def test_a_window_spanning_values_that_nothing_measures_is_one(low: float, high: float) -> None:
    window = voi.spanning(low, high)
    assert np.isfinite([window.center, window.width]).all()
    assert np.all(np.diff(voi.apply(window, np.array([low, 0.0, high]))[[0, 2]]) >= 0)
