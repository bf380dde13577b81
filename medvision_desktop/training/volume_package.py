"""From a finished run of volumes to a model package: export, measure out of fold, describe, bind."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from medvision_desktop.domain.geometry import Affine
from medvision_desktop.errors import InputRefused
from medvision_desktop.inference.segment import Labelled, labelled
from medvision_desktop.inference.volume_engine import OnnxVolumes, VolumeEngine
from medvision_desktop.modelkit import calibration as calibrations
from medvision_desktop.modelkit import manifest as manifests
from medvision_desktop.modelkit import manifest_text, registry, volume_reference
from medvision_desktop.modelkit.calibration import Calibration, Line
from medvision_desktop.modelkit.manifest import DataUsed, Manifest, Parity, Wanted
from medvision_desktop.modelkit.segmentation import TASK, Segmentation
from medvision_desktop.modelkit.volume_reference import PERCENTILES, VolumeReference
from medvision_desktop.modelkit.volumes import VERSION, NetworkVolume, Shape, shape_of
from medvision_desktop.training import checkpoint, volume_card, volume_export, volume_loop
from medvision_desktop.training import volume_predictions as predictions
from medvision_desktop.training.volume_dataset import Case
from medvision_desktop.training.volume_measure import agreement
from medvision_desktop.training.volume_predictions import Row
from medvision_desktop.training.volume_recipe import VolumeRecipe, VolumeWords
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_PARITY_IMAGES: Final = 8
_WEIGHTS: Final = "weights.safetensors"
_ONNX: Final = "model.onnx"


@dataclass(frozen=True, eq=False)
class _Judged:
    """What sister networks said of every case: rows of the table, and per label volume and confidence."""

    rows: tuple[Row, ...]
    reference: VolumeReference


def make(
    recipe: VolumeRecipe,
    run: Path,
    cases: Sequence[Case],
    parts: Sequence[str],
    out: Path,
    *,
    date: str,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> registry.ModelPackage:
    """Write `out/<name>` from the networks of a run, and open it as the program would.

    `cases` and their `parts` are those of the run. Raises `InputRefused`.
    """
    words = recipe.package
    if words is None:
        raise InputRefused("The recipe cannot be packaged.", "It has no [package] table.")
    found = recipe.segmentation
    network, state = trained(recipe, run)
    folder = _fresh(out / recipe.name)
    onnx = volume_export.to_onnx(network, found.spec)
    (folder / _ONNX).write_bytes(onnx)
    _write_safetensors(folder / _WEIGHTS, network)
    judged = _judge(recipe, found, run, cases, parts, progress, cancel)
    predictions.write(folder / "predictions.csv", judged.rows)
    rows = predictions.read(folder / "predictions.csv")
    volume_reference.write(folder / volume_reference.FILE, judged.reference)
    plain = Calibration("none", "", 0, 0, date, tuple(Line(label) for label in recipe.labels))
    calibrations.write(folder / calibrations.FILE, plain)
    sample = [
        case.channels if not found.spec.presence else ready(case).planes(found.spec)
        for case in cases[:: max(1, len(cases) // _PARITY_IMAGES)]
    ]
    gap = volume_export.difference(network, onnx, sample, found)
    manifest = _manifest(recipe, words, found, state, cases, parts, date)
    measured = predictions.measured(rows, recipe.labels, [name for name, _ in found.sums])
    manifest = replace(
        manifest,
        metrics=measured,
        parity=Parity(_digest(folder, _ONNX), _digest(folder, _WEIGHTS), len(sample), gap, 0.0),
    )
    return _bind(folder, manifest, rows, words)


def described_again(package: registry.ModelPackage, recipe: VolumeRecipe) -> registry.ModelPackage:
    """Numbers, card and words of a package anew, from its predictions and its recipe; weights stay.

    Raises `InputRefused`, and `OSError` for what cannot be written.
    """
    words, found = recipe.package, package.manifest.segmentation
    if words is None or found is None or recipe.labels != package.manifest.labels:
        raise InputRefused("The recipe and the package do not fit.", "They name other labels.")
    rows = predictions.read(package.directory / "predictions.csv")
    told = dict(package.manifest.training) | {"also_tried": words.tried.rstrip(".")}
    manifest = replace(
        package.manifest,
        title=words.title,
        intended_use=words.intended_use,
        contraindications=tuple(words.contraindications),
        trained_on=_trained_on(package.manifest.data[0].images, words),
        licence=words.licence,
        wanted=_wanted(words),
        training=tuple((name, value) for name, value in told.items() if value),
        metrics=predictions.measured(rows, recipe.labels, [name for name, _ in found.sums]),
    )
    return _bind(package.directory, manifest, rows, words)


def _wanted(words: VolumeWords) -> Wanted:
    given: dict[str, Any] = {}
    for key, value in words.wanted.items():
        given[key] = tuple(value) if isinstance(value, list) else value
    return Wanted(**given)


def _trained_on(images: int, words: VolumeWords) -> str:
    return f"{images} images ({words.who})"


def trained(recipe: VolumeRecipe, run: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network of a run, in evaluation mode, and the state of its loop."""
    network = volume_loop.initial(recipe)
    state = checkpoint.read(run / "best.safetensors", network, None)
    return network.eval(), state


