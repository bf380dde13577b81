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
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused, MedVisionError
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import (
    audit,
    courses,
    coverage,
    dataset,
    initial,
    levels,
    loop,
    package,
    pictures,
    recipe,
    run_record,
    sources,
    split,
    tracking,
)
from medvision_desktop.training.machine import Machine, is_helper
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

    def described(self, run: Path) -> dict[str, Any]:
        """The images as `run_record` keeps them."""
        images = self.images
        named = [item.source for item in images.items]
        return run_record.of_data(
            images.sha256, self.folds, named, len(images.unreadable), run / split.FILE
        )


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
    with pictures.decoding():
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
    split.write(run / split.FILE, rows)
    truth = sources.truth(items, len(settings.labels), softmax=settings.softmax)
    audited = audit.of(images, truth, folds, settings.labels, named=[row[0] for row in rows])
    audit.checked(audited, run, allow_leakage=allow_leakage)
    return Prepared(images, folds, truth)


def _fold_of(group: str, settings: Recipe) -> str:
    if settings.cross:
        return split.crossed(group, settings.seed, settings.cross)
    return split.fold_of(group, settings.seed)


def train(
    settings: Recipe,
    data: Path,
    runs: Path,
    out: Path | None,
    *,
    threads: int = 1,
    machine: Machine | None = None,
    allow_leakage: bool = False,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ModelPackage | None:
    """Train in `runs/<name>` and, where the recipe says how, write `out/<name>`.

    A run that was begun goes on; raises `InputRefused` where its recipe or its images have changed.
    """
    machine = machine or Machine(threads)
    torch.set_num_threads(machine.threads)
    run = runs / settings.name
    split_file = run / split.FILE
    before = split_file.read_bytes() if split_file.exists() else None
    prepared = prepare(settings, data, run, allow_leakage=allow_leakage, progress=progress, cancel=cancel)
    try:
        if not is_helper():
            run_record.begun(run, settings, prepared.described(run), machine)
    except InputRefused:
        if before is not None:
            split_file.write_bytes(before)
        raise
    makes_package = settings.package is not None and out is not None
    coverage.checked(prepared.folds, prepared.truth, settings, packaged=makes_package)
    with tracking.followed(run) as made:
        taught(settings, prepared, runs, machine=machine, progress=progress, cancel=cancel)
        if makes_package and out is not None and not is_helper():
            made.append(_package(settings, prepared, run, out, progress, cancel))
    return made[0] if made else None


def taught(
    settings: Recipe,
    prepared: Prepared,
    runs: Path,
    *,
    machine: Machine = Machine(),
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train on prepared images in `runs/<name>`, in turns if the recipe says so; the last loop's state."""
    run = runs / settings.name
    seconds = 0.0
    if settings.frozen is not None or settings.loss == "reconstruction":
        given = courses.Given(prepared.images.pictures, prepared.truth, prepared.folds)
        state = courses.taught(settings, given, runs, machine=machine, progress=progress, cancel=cancel)
        if not is_helper() and run_record.read(run):
            run_record.ended(run, state, state["seconds"] / 3600)
        return state

    def one(training: loop.Fold, validation: loop.Fold | None, folder: Path) -> dict[str, Any]:
        folder.mkdir(exist_ok=True)
        network = initial.network(settings, runs)
        return loop.train(
            settings,
            network,
            training,
            validation,
            folder,
            machine=machine,
            progress=progress,
            cancel=cancel,
        )

    if settings.cross:
        parts = [f"{split.CROSS}{index}" for index in range(settings.cross)]
        for part in parts:
            seen = prepared.fold(*(other for other in parts if other != part))
            seconds += one(seen, _NOBODY, run / part)["seconds"]
        training, validation = prepared.fold(*parts), _NOBODY
    else:
        training, validation = prepared.fold("train"), prepared.fold("validation")
    state = one(training, validation, run)
    if not is_helper() and run_record.read(run):
        run_record.ended(run, state, (seconds + state["seconds"]) / 3600)
    return state


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
    prepared = split.prepared_again(
        run,
        data,
        lambda: prepare(settings, data, run, allow_leakage=True, progress=progress, cancel=cancel),
        holds="images",
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
    with pictures.decoding():
        return package.make(settings, run, items, names, out, date=date, progress=progress, cancel=cancel)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; progress goes to standard error as JSON lines."""
    parser = argparse.ArgumentParser(description="Train a recipe and package it.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--level", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        made = train(
            levels.applied(recipe.read(given.recipe), given.level),
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


if __name__ == "__main__":
    sys.exit(main())
