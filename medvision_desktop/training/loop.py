"""The training loop: frozen head first, then everything; resumes to the bit at an epoch's edge.

All randomness follows from (seed, epoch, index). A run is a folder:

    split.csv            who is in which fold
    checkpoint.safetensors   newest finished epoch, with optimizer
    best.safetensors     weights of the epoch with the best validation AUROC
    history.jsonl        one line an epoch
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medvision_desktop.modelkit.networks.efficientnet import EfficientNet
from medvision_desktop.training import augment, checkpoint, metrics
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_LARGEST_WEIGHT: Final = 10.0


@dataclass(frozen=True, eq=False)
class Fold:
    """Pictures (n, size, size) uint8 and labels (n, classes), 0 or 1, of one fold."""

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation of the stretched training pictures, in 0..1."""

    mean: float
    std: float


def statistics(pictures: NDArray[np.uint8]) -> Statistics:
    """Mean and standard deviation over all pixels, as the z-score of the data set."""
    return Statistics(float(pictures.mean() / 255), float(pictures.std(dtype=np.float64) / 255))


def batch_of(pictures: Sequence[NDArray[np.float32]], data: Statistics) -> Tensor:
    """(n, 3, size, size) float32 network input."""
    stacked = torch.from_numpy(np.stack(pictures))
    return ((stacked - data.mean) / data.std).unsqueeze(1).expand(-1, 3, -1, -1).contiguous()


def scores(
    network: EfficientNet, fold: Fold, data: Statistics, cancel: CancelToken | None = None
) -> NDArray[np.float64]:
    """(n, classes) logits of a fold, without augmentation."""
    network.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(fold.labels), 64):
            if cancel is not None:
                cancel.check()
            pictures = [picture / np.float32(255) for picture in fold.pictures[start : start + 64]]
            found.append(network(batch_of(pictures, data))[0])
    return torch.cat(found).double().numpy()


