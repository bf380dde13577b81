"""Orthogonal planes of a volume, in the radiological convention.

Axial is seen from the feet (patient's right on the left, front on top), coronal from the front,
sagittal from the left (front on the left). A plane follows the volume's own grid, so nothing is
interpolated; where the grid is oblique so is the plane, and its letters say so. A slab takes the mean,
the largest or the smallest value of the planes around one of them.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import (
    PixelSpacing,
    Plane,
    PlaneGeometry,
    SpacingSource,
    Vector3,
)
from medvision_desktop.domain.image import Frame, Volume

ROUGH_BADGE: Final = "Coarse until still"
# More voxels than this each would hold the window for too long, as three planes may go through a slab at
# once. Where a slab is stepped through along the rows of memory, which is dearer, it may take fewer.
_QUICK_VOXELS: Final = 12_000_000
_QUICK_VOXELS_ALONG_ROWS: Final = 4_000_000
_COARSEST: Final = 8

# For each plane the LPS axis and sense that it is stepped through, that runs down, and that runs right.
# Stepping follows the normal (right x down), as frames of a stack are sorted.
_LAYOUT: Final[Mapping[Plane, tuple[tuple[int, int], ...]]] = {
    Plane.AXIAL: ((2, +1), (1, +1), (0, +1)),
    Plane.CORONAL: ((1, +1), (2, -1), (0, +1)),
    Plane.SAGITTAL: ((0, -1), (2, -1), (1, +1)),
}
_SHEARED: Final = "sheared grid drawn with right angles"


class SlabMode(Enum):
    """How the planes of a slab become one image. `THIN` is one plane."""

    THIN = "Thin"
    MEAN = "Mean"
    MIP = "MIP"
    MINIP = "MinIP"


@dataclass(frozen=True)
class Slab:
    """A slab around a plane. `thickness_mm` is what the reader wants; it is met in whole planes."""

    mode: SlabMode = SlabMode.THIN
    thickness_mm: float = 0.0

    def planes(self, spacing_mm: float) -> int:
        """How many planes it takes, at least one, always an odd number: the same on both sides."""
        if self.mode is SlabMode.THIN:
            return 1
        return 1 + 2 * max(0, round((self.thickness_mm / spacing_mm - 1) / 2))


class PlaneStack:
    """All planes of one kind through a volume.

    Index 0 is the lowest along the plane's normal: the feet for axial, the front for coronal, the
    patient's left for sagittal. `is_quick`: a slab that would take long is gathered at every second or
    further pixel, and says so.
    """

    def __init__(
        self, volume: Volume, plane: Plane, slab: Slab = Slab(), *, is_quick: bool = False
    ) -> None:
        self.volume = volume
        self.plane = plane
        self.slab = slab
        self.is_quick = is_quick
        axis_of = _nearest_axes(volume.affine_kji_to_lps)
        wanted = _LAYOUT[plane]
        axes = tuple(axis_of[lps] for lps, _ in wanted)
        self._grid = np.transpose(volume.stored_kji, axes)
        affine = np.asarray(volume.affine_kji_to_lps, dtype=np.float64)
        affine = affine[:, (*axes, 3)]
        for position, (lps, sense) in enumerate(wanted):
            if affine[lps, position] * sense < 0:
                affine = affine @ _reversal(position, self._grid.shape[position])
                self._grid = np.flip(self._grid, position)
        self._affine = affine
        self._inverse = np.linalg.inv(affine)
        self._spacing = PixelSpacing(self._step(1), self._step(2), SpacingSource.PATIENT)
        self._corner = MappingProxyType({**volume.corner, "plane": plane.value})
        self._padding = stored_padding(volume)

    @property
    def count(self) -> int:
        """How many planes there are."""
        return int(self._grid.shape[0])

    @property
    def spacing_mm(self) -> float:
        """Distance from one plane's centre to the next."""
        return self._step(0)

    def with_slab(self, slab: Slab) -> PlaneStack:
        """The same planes, each seen through a slab."""
        other = copy.copy(self)
        other.slab = slab
        return other

    def with_care(self) -> PlaneStack:
        """The same planes with every pixel gathered, however long that takes."""
        other = copy.copy(self)
        other.is_quick = False
        return other

    @property
    def slab_mm(self) -> float:
        """How thick the slab is in truth: its planes times their distance."""
        return self.slab.planes(self.spacing_mm) * self.spacing_mm

    @property
    def stride(self) -> int:
        """Every how many-th pixel of a slab is gathered: 1 unless time is short."""
        count, rows, columns = self._grid.shape
        planes = min(count, self.slab.planes(self.spacing_mm))
        steps = [abs(step) for step in self._grid.strides]
        most = _QUICK_VOXELS_ALONG_ROWS if steps[0] == min(steps) else _QUICK_VOXELS
        if not self.is_quick or planes == 1 or planes * rows * columns <= most:
            return 1
        return min(_COARSEST, math.ceil(math.sqrt(planes * rows * columns / most)))

    def frame(self, index: int) -> Frame:
        """Plane `index` as a frame of the volume's stored values and its rescale, through the slab.

        A slab is thinner near the ends of the volume, where planes are missing. A mean is float32.

        `geometry` is None where the grid is sheared, because then rows and columns are not at
        right angles. Raises `IndexError` outside 0..count - 1.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"plane {index} of {self.count}")
        stored = self._through_slab(index)
        geometry = self._geometry(index)
        return Frame(
            stored=stored,
            bits_stored=stored.dtype.itemsize * 8,
            signed=stored.dtype.kind != "u",
            modality=self.volume.modality,
            units=self.volume.units,
            voi=self.volume.voi,
            real=self.volume.real,
            padding=self._padding,
            geometry=geometry,
            spacing=self._spacing,
            pixel_aspect=self._spacing.row_mm / self._spacing.column_mm,
            frame_number=index + 1,
            badges=(*self.volume.badges, *((ROUGH_BADGE,) if self.stride > 1 else ())),
            not_faithful=(*self.volume.not_faithful, *(() if geometry is not None else (_SHEARED,))),
            corner=self._corner_of_slab(),
        )

    def _through_slab(self, index: int) -> NDArray[Any]:
        half = self.slab.planes(self.spacing_mm) // 2
        planes = self._grid[max(0, index - half) : index + half + 1]
        if half == 0 or self.slab.mode is SlabMode.THIN:
            return np.ascontiguousarray(self._grid[index])
        stride = self.stride
        first = (stride - 1) // 2
        found = _gathered(planes[:, first::stride, first::stride], self.slab.mode)
        if stride > 1:
            found = found.repeat(stride, 0).repeat(stride, 1)
            rows, columns = self._grid.shape[1:]
            # Where the last step reaches beyond the edge, the last pixel stands for what is left.
            beyond = ((0, max(0, rows - found.shape[0])), (0, max(0, columns - found.shape[1])))
            found = np.pad(found, beyond, "edge")[:rows, :columns]
        return np.ascontiguousarray(found)

    def _corner_of_slab(self) -> Mapping[str, str]:
        if self.slab.planes(self.spacing_mm) == 1:
            return self._corner
        return MappingProxyType({**self._corner, "slab": f"{self.slab.mode.value} {self.slab_mm:.1f} mm"})

    def index_at(self, point_lps_mm: Vector3) -> int:
        """The plane nearest to a patient position; the first or last for positions beyond."""
        return min(self.count - 1, max(0, round(self.indices_at(point_lps_mm)[0])))

    def indices_at(self, point_lps_mm: Vector3) -> tuple[float, float, float]:
        """Fractional (plane, row, column) of a patient position; may lie outside the volume."""
        found = self._inverse @ np.asarray([*point_lps_mm, 1.0])
        return float(found[0]), float(found[1]), float(found[2])

    def point_lps_mm(self, index: float, row: float, column: float) -> Vector3:
        """Patient position of a fractional (plane, row, column)."""
        found = self._affine @ np.asarray([index, row, column, 1.0])
        return float(found[0]), float(found[1]), float(found[2])

    def position_mm(self, index: int) -> float:
        """Signed distance of a plane from the origin of the patient's frame, along the normal."""
        return float(np.asarray(self.point_lps_mm(index, 0, 0)) @ np.asarray(self.frame_directions()[2]))

    def frame_directions(self) -> tuple[Vector3, Vector3, Vector3]:
        """Unit vectors to the right, down, and along the normal."""
        right, down = self._direction(2), self._direction(1)
        normal = np.cross(right, down)
        normal /= np.linalg.norm(normal)
        return _vector(right), _vector(down), _vector(normal)

    def _step(self, axis: int) -> float:
        return float(np.linalg.norm(self._affine[:3, axis]))

    def _direction(self, axis: int) -> NDArray[np.float64]:
        return np.asarray(self._affine[:3, axis] / self._step(axis))

    def _geometry(self, index: int) -> PlaneGeometry | None:
        right, down = self._direction(2), self._direction(1)
        if abs(float(right @ down)) > 1e-3:
            return None
        return PlaneGeometry(
            origin_lps_mm=self.point_lps_mm(index, 0, 0),
            row_lps=_vector(right),
            column_lps=_vector(down),
            spacing=self._spacing,
            frame_of_reference=self.volume.frame_of_reference,
        )


