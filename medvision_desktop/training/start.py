"""One door to both kinds of training, of pictures and of volumes: the recipe's `kind` says which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import (
    describe,
    levels,
    tracking,
    volume_evaluate,
    volume_package,
    volume_recipe,
    volume_run,
)
from medvision_desktop.training import evaluate as evaluation
from medvision_desktop.training import recipe as recipes
from medvision_desktop.training import run as runs
from medvision_desktop.training.evaluate import Evaluation
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.training.stages import Shelf
from medvision_desktop.training.volume_recipe import VolumeRecipe
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

# How long a level trains on volumes, in parts of the recipe's own epochs.
_LENGTHS: Final = {1: 0.1, 2: 0.25, 3: 0.5, 4: 1.0, 5: 2.0}


def read(path: Path, level: int = 0) -> Recipe | VolumeRecipe:
    """The recipe in a file at a level, 0 as it is. Raises `InputRefused`."""
    if not volume_recipe.is_volumes(path):
        return levels.applied(recipes.read(path), level)
    found = volume_recipe.read(path)
    if level == 0:
        return found
    if level not in _LENGTHS:
        raise InputRefused(f"There is no level {level}.", "Levels are 1 to 5.")
    return replace(found, epochs=max(1, round(found.epochs * _LENGTHS[level])))


def train(
    settings: Recipe | VolumeRecipe,
    data: Path,
    folder: Path,
    out: Path | Shelf | None,
    *,
    machine: Machine = Machine(),
    allow_leakage: bool = False,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ModelPackage | None:
    """Train in `folder/<name>` and, where the recipe says how, write `out/<name>`.

    Onto a shelf a package goes as a candidate, and into use if nothing of its name is in use.
    """
    if isinstance(out, Shelf):
        with out.bench() as bench:
            made = train(
                settings,
                data,
                folder,
                bench,
                machine=machine,
                allow_leakage=allow_leakage,
                progress=progress,
                cancel=cancel,
            )
            return None if made is None else _shelved(out, made, folder / settings.name)
    if isinstance(settings, VolumeRecipe):
        return volume_run.train(
            settings, data, folder, out, machine=machine, progress=progress, cancel=cancel
        )
    return runs.train(
        settings,
        data,
        folder,
        out,
        machine=machine,
        allow_leakage=allow_leakage,
        progress=progress,
        cancel=cancel,
    )


def packaged(
    settings: Recipe | VolumeRecipe,
    data: Path,
    run: Path,
    out: Path | Shelf,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ModelPackage:
    """Write `out/<name>` from a finished run and what it was trained on. Raises `InputRefused`."""
    if isinstance(out, Shelf):
        with out.bench() as bench:
            return _shelved(
                out, packaged(settings, data, run, bench, progress=progress, cancel=cancel), run
            )
    if isinstance(settings, VolumeRecipe):
        return volume_run.packaged(settings, data, run, out, progress=progress, cancel=cancel)
    return runs.packaged(settings, data, run, out, progress=progress, cancel=cancel)


def _shelved(shelf: Shelf, made: ModelPackage, run: Path) -> ModelPackage:
    entry, package = shelf.taken(made, run.name)
    tracking.staged(run, entry.stage)
    return package


def described(package: ModelPackage, settings: Recipe | VolumeRecipe) -> ModelPackage:
    """Card and pictures of a package anew, from what it holds. Raises `InputRefused` and `OSError`."""
    if isinstance(settings, VolumeRecipe):
        return volume_package.described_again(package, settings)
    return describe.described_again(package, settings)


def evaluate(
    package: ModelPackage,
    settings: Recipe | VolumeRecipe,
    data: Path,
    *,
    out: Path | None = None,
    report: Path | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Measure a package on data with known answers; see `evaluate.evaluate`. Raises `InputRefused`."""
    if isinstance(settings, VolumeRecipe):
        if report is not None:
            raise InputRefused(
                "There is no report for volumes.", "Use --out for the numbers of each image."
            )
        return volume_evaluate.evaluate(package, settings, data, out=out, progress=progress, cancel=cancel)
    return evaluation.evaluate(
        package, settings, data, out=out, report=report, progress=progress, cancel=cancel
    )
