"""Several models, one answer: soft or hard voting, and how far the members are apart.

Every member is asked as the program asks it alone, with its own gate, calibration and threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.findings import AnalysisState, HeatMap, InferenceResult, LabelScore
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.modelkit.ensemble import Ensemble

_MAJORITY: Final = 0.5
METHOD: Final = "mean of members"


@dataclass(frozen=True)
class Vote:
    """One label of an ensemble: its score, the probability of each member in order, and the largest gap."""

    score: LabelScore
    members: tuple[float, ...]
    disagreement: float


@dataclass(frozen=True, eq=False)
class Voted:
    """What an ensemble came to. `results` are those of the members, in order.

    `state` is that of the first member that did not answer, else done; then there are no votes. `message`
    says who did not answer and why, or who is apart from whom.
    """

    state: AnalysisState
    votes: tuple[Vote, ...]
    maps: tuple[HeatMap, ...]
    results: tuple[InferenceResult, ...]
    message: str = ""


def run(
    ensemble: Ensemble, request: InferenceRequest, ask: Callable[[InferenceRequest], InferenceResult]
) -> Voted:
    """Ask every member with the same request, through `ask`, and count. Raises what `ask` raises."""
    asked = [replace(request, model=member.package) for member in ensemble.members]
    return counted(ensemble, [ask(each) for each in asked])


def counted(ensemble: Ensemble, results: Sequence[InferenceResult]) -> Voted:
    """The members' results, in their order, counted together."""
    for member, result in zip(ensemble.members, results, strict=True):
        if result.state is not AnalysisState.DONE:
            message = f"{member.package} gave no answer. {result.message}".strip()
            return Voted(result.state, (), (), tuple(results), message)
    weights = np.array([member.weight for member in ensemble.members])
    weights = weights / weights.sum()
    columns = zip(*(result.labels for result in results), strict=True)
    votes = tuple(_vote(ensemble, scores, weights) for scores in columns)
    apart = [vote for vote in votes if vote.disagreement > ensemble.disagreement]
    return Voted(AnalysisState.DONE, votes, _maps(results, weights), tuple(results), _told(ensemble, apart))


def _vote(ensemble: Ensemble, scores: Sequence[LabelScore], weights: NDArray[np.float64]) -> Vote:
    said = np.array([score.probability for score in scores])
    # A member's threshold is its own: soft voting compares the mean with the mean of the thresholds.
    threshold = float(weights @ np.array([score.threshold for score in scores]))
    value = float(weights @ said)
    if ensemble.voting == "hard":
        value = float(weights @ np.array([float(score.positive) for score in scores]))
        threshold = _MAJORITY
    gap = float(said.max() - said.min())
    sure = float(weights @ np.array([float(score.uncertain) for score in scores])) < _MAJORITY
    score = LabelScore(
        label=scores[0].label,
        probability=value,
        raw=float(weights @ np.array([score.raw for score in scores])),
        threshold=threshold,
        positive=value > threshold if ensemble.voting == "hard" else value >= threshold,
        uncertain=not sure or gap > ensemble.disagreement,
    )
    return Vote(score, tuple(said.tolist()), gap)


def _maps(results: Sequence[InferenceResult], weights: NDArray[np.float64]) -> tuple[HeatMap, ...]:
    """The weighted mean of the members' maps of each label that all of them have, on the finest grid."""
    found = []
    for first in results[0].maps:
        own = [heat for result in results for heat in result.maps if heat.label == first.label]
        if len(own) != len(results) or any(heat.box_xyxy != first.box_xyxy for heat in own):
            continue
        rows, columns = max(heat.grid.shape for heat in own)
        drawn = [cv2.resize(heat.grid, (columns, rows), interpolation=cv2.INTER_LINEAR) for heat in own]
        grid = np.tensordot(weights, np.stack(drawn), axes=1).astype(np.float32)
        found.append(HeatMap(first.label, METHOD, np.clip(grid, 0, 1), first.box_xyxy))
    return tuple(found)


def _told(ensemble: Ensemble, apart: Sequence[Vote]) -> str:
    if not apart:
        return ""
    names = [member.package for member in ensemble.members]
    each = [
        f"{vote.score.label}: "
        + ", ".join(f"{name} {value:.2f}" for name, value in zip(names, vote.members, strict=True))
        for vote in apart
    ]
    return f"The members disagree. {'; '.join(each)}."
