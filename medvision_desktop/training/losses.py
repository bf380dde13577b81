"""Losses by name, each weighted so that a rare answer counts as much as a common one.

    binary           binary cross-entropy of each label, both its answers weighted to count the same
    cross-entropy    of classes of which one is right, each weighted to count the same
    focal            binary or softmax focal loss (Lin et al. 2017): what is already right hardly counts
    dice-focal       of label maps: Dice and focal loss together, MONAI's
    reconstruction   mean squared difference of picture and picture

A truth below 0 is one that nobody knows: it is left out of the mean, and pulls nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

LARGEST_WEIGHT: Final = 10.0
_GAMMA: Final = 2.0


def class_weights(labels: NDArray[np.int64]) -> tuple[float, float]:
    """Weights of answer 0 and 1 that make both count the same, mean weight 1 over the known answers.

    An answer that is rare is weighted ten times at most, so that no single image rules an epoch.
    """
    known = labels[labels >= 0]
    positive = float((known > 0).mean()) if len(known) else 0.5
    weights = (0.5 / max(1 - positive, 1e-6), 0.5 / max(positive, 1e-6))
    return min(weights[0], LARGEST_WEIGHT), min(weights[1], LARGEST_WEIGHT)


def shares(fold: NDArray[np.int64]) -> Tensor:
    """(classes,) weights of classes of which one is right, from (n, classes) labels of a fold."""
    share = torch.from_numpy(fold.mean(axis=0)).float().clamp(min=1e-6)
    return (1 / (share * len(share))).clamp(max=LARGEST_WEIGHT)


def binary(logits: Tensor, truth: Tensor, fold: NDArray[np.int64]) -> Tensor:
    """Weighted binary cross-entropy over the known answers of a batch.

    `logits`, `truth`: (n, labels), truth 0, 1 or below 0 where not known. `fold`: (m, labels), all
    training labels, which the weights come from.
    """
    weight = _answer_weights(truth, fold)
    if bool((truth >= 0).all()):
        return functional.binary_cross_entropy_with_logits(logits, truth, weight)
    return _mean_known(_apart(logits, truth) * weight, truth)


def cross_entropy(logits: Tensor, truth: Tensor, fold: NDArray[np.int64]) -> Tensor:
    """Class-weighted cross-entropy, its mean over the images; `truth` (n, classes) has a single 1 a row."""
    weight = shares(fold).to(logits.device)
    return functional.cross_entropy(logits, truth.argmax(dim=1), weight, reduction="none").mean()


def focal(
    logits: Tensor, truth: Tensor, fold: NDArray[np.int64], *, softmax: bool, gamma: float = _GAMMA
) -> Tensor:
    """Weighted cross-entropy of each answer times (1 - its probability) to the power of `gamma`."""
    if softmax:
        said = functional.log_softmax(logits, dim=1)
        right = (said * truth).sum(dim=1)
        weight = (shares(fold).to(logits.device) * truth).sum(dim=1)
        return (-weight * (1 - right.exp()) ** gamma * right).mean()
    each = _apart(logits, truth)
    missed = (1 - torch.exp(-each)) ** gamma
    return _mean_known(missed * each * _answer_weights(truth, fold), truth)


def dice_focal(logits: Tensor, truth: Tensor) -> Tensor:
    """MONAI's Dice + focal loss of (n, classes, ...) logits, less background, and (n, 1, ...) labels."""
    from monai.losses.dice import DiceFocalLoss

    loss = DiceFocalLoss(include_background=False, to_onehot_y=True, softmax=True)
    found: Tensor = loss(logits, truth)
    return found


def reconstruction(given: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared difference."""
    return functional.mse_loss(given, wanted)


def of_labels(
    name: str, logits: Tensor, truth: Tensor, fold: NDArray[np.int64], *, softmax: bool
) -> Tensor:
    """The loss of a classifier by its name; "" is that of its task."""
    if name == "focal":
        return focal(logits, truth, fold, softmax=softmax)
    if softmax:
        return cross_entropy(logits, truth, fold)
    return binary(logits, truth, fold)


def fits(name: str, *, softmax: bool) -> bool:
    """Whether a classifier of this task can be trained with the loss of this name."""
    return name in ("", "focal", "cross-entropy" if softmax else "binary")


def _answer_weights(truth: Tensor, fold: NDArray[np.int64]) -> Tensor:
    pairs = [class_weights(fold[:, label]) for label in range(fold.shape[1])]
    negative, positive = (torch.tensor(side, dtype=torch.float32) for side in zip(*pairs, strict=True))
    return torch.where(truth > 0, positive.to(truth.device), negative.to(truth.device))


def _apart(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of each answer; of an unknown one, against 0, which the mean leaves out."""
    return functional.binary_cross_entropy_with_logits(logits, truth.clamp(min=0), reduction="none")


def _mean_known(each: Tensor, truth: Tensor) -> Tensor:
    known = (truth >= 0).to(each.dtype)
    return (each * known).sum() / known.sum().clamp(min=1)