def _gathered(planes: NDArray[Any], mode: SlabMode) -> NDArray[Any]:
    """(planes, rows, columns) along the planes: their mean in float32, their largest or smallest value."""
    # Along memory, not against it, which would take several times as long.
    senses = tuple(slice(None, None, -1 if step < 0 else 1) for step in planes.strides)
    along = planes[senses]
    found: NDArray[Any]
    if mode is SlabMode.MEAN:
        found = np.einsum("ijk->jk", along, dtype=np.float32, casting="unsafe") / np.float32(len(along))
    else:
        found = along.max(axis=0) if mode is SlabMode.MIP else along.min(axis=0)
    return found[senses[1:]]


def planes_of(volume: Volume) -> Mapping[Plane, PlaneStack]:
    """The three stacks of a volume."""
    return {plane: PlaneStack(volume, plane) for plane in Plane}


def stored_padding(volume: Volume) -> tuple[float, float] | None:
    """The volume's padding, which is in modality values, as stored values."""
    if volume.padding is None:
        return None
    slope, intercept = volume.modality.slope, volume.modality.intercept
    low, high = ((end - intercept) / slope for end in volume.padding)
    return low, high


def _nearest_axes(affine: NDArray[Any]) -> tuple[int, int, int]:
    """For each of L, P, H the array axis that runs most along it, each axis used once."""
    linear = np.abs(np.asarray(affine, dtype=np.float64)[:3, :3])
    linear = linear / np.linalg.norm(linear, axis=0)
    first, second, third = max(
        itertools.permutations(range(3)),
        key=lambda axes: float(sum(linear[lps, axis] for lps, axis in enumerate(axes))),
    )
    return first, second, third


def _vector(values: NDArray[np.float64]) -> Vector3:
    return float(values[0]), float(values[1]), float(values[2])


def _reversal(position: int, count: int) -> NDArray[np.float64]:
    """4x4 that counts one array axis from its other end."""
    matrix = np.eye(4)
    matrix[position, position] = -1
    matrix[position, 3] = count - 1
    return matrix
