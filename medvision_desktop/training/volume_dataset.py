"""Training volumes in memory: each through the preprocessing that inference uses, labels beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine
from medvision_desktop.domain.image import Volume
from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.volumes import (
    Floats,
    NetworkVolume,
    canonical,
    network_input,
    onto,
    shape_of,
)
from medvision_desktop.training import volume_sources
from medvision_desktop.training.volume_recipe import VolumeRecipe
from medvision_desktop.training.volume_sources import CaseFiles
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress


@dataclass(frozen=True, eq=False)
class Case:
    """`channels` (c, k, j, i) float32 and `labels` (k, j, i) uint8 on the model's grid.

    `sha256`: of the first channel's file. `foreground`: (n, 3) indices of some labelled voxels.
    `grid`: affine of the model's grid. `truth`: the expert's labels on their own grid, which is what a
    case is measured on. `synthetic`: made, not scanned; such a case is trained on only.
    """

    name: str
    group: str
    sha256: str
    channels: Floats
    present: tuple[bool, ...]
    labels: NDArray[np.uint8]
    foreground: NDArray[np.int64]
    grid: Affine
    truth: Volume | None = None
    synthetic: bool = False


def load(
    files: Sequence[CaseFiles],
    recipe: VolumeRecipe,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Case, ...]:
    """Read and prepare every case. Raises `InputRefused`, naming the case."""
    found = []
    for index, entry in enumerate(files):
        if cancel is not None:
            cancel.check()
        if index % 10 == 0:
            progress(Progress(index, len(files), "Reading volumes"))
        try:
            found.append(_case(entry, recipe))
        except InputRefused as error:
            raise InputRefused(f"The case {entry.name} cannot be used.", str(error)) from error
    return tuple(found)


def _case(entry: CaseFiles, recipe: VolumeRecipe) -> Case:
    given = {name: volume_sources.volume(path) for name, path in entry.channels}
    ready = network_input(given, recipe.spec)
    truth = volume_sources.volume(entry.labels)
    marks = volume_sources.label_values(truth, recipe)
    turned, affine = canonical(marks, truth.affine_kji_to_lps)
    labels = onto(turned, affine, shape_of(ready.channels[0]), ready.affine_kji_to_lps, nearest=True)
    digest = volume_sources.sha256(entry.channels[0][1])
    found = case(entry.name, entry.group, digest, ready, np.ascontiguousarray(labels))
    return replace(found, truth=Volume(marks, truth.affine_kji_to_lps.copy()))


def case(name: str, group: str, digest: str, ready: NetworkVolume, labels: NDArray[np.uint8]) -> Case:
    """A case with some of its labelled voxels listed, at most 4096, evenly."""
    places = np.argwhere(labels > 0)
    return Case(
        name,
        group,
        digest,
        np.ascontiguousarray(ready.channels),
        ready.present,
        labels,
        places[:: max(1, len(places) // 4096)],
        ready.affine_kji_to_lps,
    )
