"""What lies inside of a label: how much, and which values of the image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Volume
from medvision_desktop.domain.labelmap import LabelMap


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
    counts = np.bincount(layer.values_kji.ravel(), minlength=256)
    return {
        segment.number: LabelStatistics(
            segment.number, int(counts[segment.number]), int(counts[segment.number]) * layer.voxel_ml
        )
        for segment in layer.segments
    }


def statistics_of(layer: LabelMap, volume: Volume) -> dict[int, LabelStatistics]:
    """Every label over an image. Each voxel of the map takes the image's value at its own centre.

    Where the grids agree that is the same voxel, else the nearest one.
    """
    found = volumes_of(layer)
    for segment in layer.segments:
        plain = found[segment.number]
        places = np.argwhere(layer.values_kji == segment.number)
        values = _values_at(places, layer, volume)
        if not values.size:
            continue
        found[segment.number] = LabelStatistics(
            segment.number,
            plain.voxels,
            plain.ml,
            counted=int(values.size),
            mean=float(values.mean()),
            sd=float(values.std(ddof=1)) if values.size > 1 else 0.0,
            smallest=float(values.min()),
            largest=float(values.max()),
            units=volume.units,
        )
    return found


def values_in(volume: Volume, layer: LabelMap, box: tuple[slice, slice, slice]) -> NDArray[np.float64]:
    """Modality values of the image at the voxels of a box of a map, NaN outside of the image and padding."""
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


def _values_at(places: NDArray[np.intp], layer: LabelMap, volume: Volume) -> NDArray[np.float64]:
    """Modality values at voxels of the map, those outside of the image and padding left out."""
    if not _same_grid(layer, volume):
        places = _places_in(places, layer, volume)
        places = places[np.all((places >= 0) & (places < np.asarray(volume.stored_kji.shape)), axis=1)]
    stored = volume.stored_kji[places[:, 0], places[:, 1], places[:, 2]].astype(np.float64)
    values = stored * volume.modality.slope + volume.modality.intercept
    if volume.padding is not None:
        low, high = volume.padding
        values = values[(values < low) | (values > high)]
    return values[np.isfinite(values)]
