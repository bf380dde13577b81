"""From volumes to what a 3D network eats, and its labels back: one module for training and inference.

A volume is turned to canonical axes (k towards the head, j to the back, i to the left), z-scored
inside of what is not background, and resampled to the model's spacing. Nothing is turned by other
than whole axes, so an oblique acquisition stays on its own grid.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine
from medvision_desktop.domain.image import Volume

VERSION: Final = "volumes-1"
# Of all channels together: a head of 1 mm is 16 million voxels.
MAX_VOXELS: Final = 24 << 20
_SAME_SPACING: Final = 0.03
_BACKGROUND_SHARE: Final = 0.02
_CLIP: Final = 6.0
_LPS_AXIS: Final = (2, 1, 0)  # the patient axis that k, j and i run along once canonical

Floats = NDArray[np.float32]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class VolumeSpec:
    """What a 3D network eats: `channels` by name, millimetres and window in the order (k, j, i).

    `patch` is the window that slides over larger volumes with `overlap` (share of its side); extents
    are padded to `multiple`. With `presence` a plane of ones or zeros follows for each channel and says
    whether it was given; a channel that was not is all zeros.
    """

    channels: tuple[str, ...]
    spacing_mm: tuple[float, float, float]
    patch: Shape
    overlap: float = 0.5
    multiple: int = 8
    presence: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be computed with."""
        if not 1 <= len(self.channels) <= 8 or len(set(self.channels)) != len(self.channels):
            raise ValueError("a network of volumes has one to eight channels of different names")
        if not all(0.2 <= value <= 10 for value in self.spacing_mm):
            raise ValueError("the spacing has three numbers from 0.2 to 10 mm")
        if not 1 <= self.multiple <= 64:
            raise ValueError("the multiple is 1 to 64")
        if not all(8 <= side <= 256 and side % self.multiple == 0 for side in self.patch):
            raise ValueError("the window's extents are multiples, from 8 to 256 voxels")
        if not 0 <= self.overlap < 1:
            raise ValueError("the overlap is a share below 1")

    @property
    def planes(self) -> int:
        """Channels of the network's input."""
        return len(self.channels) * (2 if self.presence else 1)


@dataclass(frozen=True, eq=False)
class NetworkVolume:
    """`channels`: (c, k, j, i) float32 on the model's grid; `present`: which of them were given.

    `affine_kji_to_lps`: of that grid.
    """

    channels: Floats
    present: tuple[bool, ...]
    affine_kji_to_lps: Affine

    def planes(self, spec: VolumeSpec) -> Floats:
        """(planes, k, j, i) float32: the channels, and what tells the network which are there."""
        return with_presence(self.channels, self.present) if spec.presence else self.channels


def with_presence(channels: Floats, present: tuple[bool, ...]) -> Floats:
    """(2c, k, j, i): channels, those that are not there as zeros, then a plane of 0 or 1 for each."""
    told = np.asarray(present, dtype=np.float32).reshape(-1, 1, 1, 1)
    return np.concatenate([channels * told, np.broadcast_to(told, channels.shape)], axis=0)


def canonical(values_kji: NDArray[Any], affine: Affine) -> tuple[NDArray[Any], Affine]:
    """The same voxels with axes nearest to head, back and left: a view, and its affine."""
    order, signs = _turn(affine)
    turned = np.transpose(values_kji, order)
    steps, origin = affine[:3, list(order)].copy(), affine[:3, 3].copy()
    for axis, sign in enumerate(signs):
        if sign < 0:
            turned = np.flip(turned, axis)
            origin += steps[:, axis] * (turned.shape[axis] - 1)
            steps[:, axis] *= -1
    found = np.eye(4)
    found[:3, :3], found[:3, 3] = steps, origin
    return turned, found


def _turn(affine: Affine) -> tuple[Shape, Shape]:
    """Of canonical axis n: which array axis it is, and whether it runs the other way (-1)."""
    steps = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    best = max(
        itertools.permutations(range(3)),
        key=lambda order: sum(abs(steps[_LPS_AXIS[n], order[n]]) for n in range(3)),
    )
    signs = [1 if steps[_LPS_AXIS[n], best[n]] >= 0 else -1 for n in range(3)]
    return (best[0], best[1], best[2]), (signs[0], signs[1], signs[2])


def inside(values: NDArray[Any]) -> NDArray[np.bool_]:
    """What is not background: differs from the most common corner, if much of the grid equals that."""
    corners = values[np.ix_(*((0, extent - 1) for extent in values.shape))].ravel()
    common, counts = np.unique(corners, return_counts=True)
    equal = values == common[np.argmax(counts)]
    found: NDArray[np.bool_] = ~equal if equal.mean() >= _BACKGROUND_SHARE else np.isfinite(values)
    return found


def z_scored(values: NDArray[Any]) -> Floats:
    """float32: z-score inside, clipped at 6, and 0 on the background. A flat image is all 0."""
    mask = inside(values) & np.isfinite(values)
    found = np.zeros(values.shape, dtype=np.float32)
    chosen = values[mask].astype(np.float64)
    if chosen.size and chosen.std() > 1e-9:
        found[mask] = np.clip((chosen - chosen.mean()) / chosen.std(), -_CLIP, _CLIP)
    return found


def target_grid(
    shape: Shape, affine: Affine, spacing_mm: tuple[float, float, float]
) -> tuple[Shape, Affine]:
    """The model's grid over a canonical one: the same box, another spacing.

    A spacing within 3 % counts as the same, so that ordinary images keep their own voxels.
    """
    own = np.linalg.norm(affine[:3, :3], axis=0)
    ratio = np.asarray(spacing_mm) / own
    ratio[np.abs(ratio - 1) <= _SAME_SPACING] = 1.0
    extents = np.maximum(1, np.rint(np.asarray(shape) / ratio)).astype(int)
    step = affine[:3, :3] * ratio
    found = np.eye(4)
    found[:3, :3] = step
    # Outer faces of both boxes meet, so the first centre moves by half the difference of a voxel.
    found[:3, 3] = affine[:3, 3] + affine[:3, :3] @ ((ratio - 1) / 2)
    return (int(extents[0]), int(extents[1]), int(extents[2])), found


