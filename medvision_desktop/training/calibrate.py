"""Calibration and the operating threshold, each on people who were used for nothing else before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from medvision_desktop.modelkit.calibration import Calibration, Line, Reliability, sigmoid
from medvision_desktop.training import metrics
from medvision_desktop.training.predictions import Predictions


def platt(label: str, found: Predictions, *, data: str, date: str) -> Calibration:
    """Platt scaling of the logits of `found`, with Platt's smoothed targets against over-confidence."""
    truth = found.label > 0
    positive, negative = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(numbers: NDArray[np.float64]) -> float:
        values = np.exp(numbers[0]) * found.score + numbers[1]
        return float(np.mean(np.logaddexp(0, values) - target * values))

    fitted = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12})
    line = Line(label, float(np.exp(fitted.x[0])), float(fitted.x[1]))
    curve = metrics.reliability(sigmoid(found.score * line.slope + line.intercept), truth)
    return Calibration(
        method="platt",
        data=data,
        n=len(found.label),
        people=found.people,
        date=date,
        lines=(line,),
        reliability=tuple(Reliability(label, round(a, 4), round(b, 4), n) for a, b, n in curve),
    )


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
