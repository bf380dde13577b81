"""Training on volumes, on the same loop as pictures: every epoch is run and nothing is chosen.

A run's folder is that of `lightning_loop`; its `best.safetensors` is the last epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medvision_desktop.modelkit.networks import unet3d
from medvision_desktop.training import lightning_loop
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.training.volume_augment import Augmenter, stacked
from medvision_desktop.training.volume_dataset import Case
from medvision_desktop.training.volume_recipe import VolumeRecipe
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

Loss = Callable[[Tensor, Tensor], Tensor]


def initial(recipe: VolumeRecipe) -> unet3d.ResidualUNet:
    """The recipe's network with random weights from its seed."""
    torch.manual_seed(recipe.seed)
    return unet3d.ResidualUNet(recipe.spec.planes, len(recipe.labels), unet3d.SIZES[recipe.network])


class CaseFeed:
    """Random parts of cases, real ones as often as the recipe says."""

    def __init__(self, recipe: VolumeRecipe, cases: Sequence[Case]) -> None:
        self._recipe, self._cases = recipe, cases
        self._augmenter = Augmenter(recipe.augmentation, recipe.patch, recipe.seed)
        often = [1 if case.synthetic else recipe.repeats for case in cases]
        self._drawn = np.repeat(np.arange(len(cases)), often)

    def __len__(self) -> int:
        """Parts an epoch."""
        return len(self._drawn)

    def batch(self, chosen: NDArray[np.int64], epoch: int) -> tuple[Tensor, Tensor]:
        """Network input (n, planes, k, j, i) and labels (n, 1, k, j, i) of these parts in this epoch."""
        samples = [
            self._augmenter.sample(self._cases[self._drawn[index]], epoch, int(index)) for index in chosen
        ]
        return stacked(samples, presence=self._recipe.presence)


def train(
    recipe: VolumeRecipe,
    network: nn.Module,
    cases: Sequence[Case],
    folder: Path,
    *,
    machine: Machine = Machine(),
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train `network` on `cases` in `folder`; returns the loop's state. Raises `Cancelled`.

    Calling it again on the same folder goes on after the last finished epoch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    course = lightning_loop.Course(
        recipe=_paced(recipe),
        network=network,
        feed=CaseFeed(recipe, cases),
        loss=loss_of(recipe.loss),
        folder=folder,
        facts={"cases": len(cases)},
    )
    return lightning_loop.fit(course, machine=machine, progress=progress, cancel=cancel)


def _paced(recipe: VolumeRecipe) -> Recipe:
    """What the loop has to know of a recipe: seed, length, batch, rate and clipping."""
    return Recipe(
        name=recipe.name,
        network=recipe.network,
        source=recipe.source,
        folder=recipe.folder,
        labels=recipe.labels,
        seed=recipe.seed,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        warmup_epochs=recipe.warmup_epochs,
        clip_norm=recipe.clip_norm,
    )


def loss_of(name: str) -> Loss:
    """`dice-ce` or `dice-focal` by MONAI, of logits (n, c, k, j, i) and labels (n, 1, k, j, i).

    Dice is over a softmax; MONAI's focal part looks at each label on its own.
    """
    from monai.losses.dice import DiceCELoss, DiceFocalLoss

    made: Any
    if name == "dice-ce":
        made = DiceCELoss(softmax=True, to_onehot_y=True, batch=True)
    else:
        made = DiceFocalLoss(softmax=True, to_onehot_y=True, batch=True, gamma=2.0, lambda_focal=2.0)

    def value(logits: Tensor, labels: Tensor) -> Tensor:
        found: Tensor = made(logits, labels)
        return found

    return value
