"""From a finished run to a model package: export, calibrate, measure, describe, bind with hashes."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medvision_desktop.errors import InputRefused
from medvision_desktop.inference.engine import OnnxRuntimeEngine
from medvision_desktop.modelkit import calibration as calibrations
from medvision_desktop.modelkit import reference, registry
from medvision_desktop.modelkit.calibration import Calibration
from medvision_desktop.modelkit.manifest import DataUsed, Manifest, Parity, Wanted
from medvision_desktop.modelkit.networks import build
from medvision_desktop.modelkit.networks.autoencoder import Autoencoder
from medvision_desktop.modelkit.networks.classifier import Classifier
from medvision_desktop.modelkit.preprocess import VERSION, Preprocessing
from medvision_desktop.training import (
    anomaly,
    calibrate,
    card,
    checkpoint,
    describe,
    export,
    gallery,
    history,
    measure,
    predictions,
    split,
    turns,
)
from medvision_desktop.training.measure import Held, Judge, Seen
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.recipe import Recipe, Words
from medvision_desktop.training.sources import Item
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

HELD_OUT = tuple(fold for fold in split.FOLDS if fold != "train")
_PARITY_IMAGES = 32


def make(
    recipe: Recipe,
    run: Path,
    items: Sequence[Item],
    folds: Sequence[str],
    out: Path,
    *,
    date: str,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> registry.ModelPackage:
    """Write `out/<name>` from the best weights of a run, and open it as the program would.

    `items` and their `folds` are those of the run; only held-out ones are looked at here, and of these
    only images of which every answer is known.
    """
    words = recipe.package
    if words is None:
        raise InputRefused("The recipe cannot be packaged.", "It has no [package] table.")
    network, state = _trained(recipe, words, run)
    state |= history.chosen(recipe, run)
    spec = _spec(recipe, state)
    folder = _fresh(out / recipe.name)
    onnx = export.to_onnx(network, recipe.size)
    (folder / "model.onnx").write_bytes(onnx)
    _write_safetensors(folder / "weights.safetensors", network, half=words.half)
    own = Judge(OnnxRuntimeEngine(onnx), spec)

    folds = tuple(folds)
    judges = _sisters(recipe, words, run, folds) or {"": own}
    in_turn = history.in_turn(recipe)
    held = [
        Held(item, fold if in_turn else split.role(fold), fold if recipe.cross else "")
        for item, fold in zip(items, folds, strict=True)
        if split.role(fold) in HELD_OUT and item.known
    ]
    count, softmax = len(recipe.labels), recipe.softmax

    def looked(asked: Sequence[Held], inside: str = "") -> Seen:
        return measure.look(
            judges, asked, count, softmax=softmax, inside=inside, progress=progress, cancel=cancel
        )

    seen = looked(held, words.inside)
    again = [looked(measure.varied(held, [name])).predictions for name in words.audit]
    predictions.write(folder / "predictions.csv", _together(seen.predictions, again), recipe.labels)
    table = predictions.read(folder / "predictions.csv")
    calibrations.write(folder / calibrations.FILE, _calibration(recipe, words, table, date))
    fitted = calibrations.read(folder / calibrations.FILE, recipe.labels)
    all_held = in_turn or words.task == anomaly.TASK
    thresholds = _thresholds(recipe, words, fitted, table if all_held else table.of("validation"))
    if in_turn:
        held, seen = measure.calibrating(held, seen)
    measure.write_reference(folder / "reference.json", recipe.labels, seen)

    sample = np.concatenate(
        [own.asked(entry.item) for entry in held[:: max(1, len(held) // _PARITY_IMAGES)]]
    )
    gaps = export.differences(network, onnx, sample)
    if words.half:
        whole, _ = _trained(recipe, replace(words, half=False), run)
        state["rounding"] = export.differences(whole, onnx, sample)[0]
    grid = _grid(network, recipe.size)
    # An anomaly model learns from images without the label alone.
    taught = [item.label == 0 or words.task != anomaly.TASK for item in items]
    counted, by_source = _counts(items, folds, taught), Counter(item.source for item in items)
    manifest = _manifest(recipe, words, spec, grid, thresholds, state, counted, by_source, date)
    negative = reference.read(folder / reference.FILE, manifest.labels).typical_negative
    manifest = replace(
        manifest,
        metrics=card.measured(table, fitted, manifest),
        attention=None
        if words.task == anomaly.TASK
        else measure.faithfulness(judges, held, seen, negative, mirrored=manifest.mirrored),
        confounds=measure.suspicions(held, seen, words.inside),
    )
    said = calibrate.probabilities(fitted, seen.predictions, softmax=softmax)
    worst = gallery.worst(said, seen.predictions.truth, [level for _, level in thresholds])
    # Beside the run and not in the package: it holds patients' images.
    gallery.write(run / gallery.FOLDER, worst, held, judges, recipe.labels)
    return _bind(folder, manifest, fitted, table, words, (len(sample), *gaps))


def _trained(recipe: Recipe, words: Words, run: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    """The network of a run as it ships, and the state of its loop."""
    network: torch.nn.Module = Autoencoder()
    if words.task != anomaly.TASK:
        network = build.network(words.network or recipe.network, len(recipe.labels))
    state = checkpoint.read(run / "best.safetensors", network, None)
    if recipe.softmax and isinstance(network, Classifier):
        export.centred(network)
    if words.half:
        export.rounded(network)
    return network, state


def _spec(recipe: Recipe, state: Mapping[str, Any]) -> Preprocessing:
    return Preprocessing(recipe.size, recipe.stretch, state["mean"], state["std"], 3)


def _sisters(recipe: Recipe, words: Words, run: Path, folds: Sequence[str]) -> dict[str, Judge]:
    """The network of each part of a cross-validation, which never saw that part."""
    found = {}
    for part in sorted(set(folds)) if recipe.cross else ():
        network, state = _trained(recipe, words, run / part)
        found[part] = Judge(OnnxRuntimeEngine(export.to_onnx(network, recipe.size)), _spec(recipe, state))
    return found


def _together(first: Predictions, others: Sequence[Predictions]) -> Predictions:
    every = (first, *others)
    return Predictions(
        tuple(value for table in every for value in table.sha256),
        tuple(value for table in every for value in table.fold),
        tuple(value for table in every for value in table.person),
        tuple(value for table in every for value in table.stratum),
        np.concatenate([table.label for table in every]),
        np.concatenate([table.score for table in every]),
    )


def _calibration(recipe: Recipe, words: Words, table: Predictions, date: str) -> Calibration:
    """Of the calibration people; where everybody is judged in turn, of everybody; of normal ones alone."""
    if words.task == anomaly.TASK:
        return anomaly.fit(recipe.labels, anomaly.others(table), data="other normal people", date=date)
    rows, data = table.of("calibration"), "calibration people"
    if history.in_turn(recipe):
        rows, data = table, turns.IN_TURN
    return calibrate.fit(recipe.labels, rows, softmax=recipe.softmax, data=data, date=date)


def _thresholds(
    recipe: Recipe, words: Words, fitted: Calibration, validation: Predictions
) -> tuple[tuple[str, float], ...]:
    """Of each label: the recipe's, or the one that the validation people find best."""
    if words.task == anomaly.TASK:
        return ((recipe.labels[0], anomaly.threshold(fitted, anomaly.others(validation))),)
    said = calibrate.probabilities(fitted, validation, softmax=recipe.softmax)
    return tuple(
        (
            label,
            words.threshold or calibrate.operating_threshold(said[:, index], validation.truth[:, index]),
        )
        for index, label in enumerate(recipe.labels)
    )


