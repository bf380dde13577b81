"""Curves and tables over all thresholds: what any operating point would have cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.training.metrics import Scores, Truth

THRESHOLDS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, eq=False)
class Roc:
    """The ROC curve from (0, 0) to (1, 1): shares of negatives and of positives that are called."""

    false_positive: NDArray[np.float64]
    true_positive: NDArray[np.float64]


@dataclass(frozen=True)
class AtThreshold:
    """What one threshold means. Shares are nan where there is nothing to share."""

    threshold: float
    called: int
    sensitivity: float
    specificity: float
    positive_predictive: float
    negative_predictive: float


@dataclass(frozen=True)
class Benefit:
    """Net benefit at one threshold probability (Vickers and Elkin 2006).

    `model` is that of the model, `everybody` that of calling everybody. True positives less false
    positives weighted with the odds of the threshold, per image; calling nobody is 0.
    """

    threshold: float
    model: float
    everybody: float


def roc(scores: Scores, truth: Truth) -> Roc:
    """The empirical ROC curve, ties in one step. Raises `ValueError` without both answers."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    if positive == 0 or negative == 0:
        raise ValueError("an ROC curve needs both answers")
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], truth[order]
    last = np.r_[np.nonzero(np.diff(ordered))[0], len(ordered) - 1]
    found = np.cumsum(hits)[last]
    wrong = last + 1 - found
    return Roc(np.r_[0.0, wrong / negative], np.r_[0.0, found / positive])


def at_thresholds(
    probabilities: Scores, truth: Truth, thresholds: Sequence[float] = THRESHOLDS
) -> tuple[AtThreshold, ...]:
    """What each threshold would have meant on these images; at the threshold counts as called."""
    rows = []
    for threshold in thresholds:
        called = probabilities >= threshold
        rows.append(
            AtThreshold(
                float(threshold),
                int(called.sum()),
                _share(called[truth]),
                _share(~called[~truth]),
                _share(truth[called]),
                _share(~truth[~called]),
            )
        )
    return tuple(rows)


def decision_curve(
    probabilities: Scores, truth: Truth, thresholds: Sequence[float] | None = None
) -> tuple[Benefit, ...]:
    """Net benefit from a threshold probability of 1 % to 99 %; each threshold lies strictly within 0..1."""
    given = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    if not len(truth) or np.any((given <= 0) | (given >= 1)):
        raise ValueError("a decision curve needs images and thresholds within 0..1")
    n, prevalence = len(truth), float(truth.mean())
    rows = []
    for threshold in given.tolist():
        called, odds = probabilities >= threshold, threshold / (1 - threshold)
        gained, lost = int((called & truth).sum()), int((called & ~truth).sum())
        rows.append(Benefit(threshold, (gained - odds * lost) / n, prevalence - (1 - prevalence) * odds))
    return tuple(rows)


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")
