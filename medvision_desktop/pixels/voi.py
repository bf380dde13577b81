"""Modality values to 0..1: windows and VOI LUTs (PS3.3 C.11.2). Polarity comes after this stage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import LutCurve, Voi, VoiFunction, VoiLut, VoiWindow
from medvision_desktop.pixels.modality import lookup


def apply(voi: Voi, values: NDArray[Any]) -> NDArray[np.float64]:
    """VOI output of modality values: float64 in 0..1, same shape; what is not a number gives 0."""
    if isinstance(voi, VoiLut):
        return apply_lut(voi, values)
    if voi.function is VoiFunction.SIGMOID:
        return sigmoid(voi, values)
    if voi.function is VoiFunction.LINEAR_EXACT:
        return linear_exact(voi, values)
    return linear(voi, values)


def linear(window: VoiWindow, values: NDArray[Any]) -> NDArray[np.float64]:
    """LINEAR, PS3.3 C.11.2.1.2: spans width - 1 steps around centre - 0.5; width 1 is a threshold."""
    center, span = window.center - 0.5, window.width - 1.0
    if span == 0:
        return (np.asarray(values, dtype=np.float64) > center).astype(np.float64)
    return _ramp(values, center, span)


def linear_exact(window: VoiWindow, values: NDArray[Any]) -> NDArray[np.float64]:
    """LINEAR_EXACT, PS3.3 C.11.2.1.3.2: spans exactly the width around the centre."""
    return _ramp(values, window.center, window.width)


def sigmoid(window: VoiWindow, values: NDArray[Any]) -> NDArray[np.float64]:
    """SIGMOID, PS3.3 C.11.2.1.3.1: 1 / (1 + exp(-4 (x - centre) / width))."""
    with np.errstate(over="ignore"):
        exponent = -4.0 * (np.asarray(values, dtype=np.float64) - window.center) / window.width
        return np.nan_to_num(1.0 / (1.0 + np.exp(exponent)), copy=False, nan=0.0)


def apply_lut(lut: VoiLut, values: NDArray[Any]) -> NDArray[np.float64]:
    """VOI LUT Sequence, PS3.3 C.11.2.1.1, scaled by its declared bits and not by its own maximum."""
    found = lookup(lut.entries, lut.first_mapped, np.asarray(values)).astype(np.float64)
    return np.clip(found / float((1 << lut.bits) - 1), 0.0, 1.0)


def curved(voi: Voi, curve: LutCurve | None) -> Voi:
    """The window under the curve that the reader asks for; a LUT has its own. A logarithm begins linear."""
    if isinstance(voi, VoiLut) or curve is None:
        return voi
    if curve is LutCurve.SIGMOID:
        return replace(voi, function=VoiFunction.SIGMOID)
    if voi.function is not VoiFunction.SIGMOID:
        return voi
    exact = voi.width < 1
    return replace(voi, function=VoiFunction.LINEAR_EXACT if exact else VoiFunction.LINEAR)


def logarithmic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """VOI output 0..1 through log10(1 + 9 x): the lowest tenth of a window gets a quarter of the levels."""
    return np.asarray(np.log1p(9.0 * values) / np.log(10.0))


def window_span(voi: Voi) -> tuple[float, float]:
    """Modality values between which the output changes (a sigmoid: from 0.02 to 0.98)."""
    if isinstance(voi, VoiLut):
        return (float(voi.first_mapped), float(voi.first_mapped + len(voi.entries) - 1))
    if voi.function is VoiFunction.LINEAR:
        half = (voi.width - 1.0) / 2
        return (voi.center - 0.5 - half, voi.center - 0.5 + half)
    half = voi.width / 2 if voi.function is VoiFunction.LINEAR_EXACT else voi.width
    return (voi.center - half, voi.center + half)


# Far beyond any measurement, and near enough for the width between two of them to be a number.
_FARTHEST: Final = 1e300


def spanning(low: float, high: float, explanation: str = "") -> VoiWindow:
    """The LINEAR_EXACT window that takes `low` to black and `high` to white, in either order."""
    low, high = sorted(min(max(end, -_FARTHEST), _FARTHEST) for end in (low, high))
    width = high - low
    # Too narrow to be told apart at this magnitude: a constant image is drawn mid-grey.
    if not width > 1e-12 * max(abs(low), abs(high), 1e-30):
        width = max(1.0, abs(low) * 1e-6)
    return VoiWindow((low + high) / 2, width, VoiFunction.LINEAR_EXACT, explanation)


def _ramp(values: NDArray[Any], center: float, span: float) -> NDArray[np.float64]:
    ramp = np.asarray(values, dtype=np.float64) - center
    with np.errstate(over="ignore"):
        ramp /= span
    ramp += 0.5
    # What is not a number counts as the other number here: black.
    np.fmax(ramp, 0.0, out=ramp)
    return np.fmin(ramp, 1.0, out=ramp)