def _fresh(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def _write_safetensors(path: Path, network: torch.nn.Module, *, half: bool) -> None:
    from safetensors.torch import save

    kept = export.halved(network) if half else network.state_dict()
    path.write_bytes(save({name: value.contiguous() for name, value in kept.items()}))


def _grid(network: torch.nn.Module, size: int) -> tuple[int, int]:
    network.eval()
    with torch.inference_mode():
        maps = network(torch.zeros(1, 3, size, size))[1]
    return int(maps.shape[2]), int(maps.shape[3])


def _counts(
    items: Sequence[Item], folds: Sequence[str], taught: Sequence[bool]
) -> dict[str, tuple[int, int]]:
    """(images, people) by what they were for; in a cross-validation everybody was trained on as well."""
    counted = {}
    for fold in split.FOLDS:
        own = [
            item.group
            for item, entry, used in zip(items, folds, taught, strict=True)
            if split.role(entry) == fold and (used or fold != "train")
        ]
        counted[fold] = len(own), len(set(own))
    if not counted["train"][0]:
        counted["train"] = len(items), len({item.group for item in items})
    return counted


def _manifest(
    recipe: Recipe,
    words: Words,
    spec: Preprocessing,
    grid: tuple[int, int],
    thresholds: tuple[tuple[str, float], ...],
    state: dict[str, Any],
    counted: dict[str, tuple[int, int]],
    by_source: Mapping[str, int],
    date: str,
) -> Manifest:
    wanted: dict[str, Any] = {}
    for key, value in words.wanted.items():
        wanted[key] = tuple(value) if isinstance(value, list) else value
    images, people = counted["train"]
    total = sum(by_source.values())
    data = [dict(entry) for entry in words.data]
    return Manifest(
        name=recipe.name,
        version=words.version,
        title=words.title,
        task=words.task,
        network=words.network or recipe.network,
        labels=recipe.labels,
        executed="model.onnx",
        files=(),
        preprocessing=spec,
        preprocessing_version=VERSION,
        grid=grid,
        thresholds=thresholds,
        intended_use=words.intended_use,
        contraindications=tuple(words.contraindications),
        trained_on=f"{images} images of {people} {words.groups} ({words.who})",
        licence=words.licence,
        trained_utc=date,
        wanted=Wanted(**wanted),
        data=tuple(
            DataUsed(images=by_source.get(entry.pop("folder", ""), total), **entry) for entry in data
        ),
        uncertain_bands=turns.bands(thresholds) if history.in_turn(recipe) else (),
        not_evaluated=recipe.not_evaluated,
        within=words.within,
        training=history.told(recipe, words, state, counted),
    )


def _bind(
    folder: Path,
    manifest: Manifest,
    fitted: Calibration,
    table: Predictions,
    words: Words,
    parity: tuple[int, float, float],
) -> registry.ModelPackage:
    """Write the card, hash everything, write the manifest last, and open the package."""

    def digest(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()

    bound = Parity(digest("model.onnx"), digest("weights.safetensors"), *parity)
    manifest = replace(manifest, parity=bound)
    return describe.described(folder, manifest, fitted, table, words)
