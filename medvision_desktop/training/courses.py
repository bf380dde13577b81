"""What is not taught by the loop of classifiers: a head on a frozen backbone, an autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.manifest import AUTOENCODER
from medvision_desktop.modelkit.networks.attention import AttentionClassifier
from medvision_desktop.modelkit.networks.autoencoder import SIDE, Autoencoder
from medvision_desktop.training import anomaly, frozen, initial
from medvision_desktop.training.loop import Fold
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, ProgressSink, no_progress


@dataclass(frozen=True, eq=False)
class Given:
    """Pictures (n, size, size) uint8, labels (n, classes), and the fold of each."""

    pictures: NDArray[np.uint8]
    truth: NDArray[np.int64]
    folds: Sequence[str]

    def fold(self, name: str) -> Fold:
        """Pictures and labels of one fold."""
        rows = [index for index, fold in enumerate(self.folds) if fold == name]
        return Fold(self.pictures[rows], self.truth[rows])


def taught(
    settings: Recipe,
    given: Given,
    runs: Path,
    *,
    machine: Machine = Machine(),
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train in `runs/<name>`; the state of the last network. Raises `InputRefused` and `Cancelled`."""
    if settings.frozen is None:
        return _drawn(settings, given, runs / settings.name, machine, progress, cancel)
    network = initial.network(settings, runs)
    if not isinstance(network, AttentionClassifier):
        raise InputRefused("The recipe cannot be trained.", f"{settings.network} has no frozen form.")
    return frozen.train(
        settings,
        network,
        given.pictures,
        given.truth,
        given.folds,
        runs / settings.name,
        progress=progress,
        cancel=cancel,
    )


def _drawn(
    settings: Recipe,
    given: Given,
    run: Path,
    machine: Machine,
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> dict[str, Any]:
    """Teach an autoencoder to draw the normal images again."""
    if settings.network != AUTOENCODER or settings.size != SIDE or settings.cross:
        why = f"reconstruction is for {AUTOENCODER} at {SIDE} pixels, without cross."
        raise InputRefused("The recipe cannot be trained.", f"The loss {why}")
    torch.manual_seed(settings.seed)
    return anomaly.train(
        settings,
        Autoencoder(),
        given.fold("train"),
        given.fold("validation"),
        run,
        machine=machine,
        progress=progress,
        cancel=cancel,
    )
