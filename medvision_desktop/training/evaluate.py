"""A package measured on images that somebody has: the same numbers as on its card, on their data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from medvision_desktop.inference.engine import OnnxRuntimeEngine
from medvision_desktop.modelkit.manifest import Metric
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import card, measure, predictions, sources
from medvision_desktop.training.measure import Held, Judge
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, ProgressSink, no_progress


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
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Measure a package on every image of `data`, which is laid out as its recipe says.

    It uses the executed file, the calibration and the thresholds that the package has. `out` takes the
    predictions as CSV. Images that the package was trained on make the numbers too good: the package
    does not name them, so only the reader knows. Raises `InputRefused`.
    """
    manifest = package.manifest
    items = sources.read(replace(recipe, folder="."), data)
    judge = Judge(OnnxRuntimeEngine(package.executed()), manifest.preprocessing)
    softmax = manifest.task == card.SOFTMAX
    held = [Held(item, "test") for item in items]
    seen = measure.look(
        {"": judge}, held, len(manifest.labels), softmax=softmax, progress=progress, cancel=cancel
    )
    if out is not None:
        predictions.write(out, seen.predictions, manifest.labels)
    own = predictions.read(package.directory / "predictions.csv")
    known = len(set(own.sha256) & set(seen.predictions.sha256))
    found = card.measured(seen.predictions, package.calibration, manifest)
    return Evaluation(found, len(items), seen.predictions.people, known)
