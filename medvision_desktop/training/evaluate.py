"""A package measured on images that somebody has: the same numbers as on its card, on their data."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from medvision_desktop.inference.engine import OnnxRuntimeEngine
from medvision_desktop.modelkit.manifest import Manifest, Metric
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import (
    calibrate,
    card,
    card_tables,
    curves,
    fairness,
    gallery,
    measure,
    plots,
    predictions,
    sources,
)
from medvision_desktop.training.measure import Held, Judge
from medvision_desktop.training.metrics import Scores, Truth
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

REPORT: Final = "report.md"


@dataclass(frozen=True)
class Evaluation:
    """`metrics` over `images` of `people` groups. `known` of them are held-out images of its own card."""

    metrics: tuple[Metric, ...]
    images: int
    people: int
    known: int


def evaluate(
    package: ModelPackage,
    recipe: Recipe,
    data: Path,
    *,
    out: Path | None = None,
    report: Path | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Measure a package on every image of `data`, which is laid out as its recipe says.

    It uses the executed file, the calibration and the thresholds that the package has. `out` takes the
    predictions as CSV, `report` a folder: tables, pictures, subgroups, sources and the worst mistakes.
    Images that the package was trained on make the numbers too good: the package does not name them,
    so only the reader knows. Raises `InputRefused`, and `OSError` for what cannot be written.
    """
    manifest = package.manifest
    items = sources.read(replace(recipe, folder=".", at_most=0), data)
    if len({item.source for item in items}) > 1:
        items = tuple(
            replace(item, stratum=fairness.stratum(item.stratum, f"source {item.source}")) for item in items
        )
    judge = Judge(OnnxRuntimeEngine(package.executed()), manifest.preprocessing)
    softmax = manifest.task == card.SOFTMAX
    held = [Held(item, "test") for item in items if item.known]
    seen = measure.look(
        {"": judge}, held, len(manifest.labels), softmax=softmax, progress=progress, cancel=cancel
    )
    if out is not None:
        predictions.write(out, seen.predictions, manifest.labels)
    own = predictions.read(package.directory / "predictions.csv")
    known = len(set(own.sha256) & set(seen.predictions.sha256))
    found = card.measured(seen.predictions, package.calibration, manifest)
    evaluation = Evaluation(found, len(held), seen.predictions.people, known)
    if report is not None:
        _report(report, package, evaluation, seen.predictions)
        said = calibrate.probabilities(package.calibration, seen.predictions, softmax=softmax)
        thresholds = [threshold for _, threshold in manifest.thresholds]
        failures = gallery.worst(said, seen.predictions.truth, thresholds)
        gallery.write(report / gallery.FOLDER, failures, held, {"": judge}, manifest.labels)
    return evaluation


def _report(folder: Path, package: ModelPackage, found: Evaluation, seen: Predictions) -> None:
    """`report.md` with its picture, and every threshold of every label as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = replace(package.manifest, metrics=found.metrics)
    softmax = manifest.task == card.SOFTMAX
    said = calibrate.probabilities(package.calibration, seen, softmax=softmax)
    pictures = plots.figures(manifest, package.calibration, seen)
    if pictures is not None:
        (folder / plots.FILE).write_bytes(pictures)
    predictions.write(folder / "predictions.csv", seen, manifest.labels)
    _thresholds(folder / "thresholds.csv", manifest, said, seen)
    parts = [
        f"# {manifest.name} {manifest.version} on other images",
        (
            f"{found.images} images of {found.people} people or groups. {found.known} of them are held-out "
            "images of the package's own card. Images that it was trained on would flatter it."
        ),
        card_tables.numbers(manifest.metrics, several=len(manifest.labels) > 1),
        (card_tables.classes if softmax else card_tables.confusion)(manifest, seen, said),
        card_tables.levels(manifest, seen, said),
        "" if softmax else card_tables.strata(manifest, seen, said),
        card_tables.gaps(manifest, seen, said),
        f"![ROC, reliability, net benefit and confusion]({plots.FILE})" if pictures is not None else "",
    ]
    (folder / REPORT).write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _thresholds(path: Path, manifest: Manifest, said: Scores, seen: Predictions) -> None:
    """What each threshold would have meant, and its net benefit, of labels that have both answers."""
    head = ("label", "threshold", "called", "sensitivity", "specificity")
    more = ("positive_predictive", "negative_predictive", "net_benefit", "net_benefit_of_calling_everybody")
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow((*head, *more))
        for index, label in enumerate(manifest.labels):
            writer.writerows(_levels(label, said[:, index], seen.truth[:, index]))


def _levels(label: str, said: Scores, truth: Truth) -> Sequence[Sequence[object]]:
    benefits = curves.decision_curve(said, truth)
    points = curves.at_thresholds(said, truth, [row.threshold for row in benefits])
    return [
        (
            label,
            f"{point.threshold:.2f}",
            point.called,
            f"{point.sensitivity:.4f}",
            f"{point.specificity:.4f}",
            f"{point.positive_predictive:.4f}",
            f"{point.negative_predictive:.4f}",
            f"{benefit.model:.4f}",
            f"{benefit.everybody:.4f}",
        )
        for point, benefit in zip(points, benefits, strict=True)
    ]
