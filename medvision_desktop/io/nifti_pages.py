"""The slices of a NIfTI file, read a few at a time: for volumes that do not fit into the memory for images.

Of an uncompressed file only the bytes are read that the slices need. A compressed one is read through
once, which also compares its checksum, and then from the nearest place from which it can be inflated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.study import InstanceRef, SeriesRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import nifti
from medvision_desktop.io.inflating import InflatedFile
from medvision_desktop.io.nifti_header import (
    MAX_EXTENSIONS,
    NiftiHeader,
    check_length,
    too_short,
    unreadable,
    wrong,
)
from medvision_desktop.io.paged_shelf import PagedShelf, most_frames
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_BATCH_BYTES: Final = 32 << 20
# A compressed file of more than this takes minutes to read through.
_MOST_INFLATED: Final = 64 << 30


class NiftiPages:
    """Reads frames by their place: slices from the feet up, one volume after another. Thread-safe.

    `description` stands in the corner where the header has none.
    """

    is_one_file: bool = True
    is_compressed: bool = False  # nothing is decoded in children
    width: int = 1

    def __init__(
        self, path: Path, header: NiftiHeader, key: str, description: str, limit_bytes: int
    ) -> None:
        path = header.data_path or path
        self._path, self._header, self._key, self._description = path, header, key, description
        self._axes, self._flips = nifti.patient_axes(header.affine_ras_mm)
        self._slices = header.shape[self._axes[2]]
        self._limit = limit_bytes
        self._lock = threading.Lock()
        with path.open("rb") as file:
            self._inflated = InflatedFile(path) if file.read(2) == b"\x1f\x8b" else None
        self.count = self._slices * header.volumes

    @property
    def is_inflated(self) -> bool:
        """Whether the file is compressed."""
        return self._inflated is not None

    @property
    def is_dear(self) -> bool:
        """Whether a slice lies all over a compressed file."""
        return self.is_inflated and self._axes[2] != 2

    def frame_bytes(self) -> int:
        """Bytes of one frame in memory."""
        return self._header.volume_bytes // self._slices

    def check(self, cancel: CancelToken, progress: ProgressSink = no_progress) -> None:
        """Read a compressed file through once. Raises `InputRefused` for a damaged one, and `Cancelled`."""
        header, inflated = self._header, self._inflated
        if self.frame_bytes() > self._limit:
            raise nifti.too_large(self.frame_bytes(), self._limit)
        if inflated is None:
            return
        need = header.data_offset + header.volume_bytes * header.volumes
        if need > _MOST_INFLATED:
            raise InputRefused(
                "The image is too large to be shown compressed.",
                f"Unpacked it has {need >> 30} GB.",
                "Unpack it and open the .nii file, of which only what is looked at is read.",
            )
        have, most = 0, need + MAX_EXTENSIONS + 1
        with self._lock, nifti.damage_told():
            while have < most:
                before, have = have, inflated.walk(min(most, have + _BATCH_BYTES), cancel)
                progress(Progress(min(have, need) >> 20, need >> 20, "Unpacking"))
                if have == before:
                    break
        if have < need:
            raise too_short(have, need)
        if have > need + MAX_EXTENSIONS:
            raise wrong("it holds far more than it says")

    def batch(self, place: int) -> Sequence[int]:
        """Places that are best read with this one: of the same volume, more where slices lie across."""
        room = _BATCH_BYTES if self._axes[2] == 2 else max(_BATCH_BYTES, self._limit // 4)
        step = max(1, min(self._slices, room // max(1, self.frame_bytes())))
        if self._axes[2] == 2 and self._inflated is None:
            step = 1  # a slice is one piece of the file
        volume, at = divmod(place, self._slices)
        first = volume * self._slices + at - at % step
        return range(first, min(first + step, (volume + 1) * self._slices))

    def read(
        self, places: Sequence[int], cancel: CancelToken
    ) -> Iterator[tuple[int, Frame | InputRefused]]:
        """The frames of neighbouring places of one volume, or why there are none. Raises `Cancelled`."""
        try:
            with self._lock, nifti.damage_told():
                found = self._slab(places, cancel)
        except InputRefused as refusal:
            yield from ((place, refusal) for place in places)
            return
        for place, stored in zip(places, found, strict=True):
            yield place, self._frame(place, stored)

    def _frame(self, place: int, stored: NDArray[Any]) -> Frame:
        # A copy: a frame that is let go must not be kept by its neighbours.
        frame = nifti.frame_at(self._header, stored.copy(), place % self._slices, self._key)
        corner = dict(frame.corner)
        if self._description and not corner.get("series_description"):
            corner["series_description"] = self._description
        return replace(frame, frame_number=place + 1, badges=self._header.badges, corner=corner)

    def _slab(self, places: Sequence[int], cancel: CancelToken) -> NDArray[Any]:
        """Slices of neighbouring places, as they are shown: (places, rows, columns) or (..., 3)."""
        volume, at = divmod(places[0], self._slices)
        count = len(places)
        # A flipped axis is counted from its other end.
        first = self._slices - at - count if self._flips[2] else at
        block = self._block(volume, first, count, cancel)
        return nifti.as_slices(self._header, nifti.as_values(self._header, block))

    def _block(self, volume: int, first: int, count: int, cancel: CancelToken) -> NDArray[Any]:
        """Voxels (i, j, k) of one volume, of the axis from feet to head only so many from `first` on."""
        header, axis = self._header, self._axes[2]
        shape = list(header.shape)
        begin = header.data_offset + volume * header.volume_bytes
        kind = header.voxel
        plane_bytes = shape[0] * shape[1] * kind.itemsize
        shape[axis] = count
        if axis == 2:
            data = self._bytes(begin + first * plane_bytes, count * plane_bytes, cancel)
            return np.frombuffer(data, kind).reshape(shape, order="F")
        found = np.empty(shape, kind, order="F")
        for k in range(header.shape[2]):
            cancel.check()
            start = begin + k * plane_bytes
            if axis == 1:  # rows of one plane lie together
                row_bytes = header.shape[0] * kind.itemsize
                part = self._bytes(start + first * row_bytes, count * row_bytes, cancel)
                found[:, :, k] = np.frombuffer(part, kind).reshape((shape[0], count), order="F")
            else:
                part = self._bytes(start, plane_bytes, cancel)
                whole = np.frombuffer(part, kind).reshape(header.shape[:2], order="F")
                found[:, :, k] = whole[first : first + count]
        return found

    def _bytes(self, offset: int, length: int, cancel: CancelToken) -> bytes:
        if self._inflated is not None:
            data = self._inflated.read(offset, length, cancel)
        else:
            try:
                with self._path.open("rb") as file:
                    file.seek(offset)
                    data = file.read(length)
            except OSError as error:
                raise unreadable(error) from error
        if len(data) < length:
            raise too_short(offset + len(data), offset + length)
        return data


def middle_frame(instance: InstanceRef, header: NiftiHeader, memory_bytes: int) -> Frame | None:
    """The middle slice of the first volume without the rest of the file; None of a compressed one.

    Raises `InputRefused`.
    """
    check_length(instance.path, header)
    with nifti.damage_told():
        pages = NiftiPages(instance.path, header, instance.sop_instance_uid, "", memory_bytes)
    if pages.is_inflated:
        return None
    pages.check(CancelToken())
    middle = (pages.count // header.volumes) // 2
    for _, found in pages.read((middle,), CancelToken()):
        if isinstance(found, InputRefused):
            raise found
        return found
    return None


def shelf(
    path: Path,
    header: NiftiHeader,
    series: SeriesRef,
    memory_bytes: int,
    first: Callable[[Sequence[Frame]], None],
    cancel: CancelToken | None = None,
    progress: ProgressSink = no_progress,
) -> PagedShelf:
    """The frames of a file that is larger than the memory for images, those at the beginning read.

    `first` gets the shelf as soon as one of them is here. Raises `InputRefused` and `Cancelled`.
    """
    token = cancel or CancelToken()
    check_length(path, header)
    with nifti.damage_told():
        pages = NiftiPages(
            path, header, series.instances[0].sop_instance_uid, series.description, memory_bytes
        )
    pages.check(token, progress)
    most = most_frames(pages, memory_bytes)
    found = PagedShelf(pages, most)
    found.fill_telling(first, progress, token)
    if not found.faces():
        raise next(one for one in found.outcomes() if isinstance(one, InputRefused))
    return found