def train(
    recipe: Recipe,
    network: EfficientNet,
    training: Fold,
    validation: Fold | None,
    folder: Path,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train until the last epoch, early stopping or cancel; returns the loop state.

    Without validation images nothing is chosen: every epoch is run and the last one is kept.
    Raises `Cancelled`. Calling it again on the same folder goes on.
    """
    data = statistics(training.pictures)
    groups = [
        {"params": list(network.features.parameters()), "lr": recipe.learning_rate * 0.5},
        {"params": list(network.classifier.parameters()), "lr": recipe.learning_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
    newest = folder / "checkpoint.safetensors"
    state: dict[str, Any] = {"epoch": 0, "best": -1.0, "best_epoch": -1}
    state |= {"mean": data.mean, "std": data.std, "seconds": 0.0}
    if newest.exists():
        state = checkpoint.read(newest, network, optimizer)
    elif recipe.initial == "lite0":
        _recalibrate(network, training, data, recipe, cancel)
        _fit_head(network, training, data, recipe, cancel)
    while state["epoch"] < (recipe.last_epoch or recipe.epochs) and (
        validation is None or state["epoch"] - state["best_epoch"] <= recipe.patience
    ):
        began = time.monotonic()
        loss = _epoch(recipe, network, optimizer, training, data, state["epoch"], progress, cancel)
        value = float(state["epoch"]) if validation is None else judged(network, validation, data, cancel)
        state["epoch"] += 1
        state["seconds"] += time.monotonic() - began
        line = {"epoch": state["epoch"], "loss": loss, "seconds": state["seconds"]}
        line |= {} if validation is None else {"auroc": value}
        if value > state["best"]:
            state["best"], state["best_epoch"] = value, state["epoch"]
            checkpoint.write(folder / "best.safetensors", network, None, state)
        checkpoint.write(newest, network, optimizer, state)
        with (folder / "history.jsonl").open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
    return state


def judged(network: EfficientNet, fold: Fold, data: Statistics, cancel: CancelToken | None = None) -> float:
    """Mean AUROC over the labels that a fold has images with and without of; nan if there is none."""
    found, truth = scores(network, fold, data, cancel), fold.labels > 0
    each = [metrics.auroc(found[:, label], truth[:, label]) for label in range(truth.shape[1])]
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")


def loss_of(logits: Tensor, truth: Tensor, fold: NDArray[np.int64], *, softmax: bool) -> Tensor:
    """Class-weighted loss of a batch: cross-entropy where one label is right, else binary, per label.

    `logits`, `truth`: (n, classes). `fold`: labels of all training images, which the weights come from:
    every class counts the same, but none more than ten times what it would without weights.
    """
    if softmax:
        share = torch.from_numpy(fold.mean(axis=0)).float().clamp(min=1e-6)
        weight = (1 / (share * len(share))).clamp(max=_LARGEST_WEIGHT)
        each = functional.cross_entropy(logits, truth.argmax(dim=1), weight, reduction="none")
        return each.mean()
    pairs = [class_weights(fold[:, label]) for label in range(fold.shape[1])]
    negative, positive = (torch.tensor(side, dtype=torch.float32) for side in zip(*pairs, strict=True))
    return functional.binary_cross_entropy_with_logits(
        logits, truth, torch.where(truth > 0, positive, negative)
    )


def rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """Learning-rate factor: linear warm-up, then half a cosine to zero."""
    warm = max(1, round(recipe.warmup_epochs * steps / recipe.epochs))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def class_weights(labels: NDArray[np.int64]) -> tuple[float, float]:
    """Weights of class 0 and 1 that make both count the same, mean weight 1 over the images.

    A class that is rare is weighted ten times at most, so that no single image rules an epoch.
    """
    positive = float((labels > 0).mean())
    weights = (0.5 / max(1 - positive, 1e-6), 0.5 / max(positive, 1e-6))
    return min(weights[0], _LARGEST_WEIGHT), min(weights[1], _LARGEST_WEIGHT)


def _epoch(
    recipe: Recipe,
    network: EfficientNet,
    optimizer: torch.optim.Optimizer,
    fold: Fold,
    data: Statistics,
    epoch: int,
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> float:
    network.train()
    torch.manual_seed(recipe.seed * 1000 + epoch)
    order = np.random.default_rng((recipe.seed, epoch)).permutation(len(fold.labels))
    per_epoch = len(order) // recipe.batch_size or 1
    peaks = [recipe.learning_rate * 0.5, recipe.learning_rate]
    total = 0.0
    for step in range(per_epoch):
        if cancel is not None:
            cancel.check()
        chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        pictures = [
            augment.applied(
                fold.pictures[i] / np.float32(255),
                augment.drawn(recipe.augmentation, recipe.seed, epoch, int(i)),
            )
            for i in chosen
        ]
        factor = rate_at(recipe, epoch * per_epoch + step, recipe.epochs * per_epoch)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * factor
        truth = torch.from_numpy(fold.labels[chosen].astype(np.float32))
        logits = network(batch_of(pictures, data))[0]
        loss = loss_of(logits, truth, fold.labels, softmax=recipe.softmax)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
        optimizer.step()
        total += float(loss.detach())
        text = f"Epoch {epoch + 1} of {recipe.epochs}, loss {total / (step + 1):.4f}"
        progress(Progress(epoch * per_epoch + step + 1, recipe.epochs * per_epoch, text))
    return total / per_epoch


def _recalibrate(
    network: EfficientNet, fold: Fold, data: Statistics, recipe: Recipe, cancel: CancelToken | None
) -> None:
    """Batch-norm statistics of our images instead of ImageNet's, as cumulative means."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    kept = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    torch.manual_seed(recipe.seed)
    order = np.random.default_rng(recipe.seed).permutation(len(fold.labels))[:640]
    with torch.no_grad():
        for start in range(0, len(order), 32):
            if cancel is not None:
                cancel.check()
            pictures = [fold.pictures[i] / np.float32(255) for i in order[start : start + 32]]
            network.features(batch_of(pictures, data))
    for layer, momentum in zip(norms, kept, strict=True):
        layer.momentum = momentum


def _fit_head(
    network: EfficientNet, fold: Fold, data: Statistics, recipe: Recipe, cancel: CancelToken | None
) -> None:
    """The frozen phase: features once, then the linear head by logistic regression."""
    network.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(fold.labels), 64):
            if cancel is not None:
                cancel.check()
            pictures = [picture / np.float32(255) for picture in fold.pictures[start : start + 64]]
            found.append(network.pooled(batch_of(pictures, data)))
    from sklearn.linear_model import LogisticRegression

    features = torch.cat(found).double().numpy()
    targets = [fold.labels.argmax(axis=1)] if recipe.softmax else list(fold.labels.T > 0)
    weights, biases = [], []
    for target in targets:
        solver = LogisticRegression(C=500 / len(features), class_weight="balanced", max_iter=500)
        solver.fit(features, target)
        weights.append(solver.coef_)
        biases.append(solver.intercept_)
    with torch.no_grad():
        network.classifier.weight.copy_(torch.from_numpy(np.concatenate(weights)))
        network.classifier.bias.copy_(torch.from_numpy(np.concatenate(biases)))
