"""Calibration and the operating threshold, each on people who were used for nothing else before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from medvision_desktop.modelkit.calibration import Calibration, Line, Reliability, sigmoid
from medvision_desktop.training import metrics
from medvision_desktop.training.predictions import Predictions


def fit(labels: Sequence[str], found: Predictions, *, softmax: bool, data: str, date: str) -> Calibration:
    """A temperature and a shift of each class where one label is right, else a line for each label (Platt).

    The shifts take out that a network favours some classes (bias-corrected temperature scaling,
    Alexandari et al. 2020); without them it is temperature scaling (Guo et al. 2017).
    """
    if softmax:
        lines = _temperature(labels, found)
    else:
        lines = tuple(
            _platt(label, found.scores[:, index], found.truth[:, index])
            for index, label in enumerate(labels)
        )
    fitted = Calibration(
        method="bias-corrected temperature" if softmax else "platt",
        data=data,
        n=len(found.sha256),
        people=found.people,
        date=date,
        lines=lines,
    )
    said = probabilities(fitted, found, softmax=softmax)
    curves = tuple(
        Reliability(label, round(a, 4), round(b, 4), n)
        for index, label in enumerate(labels)
        for a, b, n in metrics.reliability(said[:, index], found.truth[:, index])
    )
    return Calibration(fitted.method, data, fitted.n, fitted.people, date, lines, curves)


def platt(label: str, found: Predictions, *, data: str, date: str) -> Calibration:
    """Platt scaling of the logits of `found`."""
    return fit((label,), found, softmax=False, data=data, date=date)


def probabilities(calibration: Calibration, found: Predictions, *, softmax: bool) -> NDArray[np.float64]:
    """(n, labels) calibrated probabilities."""
    slopes = np.array([line.slope for line in calibration.lines])
    intercepts = np.array([line.intercept for line in calibration.lines])
    values = found.scores * slopes + intercepts
    if not softmax:
        return sigmoid(values)
    shares: NDArray[np.float64] = np.exp(log_softmax(values, axis=1))
    return shares


def operating_threshold(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The probability where sensitivity plus specificity is largest (Youden's J), to two decimals.

    Of equal ones the middle is taken, so the threshold keeps its distance from both sides.
    """
    candidates = np.arange(2, 99) / 100
    gains = np.array(
        [
            np.mean(probabilities[truth] >= value) - np.mean(probabilities[~truth] >= value)
            for value in candidates
        ]
    )
    best = candidates[gains >= gains.max() - 1e-12]
    return float(round(float(np.median(best)), 2))


def _platt(label: str, scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> Line:
    """The line of one label, with Platt's smoothed targets against over-confidence."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(numbers: NDArray[np.float64]) -> float:
        values = np.exp(numbers[0]) * scores + numbers[1]
        return float(np.mean(np.logaddexp(0, values) - target * values))

    fitted = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12})
    return Line(label, float(np.exp(fitted.x[0])), float(fitted.x[1]))


def _temperature(labels: Sequence[str], found: Predictions) -> tuple[Line, ...]:
    right = found.truth.argmax(axis=1)[:, np.newaxis]

    def loss(numbers: NDArray[np.float64]) -> float:
        # The last class is the one that the others are shifted against.
        said = log_softmax(found.scores * np.exp(numbers[0]) + np.append(numbers[1:], 0), axis=1)
        return -float(np.take_along_axis(said, right, axis=1).mean())

    fitted = minimize(loss, np.zeros(len(labels)), method="BFGS")
    shifts = np.append(fitted.x[1:], 0)
    shifts -= shifts.mean()
    slope = float(np.exp(fitted.x[0]))
    return tuple(Line(label, slope, float(shift)) for label, shift in zip(labels, shifts, strict=True))
