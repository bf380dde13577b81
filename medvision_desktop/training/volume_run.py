"""Train a recipe of volumes and package it: the use case behind `medvision train` for `kind = "volumes"`.

    python -m medvision_desktop.training.volume_run recipes/hippocampus.toml --data DIR --runs DIR --out DIR

Started again on the same folder, it goes on from the last finished epoch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from medvision_desktop.errors import InputRefused, MedVisionError
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import (
    run_record,
    split,
    tracking,
    volume_dataset,
    volume_loop,
    volume_recipe,
    volume_sources,
    volume_synthetic,
)
from medvision_desktop.training.machine import Machine, is_helper
from medvision_desktop.training.volume_dataset import Case
from medvision_desktop.training.volume_recipe import VolumeRecipe
from medvision_desktop.work import CancelToken, ProgressSink, no_progress


@dataclass(frozen=True, eq=False)
class Prepared:
    """The cases of a recipe in memory and the part of each; `made` are in no part and always seen."""

    cases: tuple[Case, ...]
    parts: tuple[str, ...]
    made: tuple[Case, ...] = ()

    def described(self, recipe: VolumeRecipe, run: Path) -> dict[str, Any]:
        """The cases as `run_record` keeps them."""
        hashes, sources = [case.sha256 for case in self.cases], [recipe.source] * len(self.cases)
        return run_record.of_data(hashes, self.parts, sources, 0, run / split.FILE)

    def other_than(self, part: str) -> tuple[Case, ...]:
        """Cases that a part's network is trained on; all of them for ""."""
        seen = tuple(case for case, own in zip(self.cases, self.parts, strict=True) if own != part)
        return (*seen, *self.made)


def prepare(
    recipe: VolumeRecipe,
    data: Path,
    run: Path,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Prepared:
    """Read every volume, join groups that share a file, share them out; write `split.csv`."""
    files = volume_sources.read(recipe, data)
    cases = volume_dataset.load(files, recipe, progress=progress, cancel=cancel)
    parts = shared_out(cases, recipe)
    made = tuple(volume_synthetic.cases(recipe))
    run.mkdir(parents=True, exist_ok=True)
    rows = [
        (case.name, case.sha256, "|".join(recipe.labels), case.group, part)
        for case, part in zip(cases, parts, strict=True)
    ]
    split.write(run / split.FILE, rows)
    return Prepared(cases, parts, made)


def shared_out(cases: Sequence[Case], recipe: VolumeRecipe) -> tuple[str, ...]:
    """The part of each case. Where there are no more groups than parts, each group is a part of its own."""
    joined: dict[str, str] = {}
    for case in cases:  # equal files are one group
        joined.setdefault(case.sha256, case.group)
    groups = [joined[case.sha256] for case in cases]
    names = sorted(set(groups))
    if len(names) <= recipe.cross:
        return tuple(f"{split.CROSS}{names.index(group)}" for group in groups)
    return tuple(split.crossed(group, recipe.seed, recipe.cross) for group in groups)


def train(
    recipe: VolumeRecipe,
    data: Path,
    runs: Path,
    out: Path | None,
    *,
    machine: Machine = Machine(),
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ModelPackage | None:
    """Train in `runs/<name>` and, where the recipe says how, write `out/<name>`.

    A run that was begun goes on; raises `InputRefused` where its recipe or its volumes have changed.
    """
    torch.set_num_threads(machine.threads)
    run = runs / recipe.name
    run.mkdir(parents=True, exist_ok=True)
    split_file = run / split.FILE
    before = split_file.read_bytes() if split_file.exists() else None
    prepared = prepare(recipe, data, run, progress=progress, cancel=cancel)
    try:
        if not is_helper():
            run_record.begun_with(run, recipe.plain, prepared.described(recipe, run), machine)
    except InputRefused:
        if before is not None:
            split_file.write_bytes(before)
        raise
    (run / run_record.RECIPE).write_text(recipe.text, encoding="utf-8")
    seconds = 0.0
    with tracking.followed(run) as made:
        for part in (*sorted(set(prepared.parts)), ""):
            network, seen = volume_loop.initial(recipe), prepared.other_than(part)
            state = volume_loop.train(
                recipe, network, seen, run / part, machine=machine, progress=progress, cancel=cancel
            )
            seconds += state["seconds"]
        if not is_helper():
            run_record.ended(run, state, seconds / 3600)
            if recipe.package is not None and out is not None:
                made.append(_package(recipe, prepared, run, out, progress, cancel))
    return made[0] if made else None


def packaged(
    recipe: VolumeRecipe,
    data: Path,
    run: Path,
    out: Path,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ModelPackage:
    """Write `out/<name>` from a finished run and the volumes it was trained on. Raises `InputRefused`."""
    prepared = split.prepared_again(
        run,
        data,
        lambda: prepare(recipe, data, run, progress=progress, cancel=cancel),
        holds="volumes",
    )
    return _package(recipe, prepared, run, out, progress, cancel)


def _package(
    recipe: VolumeRecipe,
    prepared: Prepared,
    run: Path,
    out: Path,
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> ModelPackage:
    from medvision_desktop.training import volume_package

    date = datetime.now(tz=UTC).strftime("%Y-%m-%d")
    return volume_package.make(
        recipe, run, prepared.cases, prepared.parts, out, date=date, progress=progress, cancel=cancel
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; progress goes to standard error as JSON lines."""
    from medvision_desktop.training.run import _Lines

    parser = argparse.ArgumentParser(description="Train a recipe of volumes and package it.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        recipe = volume_recipe.read(given.recipe)
        machine = Machine(given.threads)
        made = train(recipe, given.data, given.runs, given.out, machine=machine, progress=_Lines())
    except MedVisionError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{made.directory if made else given.runs}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
