"""Frames of a derived object on one grid in the patient: where each lies, and its values as asked for.

Segmentations and parametric maps leave out frames that hold nothing, so positions may have gaps. Where
they are no whole number of steps apart they come to a finer grid (`dicom_uneven`); a frame that does not
say where it lies, lies where its source image does (`dicom_sources`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvision_desktop.domain.geometry import Affine, PixelSpacing, PlaneGeometry, Vector3
from medvision_desktop.domain.labelmap import PIXELS, ImageKey
from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native, dicom_space
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_header import DEFLATED, NATIVE, Header, inflated
from medvision_desktop.io.dicom_layout import PixelLayout, justified
from medvision_desktop.io.dicom_sources import SourcePlaces
from medvision_desktop.io.dicom_uneven import UNEVEN, FineSlices, fine_slices
from medvision_desktop.io.dicom_values import number, text
from medvision_desktop.work import CancelToken

MAX_SLICES: Final = 1 << 14
GUESSED_STEP: Final = "Slice spacing taken from its frames"
ON_IMAGES: Final = "On its own images alone"
FROM_SOURCES: Final = "Placed as its source images"
_SAME_PLACE_MM: Final = 1e-2
_OFF_STEP: Final = 0.1  # of a step: how far a position may lie from a whole number of them
_BATCH: Final = 16


@dataclass(frozen=True, eq=False)
class FrameGrid:
    """The grid that all frames lie on. `slice_of` has the slice k of each frame, in stored order.

    `shape_kji`: (slices, rows, columns) that frames are put into; `spread` makes of them what
    `affine_kji_to_lps` (4x4, millimetres) places. `badges`: what is to be said of the grid, such as that
    the distance of slices is not said and was taken from the frames. `images`: as of a `LabelMap`, where
    frames lie over images that have no place in the patient.
    """

    shape_kji: tuple[int, int, int]
    affine_kji_to_lps: Affine
    slice_of: tuple[int, ...]
    frame_of_reference: str
    badges: tuple[str, ...] = ()
    fine: FineSlices | None = None
    images: tuple[ImageKey, ...] = ()

    @property
    def voxels(self) -> int:
        """How many there are."""
        slices = len(self.fine.source) if self.fine is not None else 0
        return max(slices, self.shape_kji[0]) * math.prod(self.shape_kji[1:])

    def spread(self, values: NDArray[Any], empty: float = 0) -> NDArray[Any]:
        """Values of `shape_kji` on the grid in the patient; `empty` where no frame lies."""
        return values if self.fine is None else self.fine.spread(values, empty)


@dataclass(frozen=True, eq=False)
class _Planes:
    """Origins of all frames (frames, 3), and what they share: directions, spacing, space."""

    origins: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    spacing: PixelSpacing
    frame_of_reference: str
    badges: tuple[str, ...]

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.asarray(np.cross(self.row, self.column))

    def affine(self, first: NDArray[np.float64], travel: NDArray[np.float64]) -> Affine:
        affine = np.eye(4)
        affine[:3, 0] = travel
        affine[:3, 1] = self.column * self.spacing.row_mm
        affine[:3, 2] = self.row * self.spacing.column_mm
        affine[:3, 3] = first
        return affine


def grid_of(header: Header, layout: PixelLayout, sources: SourcePlaces | None = None) -> FrameGrid:
    """Where the frames lie. Raises `InputRefused` in one sentence where they cannot be placed."""
    _check_length(header, layout)
    sources = sources or SourcePlaces(None)
    planes = _planes(header, layout, sources)
    origins = planes.origins
    normal = planes.normal
    along = origins @ normal
    step, guessed = _step(header, along)
    if guessed:
        images = sources.step_mm(header.dataset, layout.rows, layout.columns)
        share = step / images if images else 0.0
        if images and share > 0.5 and abs(share - round(share)) <= _OFF_STEP:
            step, guessed = step / round(share), False
    order = int(np.argmin(along))
    slices = (along - along[order]) / step
    whole = np.rint(slices).astype(np.int64)
    if float(np.max(np.abs(slices - whole))) > _OFF_STEP:
        return _uneven(header, layout, planes, along)
    count = int(whole.max()) + 1
    if count > MAX_SLICES:
        raise _no_grid(f"It would have {count} slices, more than can be true.")
    travel = _travel(origins, whole, normal * step)
    off = origins - (origins[order] + whole[:, None] * travel)
    if float(np.max(np.abs(off))) > max(0.5 * _pixel(planes), _OFF_STEP * step):
        raise _no_grid("Its slices do not lie behind one another.")
    return FrameGrid(
        (count, layout.rows, layout.columns),
        planes.affine(origins[order], travel),
        tuple(int(k) for k in whole),
        planes.frame_of_reference,
        (*planes.badges, *((GUESSED_STEP,) if guessed else ())),
    )


def grid_or_images(header: Header, layout: PixelLayout, sources: SourcePlaces | None) -> FrameGrid:
    """`grid_of`, or the images that the frames name as their sources where there is no grid.

    Raises `InputRefused` where frames have neither.
    """
    _check_length(header, layout)
    try:
        return grid_of(header, layout, sources)
    except InputRefused:
        named = [
            None
            if sources is None
            else sources.image_of(header.dataset, index, layout.rows, layout.columns)
            for index in range(layout.frames)
        ]
        images = tuple(dict.fromkeys(image for image in named if image is not None))
        if None in named or len(images) > MAX_SLICES:
            raise
        slice_of = tuple(images.index(image) for image in named if image is not None)
        shape = (len(images), layout.rows, layout.columns)
        return FrameGrid(shape, PIXELS.copy(), slice_of, "", (ON_IMAGES,), images=images)


def _uneven(header: Header, layout: PixelLayout, planes: _Planes, along: NDArray[np.float64]) -> FrameGrid:
    """Frames that are no whole number of steps apart, on a finer grid."""
    places, slice_of = np.unique(np.rint(along / _SAME_PLACE_MM), return_inverse=True)
    places = places * _SAME_PLACE_MM
    thickness = number(group_of(header.dataset, 0, "PixelMeasuresSequence"), "SliceThickness")
    fine = fine_slices(places, thickness, MAX_SLICES)
    if fine is None:
        raise _no_grid("Its slices are not evenly spaced, and some lie very close to one another.")
    first, last = int(np.argmin(along)), int(np.argmax(along))
    travel = (planes.origins[last] - planes.origins[first]) / (along[last] - along[first])
    off = planes.origins - (planes.origins[first] + (along - along[first])[:, None] * travel)
    if float(np.max(np.abs(off))) > 0.5 * _pixel(planes):
        raise _no_grid("Its slices do not lie behind one another.")
    return FrameGrid(
        (len(places), layout.rows, layout.columns),
        planes.affine(
            planes.origins[first] + (fine.first_mm - along[first]) * travel, travel * fine.step_mm
        ),
        tuple(int(k) for k in slice_of),
        planes.frame_of_reference,
        (*planes.badges, UNEVEN),
        fine,
    )


def _pixel(planes: _Planes) -> float:
    return min(planes.spacing.row_mm, planes.spacing.column_mm)


def _check_length(header: Header, layout: PixelLayout) -> None:
    """A wild number of frames is seen before any of them is looked for."""
    element = header.pixels
    need = -(-layout.frame_bits * layout.frames // 8)
    if element is not None and element.length is not None and need > element.length:
        raise dicom_native.cut_short(element.length, need)


def _planes(header: Header, layout: PixelLayout, sources: SourcePlaces) -> _Planes:
    """Where all frames lie: as they say, else as their source images say."""
    found, from_source = [], False
    for index in range(layout.frames):
        plane = _own_plane(header.dataset, index)
        if plane is None:
            plane = sources.of(header.dataset, index, layout.rows, layout.columns)
            from_source = True
        if plane is None:
            raise _no_grid("It does not say where each of its frames lies, nor do its source images.")
        found.append(plane)
    if not found:
        raise _no_grid("It has no frames.")
    first = found[0]
    for plane in found:
        if _differ(plane.row_lps, first.row_lps) or _differ(plane.column_lps, first.column_lps):
            raise _no_grid("Its frames are not parallel.")
        if plane.frame_of_reference != first.frame_of_reference:
            raise _no_grid("Its frames do not share a frame of reference.")
        if not _alike(plane.spacing, first.spacing):
            raise _no_grid("Its frames differ in pixel spacing.")
    return _Planes(
        np.asarray([plane.origin_lps_mm for plane in found], dtype=np.float64),
        np.asarray(first.row_lps),
        np.asarray(first.column_lps),
        first.spacing,
        first.frame_of_reference,
        (FROM_SOURCES,) if from_source else (),
    )


def _own_plane(dataset: Dataset, index: int) -> PlaneGeometry | None:
    """What a frame says itself, None where it does not say everything."""
    origin, directions = dicom_space.origin_of(dataset, index), dicom_space.directions_of(dataset, index)
    spacing = dicom_space.spacing_of(dataset, index)
    if origin is None or directions is None or spacing is None:
        return None
    space = text(dataset, "FrameOfReferenceUID")
    return PlaneGeometry(origin, directions[0], directions[1], spacing, space)


def _alike(one: PixelSpacing, other: PixelSpacing) -> bool:
    rows = math.isclose(one.row_mm, other.row_mm, rel_tol=1e-3)
    return rows and math.isclose(one.column_mm, other.column_mm, rel_tol=1e-3)


def _differ(one: Vector3, other: Vector3) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > 2e-3


def _step(header: Header, along: NDArray[np.float64]) -> tuple[float, bool]:
    """Distance from slice to slice: what the header says where the frames agree, else their nearest."""
    places = np.unique(np.rint(along / _SAME_PLACE_MM)) * _SAME_PLACE_MM
    gaps = np.diff(places)
    measures = group_of(header.dataset, 0, "PixelMeasuresSequence")
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        said = abs(number(measures, keyword) or 0.0)
        if said < _SAME_PLACE_MM:
            continue
        share = gaps / said
        fits = not gaps.size or float(np.max(np.abs(share - np.rint(share)))) <= _OFF_STEP
        # A thickness is the spacing only where slices touch: some frames must lie one apart.
        touches = not gaps.size or 0.5 < float(share.min()) < 1.5
        if fits and (touches or keyword == "SpacingBetweenSlices"):
            return _refined(said, places), False
    if not gaps.size:
        raise _no_grid("It has one slice and does not say how thick it is.")
    return _refined(float(gaps.min()), places), True


def _refined(step: float, places: NDArray[np.float64]) -> float:
    """The step that fits the whole way, so that rounding of a single gap does not add up."""
    span = float(places[-1] - places[0])
    count = round(span / step)
    return span / count if count else step


def _travel(
    origins: NDArray[np.float64], whole: NDArray[np.int64], fallback: NDArray[np.float64]
) -> NDArray[np.float64]:
    """From the origin of one slice to that of the next; not along the normal where a gantry was tilted."""
    first, last = int(np.argmin(whole)), int(np.argmax(whole))
    count = int(whole[last] - whole[first])
    if count == 0:
        return fallback
    return np.asarray((origins[last] - origins[first]) / count, dtype=np.float64)


def _no_grid(why: str) -> InputRefused:
    return InputRefused("The layer cannot be placed.", why)


def check_memory(need: int, decoder: Decoder) -> None:
    """Refuse what needs more memory than images may take, before any of it is asked for."""
    limit = decoder.image_memory_bytes
    if need > limit:
        raise InputRefused(
            "The layer is larger than the memory for images.",
            f"It needs {need >> 20} MB and the limit is {limit >> 20} MB.",
            "Raise image_memory_mb in the settings.",
        )


class FrameValues:
    """Stored values of the frames of one object, decoded a few at a time."""

    def __init__(
        self, header: Header, layout: PixelLayout, instance: InstanceRef, decoder: Decoder
    ) -> None:
        self._header, self._layout, self._instance = header, layout, instance
        self._decoder = decoder
        self._flat: bytes | bytearray | None = None

    def read(self, indices: Sequence[int], cancel: CancelToken) -> Iterator[tuple[int, NDArray[Any]]]:
        """(index, HxW stored values) of each frame asked for, in that order. Raises `InputRefused`."""
        if self._header.transfer_syntax in NATIVE:
            for index in indices:
                cancel.check()
                yield index, self._native(index)
            return
        for start in range(0, len(indices), _BATCH):
            part = list(indices[start : start + _BATCH])
            decoded = self._decoder.frames(self._instance, [index + 1 for index in part], cancel)
            for index, values in zip(part, decoded.frames, strict=True):
                yield index, self._checked(values)

    def _native(self, index: int) -> NDArray[Any]:
        if self._header.transfer_syntax != DEFLATED:
            return dicom_native.read_frame(self._header, self._layout, index)
        # Inflating starts at the beginning each time, so it is done once for all frames.
        layout, element = self._layout, self._header.pixels
        need = -(-layout.frame_bits * layout.frames // 8)
        if self._flat is None and element is not None:
            check_memory(need, self._decoder)
            self._flat = inflated(self._header.path, element.offset + need)[element.offset :]
        data = self._flat or b""
        first = index * layout.frame_bits
        end = -(-(first + layout.frame_bits) // 8)
        if end > len(data):
            raise dicom_native.cut_short(len(data), need)
        return _little(data[first // 8 : end], layout, first % 8)

    def _checked(self, values: NDArray[Any]) -> NDArray[Any]:
        if values.shape != (self._layout.rows, self._layout.columns):
            raise InputRefused("The layer cannot be read.", "Its frames are not of the size that it says.")
        return values


def _little(data: bytes | bytearray, layout: PixelLayout, skip_bits: int) -> NDArray[Any]:
    """One frame of a little-endian data set from its own bytes."""
    count = layout.frame_pixels
    if layout.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[skip_bits : skip_bits + count].reshape(layout.rows, layout.columns)
    letter = "f" if layout.is_float else "u"
    values = np.frombuffer(data, np.dtype(f"<{letter}{layout.bits_allocated // 8}"), count)
    if not layout.is_float:
        values = justified(
            values, bits_stored=layout.bits_stored, high_bit=layout.high_bit, signed=layout.signed
        )
    return values.reshape(layout.rows, layout.columns)
