"""Training a classifier of pictures: frozen head first, then everything; resumes to the bit.

All randomness follows from (seed, epoch, index). A run is a folder:

    split.csv            who is in which fold
    checkpoint.safetensors   newest finished epoch, with optimizer
    best.safetensors     weights of the epoch with the best validation AUROC
    history.jsonl        one line an epoch
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.networks.classifier import Classifier
from medvision_desktop.training import augment, head, lightning_loop, losses, metrics
from medvision_desktop.training.lightning_loop import Course
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

_LOOKED_AT: Final = 64
_MEASURED: Final = 640


@dataclass(frozen=True, eq=False)
class Fold:
    """Pictures (n, size, size) uint8 and labels (n, classes) of one fold: 0, 1, or -1 where not known."""

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation of the stretched training pictures, in 0..1."""

    mean: float
    std: float


@dataclass(frozen=True, eq=False)
class Pictures:
    """The feed of a classifier: augmented pictures and their labels."""

    recipe: Recipe
    fold: Fold
    data: Statistics

    def __len__(self) -> int:
        return len(self.fold.labels)

    def batch(self, chosen: NDArray[np.int64], epoch: int) -> tuple[Tensor, Tensor]:
        """(n, 3, size, size) and (n, classes) float32, each picture changed as (seed, epoch, index) say."""
        pictures = [
            augment.applied(
                self.fold.pictures[index] / np.float32(255),
                augment.drawn(self.recipe.augmentation, self.recipe.seed, epoch, int(index)),
            )
            for index in chosen
        ]
        truth = torch.from_numpy(self.fold.labels[chosen].astype(np.float32))
        return batch_of(pictures, self.data), truth


def statistics(pictures: NDArray[np.uint8]) -> Statistics:
    """Mean and standard deviation over all pixels, as the z-score of the data set."""
    return Statistics(float(pictures.mean() / 255), float(pictures.std(dtype=np.float64) / 255))


def batch_of(pictures: Sequence[NDArray[np.float32]], data: Statistics) -> Tensor:
    """(n, 3, size, size) float32 network input."""
    stacked = torch.from_numpy(np.stack(pictures))
    return ((stacked - data.mean) / data.std).unsqueeze(1).expand(-1, 3, -1, -1).contiguous()


def plain(
    fold: Fold,
    data: Statistics,
    cancel: CancelToken | None = None,
    *,
    rows: NDArray[np.int64] | None = None,
    each: int = _LOOKED_AT,
) -> Iterator[Tensor]:
    """Batches of a fold, without augmentation, in the order of `rows` or as they stand."""
    order = np.arange(len(fold.labels)) if rows is None else rows
    for start in range(0, len(order), each):
        if cancel is not None:
            cancel.check()
        chosen = order[start : start + each]
        yield batch_of([fold.pictures[index] / np.float32(255) for index in chosen], data)


def scores(
    network: torch.nn.Module, fold: Fold, data: Statistics, cancel: CancelToken | None = None
) -> NDArray[np.float64]:
    """(n, classes) logits of a fold, without augmentation."""
    network.eval()
    place = next(network.parameters()).device
    with torch.no_grad():
        found = [network(batch.to(place))[0] for batch in plain(fold, data, cancel)]
    return torch.cat(found).double().cpu().numpy()


def train(
    recipe: Recipe,
    network: torch.nn.Module,
    training: Fold,
    validation: Fold | None,
    folder: Path,
    *,
    machine: Machine = Machine(),
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train until the last epoch, early stopping or cancel; returns the loop state.

    `network` answers with logits first, whatever follows. Without validation images nothing is chosen:
    every epoch is run and the last one is kept. Raises `Cancelled`, and `InputRefused` for a loss that
    does not fit the task. Calling it again on the same folder goes on.
    """
    if not losses.fits(recipe.loss, softmax=recipe.softmax):
        task = "one right label" if recipe.softmax else "several labels"
        raise InputRefused(
            f"The loss {recipe.loss!r} is not for {task}.", now="Choose another in the recipe."
        )
    data = statistics(training.pictures)

    def begin() -> None:
        if isinstance(network, Classifier) and recipe.initial != "none":
            _frozen_phase(recipe, network, training, data, cancel)

    def settle() -> None:
        if isinstance(network, Classifier):
            rows = np.random.default_rng(recipe.seed).permutation(len(training.labels))[:_MEASURED]
            head.recalibrate(network, plain(training, data, cancel, rows=rows, each=recipe.batch_size))

    def loss(answer: tuple[Tensor, ...], truth: Tensor) -> Tensor:
        return losses.of_labels(recipe.loss, answer[0], truth, training.labels, softmax=recipe.softmax)

    course = Course(
        recipe,
        network,
        Pictures(recipe, training, data),
        loss,
        folder,
        judge=None if validation is None else lambda: judged(network, validation, data, cancel),
        facts={"mean": data.mean, "std": data.std},
        settle=settle if recipe.initial == "none" and recipe.thaw == 0 else None,
    )
    return lightning_loop.fit(course, machine=machine, begin=begin, progress=progress, cancel=cancel)


def judged(
    network: torch.nn.Module, fold: Fold, data: Statistics, cancel: CancelToken | None = None
) -> float:
    """Mean AUROC over the labels that a fold has images with and without of; nan if there is none."""
    found = scores(network, fold, data, cancel)
    each = []
    for label in range(fold.labels.shape[1]):
        known = fold.labels[:, label] >= 0
        each.append(metrics.auroc(found[known, label], fold.labels[known, label] > 0))
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")


def _frozen_phase(
    recipe: Recipe, network: Classifier, fold: Fold, data: Statistics, cancel: CancelToken | None
) -> None:
    """What a backbone from elsewhere needs before it learns: our statistics, and a head."""
    if recipe.initial.partition(":")[0] in ("lite0", "file"):
        torch.manual_seed(recipe.seed)
        rows = np.random.default_rng(recipe.seed).permutation(len(fold.labels))[:_MEASURED]
        head.recalibrate(network, plain(fold, data, cancel, rows=rows, each=32))
    if head.unset(network):
        head.fit(network, plain(fold, data, cancel), fold.labels, softmax=recipe.softmax)