def _judge(
    recipe: VolumeRecipe,
    found: Segmentation,
    run: Path,
    cases: Sequence[Case],
    parts: Sequence[str],
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> _Judged:
    rows: list[Row] = []
    volumes: dict[str, list[float]] = {}
    sure: dict[str, list[float]] = {label: [] for label in recipe.labels}
    done = 0
    for part in sorted(set(parts)):
        network, _ = trained(recipe, run / part)
        engine: VolumeEngine = OnnxVolumes(volume_export.to_onnx(network, found.spec))
        for case in (case for case, own in zip(cases, parts, strict=True) if own == part):
            progress(Progress(done, len(cases), "Judging left-out volumes"))
            said = labelled(engine, ready(case), found, recipe.labels, wanted_grid(case), cancel=cancel)
            for row in rows_of(case, said, found, recipe.labels):
                rows.append(row)
                volumes.setdefault(row.label, []).append(row.found.volume_ml)
            for label, value in zip(recipe.labels, said.confidence, strict=True):
                sure[label].append(value)
            done += 1
    reference = VolumeReference(
        len(cases),
        PERCENTILES,
        {label: _percentiles(values) for label, values in volumes.items()},
        {label: _percentiles(values) for label, values in sure.items()},
    )
    return _Judged(tuple(rows), reference)


def _percentiles(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in np.percentile(values, PERCENTILES))


def ready(case: Case) -> NetworkVolume:
    """A case as inference prepares an image."""
    return NetworkVolume(case.channels, case.present, case.grid)


def wanted_grid(case: Case) -> tuple[Shape, Affine]:
    """Extents and affine of the grid that a case is measured on: that of the expert's labels."""
    if case.truth is None:
        return shape_of(case.labels), case.grid
    return shape_of(case.truth.values_kji), case.truth.affine_kji_to_lps


def rows_of(case: Case, said: Labelled, found: Segmentation, labels: Sequence[str]) -> list[Row]:
    """One row for each label and each sum of labels."""
    truth = case.labels if case.truth is None else case.truth.values_kji
    spacing = [float(step) for step in np.linalg.norm(wanted_grid(case)[1][:3, :3], axis=0)]
    numbers: dict[str, tuple[int, ...]] = {label: (index + 1,) for index, label in enumerate(labels)}
    numbers |= {name: tuple(labels.index(part) + 1 for part in parts) for name, parts in found.sums}
    return [
        Row(
            case.sha256,
            predictions.TEST,
            _person(case),
            label,
            agreement(np.isin(said.labels, own), np.isin(truth, own), spacing),
        )
        for label, own in numbers.items()
    ]


def _person(case: Case) -> str:
    """A name for the group that says nothing of it: files of a collection may be named after people."""
    return hashlib.sha256(case.group.encode("utf-8")).hexdigest()[:12]


def _fresh(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def _write_safetensors(path: Path, network: nn.Module) -> None:
    from safetensors.torch import save

    kept: dict[str, torch.Tensor] = network.state_dict()
    path.write_bytes(save({name: value.contiguous() for name, value in kept.items()}))


def _manifest(
    recipe: VolumeRecipe,
    words: VolumeWords,
    found: Segmentation,
    state: dict[str, Any],
    cases: Sequence[Case],
    parts: Sequence[str],
    date: str,
) -> Manifest:
    real = sum(not case.synthetic for case in cases)
    return Manifest(
        name=recipe.name,
        version=words.version,
        title=words.title,
        task=TASK,
        network=recipe.network,
        labels=recipe.labels,
        executed=_ONNX,
        files=(),
        preprocessing=manifests.NO_PICTURE,
        preprocessing_version=VERSION,
        grid=(1, 1),
        thresholds=(),
        intended_use=words.intended_use,
        contraindications=tuple(words.contraindications),
        trained_on=_trained_on(real, words),
        licence=words.licence,
        trained_utc=date,
        wanted=_wanted(words),
        data=tuple(DataUsed(images=int(entry.get("images", real)), **_said(entry)) for entry in words.data),
        segmentation=found,
        training=_history(recipe, words, state, parts),
    )


def _said(entry: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in entry.items() if name != "images"}


def _history(
    recipe: VolumeRecipe, words: VolumeWords, state: dict[str, Any], parts: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    counts = [str(parts.count(part)) for part in sorted(set(parts))]
    told = {
        "sister_networks": str(len(counts)),
        "left_out_parts": f"{' + '.join(counts)} images",
        "epochs": f"{state['epoch']}, none chosen",
        "loss": recipe.loss,
        "patch": " x ".join(str(side) for side in recipe.patch),
        "hours": f"{state['seconds'] / 3600:.2f} for the network that ships, on one thread of a CPU shared "
        "with other work",
        "seed": str(recipe.seed),
        "also_tried": words.tried.rstrip("."),
    }
    return tuple((name, value) for name, value in told.items() if value)


def _digest(folder: Path, name: str) -> str:
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def _bind(
    folder: Path, manifest: Manifest, rows: Sequence[Row], words: VolumeWords
) -> registry.ModelPackage:
    """Write the card, hash everything, write the manifest last, and open the package."""
    card = volume_card.text(manifest, rows, (words.beyond, words.misses, words.evaluated_on))
    (folder / "card.md").write_text(card, encoding="utf-8")
    names = sorted(path.name for path in folder.iterdir() if path.name != manifests.FILE)
    manifest = replace(manifest, files=tuple((name, _digest(folder, name)) for name in names))
    (folder / manifests.FILE).write_text(manifest_text.text(manifest), encoding="utf-8")
    return registry.open_package(folder)
