"""How well a label map agrees with an expert's: Dice, Hausdorff distance, volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """Of one label in one case; volumes in millilitres.

    `dice` is 1 and `hd95_mm` 0 where neither has it; where only one has it, they are 0 and nan.
    """

    dice: float
    hd95_mm: float
    volume_ml: float
    truth_ml: float


def agreement(found: Mask, truth: Mask, spacing_mm: Sequence[float]) -> Agreement:
    """Numbers of a mask against the expert's, both (k, j, i) with millimetres in that order."""
    voxel = float(np.prod(spacing_mm)) / 1000.0
    return Agreement(
        dice(found, truth),
        hd95(found, truth, spacing_mm),
        int(found.sum()) * voxel,
        int(truth.sum()) * voxel,
    )


def dice(found: Mask, truth: Mask) -> float:
    """Twice the overlap over the sum of both (Dice 1945); 1 where both are empty."""
    total = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / total if total else 1.0


def hd95(found: Mask, truth: Mask, spacing_mm: Sequence[float]) -> float:
    """The larger of the two 95th percentiles of distances between surfaces, in millimetres.

    A surface is the voxels of a mask that touch what is outside (six neighbours). The larger of both
    directions, as MONAI computes it. 0 where both masks are empty, nan where one is.
    """
    if not found.any() and not truth.any():
        return 0.0
    if not found.any() or not truth.any():
        return float("nan")
    from scipy import ndimage

    box = ndimage.find_objects((found | truth).astype(np.uint8))[0]
    edges = [_edge(mask[box]) for mask in (found, truth)]
    distances = [
        ndimage.distance_transform_edt(~edges[1 - index], sampling=spacing_mm)[edges[index]]
        for index in range(2)
    ]
    return max(float(np.percentile(values, 95)) for values in distances)


def _edge(mask: Mask) -> Mask:
    from scipy import ndimage

    inner: Mask = ndimage.binary_erosion(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    found: Mask = mask & ~inner
    return found
