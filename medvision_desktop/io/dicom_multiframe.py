"""Frames of a derived object on one grid in the patient: where each lies, and its values as asked for.

Segmentations and parametric maps leave out frames that hold nothing, so positions may have gaps;
every position must be a whole number of steps from the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine
from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native, dicom_space
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_header import DEFLATED, NATIVE, Header, inflated
from medvision_desktop.io.dicom_layout import PixelLayout, justified
from medvision_desktop.io.dicom_values import number, text
from medvision_desktop.work import CancelToken

MAX_SLICES: Final = 1 << 14
GUESSED_STEP: Final = "Slice spacing taken from its frames"
_SAME_PLACE_MM: Final = 1e-2
_OFF_STEP: Final = 0.1  # of a step: how far a position may lie from a whole number of them
_BATCH: Final = 16


@dataclass(frozen=True, eq=False)
class FrameGrid:
    """The grid that all frames lie on. `slice_of` has the slice k of each frame, in stored order.

    `shape_kji`: (slices, rows, columns). `affine_kji_to_lps`: 4x4, millimetres. `guessed`: the distance
    of slices is not said and was taken from the frames.
    """

    shape_kji: tuple[int, int, int]
    affine_kji_to_lps: Affine
    slice_of: tuple[int, ...]
    frame_of_reference: str
    guessed: bool = False

    @property
    def voxels(self) -> int:
        """How many there are."""
        return math.prod(self.shape_kji)


def grid_of(header: Header, layout: PixelLayout) -> FrameGrid:
    """Where the frames lie. Raises `InputRefused` in one sentence where they are no regular grid."""
    dataset = header.dataset
    _check_length(header, layout)
    origins, directions = _planes(header, layout.frames)
    spacing = dicom_space.spacing_of(dataset, 0)
    if spacing is None:
        raise _no_grid("It does not say how large its pixels are.")
    row, column = np.asarray(directions[0]), np.asarray(directions[1])
    normal = np.cross(row, column)
    along = origins @ normal
    step, guessed = _step(header, along)
    order = int(np.argmin(along))
    slices = (along - along[order]) / step
    whole = np.rint(slices).astype(np.int64)
    if float(np.max(np.abs(slices - whole))) > _OFF_STEP:
        raise _no_grid("Its slices are not evenly spaced.")
    count = int(whole.max()) + 1
    if count > MAX_SLICES:
        raise _no_grid(f"It would have {count} slices, more than can be true.")
    travel = _travel(origins, whole, normal * step)
    off = origins - (origins[order] + whole[:, None] * travel)
    pixel = min(spacing.row_mm, spacing.column_mm)
    if float(np.max(np.abs(off))) > max(0.5 * pixel, _OFF_STEP * step):
        raise _no_grid("Its slices do not lie behind one another.")
    affine = np.eye(4)
    affine[:3, 0] = travel
    affine[:3, 1] = column * spacing.row_mm
    affine[:3, 2] = row * spacing.column_mm
    affine[:3, 3] = origins[order]
    return FrameGrid(
        (count, layout.rows, layout.columns),
        affine,
        tuple(int(k) for k in whole),
        text(dataset, "FrameOfReferenceUID"),
        guessed,
    )


def _check_length(header: Header, layout: PixelLayout) -> None:
    """A wild number of frames is seen before any of them is looked for."""
    element = header.pixels
    need = -(-layout.frame_bits * layout.frames // 8)
    if element is not None and element.length is not None and need > element.length:
        raise dicom_native.cut_short(element.length, need)


def _planes(header: Header, frames: int) -> tuple[NDArray[np.float64], tuple[Any, Any]]:
    """Origins of all frames (frames, 3) and the directions that they share."""
    dataset = header.dataset
    first = dicom_space.directions_of(dataset, 0)
    origins = []
    for index in range(frames):
        origin, here = dicom_space.origin_of(dataset, index), dicom_space.directions_of(dataset, index)
        if origin is None or here is None or first is None:
            raise _no_grid("It does not say where each of its frames lies in the patient.")
        if float(np.max(np.abs(np.asarray(here) - np.asarray(first)))) > 2e-3:
            raise _no_grid("Its frames are not parallel.")
        origins.append(origin)
    if first is None or not origins:
        raise _no_grid("It has no frames.")
    return np.asarray(origins, dtype=np.float64), first


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
        self._flat: bytes | None = None

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


def _little(data: bytes, layout: PixelLayout, skip_bits: int) -> NDArray[Any]:
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