def onto(
    values: NDArray[Any], affine: Affine, shape: Shape, grid: Affine, *, nearest: bool = False
) -> NDArray[Any]:
    """`values` sampled at the voxel centres of another grid by patient position; 0 outside.

    Linear, after a Gaussian of what a coarser grid cannot hold; `nearest` for labels.
    """
    from scipy import ndimage

    matrix = np.linalg.inv(affine) @ grid
    if values.shape == shape and np.allclose(matrix, np.eye(4), atol=1e-4):
        return values
    if nearest:
        return _nearest(values, matrix, shape)
    steps = np.linalg.norm(matrix[:3, :3], axis=1)
    sigma = [0.5 * float(np.sqrt(max(step * step - 1, 0))) for step in steps]
    smooth = ndimage.gaussian_filter(values, sigma, mode="nearest") if max(sigma) > 0.3 else values
    found: NDArray[Any] = ndimage.affine_transform(
        smooth, matrix[:3, :3], matrix[:3, 3], output_shape=shape, order=1, mode="constant"
    )
    # The outermost half voxel lies beyond the first and last centre: it takes their values.
    return _edged(smooth, matrix, found)


def _edged(values: NDArray[Any], matrix: Affine, found: NDArray[Any]) -> NDArray[Any]:
    """For grids with parallel axes, the values of the border in place of the zeros beyond it."""
    if not np.allclose(matrix[:3, :3], np.diag(np.diag(matrix[:3, :3])), atol=1e-6):
        return found
    from scipy import ndimage

    full: NDArray[Any] = ndimage.affine_transform(
        values,
        np.diag(matrix[:3, :3]),
        matrix[:3, 3],
        output_shape=found.shape,
        order=1,
        mode="nearest",
    )
    for axis, extent in enumerate(values.shape):
        place = matrix[axis, axis] * np.arange(found.shape[axis]) + matrix[axis, 3]
        beyond = (place < -0.5 - 1e-6) | (place > extent - 0.5 + 1e-6)
        np.moveaxis(full, axis, 0)[beyond] = 0
    return full


def _nearest(values: NDArray[Any], matrix: Affine, shape: Shape) -> NDArray[Any]:
    """Nearest neighbour by slabs, so that no array of coordinates of the whole grid is made."""
    found = np.zeros(shape, dtype=values.dtype)
    limits = np.asarray(values.shape).reshape(3, 1)
    rows, columns = np.indices(shape[1:], dtype=np.float64).reshape(2, -1)
    for k in range(shape[0]):
        place = matrix[:3, :3] @ np.stack([np.full(rows.shape, float(k)), rows, columns])
        index = np.floor(place + matrix[:3, 3:] + 0.5).astype(np.int64)
        inside_grid = np.all((index >= 0) & (index < limits), axis=0)
        slab = np.zeros(rows.shape, dtype=values.dtype)
        chosen = index[:, inside_grid]
        slab[inside_grid] = values[chosen[0], chosen[1], chosen[2]]
        found[k] = slab.reshape(shape[1:])
    return found


def network_input(volumes: Mapping[str, Volume], spec: VolumeSpec) -> NetworkVolume:
    """The channels of a network from volumes by channel name, on the grid of the first that is there.

    Raises `ValueError` when none is there or the grid would be too large.
    """
    given = [name for name in spec.channels if name in volumes]
    if not given:
        raise ValueError("none of the model's channels is there")
    first = volumes[given[0]]
    # A z-score is the same for stored and for modality values: their rescale has a positive slope.
    turned, affine = canonical(first.stored_kji, first.affine_kji_to_lps)
    shape, grid = target_grid(shape_of(turned), affine, spec.spacing_mm)
    if shape[0] * shape[1] * shape[2] * len(spec.channels) > MAX_VOXELS:
        raise ValueError("the volume is larger than the model takes")
    found = np.zeros((len(spec.channels), *shape), dtype=np.float32)
    for index, name in enumerate(spec.channels):
        if name in volumes:
            values, own = canonical(volumes[name].stored_kji, volumes[name].affine_kji_to_lps)
            found[index] = onto(z_scored(values), own, shape, grid)
    return NetworkVolume(found, tuple(name in volumes for name in spec.channels), grid)


def most_probable(shares: Floats, grid: Affine, shape: Shape, affine: Affine) -> NDArray[np.uint8]:
    """Labels on a source grid from probabilities (labels + 1, k, j, i) on the model's; 0 beyond it.

    Where both have the same voxels, whatever their order, each takes its own label. Else probabilities
    are brought over linearly and the largest wins, which keeps outlines smooth.
    """
    matrix = np.linalg.inv(grid) @ affine
    if np.allclose(matrix, np.rint(matrix), atol=1e-3):
        return np.array(onto(shares.argmax(axis=0).astype(np.uint8), grid, shape, affine, nearest=True))
    best = onto(shares[0], grid, shape, affine)
    labels = np.zeros(shape, dtype=np.uint8)
    for number in range(1, len(shares)):
        own = onto(shares[number], grid, shape, affine)
        larger = own > best
        labels[larger] = number
        best = np.maximum(best, own)
    return labels


def shape_of(values: NDArray[Any]) -> Shape:
    """The extents of a grid."""
    k, j, i = values.shape
    return int(k), int(j), int(i)
