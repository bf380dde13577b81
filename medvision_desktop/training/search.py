"""Search for better numbers of a recipe with Optuna: each trial a training, judged by validation people.

The study is an SQLite file in the run (`search/study.sqlite3`); nothing leaves the machine. Stopped and
started again it goes on with the next trial, and tries again what was under way. The test people are never
looked at, so what is found may be trained and measured on them afterwards. A recipe that is trained in
turns is searched on one split of its people into the usual four.
"""

from __future__ import annotations

import csv
import logging
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import coverage, recipe_text, run
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

FOLDER: Final = "search"
STUDY: Final = "study.sqlite3"
BEST: Final = "best.toml"
TABLE: Final = "trials.csv"
_RATES: Final = (1e-5, 1e-2)
_DECAYS: Final = (1e-6, 1e-2)
_BATCHES: Final = (8, 16, 24, 32)
SEARCHED: Final = ("learning_rate", "weight_decay", "dropout", "batch_size", "loss", "thaw")
_COLUMNS: Final = ("trial", "state", "auroc", *SEARCHED)


@dataclass(frozen=True)
class Found:
    """The best trial: its number, its AUROC on the validation people, its recipe, of how many trials."""

    trial: int
    auroc: float
    recipe: Recipe
    trials: int


def search(
    settings: Recipe,
    data: Path,
    runs: Path,
    trials: int,
    *,
    machine: Machine = Machine(),
    allow_leakage: bool = False,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Found:
    """Bring a recipe's study to so many finished trials; writes `best.toml` and `trials.csv` beside it.

    Raises `InputRefused`, also where the study is of other images, and `Cancelled`.
    """
    import optuna
    import torch

    if settings.frozen is not None:
        raise InputRefused("This recipe cannot be searched.", "Its head is fitted in closed form.")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    torch.set_num_threads(machine.threads)
    folder = runs / settings.name / FOLDER
    base = replace(settings, cross=0, package=settings.package, last_epoch=0)
    prepared = run.prepare(
        base, data, folder, allow_leakage=allow_leakage, progress=progress, cancel=cancel
    )
    coverage.checked(prepared.folds, prepared.truth, base)
    study, storage = _study(folder, base, prepared.described(folder)["sha256"])
    try:
        _requeue(study)
        for leftover in folder.glob("trial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        while (done := _finished(study)) < trials:
            study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(study.trials))
            trial = study.ask()
            tried = suggested(trial, base)
            place = replace(tried, name=f"{settings.name}/{FOLDER}/trial-{trial.number:04d}")

            def told(step: Progress, number: int = done) -> None:
                progress(replace(step, text=f"Trial {number + 1} of {trials}: {step.text}"))

            state = run.taught(place, prepared, runs, machine=machine, progress=told, cancel=cancel)
            value = float(state["best"])
            shutil.rmtree(runs / place.name, ignore_errors=True)
            if not math.isfinite(value) or value < 0:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                raise InputRefused(
                    "The search cannot judge a trial.", "The validation people have one answer only."
                )
            study.tell(trial, value)
        _table(folder / TABLE, study)
        best = study.best_trial
        found = suggested(optuna.trial.FixedTrial(best.params), settings)
        (folder / BEST).write_text(recipe_text.text(found), encoding="utf-8")
        return Found(best.number, float(best.value or 0.0), found, _finished(study))
    finally:
        storage.remove_session()
        storage.engine.dispose()


def suggested(trial: Any, settings: Recipe) -> Recipe:
    """The recipe with the numbers of a trial: rate, decay, dropout, batch, loss, and how it thaws."""
    learning_rate = trial.suggest_float("learning_rate", *_RATES, log=True)
    weight_decay = trial.suggest_float("weight_decay", *_DECAYS, log=True)
    dropout = trial.suggest_float("dropout", 0.0, 0.5)
    batch_size = trial.suggest_categorical("batch_size", _BATCHES)
    loss = trial.suggest_categorical("loss", ("", "focal"))
    found = replace(
        settings,
        learning_rate=float(learning_rate),
        weight_decay=float(weight_decay),
        dropout=float(dropout),
        batch_size=int(batch_size),
        loss=str(loss),
    )
    if settings.initial == "none":
        return found
    return replace(found, thaw=int(trial.suggest_categorical("thaw", (0, 1, 2))))


def _study(folder: Path, settings: Recipe, digest: str) -> tuple[Any, Any]:
    """The study and its storage. Raises `InputRefused` where it was begun with something else."""
    import optuna

    storage = optuna.storages.RDBStorage(f"sqlite:///{(folder / STUDY).resolve()}")
    study = optuna.create_study(
        storage=storage, study_name=settings.name, direction="maximize", load_if_exists=True
    )
    given = {"images": digest, **_fixed(settings)}
    known = study.user_attrs
    changed = sorted(name for name, value in given.items() if known.get(name, value) != value)
    if changed:
        storage.engine.dispose()
        raise InputRefused(
            "This search was begun with something else.",
            f"Changed: {', '.join(changed)}.",
            "Search on with what it was begun with, or give the recipe another name.",
        )
    for name, value in given.items():
        if name not in known:
            study.set_user_attr(name, value)
    return study, storage


def _fixed(settings: Recipe) -> Mapping[str, Any]:
    """What a search does not change, so that its trials can be compared."""
    values = recipe_text.plain(settings)
    for name in SEARCHED:
        del values[name]
    return values


def _requeue(study: Any) -> None:
    """Trials that were under way when the program ended are tried again."""
    import optuna

    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)


def _finished(study: Any) -> int:
    import optuna

    return len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))


def _table(path: Path, study: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for trial in study.get_trials(deepcopy=False):
            value = "" if trial.value is None else f"{trial.value:.6f}"
            numbers = [trial.params.get(name, "") for name in SEARCHED]
            writer.writerow((trial.number, trial.state.name.lower(), value, *numbers))
