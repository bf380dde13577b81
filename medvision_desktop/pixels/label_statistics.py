"""What lies inside of a label: how much, and which values of the image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Volume
from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.work import CancelToken

_NUMBERS: Final = 256


@dataclass(frozen=True)
class LabelStatistics:
    """One label. `ml`: its voxels times the volume of one. The rest is of modality values inside.

    `counted`: voxels that have a value of the image, padding left out; with none the rest is NaN.
    `sd` is that of a sample (n - 1).
    """

    number: int
    voxels: int
    ml: float
    counted: int = 0
    mean: float = math.nan
    sd: float = math.nan
    smallest: float = math.nan
    largest: float = math.nan
    units: str = ""


def volumes_of(layer: LabelMap) -> dict[int, LabelStatistics]:
    """How much there is of every label, without an image."""
    counts = np.zeros(_NUMBERS, np.int64)
    for part in layer.values_kji:
        counts += np.bincount(part.ravel(), minlength=_NUMBERS)
    return {
        one.number: LabelStatistics(
            one.number, int(counts[one.number]), int(counts[one.number]) * layer.voxel_ml
        )
        for one in layer.segments
    }


def statistics_of(
    layer: LabelMap, volume: Volume, cancel: CancelToken | None = None
) -> dict[int, LabelStatistics]:
    """Every label over an image. Each voxel of the map takes the image's value at its own centre.

    Where the grids agree that is the same voxel, else the nearest one. Two passes, slice by slice: the
    mean first, then the squares of what is left, which loses no digits. Raises `Cancelled`.
    """
    counts, sums, squares = (np.zeros(_NUMBERS) for _ in range(3))
    low, high = np.full(_NUMBERS, np.inf), np.full(_NUMBERS, -np.inf)
    for labels, values in _by_slices(layer, volume, cancel):
        counts += np.bincount(labels, minlength=_NUMBERS)
        sums += np.bincount(labels, values, minlength=_NUMBERS)
        np.minimum.at(low, labels, values)
        np.maximum.at(high, labels, values)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
    for labels, values in _by_slices(layer, volume, cancel):
        squares += np.bincount(labels, (values - means[labels]) ** 2, minlength=_NUMBERS)
    found = volumes_of(layer)
    for number, plain in found.items():
        counted = int(counts[number])
        if counted:
            found[number] = LabelStatistics(
                number,
                plain.voxels,
                plain.ml,
                counted=counted,
                mean=float(means[number]),
                sd=math.sqrt(float(squares[number]) / (counted - 1)) if counted > 1 else 0.0,
                smallest=float(low[number]),
                largest=float(high[number]),
                units=volume.units,
            )
    return found


def _by_slices(
    layer: LabelMap, volume: Volume, cancel: CancelToken | None
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
    """Labels and modality values of the voxels that have both, a slice of the map at a time."""
    for k, part in enumerate(layer.values_kji):
        if cancel is not None:
            cancel.check()
        if not part.any():
            continue
        rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        row = slice(int(rows[0]), int(rows[-1]) + 1)
        column = slice(int(columns[0]), int(columns[-1]) + 1)
        values = values_in(volume, layer, (slice(k, k + 1), row, column))[0]
        labels = part[row, column]
        both = (labels > 0) & np.isfinite(values)
        yield labels[both], values[both]


def values_in(volume: Volume, layer: LabelMap, box: tuple[slice, slice, slice]) -> NDArray[np.float64]:
    """Modality values of the image at voxels of a box of a map; NaN outside of the image and in padding."""
    if _same_grid(layer, volume):
        stored = volume.stored_kji[box].astype(np.float64)
        inside = np.ones(stored.shape, np.bool_)
    else:
        sides = tuple(part.stop - part.start for part in box)
        places = np.moveaxis(np.asarray(np.mgrid[box], np.intp), 0, -1).reshape(-1, 3)
        there = _places_in(places, layer, volume)
        inside = np.all((there >= 0) & (there < np.asarray(volume.stored_kji.shape)), axis=1)
        there[~inside] = 0
        stored = volume.stored_kji[there[:, 0], there[:, 1], there[:, 2]].astype(np.float64).reshape(sides)
        inside = inside.reshape(sides)
    values = stored * volume.modality.slope + volume.modality.intercept
    if volume.padding is not None:
        inside &= (values < volume.padding[0]) | (values > volume.padding[1])
    return np.where(inside, values, np.nan)


def _same_grid(layer: LabelMap, volume: Volume) -> bool:
    same = volume.stored_kji.shape == layer.values_kji.shape
    return same and bool(np.allclose(volume.affine_kji_to_lps, layer.affine_kji_to_lps, atol=1e-3))


def _places_in(places: NDArray[np.intp], layer: LabelMap, volume: Volume) -> NDArray[np.intp]:
    """The voxels of the image nearest to voxels (n, 3) of the map."""
    across = np.linalg.inv(volume.affine_kji_to_lps) @ layer.affine_kji_to_lps
    there = places @ across[:3, :3].T + across[:3, 3]
    return np.asarray(np.floor(there + 0.5 + 1e-6), dtype=np.intp)
