"""From a network's volume to labels, each with its volume and how sure the network was inside of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine
from medvision_desktop.inference.volume_engine import VolumeEngine, logits_of, probabilities
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.modelkit.volumes import NetworkVolume, Shape, most_probable
from medvision_desktop.work import CancelToken, ProgressSink, no_progress


@dataclass(frozen=True, eq=False)
class Labelled:
    """`labels`: uint8 (k, j, i) on the source's grid. `confidence`: mean probability inside of each label.

    The confidence of a label that is nowhere is the largest probability it has anywhere.
    """

    labels: NDArray[np.uint8]
    confidence: tuple[float, ...]


def labelled(
    engine: VolumeEngine,
    ready: NetworkVolume,
    found: Segmentation,
    labels: Sequence[str],
    source: tuple[Shape, Affine],
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Labelled:
    """Run the network over a prepared volume and take the most probable label of each source voxel.

    `source`: extents and affine of the grid that the labels are wanted on.
    Raises `Cancelled`, and `ArithmeticError` when the network gives no numbers.
    """
    logits = logits_of(
        engine, ready.planes(found.spec), found, len(labels) + 1, progress=progress, cancel=cancel
    )
    if not np.isfinite(logits).all():
        raise ArithmeticError("the network gave no numbers")
    chosen = logits.argmax(axis=0).astype(np.uint8)
    shares = probabilities(logits)
    sure = []
    for number in range(1, len(labels) + 1):
        inside = chosen == number
        own = shares[number]
        sure.append(float(own[inside].mean()) if inside.any() else float(own.max()))
    there = most_probable(shares, ready.affine_kji_to_lps, *source)
    if found.smallest_ml:
        without_islands(there, source[1], found.smallest_ml)
    return Labelled(there, tuple(sure))


def without_islands(labels: NDArray[np.uint8], affine: Affine, smallest_ml: float) -> None:
    """Take away, in place, connected labelled voxels (six neighbours) of less than a volume together."""
    from scipy import ndimage

    islands, count = ndimage.label(labels > 0)
    if not count:
        return
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000.0
    volumes = np.bincount(islands.ravel()) * voxel_ml
    small = volumes < smallest_ml
    small[0] = False
    labels[small[islands]] = 0
