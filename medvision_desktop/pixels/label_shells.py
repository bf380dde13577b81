"""Labels in a rendered volume: each a smooth shell of one colour, drawn over the matter it lies in.

Every label is a small volume of its own, as large as the label, and is cast by itself: the ray caster skips
what is empty in volumes of one value, which it does not in volumes of colours. The pictures are then laid
over one another, the largest label first, so that what is small is seen through what is around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.pixels.ray_caster import Part, RayCaster

# So many voxels around a label hold its smooth edge.
_AROUND: Final = 3
_SMOOTH_VOXELS: Final = 0.9
_FULL: Final = 200.0
# The share of a voxel that lies in the label, times `_FULL`, at which its surface begins and is whole.
_SURFACE: Final = ((0.3 * _FULL, 0.0), (0.55 * _FULL, 0.9), (_FULL, 0.9))
# A label is that opaque on planes; the same number would hardly be seen in a shell, so it counts for more.
_STRENGTH: Final = 0.45

Segments = Sequence[tuple[int, tuple[int, int, int], float]]


@dataclass(frozen=True, eq=False)
class Shell:
    """One label ready to be cast: how many voxels it has, and its number."""

    number: int
    voxels: int
    caster: RayCaster


@dataclass(frozen=True)
class Grid:
    """Voxels along the patient's axes (towards the head, the back, the left)."""

    shape: tuple[int, ...]
    spacing_kji_mm: Vector3
    origin_lps_mm: Vector3

    @property
    def affine(self) -> NDArray[np.float64]:
        """(k, j, i, 1) to LPS."""
        found = np.eye(4)
        found[:3, :3] = np.diag(self.spacing_kji_mm)[:, ::-1].T
        found[:3, 3] = self.origin_lps_mm
        return found


def shells_of(labels: NDArray[np.uint8], affine: NDArray[np.float64], grid: Grid) -> tuple[Shell, ...]:
    """A shell for each label of a map that is on its own grid, `affine` (k, j, i, 1) to LPS."""
    from scipy import ndimage

    found = []
    mine, corner = _on_grid(labels, affine, grid)
    for number, box in enumerate(ndimage.find_objects(mine), 1):
        if box is None:
            continue
        inside = mine[box] == number
        around = np.pad(inside.astype(np.float32), _AROUND)
        smooth = ndimage.gaussian_filter(around, _SMOOTH_VOXELS) * _FULL
        first = np.asarray([side.start for side in box]) + corner - _AROUND
        x, y, z = (grid.affine @ np.append(first, 1.0))[:3]
        caster = RayCaster()
        caster.hold(np.rint(smooth).astype(np.uint8), grid.spacing_kji_mm, (float(x), float(y), float(z)))
        found.append(Shell(number, int(np.count_nonzero(inside)), caster))
    return tuple(found)


def _on_grid(
    labels: NDArray[np.uint8], affine: NDArray[np.float64], grid: Grid
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The nearest label of the grid's voxels, only where there are any, and the first index (k, j, i)."""
    from scipy import ndimage

    nothing = np.zeros((1, 1, 1), np.uint8), np.zeros(3, np.intp)
    held = [np.flatnonzero(labels.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not held[0].size:
        return nothing
    ends = [(float(one[0]) - 0.5, float(one[-1]) + 0.5) for one in held]
    corners = np.asarray([[k, j, i, 1.0] for k in ends[0] for j in ends[1] for i in ends[2]])
    places = (corners @ (np.linalg.inv(grid.affine) @ affine).T)[:, :3]
    low = np.maximum(np.floor(places.min(axis=0)).astype(np.intp), 0)
    high = np.minimum(np.ceil(places.max(axis=0)).astype(np.intp) + 1, grid.shape)
    if np.any(low >= high):
        return nothing
    to_theirs = np.linalg.inv(affine) @ grid.affine
    offset = to_theirs[:3, :3] @ low + to_theirs[:3, 3]
    shape = tuple(int(count) for count in high - low)
    found: NDArray[np.uint8] = ndimage.affine_transform(
        labels, to_theirs[:3, :3], offset, output_shape=shape, order=0
    )
    return found, low


def lit(shells: Sequence[Shell], segments: Segments) -> Iterator[tuple[Shell, float]]:
    """The shells that are shown, in their colours, and how much each covers of what lies behind it."""
    looks = {number: (colour, share) for number, colour, share in segments if share > 0}
    for shell in shells:
        if shell.number in looks:
            colour, share = looks[shell.number]
            red, green, blue = (part / 255 for part in colour)
            shell.caster.light(
                ((0.0, red, green, blue), (_FULL, red, green, blue)), _SURFACE, largest=False
            )
            yield shell, float(min(1.0, share) ** _STRENGTH)


def lay_over(picture: NDArray[np.uint8], above: Part, share: float) -> None:
    """A part laid over a picture of light times opacity, (height, width, 4) uint8; `share` of it counts."""
    below = picture[above.rows, above.columns]
    top = above.pixels.astype(np.float32) * np.float32(share)
    below[...] = np.rint(np.minimum(255, top + below * (1 - top[..., 3:] / 255)))
