"""A picture's grid in the patient, and the voxels of another grid that lie under it.

A frame, a plane of a volume and the pixels of a pane are all rows and columns of points in the
patient. What lies over an image is looked up from there, whatever grid it has itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine, PlaneGeometry, Vector3
from medvision_desktop.pixels.viewport import Viewport, ViewTransform

# Steps across a whole picture smaller than this part of a voxel are rounding.
_STILL: Final = 1e-3
# A point on the edge of two voxels belongs to the later one, also after rounding.
_EDGE: Final = 1e-6


@dataclass(frozen=True)
class PatientGrid:
    """Points origin + row * down + column * right, in LPS millimetres."""

    origin_lps_mm: Vector3
    down_mm: Vector3
    right_mm: Vector3
    rows: int
    columns: int

    def point_lps_mm(self, row: float, column: float) -> Vector3:
        """Patient position of a fractional pixel index."""
        found = (
            np.asarray(self.origin_lps_mm)
            + row * np.asarray(self.down_mm)
            + column * np.asarray(self.right_mm)
        )
        return float(found[0]), float(found[1]), float(found[2])


def grid_of_plane(geometry: PlaneGeometry, rows: int, columns: int) -> PatientGrid:
    """The pixels of a frame."""
    down = np.asarray(geometry.column_lps) * geometry.spacing.row_mm
    right = np.asarray(geometry.row_lps) * geometry.spacing.column_mm
    return PatientGrid(geometry.origin_lps_mm, _vector(down), _vector(right), rows, columns)


def grid_in_pane(
    source: PatientGrid, view: ViewTransform, pane: Viewport, *, step: int = 1
) -> tuple[PatientGrid, tuple[int, int]] | None:
    """The pane's pixels that show the image, and (left, top) of the first of them; None without any.

    With `step` every so many pixels, the first in the middle of its square.
    """
    x0, y0 = max(0, view.left), max(0, view.top)
    x1 = min(pane.width, view.left + view.drawn_width)
    y1 = min(pane.height, view.top + view.drawn_height)
    if x0 >= x1 or y0 >= y1:
        return None
    columns, rows = -(-(x1 - x0) // step), -(-(y1 - y0) // step)
    row, column = view.to_source(x0 + step / 2, y0 + step / 2)
    first = np.asarray(source.point_lps_mm(row, column))
    right = np.asarray(source.point_lps_mm(*view.to_source(x0 + step * 1.5, y0 + step / 2))) - first
    down = np.asarray(source.point_lps_mm(*view.to_source(x0 + step / 2, y0 + step * 1.5))) - first
    return PatientGrid(_vector(first), _vector(down), _vector(right), rows, columns), (x0, y0)


@dataclass(frozen=True, eq=False)
class Indices:
    """Fractional (k, j, i) under a picture: start + row * down + column * right, each a 3-vector."""

    start: NDArray[np.float64]
    down: NDArray[np.float64]
    right: NDArray[np.float64]
    rows: int
    columns: int

    @property
    def is_aligned(self) -> bool:
        """Whether the picture runs along axes of the grid: one down its rows, another along its columns."""
        moves = self._moves()
        return bool(np.all(moves.sum(axis=1) <= 1)) and not bool(np.any(moves[0] & moves[1]))

    def nearest(self, axis: int, *, along_rows: bool) -> NDArray[np.intp]:
        """Nearest index of an axis down the picture's rows, or along its columns."""
        return np.asarray(np.floor(self.fractional(axis, along_rows=along_rows) + 0.5 + _EDGE), np.intp)

    def fractional(self, axis: int, *, along_rows: bool) -> NDArray[np.float64]:
        """The same without rounding."""
        step, count = (self.down, self.rows) if along_rows else (self.right, self.columns)
        return np.asarray(self.start[axis] + step[axis] * np.arange(count))

    def axis_of(self) -> tuple[int | None, int | None]:
        """The axes that run down and to the right of an aligned picture; None where none does."""
        moves = self._moves()
        down, right = np.flatnonzero(moves[0]), np.flatnonzero(moves[1])
        one = int(down[0]) if len(down) == 1 else None
        other = int(right[0]) if len(right) == 1 else None
        return one, other

    def _moves(self) -> NDArray[np.bool_]:
        return np.stack(
            [np.abs(self.down) * self.rows > _STILL, np.abs(self.right) * self.columns > _STILL]
        )


def indices_of(affine_kji_to_lps: Affine, picture: PatientGrid) -> Indices:
    """Where a picture's points lie in a grid."""
    inverse: NDArray[Any] = np.linalg.inv(np.asarray(affine_kji_to_lps, dtype=np.float64))
    linear = inverse[:3, :3]
    start = linear @ np.asarray(picture.origin_lps_mm) + inverse[:3, 3]
    return Indices(
        start,
        linear @ np.asarray(picture.down_mm),
        linear @ np.asarray(picture.right_mm),
        picture.rows,
        picture.columns,
    )


def _vector(values: NDArray[np.float64]) -> Vector3:
    return float(values[0]), float(values[1]), float(values[2])
