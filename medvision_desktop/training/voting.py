"""Is an ensemble better than its members: weights from validation people, compared on people held out.

Members are packages of the same split, with the same label; their `predictions.csv` and calibrations are
all that is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.calibration import Calibration
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import calibrate, metrics, predictions
from medvision_desktop.training.metrics import Measured
from medvision_desktop.training.predictions import Predictions

_STEPS: Final = 10
_ROUNDS: Final = 1000


@dataclass(frozen=True, eq=False)
class Voter:
    """One member: its name, what it said of held-out images of one label, its calibration and threshold."""

    name: str
    found: Predictions
    calibration: Calibration
    threshold: float

    def said(self, fold: str) -> NDArray[np.float64]:
        """(n,) calibrated probabilities of one fold, in the order of the images' hashes."""
        rows = self.found.of(fold)
        order = np.argsort(rows.sha256)
        found: NDArray[np.float64] = calibrate.probabilities(self.calibration, rows, softmax=False)
        return np.asarray(found[order, 0])


def of_package(package: ModelPackage) -> Voter:
    """The member that a package with one label is."""
    manifest = package.manifest
    found = predictions.read(package.directory / "predictions.csv")
    return Voter(manifest.name, found, package.calibration, manifest.thresholds[0][1])


@dataclass(frozen=True)
class Compared:
    """What voting comes to. `weight` is that of the second of two members, 0 where it adds nothing.

    `alone`, `soft` and `hard` are AUROCs of the test people (hard voting ranks by the share that calls).
    `gain`: soft less the first member alone, with the interval of resampling people.
    """

    weight: float
    validation: tuple[float, float]
    alone: tuple[Measured, Measured]
    soft: Measured
    hard: Measured
    gain: Measured

    @property
    def worth_it(self) -> bool:
        """Whether the second member helps: on validation, and beyond chance on the test people."""
        return self.weight > 0 and self.gain.low > 0


def compared(first: Voter, second: Voter) -> Compared:
    """Choose the second member's weight by validation AUROC, the smaller of equal ones, and measure it.

    Raises `InputRefused` where the members were not measured on the same images.
    """
    truth, people = _shared(first, second, "validation")
    one, two = first.said("validation"), second.said("validation")
    weights = np.arange(_STEPS + 1) / _STEPS
    values = [metrics.auroc((1 - weight) * one + weight * two, truth) for weight in weights]
    weight = float(weights[int(np.argmax(np.round(values, 6)))])
    truth, people = _shared(first, second, "test")
    one, two = first.said("test"), second.said("test")
    soft = (1 - weight) * one + weight * two
    votes = np.mean([one >= first.threshold, two >= second.threshold], axis=0)
    return Compared(
        weight,
        (values[0], max(values)),
        (
            metrics.measured(metrics.auroc, one, truth, people),
            metrics.measured(metrics.auroc, two, truth, people),
        ),
        metrics.measured(metrics.auroc, soft, truth, people),
        metrics.measured(metrics.auroc, votes, truth, people),
        _gain(soft, one, truth, people),
    )


def _shared(first: Voter, second: Voter, fold: str) -> tuple[NDArray[np.bool_], Sequence[str]]:
    rows, others = first.found.of(fold), second.found.of(fold)
    order = np.argsort(rows.sha256)
    if not len(rows.sha256) or sorted(rows.sha256) != sorted(others.sha256):
        why = f"{first.name} and {second.name} were not measured on the same {fold} images."
        raise InputRefused("These models cannot be compared.", why)
    return rows.truth[order, 0], [rows.person[index] for index in order]


def _gain(
    soft: NDArray[np.float64], alone: NDArray[np.float64], truth: NDArray[np.bool_], people: Sequence[str]
) -> Measured:
    """AUROC of one less that of the other, resampling people so that both see the same ones."""
    random = np.random.default_rng(0)
    groups = [np.nonzero(np.array(people) == name)[0] for name in sorted(set(people))]
    drawn = []
    for _ in range(_ROUNDS):
        rows = np.concatenate([groups[index] for index in random.integers(0, len(groups), len(groups))])
        drawn.append(metrics.auroc(soft[rows], truth[rows]) - metrics.auroc(alone[rows], truth[rows]))
    low, high = np.nanpercentile(drawn, (2.5, 97.5)).tolist()
    return Measured(metrics.auroc(soft, truth) - metrics.auroc(alone, truth), low, high, len(truth))
