"""Parametric maps on any plane: values between their voxels, and colours that a bar explains.

Values are interpolated linearly, also from slice to slice. Where a value is missing nothing is drawn,
and a missing neighbour has no say.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine
from medvision_desktop.pixels import colour_maps
from medvision_desktop.pixels.patient_grid import Indices, PatientGrid, indices_of

# Even steps look even in Viridis; the others are those of PS3.6 and of the menu of images. `inferno` is
# kept for model attention.
_VIRIDIS: Final = "Viridis"
_OF_IMAGES: Final = {each.name: each.id for each in colour_maps.COLOUR_MAPS if each.id}
COLOUR_MAPS: Final = (_VIRIDIS, *_OF_IMAGES)
# The largest number of points that is interpolated one by one without keeping a reader waiting.
OBLIQUE_POINTS: Final = 90_000

Values = NDArray[np.float32]


def values_on(values_kji: Values, affine_kji_to_lps: Affine, picture: PatientGrid) -> Values:
    """Values under each point of a picture, float32 (rows, columns); NaN outside and where missing."""
    indices = indices_of(affine_kji_to_lps, picture)
    return _aligned(values_kji, indices) if indices.is_aligned else _oblique(values_kji, indices)


def _aligned(values: Values, indices: Indices) -> Values:
    nothing = np.full((indices.rows, indices.columns), np.nan, np.float32)
    down, right = indices.axis_of()
    # One axis after the other: what does not move first, so that little is left to interpolate.
    still = [axis for axis in range(3) if axis not in (down, right)]
    order = (*still, *(axis for axis in (down, right) if axis is not None))
    taken = {}
    for axis in order:
        places = indices.fractional(axis, along_rows=axis != right)
        found = _between(places[:1] if axis in still else places, values.shape[axis])
        if found is None:
            return nothing
        taken[axis] = found
    part = values
    for axis in order:  # only what the picture shows is copied
        below, share, inside = taken[axis]
        first, last = int(below.min()), min(int(below.max()) + 2, values.shape[axis])
        part = part[tuple(slice(first, last) if one == axis else slice(None) for one in range(3))]
        taken[axis] = (below - first, share, inside)
    known = np.isfinite(part)
    plane, weight = np.where(known, part, np.float32(0)), known.astype(np.float32)
    for axis in order:
        plane, weight = (_mixed(one, axis, *taken[axis]) for one in (plane, weight))
    shape = tuple(plane.shape[axis] if axis is not None else 1 for axis in (down, right))
    plane, weight = (np.transpose(one, order).reshape(shape) for one in (plane, weight))
    whole = np.broadcast_to(_divided(plane, weight), (indices.rows, indices.columns))
    return np.ascontiguousarray(whole, dtype=np.float32)


def _between(
    places: NDArray[np.float64], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.bool_]] | None:
    """The voxel below each place, the share of the next one, and whether the place is in the grid."""
    inside = (places >= -0.5 - 1e-6) & (places <= count - 0.5 + 1e-6)
    if not bool(inside.any()):
        return None
    held = np.clip(places, 0, count - 1)
    below = np.minimum(np.floor(held).astype(np.intp), max(0, count - 2))
    return below, (held - below).astype(np.float32), inside


def _mixed(
    array: NDArray[np.float32],
    axis: int,
    below: NDArray[np.intp],
    share: NDArray[np.float32],
    inside: NDArray[np.bool_],
) -> NDArray[np.float32]:
    shape = [1, 1, 1]
    shape[axis] = len(below)
    above = np.minimum(below + 1, array.shape[axis] - 1)
    first = ((1 - share) * inside).reshape(shape)
    second = (share * inside).reshape(shape)
    mixed = array.take(below, axis=axis) * first
    if bool(np.any(share)):
        mixed = mixed + array.take(above, axis=axis) * second
    return np.asarray(mixed, np.float32)


def _divided(total: NDArray[np.float32], weight: NDArray[np.float32]) -> Values:
    """Weighted means; missing where less than half of the weight is that of a value."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight >= 0.5 - 1e-6, total / weight, np.nan).astype(np.float32)


def _oblique(values: Values, indices: Indices) -> Values:
    rows, columns = np.arange(indices.rows)[:, None], np.arange(indices.columns)[None, :]
    inside = np.ones((indices.rows, indices.columns), np.bool_)
    below: list[NDArray[np.intp]] = []
    share: list[NDArray[np.float32]] = []
    for axis in range(3):
        places = indices.start[axis] + indices.down[axis] * rows + indices.right[axis] * columns
        count = values.shape[axis]
        inside &= (places >= -0.5 - 1e-6) & (places <= count - 0.5 + 1e-6)
        held = np.clip(places, 0, count - 1)
        low = np.minimum(np.floor(held).astype(np.intp), max(0, count - 2))
        below.append(low)
        share.append((held - low).astype(np.float32))
    total, weight = (np.zeros(inside.shape, np.float32) for _ in range(2))
    for corner in itertools.product((0, 1), repeat=3):
        part = np.ones(inside.shape, np.float32)
        place = []
        for axis, up in enumerate(corner):
            part *= share[axis] if up else 1 - share[axis]
            place.append(np.minimum(below[axis] + up, values.shape[axis] - 1))
        value = values[place[0], place[1], place[2]]
        has = np.isfinite(value)
        total += np.where(has, value, 0) * part
        weight += has * part
    found = _divided(total, weight)
    found[~inside] = np.nan
    return found


def argb_of(
    values: Values, shown: tuple[float, float], colour_map: str, opacity: float
) -> NDArray[np.uint32]:
    """Values as premultiplied ARGB (0xAARRGGBB); missing is clear, beyond has an end's colour."""
    low, high = shown
    level = (values - np.float32(low)) * np.float32(255.0 / (high - low if high > low else 1.0))
    index = np.clip(np.nan_to_num(level, nan=0.0), 0, 255).astype(np.uint8)
    picture: NDArray[np.uint32] = _packed(colour_map, round(min(max(opacity, 0.0), 1.0) * 255)).take(index)
    picture[np.isnan(values)] = 0
    return picture


def colour_bar(colour_map: str, length: int) -> NDArray[np.uint8]:
    """The colours from low to high for a legend: length x 3, RGB."""
    return table(colour_map)[np.rint(np.linspace(0, 255, length)).astype(np.uint8)]


@cache
def table(colour_map: str) -> NDArray[np.uint8]:
    """256x3 RGB of one of `COLOUR_MAPS`."""
    if colour_map != _VIRIDIS:
        return colour_maps.table(_OF_IMAGES[colour_map])
    import cv2

    steps = np.arange(256, dtype=np.uint8)[:, None]
    drawn = cv2.applyColorMap(steps, cv2.COLORMAP_VIRIDIS)[:, 0, ::-1]
    found: NDArray[np.uint8] = np.array(drawn, np.uint8)
    found.setflags(write=False)
    return found


@cache
def _packed(colour_map: str, alpha: int) -> NDArray[np.uint32]:
    colours = (table(colour_map).astype(np.uint32) * alpha + 127) // 255
    packed: NDArray[np.uint32] = (
        np.uint32(alpha << 24) | (colours[:, 0] << 16) | (colours[:, 1] << 8) | colours[:, 2]
    ).astype(np.uint32)
    return packed
