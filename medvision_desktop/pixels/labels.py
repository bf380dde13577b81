"""Label maps on any plane: which label each pixel of a picture shows, and its colours.

Labels are looked up by patient position, the nearest voxel counts, and nothing is blurred. Where the
picture's grid is that of the map, every pixel shows its own voxel.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine, Vector3
from medvision_desktop.domain.labelmap import RgbColour
from medvision_desktop.pixels.patient_grid import Indices, PatientGrid, indices_of

OUTLINE_OPACITY: Final = 0.95
OUTLINE_PX: Final = 1.5

Labels = NDArray[np.uint8]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class LabelLook:
    """How one label is drawn: `fill` is the opacity of its inside, 0..1; `outline` draws its edge."""

    colour: RgbColour
    fill: float = 0.3
    outline: bool = True


def labels_on(
    values_kji: Labels, affine_kji_to_lps: Affine, picture: PatientGrid, box: Box | None = None
) -> Labels:
    """The label under each point of a picture, uint8 (rows, columns); 0 outside of the map.

    `box`: voxels outside of which there is no label, where that is known; an oblique cut is then quicker.
    """
    indices = indices_of(affine_kji_to_lps, picture)
    if indices.is_aligned:
        return _aligned(values_kji, indices)
    if box is None:
        return _oblique(values_kji, indices)
    found = np.zeros((picture.rows, picture.columns), np.uint8)
    part = _under(box, affine_kji_to_lps, picture)
    if part is not None:
        row, column = part[0].start, part[1].start
        inner = replace(
            picture,
            origin_lps_mm=picture.point_lps_mm(row, column),
            rows=part[0].stop - row,
            columns=part[1].stop - column,
        )
        found[part] = _oblique(values_kji, indices_of(affine_kji_to_lps, inner))
    return found


def _under(box: Box, affine: Affine, picture: PatientGrid) -> tuple[slice, slice] | None:
    """The part of a picture that a box of voxels can reach; None where it reaches none."""
    ends = [(part.start - 0.5, part.stop - 0.5) for part in box]
    corners = np.asarray([(*corner, 1.0) for corner in itertools.product(*ends)])
    points = (corners @ np.asarray(affine).T)[:, :3] - np.asarray(picture.origin_lps_mm)
    basis = np.stack([np.asarray(picture.down_mm), np.asarray(picture.right_mm)])
    places = points @ np.linalg.pinv(basis)
    low = np.maximum(np.floor(places.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(places.max(axis=0)).astype(int) + 2, (picture.rows, picture.columns))
    if np.any(low >= high):
        return None
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def _aligned(values: Labels, indices: Indices) -> Labels:
    """Whole rows and columns of one slice: the usual case, and quick."""
    found = np.zeros((indices.rows, indices.columns), np.uint8)
    down, right = indices.axis_of()
    where: list[int] = []
    for axis in range(3):
        where.append(int(indices.nearest(axis, along_rows=True)[0]) if axis not in (down, right) else 0)
        if axis not in (down, right) and not 0 <= where[axis] < values.shape[axis]:
            return found
    plane: Labels = values
    for axis in (2, 1, 0):
        if axis not in (down, right):
            plane = np.asarray(plane.take(where[axis], axis=axis))
    if down is not None and right is not None and down > right:
        plane = plane.T
    rows = indices.nearest(down, along_rows=True) if down is not None else np.zeros(indices.rows, np.intp)
    columns = (
        indices.nearest(right, along_rows=False)
        if right is not None
        else np.zeros(indices.columns, np.intp)
    )
    plane = plane.reshape(
        values.shape[down] if down is not None else 1, values.shape[right] if right is not None else 1
    )
    row, column = _run(rows, plane.shape[0]), _run(columns, plane.shape[1])
    if row.stop > row.start and column.stop > column.start:
        found[row, column] = plane.take(rows[row], axis=0).take(columns[column], axis=1)
    return found


def _run(indices: NDArray[np.intp], count: int) -> slice:
    """The stretch of a monotonous sequence that lies within 0..count - 1."""
    inside = np.flatnonzero((indices >= 0) & (indices < count))
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)


def _oblique(values: Labels, indices: Indices) -> Labels:
    flat = np.zeros((indices.rows, indices.columns), np.int64)
    inside = np.ones((indices.rows, indices.columns), np.bool_)
    for axis in range(3):
        place = indices.fractional(axis, along_rows=True)[:, None].astype(np.float32)
        place = (
            place + (indices.right[axis] * np.arange(indices.columns)).astype(np.float32) + np.float32(0.5)
        )
        nearest = np.floor(place).astype(np.int32)
        inside &= (nearest >= 0) & (nearest < values.shape[axis])
        flat = flat * values.shape[axis] + nearest
    flat[~inside] = 0
    found: Labels = np.ascontiguousarray(values).reshape(-1).take(flat)
    found[~inside] = 0
    return found


def argb_of(labels: Labels, looks: Mapping[int, LabelLook], outline_px: float) -> NDArray[np.uint32]:
    """A picture of labels as premultiplied ARGB (0xAARRGGBB), the same shape. Without a look: clear.

    The outline lies inside of each label's edge and is `outline_px` wide; a fraction is drawn lighter.
    """
    import cv2  # whose tables are many times quicker than numpy's for bytes

    shown = np.zeros(256, np.uint8)
    for number in looks:
        shown[number] = number
    drawn = np.asarray(cv2.LUT(labels, shown), np.uint8)
    fills, lines, edges = (np.zeros(256, np.uint32) for _ in range(3))
    whole = int(outline_px)
    part = outline_px - whole
    for number, look in looks.items():
        fill = min(max(look.fill, 0.0), 1.0)
        fills[number] = argb(look.colour, fill)
        strong = max(fill, OUTLINE_OPACITY) if look.outline else fill
        lines[number] = argb(look.colour, strong)
        edges[number] = argb(look.colour, fill + part * (strong - fill))
    picture: NDArray[np.uint32] = cv2.LUT(drawn, fills.view(np.int32)).view(np.uint32)
    box = box_of(drawn)
    if box is None or not any(look.outline for look in looks.values()):
        return picture
    inner, target = drawn[box], picture[box]
    rim = _rim(drawn, box)
    for _ in range(max(0, whole)):
        target[rim] = lines.take(inner[rim])
        rim = _next_rim(rim, target, inner, lines)
    if part > 0:
        target[rim] = edges.take(inner[rim])
    return picture


def _rim(drawn: Labels, box: tuple[slice, slice]) -> NDArray[np.bool_]:
    """Pixels of a label that touch another or none, within a box. The picture's own edge is no rim."""
    rows, columns = box
    top, bottom = max(0, rows.start - 1), min(drawn.shape[0], rows.stop + 1)
    left, right = max(0, columns.start - 1), min(drawn.shape[1], columns.stop + 1)
    part = drawn[top:bottom, left:right]
    rim = np.zeros(part.shape, np.bool_)
    down = part[1:] != part[:-1]
    rim[1:] |= down
    rim[:-1] |= down
    across = part[:, 1:] != part[:, :-1]
    rim[:, 1:] |= across
    rim[:, :-1] |= across
    rim &= part > 0
    return rim[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]


