"""The training loop of volumes: every epoch is run, nothing is chosen, and a run resumes to the bit.

A run's folder holds `checkpoint.safetensors` (newest finished epoch, with optimizer), at the end
`best.safetensors` (the last epoch's weights), and `history.jsonl`, one line an epoch.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medvision_desktop.modelkit.networks import unet3d
from medvision_desktop.training import checkpoint
from medvision_desktop.training.volume_augment import Augmenter, stacked
from medvision_desktop.training.volume_dataset import Case
from medvision_desktop.training.volume_recipe import VolumeRecipe
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

Loss = Callable[[Tensor, Tensor], Tensor]


def initial(recipe: VolumeRecipe) -> unet3d.ResidualUNet:
    """The recipe's network with random weights from its seed."""
    torch.manual_seed(recipe.seed)
    return unet3d.ResidualUNet(recipe.spec.planes, len(recipe.labels), unet3d.SIZES[recipe.network])


def train(
    recipe: VolumeRecipe,
    network: nn.Module,
    cases: Sequence[Case],
    folder: Path,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train `network` on `cases` in `folder`; returns the loop's state. Raises `Cancelled`.

    Calling it again on the same folder goes on after the last finished epoch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    newest = folder / "checkpoint.safetensors"
    state: dict[str, Any] = {"epoch": 0, "seconds": 0.0, "cases": len(cases)}
    if newest.exists():
        state = checkpoint.read(newest, network, optimizer)
    while state["epoch"] < recipe.epochs:
        began = time.monotonic()
        loss = _epoch(recipe, network, optimizer, cases, state["epoch"], progress, cancel)
        state["epoch"] += 1
        state["seconds"] += time.monotonic() - began
        checkpoint.write(newest, network, optimizer, state)
        line = {"epoch": state["epoch"], "loss": loss, "seconds": round(state["seconds"], 1)}
        with (folder / "history.jsonl").open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
    if not (folder / "best.safetensors").exists():
        checkpoint.write(folder / "best.safetensors", network, None, state)
    return state


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


def rate_at(recipe: VolumeRecipe, step: int, steps: int) -> float:
    """Learning-rate factor: linear warm-up, then half a cosine to zero."""
    warm = max(1, round(recipe.warmup_epochs * steps / recipe.epochs))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _epoch(
    recipe: VolumeRecipe,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    cases: Sequence[Case],
    epoch: int,
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> float:
    network.train()
    torch.manual_seed(recipe.seed * 1000 + epoch)
    augmenter = Augmenter(recipe.augmentation, recipe.patch, recipe.seed)
    loss_function = loss_of(recipe.loss)
    often = [1 if case.synthetic else recipe.repeats for case in cases]
    drawn = np.repeat(np.arange(len(cases)), often)
    order = np.random.default_rng((recipe.seed, epoch)).permutation(len(drawn))
    per_epoch = max(1, len(order) // recipe.batch_size)
    total = 0.0
    for step in range(per_epoch):
        if cancel is not None:
            cancel.check()
        chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        samples = [augmenter.sample(cases[drawn[index]], epoch, int(index)) for index in chosen]
        planes, labels = stacked(samples, presence=recipe.presence)
        factor = rate_at(recipe, epoch * per_epoch + step, recipe.epochs * per_epoch)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * factor
        loss = loss_function(network(planes), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm)
        optimizer.step()
        total += float(loss.detach())
        text = f"Epoch {epoch + 1} of {recipe.epochs}, loss {total / (step + 1):.4f}"
        progress(Progress(epoch * per_epoch + step + 1, recipe.epochs * per_epoch, text))
    return total / per_epoch
