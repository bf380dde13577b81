"""The files of a series, read frame by frame by their place in the order in which they are shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.study import InstanceRef, SeriesRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native, dicom_space, memory_ahead
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_alike import HeaderReader
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.io.dicom_frame import dimension_index, frame_of
from medvision_desktop.io.dicom_header import NATIVE, Header
from medvision_desktop.io.dicom_layout import PixelLayout, justified, layout_of
from medvision_desktop.io.dicom_order import order_of
from medvision_desktop.work import CancelToken

_BATCH_FRAMES: Final = 16
_BATCH_BYTES: Final = 32 << 20
_MIN_TOGETHER: Final = 3
# Reading on takes every core there is; not until the first frame had time to be painted.
_SHOWN_FIRST: Final = 32


class SeriesPages:
    """Reads frames by their place in the series. Thread-safe; files are opened when they are needed.

    Frames lie one after another in one array where they are alike, unless `apart`.
    """

    def __init__(self, series: SeriesRef, decoder: Decoder, *, apart: bool = False) -> None:
        self._instances = series.instances
        self._decoder = decoder
        self._headers = HeaderReader()
        self._lock = threading.Lock()
        self._single: tuple[Header, PixelLayout] | None = None
        self._order: tuple[int, ...] | None = None
        self._apart = apart
        self._together: NDArray[Any] | None = None
        self._given = 0
        # Words are turned to stored values where they lie, so a place is filled once and by one thread.
        self._filling = threading.RLock()
        self._filled = bytearray(series.frame_count)
        self.count = series.frame_count

    @property
    def width(self) -> int:
        """How many compressed files are decoded at a time."""
        return self._decoder.width

    @property
    def is_compressed(self) -> bool:
        """Whether frames are decoded in children, several at a time."""
        return any(instance.transfer_syntax_uid not in NATIVE for instance in self._instances)

    @property
    def is_one_file(self) -> bool:
        """Whether all frames lie in one file."""
        return len(self._instances) == 1

    @property
    def is_dear(self) -> bool:
        """A frame is never dearer than its share."""
        return False

    def frame_bytes(self) -> int:
        """Bytes of one frame in memory, as the first readable file says; 0 where none is."""
        for instance in self._instances[:8]:
            try:
                return self._opened(instance)[1].frame_bytes
            except InputRefused:
                continue
        return 0

    def batch(self, place: int) -> Sequence[int]:
        """Places that are best read with this one: they lie in one file and are decoded together."""
        if not self.is_one_file or not self.is_compressed or self.count == 1 or self._order is None:
            return (place,)
        step = max(1, min(_BATCH_FRAMES, _BATCH_BYTES // max(1, self.frame_bytes())))
        start = place - place % step
        return range(start, min(start + step, self.count))

    def read(
        self, places: Sequence[int], cancel: CancelToken
    ) -> Iterator[tuple[int, Frame | InputRefused]]:
        """The frames of some places, each or why it cannot be read. Raises `Cancelled`."""
        done = 0
        try:
            with quiet():
                for place, frame in zip(places, self._frames(places, cancel), strict=False):
                    done += 1
                    yield place, frame
        except InputRefused as refusal:
            for place in places[done:]:
                yield place, refusal

    def sorted_by_position(self, cancel: CancelToken) -> None:
        """Frames of one object along their normal from now on, in the direction in which they are stored.

        By dimension index where two share a position (several phases) or any does not say where it is;
        as stored where there is none either. Raises `InputRefused`.
        """
        header, layout, _ = self._opened(self._instances[0])
        places = []
        with quiet():
            for index in range(layout.frames):
                cancel.check()
                geometry = dicom_space.geometry_of(header.dataset, index)
                places.append((geometry, dimension_index(header.dataset, index)))
        self._order = order_of(places)

    def _frames(self, places: Sequence[int], cancel: CancelToken) -> Iterator[Frame]:
        cancel.check()
        instance = self._instances[0 if self.is_one_file else places[0]]
        with self._filling:
            header, layout, along = self._opened(instance, places[0])
            if layout.frame_bytes > self._decoder.image_memory_bytes:
                raise too_large(self._decoder.image_memory_bytes)
            if not self.is_one_file and layout.frames > 1:
                raise InputRefused(
                    "The file has changed since it was listed.", "", "Open its folder again."
                )
            is_native = header.transfer_syntax in NATIVE
            first = self._native(places[0], header, layout, along=along) if is_native else None
        indices = [self._index(place) for place in places]
        if first is not None:
            yield frame_of(header, layout, indices[0], first)
            for place, index in zip(places[1:], indices[1:], strict=True):
                cancel.check()
                yield frame_of(header, layout, index, self._native(place, header, layout))
            return
        for place, frame in zip(
            places, decoded(header, layout, instance, indices, self._decoder, cancel), strict=True
        ):
            slot = self._slot(place, frame.stored.shape, frame.stored.dtype)
            if slot is None:
                yield frame
                continue
            slot[...] = frame.stored
            yield replace(frame, stored=slot)

    def _native(
        self, place: int, header: Header, layout: PixelLayout, *, along: bool = False
    ) -> NDArray[Any]:
        index, kind = self._index(place), dicom_native.kind_of(header, layout)
        slot = None if kind is None else self._slot(place, (layout.rows, layout.columns), kind)
        if slot is None:
            return dicom_native.read_frame(header, layout, index)
        with self._filling:
            if along:
                dicom_native.settle(header, layout, slot)
            elif not self._filled[place]:
                dicom_native.read_into(header, layout, index, slot)
            self._filled[place] = 1
        return slot

    def _index(self, place: int) -> int:
        """The number from 0 of a frame in its file."""
        if not self.is_one_file:
            return 0
        return place if self._order is None else self._order[place]

    def _opened(self, instance: InstanceRef, place: int | None = None) -> tuple[Header, PixelLayout, bool]:
        """A file's header and layout, and whether its pixels came along, as they lie in the file.

        They come to their `place` in the array that all share, where the file is like those before.
        """
        if self._single is not None:
            return (*self._single, False)
        with self._lock:
            together, is_native = self._together, instance.transfer_syntax_uid in NATIVE
            if place is None or together is None or self._filled[place] or not is_native:
                header, along = self._headers.read(instance.path), False
            else:
                room = together[place].reshape(-1).view(np.uint8).data
                header, along = self._headers.read_along(instance.path, room)
            layout = checked(header, instance)
            if self.is_one_file:
                self._single = header, layout
        return header, layout, along

    def _slot(self, place: int, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any] | None:
        """A frame's part of the array that all share; None for what does not fit into it."""
        if self._apart or self.count < _MIN_TOGETHER or len(shape) != 2:
            return None
        if self.is_one_file and self._order is None:
            return None  # its place is not known yet
        with self._lock:
            if self._together is None:
                if self.count * int(np.prod(shape)) * kind.itemsize > self._decoder.image_memory_bytes:
                    return None
                self._together = np.empty((self.count, *shape), kind)
            self._given += 1
            if self._given == _SHOWN_FIRST:
                memory_ahead.find(self._together)
        if self._together.shape[1:] != shape or self._together.dtype != kind:
            return None
        slot: NDArray[Any] = self._together[place]
        return slot


