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
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medvision_desktop.modelkit.networks.efficientnet import EfficientNet
from medvision_desktop.training import augment, checkpoint, metrics
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress


@dataclass(frozen=True, eq=False)
class Fold:
    """Pictures (n, size, size) uint8 and labels (n,) of one fold."""

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
    """(n,) logits of a fold, without augmentation."""
    network.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(fold.labels), 64):
            if cancel is not None:
                cancel.check()
            pictures = [picture / np.float32(255) for picture in fold.pictures[start : start + 64]]
            found.append(network(batch_of(pictures, data))[0][:, 0])
    return torch.cat(found).double().numpy()


def train(
    recipe: Recipe,
    network: EfficientNet,
    training: Fold,
    validation: Fold,
    folder: Path,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train until the last epoch, early stopping or cancel; returns the loop state.

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
        _fit_head(network, training, data, cancel)
    while (
        state["epoch"] < (recipe.last_epoch or recipe.epochs)
        and state["epoch"] - state["best_epoch"] <= recipe.patience
    ):
        began = time.monotonic()
        loss = _epoch(recipe, network, optimizer, training, data, state["epoch"], progress, cancel)
        value = metrics.auroc(scores(network, validation, data, cancel), validation.labels > 0)
        state["epoch"] += 1
        state["seconds"] += time.monotonic() - began
        line = {"epoch": state["epoch"], "loss": loss, "auroc": value, "seconds": state["seconds"]}
        if value > state["best"]:
            state["best"], state["best_epoch"] = value, state["epoch"]
            checkpoint.write(folder / "best.safetensors", network, None, state)
        checkpoint.write(newest, network, optimizer, state)
        with (folder / "history.jsonl").open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
    return state


def rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """Learning-rate factor: linear warm-up, then half a cosine to zero."""
    warm = max(1, round(recipe.warmup_epochs * steps / recipe.epochs))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def class_weights(labels: NDArray[np.int64]) -> tuple[float, float]:
    """Weights of class 0 and 1 that make both count the same, mean weight 1 over the images."""
    positive = float((labels > 0).mean())
    return 0.5 / (1 - positive), 0.5 / positive


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
    negative, positive = class_weights(fold.labels)
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
        truth = torch.from_numpy((fold.labels[chosen] > 0).astype(np.float32))
        weight = torch.where(truth > 0, positive, negative)
        loss = functional.binary_cross_entropy_with_logits(
            network(batch_of(pictures, data))[0][:, 0], truth, weight
        )
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


def _fit_head(network: EfficientNet, fold: Fold, data: Statistics, cancel: CancelToken | None) -> None:
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

    solver = LogisticRegression(C=500 / len(fold.labels), class_weight="balanced", max_iter=500)
    solver.fit(torch.cat(found).double().numpy(), fold.labels > 0)
    with torch.no_grad():
        network.classifier.weight.copy_(torch.from_numpy(solver.coef_))
        network.classifier.bias.copy_(torch.from_numpy(solver.intercept_))
