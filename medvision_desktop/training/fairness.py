"""Whether a model serves some people worse: each subgroup against everybody else, with intervals.

A stratum of `predictions.csv` names the subgroups of an image, separated by semicolons, each as kind
and value: `view PA; sex F; age 40 to 59`. What names no kind of people is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.training import metrics
from medvision_desktop.training.metrics import Measured, Scores, Truth
from medvision_desktop.training.predictions import Predictions

TOO_FEW: Final = 20
SEPARATOR: Final = "; "
_KINDS: Final = ("age", "sex", "view", "source", "race", "site", "maker")
_BANDS: Final = ((0, 17), (18, 39), (40, 59), (60, 79), (80, 150))


@dataclass(frozen=True)
class Gap:
    """One subgroup against the rest of its kind, for one label and one measure.

    `own` and `difference` (own less the others') are None where either side has fewer than 20 images
    of the answers that the measure counts: too few to say anything. `n`: those images of the subgroup.
    """

    label: str
    subgroup: str
    measure: str
    n: int
    own: Measured | None
    difference: Measured | None

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.difference is not None and not self.difference.low <= 0 <= self.difference.high


def age_band(years: float) -> str:
    """The band of an age: `age 40 to 59`, or "" for what is no age."""
    for low, high in _BANDS:
        if low <= years < high + 1:
            return f"age {low} to {high}" if high < _BANDS[-1][1] else f"age {low} and over"
    return ""


def stratum(*subgroups: str) -> str:
    """Subgroups of one image as one text; empty ones are left out."""
    return SEPARATOR.join(part for part in subgroups if part)


def subgroups(found: Predictions) -> dict[str, NDArray[np.bool_]]:
    """Every subgroup and its (n,) members, in the order of their names."""
    parts = [set(entry.split(SEPARATOR)) - {""} for entry in found.stratum]
    names = sorted(set().union(*parts))
    return {name: np.array([name in own for own in parts], dtype=bool) for name in names}


def kind_of(subgroup: str) -> str:
    """What kind of subgroup it is: `sex`, or "" where it names none."""
    kind, _, value = subgroup.partition(" ")
    return kind if value and kind in _KINDS else ""


def gaps(
    found: Predictions, said: Scores, thresholds: Sequence[tuple[str, float]], *, rounds: int = 1000
) -> tuple[Gap, ...]:
    """AUROC, sensitivity and specificity of every subgroup against the others of its kind.

    `said`: (n, labels) probabilities. Intervals resample people. A kind with one value has no others.
    """
    members = subgroups(found)
    rows: list[Gap] = []
    for name, inside in members.items():
        if not kind_of(name):
            continue
        alike = [own for other, own in members.items() if kind_of(other) == kind_of(name) and other != name]
        if not alike:
            continue
        others = np.logical_or.reduce(alike) & ~inside
        for index, (label, threshold) in enumerate(thresholds):
            truth = found.truth[:, index]
            for measure, function, counted in _measures(threshold, truth):
                rows.append(
                    _gap(
                        label,
                        name,
                        measure,
                        function,
                        counted,
                        (said[:, index], truth),
                        (inside, others),
                        found,
                        rounds,
                    )
                )
    return tuple(rows)


def _measures(
    threshold: float, truth: Truth
) -> tuple[tuple[str, metrics.Metric, tuple[NDArray[np.bool_], ...]], ...]:
    """Name, function, and the images of which both sides need enough."""
    return (
        ("auroc", metrics.auroc, (truth, ~truth)),
        ("sensitivity", metrics.sensitivity(threshold), (truth,)),
        ("specificity", metrics.specificity(threshold), (~truth,)),
    )


def _gap(
    label: str,
    name: str,
    measure: str,
    function: metrics.Metric,
    counted: Sequence[NDArray[np.bool_]],
    given: tuple[Scores, Truth],
    sides: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    found: Predictions,
    rounds: int,
) -> Gap:
    inside, others = sides
    n = int(min((inside & one).sum() for one in counted))
    fewest = min(n, *(int((others & one).sum()) for one in counted))
    if fewest < TOO_FEW:
        return Gap(label, name, measure, n, None, None)
    both = inside | others
    scores: Scores = np.column_stack((given[0], inside)).astype(np.float64)[both]
    people = [person for person, here in zip(found.person, both.tolist(), strict=True) if here]
    difference = metrics.measured(_between(function), scores, given[1][both], people, rounds=rounds)
    own_people = [person for person, here in zip(found.person, inside.tolist(), strict=True) if here]
    own = metrics.measured(function, given[0][inside], given[1][inside], own_people, rounds=rounds)
    return Gap(label, name, measure, n, own, difference)


def _between(function: metrics.Metric) -> Callable[[Scores, Truth], float]:
    def value(scores: Scores, truth: Truth) -> float:
        inside = scores[:, 1] > 0
        return function(scores[inside, 0], truth[inside]) - function(scores[~inside, 0], truth[~inside])

    return value