def _next_rim(
    rim: NDArray[np.bool_], target: NDArray[np.uint32], inner: Labels, lines: NDArray[np.uint32]
) -> NDArray[np.bool_]:
    """The pixels behind a rim that are not drawn as a line yet."""
    grown = np.zeros_like(rim)
    grown[1:] |= rim[:-1]
    grown[:-1] |= rim[1:]
    grown[:, 1:] |= rim[:, :-1]
    grown[:, :-1] |= rim[:, 1:]
    grown &= inner > 0
    grown &= target != lines.take(inner)
    return grown


def box_of(labels: Labels) -> tuple[slice, slice] | None:
    """The smallest rectangle that holds every label of a picture; None for an empty one."""
    rows = np.flatnonzero(labels.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(labels[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def argb(colour: RgbColour, opacity: float) -> int:
    """A colour of an opacity as premultiplied 0xAARRGGBB."""
    alpha = round(min(max(opacity, 0.0), 1.0) * 255)
    red, green, blue = ((value * alpha + 127) // 255 for value in colour)
    return (alpha << 24) | (red << 16) | (green << 8) | blue


@dataclass(frozen=True, eq=False)
class LabelPlaces:
    """In which slices along each axis of a map every label is: three tables (256, slices of the axis)."""

    along: tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]

    @property
    def box(self) -> Box:
        """The smallest box of voxels that holds every label; an empty one for none."""
        found = []
        for table in self.along:
            held = np.flatnonzero(table.any(axis=0))
            found.append(slice(int(held[0]), int(held[-1]) + 1) if held.size else slice(0, 0))
        return found[0], found[1], found[2]


def places_of(values_kji: Labels) -> LabelPlaces:
    """Where the labels of a map are. Looks at every voxel once, so it is for a lane."""
    slices, _, columns = values_kji.shape
    along = tuple(np.zeros((256, side), np.bool_) for side in values_kji.shape)
    for k in range(slices):
        flat = np.ascontiguousarray(values_kji[k]).ravel()
        found = np.flatnonzero(flat)
        if found.size:
            numbers = flat[found]
            along[0][numbers, k] = True
            along[1][numbers, found // columns] = True
            along[2][numbers, found % columns] = True
    return LabelPlaces((along[0], along[1], along[2]))


def in_slices(
    places: LabelPlaces, affine_kji_to_lps: Affine, middles_lps_mm: NDArray[np.float64], normal: Vector3
) -> NDArray[np.bool_]:
    """Which labels lie in the slices of the map under the middles (n, 3) of pictures: (256, n).

    Slices are those along the axis of the map that is most nearly the pictures' normal.
    """
    found = np.zeros((256, len(middles_lps_mm)), np.bool_)
    matrix = np.asarray(affine_kji_to_lps, dtype=np.float64)
    steps = matrix[:3, :3]
    axis = int(np.argmax(np.abs(steps.T @ np.asarray(normal)) / np.linalg.norm(steps, axis=0)))
    inverse = np.linalg.inv(matrix)
    index = np.floor(middles_lps_mm @ inverse[axis, :3] + inverse[axis, 3] + 0.5 + 1e-6).astype(np.intp)
    table = places.along[axis]
    inside = (index >= 0) & (index < table.shape[1])
    found[:, inside] = table[:, index[inside]]
    return found
