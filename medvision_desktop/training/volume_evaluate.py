"""A package of volumes measured on images that somebody has, with the same numbers as on its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from medvision_desktop.errors import InputRefused
from medvision_desktop.inference.segment import labelled
from medvision_desktop.inference.volume_engine import OnnxVolumes
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import volume_dataset, volume_package, volume_sources
from medvision_desktop.training import volume_predictions as predictions
from medvision_desktop.training.evaluate import Evaluation
from medvision_desktop.training.volume_predictions import Row
from medvision_desktop.training.volume_recipe import VolumeRecipe
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress


def evaluate(
    package: ModelPackage,
    recipe: VolumeRecipe,
    data: Path,
    *,
    out: Path | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Evaluation:
    """Measure the executed file on every case of `data`, which is laid out as the recipe says.

    `out` takes the numbers of each image and label as CSV. Raises `InputRefused`, and `OSError` for what
    cannot be written.
    """
    manifest, found = package.manifest, package.manifest.segmentation
    if found is None:
        raise InputRefused("The recipe and the model do not fit.", f"{manifest.name} makes no label map.")
    files = volume_sources.read(replace(recipe, folder="."), data)
    engine = OnnxVolumes(package.executed())
    rows: list[Row] = []
    for done, entry in enumerate(files):
        (case,) = volume_dataset.load([entry], recipe, cancel=cancel)
        progress(Progress(done, len(files), "Judging volumes"))
        said = labelled(
            engine,
            volume_package.ready(case),
            found,
            manifest.labels,
            volume_package.wanted_grid(case),
            cancel=cancel,
        )
        rows += volume_package.rows_of(case, said, found, manifest.labels)
    if out is not None:
        predictions.write(out, rows)
    own = predictions.read(package.directory / "predictions.csv")
    images = {row.sha256 for row in rows}
    return Evaluation(
        predictions.measured(rows, manifest.labels, [name for name, _ in found.sums]),
        len(files),
        len({row.person for row in rows}),
        len(images & {row.sha256 for row in own}),
    )
