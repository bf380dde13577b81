"""Changing a label map: which voxels a brush touches, filling, and slices between slices. Pure functions.

A change is a box of voxels before and after, so that it can be taken back and done again.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine, Vector3

Labels = NDArray[np.uint8]
Box = tuple[slice, slice, slice]

# A voxel's face belongs to it on one side only, so that a stroke in a plane touches one slice.
_FACE: Final = 1e-6


@dataclass(frozen=True, eq=False)
class Patch:
    """Voxels of a box before and after a change."""

    box: Box
    before: Labels
    after: Labels

    @property
    def back(self) -> Patch:
        """The change that takes this one back."""
        return Patch(self.box, self.after, self.before)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was changed."""
        return bool(np.array_equal(self.before, self.after))


def apply(values: Labels, patch: Patch) -> None:
    """The voxels of the patch as they are after it, changed in place."""
    values[patch.box] = patch.after


@dataclass(frozen=True)
class Brush:
    """A disc of `radius_mm` in a plane of the patient, `normal` its unit normal."""

    radius_mm: float
    normal: Vector3


def touched(
    shape_kji: tuple[int, int, int], affine: Affine, brush: Brush, start: Vector3, end: Vector3
) -> tuple[Box, NDArray[np.bool_]] | None:
    """Voxels under a brush drawn from one patient position to another: a box and a mask; None outside.

    A voxel is touched when its centre lies under the disc and the plane of the stroke runs through
    it. A brush too small for any centre touches the voxel at `start`.
    """
    matrix = np.asarray(affine, dtype=np.float64)
    inverse = np.linalg.inv(matrix)
    normal = np.asarray(brush.normal)
    ends = np.asarray([start, end])
    # How far the indices change within a ball of the radius.
    reach = np.linalg.norm(inverse[:3, :3], axis=1) * brush.radius_mm + 1.0
    places = ends @ inverse[:3, :3].T + inverse[:3, 3]
    low = np.floor(places.min(axis=0) - reach).astype(int)
    high = np.ceil(places.max(axis=0) + reach).astype(int) + 1
    low, high = np.clip(low, 0, shape_kji), np.clip(high, 0, shape_kji)
    if np.any(low >= high):
        return None
    box = (
        slice(int(low[0]), int(high[0])),
        slice(int(low[1]), int(high[1])),
        slice(int(low[2]), int(high[2])),
    )
    k, j, i = np.ogrid[box]
    offset = [
        matrix[axis, 0] * k + matrix[axis, 1] * j + matrix[axis, 2] * i + matrix[axis, 3]
        for axis in range(3)
    ]
    from_start = [offset[axis] - ends[0, axis] for axis in range(3)]
    depth = sum(from_start[axis] * normal[axis] for axis in range(3))
    half = float(np.max(np.abs(matrix[:3, :3].T @ normal))) / 2
    inside = (depth >= -half - _FACE * half) & (depth < half - _FACE * half)
    mask = inside & (_distance_2(from_start, depth, ends[1] - ends[0], normal) <= brush.radius_mm**2)
    nearest = np.floor(places[0] + 0.5).astype(int) - low
    if not bool(mask.any()) and np.all(nearest >= 0) and np.all(nearest < high - low):
        mask[tuple(nearest)] = True
    return box, mask


def _distance_2(
    from_start: list[NDArray[np.float64]],
    depth: NDArray[np.float64],
    way: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Squared distance from the way of the stroke, within its plane."""
    flat = [from_start[axis] - depth * normal[axis] for axis in range(3)]
    length_2 = float(way @ way)
    share: NDArray[np.float64] | float = 0.0
    if length_2 > 0:
        share = np.clip(sum(flat[axis] * way[axis] for axis in range(3)) / length_2, 0.0, 1.0)
    return np.asarray(sum((flat[axis] - share * way[axis]) ** 2 for axis in range(3)))


def filled(labels: Labels, seed: tuple[int, int], number: int) -> Labels | None:
    """One slice with the region around a pixel made `number`; None where it is open to the slice's edge.

    The region is what is connected (by sides) and has the seed's own label. Only an enclosed region of
    background is filled: a gap in an outline must not turn the whole slice into a label.
    """
    import cv2

    # With a frame of one pixel around, as OpenCV wants it.
    framed = np.zeros((labels.shape[0] + 2, labels.shape[1] + 2), np.uint8)
    by_sides = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    cv2.floodFill(labels.copy(order="C"), framed, seed[::-1], 0, flags=by_sides)
    region = framed[1:-1, 1:-1] > 0
    if labels[seed] == 0:
        edge = np.zeros(region.shape, np.bool_)
        edge[[0, -1], :] = edge[:, [0, -1]] = True
        if bool(np.any(region & edge)):
            return None
    fresh = labels.copy()
    fresh[region] = number
    return fresh


def between_slices(values: Labels, number: int, axis: int) -> Patch | None:
    """The label in slices without it that lie between slices with it; None where there are none.

    Shape-based interpolation: signed distances to the outline are mixed linearly (Raya and Udupa 1990,
    doi:10.1109/42.52980). Voxels that have another label keep it.
    """
    holds = np.flatnonzero((values == number).any(axis=tuple(one for one in range(3) if one != axis)))
    gaps = [(int(a), int(b)) for a, b in itertools.pairwise(holds) if b - a > 1]
    if not gaps:
        return None
    turned = np.moveaxis(values, axis, 0)
    rows, columns = _extent(turned, number)
    first, last = gaps[0][0] + 1, gaps[-1][1]
    fresh = turned[first:last, rows, columns].copy()
    for below, above in gaps:
        ends = [_signed(turned[k, rows, columns] == number) for k in (below, above)]
        for k in range(below + 1, above):
            share = (k - below) / (above - below)
            inside = (1 - share) * ends[0] + share * ends[1] > 0
            part = fresh[k - first]
            part[inside & (part == 0)] = number
    box = [slice(0, 0)] * 3
    order = [axis, *(one for one in range(3) if one != axis)]
    for place, part_of in zip(order, (slice(first, last), rows, columns), strict=True):
        box[place] = part_of
    whole: Box = (box[0], box[1], box[2])
    patch = Patch(whole, values[whole].copy(), np.ascontiguousarray(np.moveaxis(fresh, 0, axis)))
    return None if patch.is_empty else patch


def _extent(turned: Labels, number: int) -> tuple[slice, slice]:
    flat = (turned == number).any(axis=0)
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _signed(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance to the outline in pixels, positive inside; the outline lies half a pixel from centres."""
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(mask, 1)
    inside = distance_transform_edt(padded) - 0.5
    outside = distance_transform_edt(~padded) - 0.5
    return np.asarray(np.where(padded, inside, -outside)[1:-1, 1:-1])
