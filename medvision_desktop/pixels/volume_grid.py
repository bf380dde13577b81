"""A volume on a grid along the patient's axes, small enough to render.

Planes may lie in any direction; a renderer wants boxes. What is rendered is never measured on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.image import Volume
from medvision_desktop.pixels import sampling
from medvision_desktop.pixels.reslice import stored_padding
from medvision_desktop.work import CancelToken

MOST_VOXELS: Final = 24_000_000
# LPS axes that slices, rows and columns of the grid run along, each towards its positive end.
_AXES: Final = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


@dataclass(frozen=True, eq=False)
class RenderGrid:
    """`stored_kji`: int16 or float32 (towards the head, the back, the left), in a volume's stored values.

    Outside of the volume its lowest value stands.
    """

    stored_kji: NDArray[Any]
    spacing_kji_mm: Vector3
    origin_lps_mm: Vector3

    @property
    def middle_lps_mm(self) -> Vector3:
        """The middle of the grid."""
        ends = (np.asarray(self.stored_kji.shape) - 1) / 2 * np.asarray(self.spacing_kji_mm)
        x, y, z = np.asarray(self.origin_lps_mm) + ends[::-1]
        return float(x), float(y), float(z)

    @property
    def longest_mm(self) -> float:
        """Length of its longest side."""
        return float(np.max(np.asarray(self.stored_kji.shape) * np.asarray(self.spacing_kji_mm)))


def grid_of(
    volume: Volume, *, most_voxels: int = MOST_VOXELS, cancel: CancelToken | None = None
) -> RenderGrid:
    """The volume resampled linearly, no finer than it is and within `most_voxels`. Raises `Cancelled`."""
    token = cancel or CancelToken()
    affine = np.asarray(volume.affine_kji_to_lps, np.float64)
    inverse = np.linalg.inv(affine)
    low, high = _reach(affine, volume.stored_kji.shape)
    # Along each patient axis the step of the voxels that run along it most.
    spacing = np.asarray([_step_along(affine, axis) for axis in range(3)])
    count = np.maximum(1, np.floor((high - low) / spacing + 1e-6) + 1)
    wider = max(1.0, float(np.prod(count) / most_voxels) ** (1 / 3))
    spacing = spacing * wider
    count = np.maximum(1, np.floor((high - low) / spacing + 1e-6) + 1).astype(int)
    stored = volume.stored_kji
    if not stored.dtype.isnative:
        stored = stored.astype(stored.dtype.newbyteorder("="))
    kind, outside = sampling.room_for_outside(stored)
    empty = float(stored.min()) if not np.isfinite(outside) else outside
    shape = (int(count[2]), int(count[1]), int(count[0]))
    found = np.empty(shape, kind)
    deep, down, right = (
        inverse[:3, :3] @ (np.asarray(axis) * spacing[2 - n]) for n, axis in enumerate(_AXES)
    )
    first = (inverse @ np.append(low, 1.0))[:3]
    padding = stored_padding(volume)
    for k in range(shape[0]):
        token.check()
        plane = sampling.sampled(
            stored, first + k * deep, (deep, down, right), (1, *shape[1:]), outside=empty, padding=padding
        )
        found[k] = np.rint(plane) if kind.kind == "i" else np.nan_to_num(plane, nan=empty)
    return RenderGrid(found, _vector(spacing[::-1]), _vector(low))


def _reach(affine: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Patient positions of the lowest and the highest voxel centres along each axis."""
    corners = np.asarray(
        [[k, j, i, 1.0] for k in (0, shape[0] - 1) for j in (0, shape[1] - 1) for i in (0, shape[2] - 1)]
    )
    placed = (corners @ affine.T)[:, :3]
    return placed.min(axis=0), placed.max(axis=0)


def _step_along(affine: NDArray[np.float64], axis: int) -> float:
    steps = affine[:3, :3]
    lengths = np.linalg.norm(steps, axis=0)
    return float(lengths[int(np.argmax(np.abs(steps[axis]) / lengths))])


def _vector(values: NDArray[np.float64]) -> Vector3:
    return float(values[0]), float(values[1]), float(values[2])
