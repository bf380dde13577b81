"""Numbers of a classifier, from scores and truths alone, each with a bootstrap interval.

The interval resamples people, not images, when groups are given: images of one person are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]
Metric = Callable[[Scores, Truth], float]

BINS: Final = 10


@dataclass(frozen=True)
class Measured:
    """A number with its 95 % interval (2.5 and 97.5 percentiles of the bootstrap) and n images."""

    value: float
    low: float
    high: float
    n: int


def auroc(scores: Scores, truth: Truth) -> float:
    """Area under the ROC curve as the Mann-Whitney statistic, ties counted half; nan if one class."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    if positive == 0 or negative == 0:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def average_precision(scores: Scores, truth: Truth) -> float:
    """Area under the precision-recall curve as the step-wise sum over recall; nan if no positive."""
    if not truth.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], truth[order]
    last = np.r_[np.nonzero(np.diff(ordered))[0], len(ordered) - 1]
    found = np.cumsum(hits)[last]
    precision = found / (last + 1)
    recall = found / truth.sum()
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def sensitivity(threshold: float) -> Metric:
    """Share of positives at or above the threshold."""
    return lambda scores, truth: float(np.mean(scores[truth] >= threshold)) if truth.any() else float("nan")


def specificity(threshold: float) -> Metric:
    """Share of negatives below the threshold."""
    found = sensitivity(threshold)
    return lambda scores, truth: 1 - found(scores, ~truth)


def f1(threshold: float) -> Metric:
    """Harmonic mean of precision and sensitivity at the threshold."""

    def value(scores: Scores, truth: Truth) -> float:
        called = scores >= threshold
        denominator = int(called.sum() + truth.sum())
        return 2 * int((called & truth).sum()) / denominator if denominator else float("nan")

    return value


def brier(scores: Scores, truth: Truth) -> float:
    """Mean squared difference of probability and outcome."""
    return float(np.mean((scores - truth) ** 2))


def reliability(scores: Scores, truth: Truth) -> list[tuple[float, float, int]]:
    """(mean probability, observed share, n) of each of ten equal-width bins that is not empty."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    rows = []
    for index in range(BINS):
        inside = bins == index
        if inside.any():
            rows.append((float(scores[inside].mean()), float(truth[inside].mean()), int(inside.sum())))
    return rows


def ece(scores: Scores, truth: Truth) -> float:
    """Expected calibration error: mean gap of the reliability bins, weighted by n."""
    return sum(n * abs(said - seen) for said, seen, n in reliability(scores, truth)) / len(scores)


def measured(
    metric: Metric,
    scores: Scores,
    truth: Truth,
    groups: Sequence[str] | None = None,
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> Measured:
    """`metric` with its bootstrap interval over groups (over images where none are given)."""
    given = [str(index) for index in range(len(scores))] if groups is None else list(groups)
    names = np.unique(np.asarray(given), return_inverse=True)[1]
    members = [np.nonzero(names == name)[0] for name in range(int(names.max()) + 1)]
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        chosen = np.concatenate([members[i] for i in random.integers(0, len(members), len(members))])
        drawn.append(metric(scores[chosen], truth[chosen]))
    finite = np.asarray(drawn)[np.isfinite(drawn)]
    low, high = np.percentile(finite, (2.5, 97.5)) if len(finite) else (float("nan"), float("nan"))
    return Measured(metric(scores, truth), float(low), float(high), len(scores))


def share(hits: NDArray[np.bool_], groups: Sequence[str] | None = None, *, seed: int = 0) -> Measured:
    """The share of hits with its interval.

    Where all or none are hits a bootstrap has no width, which would claim certainty; then the far
    end is the exact binomial bound (Clopper and Pearson 1934) for as many trials as there are groups.
    """
    if not len(hits):
        return Measured(float("nan"), float("nan"), float("nan"), 0)
    found = measured(
        lambda scores, _: float(np.mean(scores)), hits.astype(np.float64), hits, groups, seed=seed
    )
    if 0 < found.value < 1:
        return found
    trials = len(hits) if groups is None else len(set(groups))
    bound = 0.025 ** (1 / trials)
    low, high = (bound, 1.0) if found.value else (0.0, 1 - bound)
    return Measured(found.value, low, high, found.n)


def binary_table(
    scores: Scores, truth: Truth, groups: Sequence[str] | None, threshold: float
) -> Mapping[str, Measured]:
    """The numbers every card shows for one label; `n` of a share is the images that it is a share of."""
    table = {
        "auroc": measured(auroc, scores, truth, groups),
        "auprc": measured(average_precision, scores, truth, groups),
        "sensitivity": share(scores[truth] >= threshold, _of(groups, truth)),
        "specificity": share(scores[~truth] < threshold, _of(groups, ~truth)),
        "f1": measured(f1(threshold), scores, truth, groups),
        "brier": measured(brier, scores, truth, groups),
        "ece": measured(ece, scores, truth, groups),
    }
    return MappingProxyType(table)


def _of(groups: Sequence[str] | None, chosen: NDArray[np.bool_]) -> list[str] | None:
    if groups is None:
        return None
    return [group for group, inside in zip(groups, chosen.tolist(), strict=True) if inside]
