"""From a finished run to a model package: export, calibrate, measure, describe, bind with hashes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.inference import cam
from medvision_desktop.inference.engine import Engine, OnnxRuntimeEngine
from medvision_desktop.modelkit import calibration as calibrations
from medvision_desktop.modelkit import manifest as manifests
from medvision_desktop.modelkit import manifest_text, reference, registry
from medvision_desktop.modelkit.calibration import Calibration, sigmoid
from medvision_desktop.modelkit.manifest import Attention, DataUsed, Manifest, Parity, Wanted
from medvision_desktop.modelkit.networks import build
from medvision_desktop.modelkit.preprocess import VERSION, Preprocessing, display_gray, normalised, squared
from medvision_desktop.training import calibrate, card, checkpoint, export, predictions, split
from medvision_desktop.training.pictures import framed
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.recipe import Recipe, Words
from medvision_desktop.training.sources import Item
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

HELD_OUT = tuple(fold for fold in split.FOLDS if fold != "train")
_PARITY_IMAGES = 32
_ATTENTION_IMAGES = 80
_LEAST_PEAK = 1e-3


@dataclass(frozen=True, eq=False)
class Seen:
    """What the executed file said of the held-out images, and what those images were like."""

    predictions: Predictions
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    peaks: NDArray[np.float64]


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

    `items` and their `folds` are those of the run; only held-out ones are looked at here.
    """
    words = recipe.package
    if words is None:
        raise InputRefused("The recipe cannot be packaged.", "It has no [package] table.")
    network = build.network(words.network or recipe.network, len(recipe.labels))
    state = checkpoint.read(run / "best.safetensors", network, None)
    spec = Preprocessing(recipe.size, recipe.stretch, state["mean"], state["std"], 3)
    folder = _fresh(out / recipe.name)
    onnx = export.to_onnx(network, recipe.size)
    (folder / "model.onnx").write_bytes(onnx)
    _write_safetensors(folder / "weights.safetensors", network)

    held = [(item, fold) for item, fold in zip(items, folds, strict=True) if fold in HELD_OUT]
    seen = look(OnnxRuntimeEngine(onnx), spec, held, progress, cancel)
    predictions.write(folder / "predictions.csv", seen.predictions)
    table = predictions.read(folder / "predictions.csv")
    fitted = calibrate.platt(
        recipe.labels[0], table.of("calibration"), data="calibration people", date=date
    )
    calibrations.write(folder / calibrations.FILE, fitted)
    fitted = calibrations.read(folder / calibrations.FILE, recipe.labels)
    validation = table.of("validation")
    line = fitted.lines[0]
    probability = sigmoid(validation.score * line.slope + line.intercept)
    best = calibrate.operating_threshold(probability, validation.label > 0)
    threshold = words.threshold or best
    _write_reference(folder / "reference.json", recipe.labels[0], seen)

    sample = np.stack([_input(item, spec) for item, _ in held[:: max(1, len(held) // _PARITY_IMAGES)]])
    gaps = export.differences(network, onnx, sample)
    grid = _grid(network, recipe.size)
    counted, by_source = _counts(items, folds), Counter(item.source for item in items)
    manifest = _manifest(recipe, words, spec, grid, threshold, state, counted, by_source, date)
    manifest = _measured(manifest, table, fitted, threshold)
    faithful = _faithfulness(folder, OnnxRuntimeEngine(onnx), manifest, held, seen)
    manifest = replace(manifest, attention=faithful)
    return _bind(folder, manifest, fitted, table, words, (len(sample), *gaps))


def look(
    engine: Engine,
    spec: Preprocessing,
    held: Sequence[tuple[Item, str]],
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Seen:
    """Run the executed file over images, one at a time, exactly as the program does."""
    scores, means, deviations, peaks, digests = [], [], [], [], []
    for index, (item, _) in enumerate(held):
        if cancel is not None:
            cancel.check()
        frame, digest = framed(item)
        square = squared(display_gray(frame), spec.size, spec.stretch)
        logits, maps = engine.run(normalised(square, spec)[np.newaxis])
        scores.append(float(logits[0, 0]))
        peaks.append(float(maps[0, 0].max()))
        means.append(float(square.mean()))
        deviations.append(float(square.std()))
        digests.append(digest)
        if index % 50 == 0:
            progress(Progress(index, len(held), "Measuring"))
    found = Predictions(
        tuple(digests),
        tuple(fold for _, fold in held),
        tuple(item.group for item, _ in held),
        tuple(item.stratum for item, _ in held),
        np.array([item.label for item, _ in held], dtype=np.int64),
        np.array(scores),
    )
    return Seen(found, np.array(means), np.array(deviations), np.array(peaks))


def _fresh(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def _write_safetensors(path: Path, network: torch.nn.Module) -> None:
    from safetensors.torch import save

    path.write_bytes(save({name: value.contiguous() for name, value in network.state_dict().items()}))


def _input(item: Item, spec: Preprocessing) -> NDArray[np.float32]:
    return normalised(squared(display_gray(framed(item)[0]), spec.size, spec.stretch), spec)


def _grid(network: torch.nn.Module, size: int) -> tuple[int, int]:
    network.eval()
    with torch.inference_mode():
        maps = network(torch.zeros(1, 3, size, size))[1]
    return int(maps.shape[2]), int(maps.shape[3])


def _faithfulness(
    folder: Path, engine: Engine, manifest: Manifest, held: Sequence[tuple[Item, str]], seen: Seen
) -> Attention | None:
    """Mean deletion scores over true cases of the calibration people that were called positive."""
    negative = reference.read(folder / reference.FILE, manifest.labels).typical_negative
    cases = [
        item
        for (item, fold), score in zip(held, seen.predictions.score, strict=True)
        if fold == "calibration" and item.label and score > 0
    ]
    pairs = []
    for item in cases[:: max(1, len(cases) // _ATTENTION_IMAGES)]:
        batch = _input(item, manifest.preprocessing)[np.newaxis]
        cells = np.clip(engine.run(batch)[1][0, 0], 0, None)
        pairs.append(
            cam.deletion_scores(
                engine, batch, 0, cells, negative=negative, maps=3, seed=0, mirrored=manifest.mirrored
            )
        )
    if not pairs:
        return None
    own, by_chance = np.mean(pairs, axis=0).round(3).tolist()
    return Attention(own, by_chance, len(pairs))


def _write_reference(path: Path, label: str, seen: Seen) -> None:
    """Scores and input statistics on the calibration people, and how high their true maps peak."""
    inside = np.array([fold == "calibration" for fold in seen.predictions.fold])
    truth = seen.predictions.label[inside] > 0
    levels = (1, 5, 25, 50, 75, 95, 99)
    scores = seen.predictions.score[inside]
    table: dict[str, Any] = {
        "fold": "calibration",
        "n": int(inside.sum()),
        "percentiles": levels,
        "score_positive": np.percentile(scores[truth], levels).round(4).tolist(),
        "score_negative": np.percentile(scores[~truth], levels).round(4).tolist(),
        "input_mean": np.percentile(seen.means[inside], levels).round(4).tolist(),
        "input_deviation": np.percentile(seen.deviations[inside], levels).round(4).tolist(),
        "map_peak": {label: max(_LEAST_PEAK, round(float(np.median(seen.peaks[inside][truth])), 4))},
    }
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _counts(items: Sequence[Item], folds: Sequence[str]) -> dict[str, tuple[int, int]]:
    """(images, people) of each fold."""
    return {
        fold: (
            sum(1 for entry in folds if entry == fold),
            len({item.group for item, entry in zip(items, folds, strict=True) if entry == fold}),
        )
        for fold in split.FOLDS
    }


def _manifest(
    recipe: Recipe,
    words: Words,
    spec: Preprocessing,
    grid: tuple[int, int],
    threshold: float,
    state: dict[str, Any],
    counted: dict[str, tuple[int, int]],
    by_source: Mapping[str, int],
    date: str,
) -> Manifest:
    wanted: dict[str, Any] = {}
    for key, value in words.wanted.items():
        wanted[key] = tuple(value) if isinstance(value, list) else value
    images, people = counted["train"]
    total = sum(count for count, _ in counted.values())
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
        thresholds=((recipe.labels[0], threshold),),
        intended_use=words.intended_use,
        contraindications=tuple(words.contraindications),
        trained_on=f"{images} images of {people} {words.groups} ({words.who})",
        licence=words.licence,
        trained_utc=date,
        wanted=Wanted(**wanted),
        data=tuple(
            DataUsed(images=by_source.get(entry.pop("folder", ""), total), **entry) for entry in data
        ),
        training=_history(recipe, words, state, counted),
    )


def _history(
    recipe: Recipe, words: Words, state: dict[str, Any], counted: dict[str, tuple[int, int]]
) -> tuple[tuple[str, str], ...]:
    told = {
        "folds": ", ".join(f"{fold} {n} images of {p} {words.groups}" for fold, (n, p) in counted.items()),
        "started_from": recipe.initial,
        "best_epoch": f"{state['best_epoch']} of {recipe.epochs}",
        "validation_auroc": f"{state['best']:.4f}",
        "hours": f"{state['seconds'] / 3600:.2f} on one thread of a CPU shared with other work",
        "seed": str(recipe.seed),
        "also_tried": words.tried.rstrip("."),
    }
    return tuple((name, value) for name, value in told.items() if value)


def _measured(manifest: Manifest, table: Predictions, fitted: Calibration, threshold: float) -> Manifest:
    return replace(manifest, metrics=card.measured(table, fitted, threshold))


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
    written = card.text(manifest, fitted, table, (words.beyond, words.evaluated_on))
    (folder / "card.md").write_text(written, encoding="utf-8")
    names = sorted(path.name for path in folder.iterdir())
    manifest = replace(manifest, files=tuple((name, digest(name)) for name in names))
    (folder / manifests.FILE).write_text(manifest_text.text(manifest), encoding="utf-8")
    return registry.open_package(folder)
