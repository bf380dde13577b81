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


def _values_at(places: NDArray[np.intp], layer: LabelMap, volume: Volume) -> NDArray[np.float64]:
    """Modality values at voxels of the map, those outside of the image and padding left out."""
    shape = volume.stored_kji.shape
    same = shape == layer.values_kji.shape and np.allclose(
        volume.affine_kji_to_lps, layer.affine_kji_to_lps, atol=1e-3
    )
    if not same:
        across = np.linalg.inv(volume.affine_kji_to_lps) @ layer.affine_kji_to_lps
        there = places @ across[:3, :3].T + across[:3, 3]
        places = np.floor(there + 0.5 + 1e-6).astype(np.intp)
        places = places[np.all((places >= 0) & (places < np.asarray(shape)), axis=1)]
    stored = volume.stored_kji[places[:, 0], places[:, 1], places[:, 2]].astype(np.float64)
    values = stored * volume.modality.slope + volume.modality.intercept
    if volume.padding is not None:
        low, high = volume.padding
        values = values[(values < low) | (values > high)]
    return values[np.isfinite(values)]