def checked(header: Header, instance: InstanceRef) -> PixelLayout:
    """The pixel module of a file that is still what was listed. Raises `InputRefused`."""
    with quiet():
        named = header.sop_instance_uid
        layout = header.memo.of("layout", lambda: layout_of(header))
    if (named and named != instance.sop_instance_uid) or (layout.rows, layout.columns) != (
        instance.rows,
        instance.columns,
    ):
        raise InputRefused("The file has changed since it was listed.", "", "Open its folder again.")
    return layout


def too_large(limit: int) -> InputRefused:
    """The refusal of an image that does not fit into the memory for images."""
    return InputRefused(
        "The series is larger than the memory for images.",
        f"The limit is {limit >> 20} MB.",
        "Raise image_memory_mb in the settings, or open a part of it.",
    )


def decoded(
    header: Header,
    layout: PixelLayout,
    instance: InstanceRef,
    indices: list[int],
    decoder: Decoder,
    cancel: CancelToken | None,
) -> Iterator[Frame]:
    """Frames of a compressed file by their numbers from 0, decoded in a child."""
    found = decoder.frames(
        replace(instance, number_of_frames=layout.frames), [index + 1 for index in indices], cancel
    )
    for index, values in zip(indices, found.frames, strict=True):
        stored: NDArray[Any] = values
        disagree: tuple[str, ...] = ()
        if layout.samples == 1:
            stored, disagree = _stored(values, layout, right_aligned=found.right_aligned)
        words = None if found.right_aligned else values
        yield frame_of(header, layout, index, stored, doubts=(*found.doubts, *disagree), words=words)


def _stored(
    values: NDArray[Any], layout: PixelLayout, *, right_aligned: bool
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Codecs give values from bit 0 up, RLE the words as they were: both as stored values."""
    if not right_aligned:
        high_bit = layout.high_bit
    else:
        high_bit = layout.bits_stored - 1
        span = 1 << layout.bits_stored
        if int(values.min()) < -(span // 2) or int(values.max()) >= span:
            return values, ("the header and the compressed data disagree on the number of bits",)
    return justified(values, bits_stored=layout.bits_stored, high_bit=high_bit, signed=layout.signed), ()
