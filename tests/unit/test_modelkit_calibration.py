"""Probabilities from logits, against scipy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax

from medvision_desktop.modelkit.calibration import (
    Calibration,
    Line,
    calibrated,
    raw_probabilities,
    sigmoid,
)

LOGITS = st.lists(st.floats(-700, 700), min_size=1, max_size=6)


def _calibration(*lines: Line) -> Calibration:
    return Calibration("platt", "made", 1, 1, "2026-01-01", lines)


@given(LOGITS)
def test_raw_probabilities_are_sigmoid_or_softmax(logits: list[float]) -> None:
    np.testing.assert_allclose(raw_probabilities(logits, softmax=False), expit(logits), atol=1e-12)
    np.testing.assert_allclose(raw_probabilities(logits, softmax=True), softmax(logits), atol=1e-12)


@given(st.floats(-20, 20), st.floats(0.01, 5), st.floats(-5, 5))
def test_platt_scaling_is_its_formula(logit: float, slope: float, intercept: float) -> None:
    found = calibrated(_calibration(Line("x", slope, intercept)), [logit], softmax=False)
    assert found[0] == pytest.approx(1 / (1 + np.exp(-(slope * logit + intercept))))


@given(LOGITS)
def test_no_calibration_changes_nothing(logits: list[float]) -> None:
    plain = _calibration(*(Line(str(index)) for index in range(len(logits))))
    for kind in (True, False):
        np.testing.assert_allclose(
            calibrated(plain, logits, softmax=kind), raw_probabilities(logits, softmax=kind)
        )


def test_extreme_logits_do_not_overflow() -> None:
    np.testing.assert_array_equal(sigmoid(np.array([-1e6, 0, 1e6])), [0, 0.5, 1])


@pytest.mark.parametrize("slope", [0.0, -1.0, float("nan"), float("inf")])
def test_a_slope_that_is_not_positive_is_no_calibration(slope: float) -> None:
    with pytest.raises(ValueError, match="slope"):
        Line("x", slope)
