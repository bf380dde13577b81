"""Training and calibration of an anomaly model: on normal images alone, its threshold from normal people.

Images that are not normal are looked at only to say how well it tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medvision_desktop.modelkit.calibration import Calibration, Line
from medvision_desktop.modelkit.networks.autoencoder import Autoencoder
from medvision_desktop.training import augment, calibrate, lightning_loop, losses
from medvision_desktop.training.lightning_loop import Course
from medvision_desktop.training.loop import Fold, Statistics, batch_of, plain, statistics
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

TASK: Final = "anomaly"
METHOD: Final = "normals"
# Of normal people, so many are let through.
_NORMAL_SHARE: Final = 0.95


@dataclass(frozen=True, eq=False)
class Drawings:
    """The feed of an autoencoder: augmented pictures, which are their own truth."""

    recipe: Recipe
    pictures: NDArray[np.uint8]
    data: Statistics

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, chosen: NDArray[np.int64], epoch: int) -> tuple[Tensor, Tensor]:
        """(n, 3, size, size) and (n, 1, size, size) float32, changed as (seed, epoch, index) say."""
        ranges, seed = self.recipe.augmentation, self.recipe.seed
        shown = [
            augment.applied(
                self.pictures[index] / np.float32(255), augment.drawn(ranges, seed, epoch, int(index))
            )
            for index in chosen
        ]
        batch = batch_of(shown, self.data)
        return batch, batch[:, :1]


def train(
    recipe: Recipe,
    network: Autoencoder,
    training: Fold,
    validation: Fold,
    run: Path,
    *,
    machine: Machine = Machine(),
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train on the normal images of a fold; the best epoch is the one that draws other normal people best.

    Returns the loop's state. Raises `Cancelled`. Calling it again on the same folder goes on.
    """
    normal = training.pictures[training.labels[:, 0] == 0]
    rows = np.nonzero(validation.labels[:, 0] == 0)[0]
    data = statistics(normal)

    def judge() -> float:
        network.eval()
        with torch.no_grad():
            found = [network(batch)[0] for batch in plain(validation, data, cancel, rows=rows)]
        return 1 - float(torch.cat(found).mean())

    course = Course(
        recipe,
        network,
        Drawings(recipe, normal, data),
        losses.reconstruction,
        run,
        judge=judge,
        judged_as="drawn",
        facts={"mean": data.mean, "std": data.std},
    )
    return lightning_loop.fit(course, machine=machine, progress=progress, cancel=cancel)


def others(found: Predictions) -> Predictions:
    """Images of people it neither learnt from nor is tested on. Both parts: tails need many."""
    return found.where([fold in ("validation", "calibration") for fold in found.fold])


def fit(labels: tuple[str, ...], found: Predictions, *, data: str, date: str) -> Calibration:
    """From the score to about the share of normal people whose score is lower.

    A logistic curve through the median of the normal among `found` at 0.5 and through what 95 of 100
    of them stay under at 0.95; their scores have a longer tail above than below, and that is the end
    that counts. It is no probability of disease.
    """
    normal = found.scores[~found.truth[:, 0], 0]
    middle, high = np.quantile(normal, (0.5, _NORMAL_SHARE))
    slope = float(np.log(_NORMAL_SHARE / (1 - _NORMAL_SHARE)) / max(float(high - middle), 1e-12))
    line = Line(labels[0], slope, float(-slope * middle))
    people = found.where((~found.truth[:, 0]).tolist()).people
    return Calibration(METHOD, data, len(normal), people, date, (line,))


def threshold(calibration: Calibration, found: Predictions) -> float:
    """The calibrated value that 95 of 100 normal images of other people stay under."""
    said = calibrate.probabilities(calibration, found, softmax=False)[:, 0]
    return float(np.clip(np.quantile(said[~found.truth[:, 0]], _NORMAL_SHARE).round(4), 0.01, 0.99))
