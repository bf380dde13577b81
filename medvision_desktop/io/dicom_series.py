"""A DICOM series to frames in display order: native pixels here, compressed ones in the decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.study import InstanceRef, SeriesRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.io.dicom_frame import frame_of
from medvision_desktop.io.dicom_header import NATIVE, Header, read_header
from medvision_desktop.io.dicom_layout import PixelLayout, justified, layout_of
from medvision_desktop.io.dicom_values import text
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_BATCH_FRAMES: Final = 16
_BATCH_BYTES: Final = 32 << 20

FrameSink = Callable[[Frame], None]


def load_frames(
    series: SeriesRef,
    decoder: Decoder,
    *,
    first: FrameSink | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Frame, ...]:
    """Every frame of a series in the order of its instances; `first` gets the first one early.

    A file that cannot be read is left out, and every frame then says so in a badge. Raises
    `InputRefused` when none can be read or when the series needs more memory than images may
    take, and `Cancelled` between files.
    """
    token = cancel or CancelToken()
    frames: list[Frame] = []
    refusals: list[InputRefused] = []
    used, total = 0, series.frame_count
    compressed = any(instance.transfer_syntax_uid not in NATIVE for instance in series.instances)
    loads = _ahead if compressed and len(series.instances) > 1 else _in_turn
    for outcome in loads(series.instances, decoder, token):
        if isinstance(outcome, InputRefused):
            refusals.append(outcome)
            continue
        if first is not None and not frames:
            first(outcome)
        frames.append(outcome)
        used += outcome.stored.nbytes
        if used > decoder.image_memory_bytes:
            raise too_large(decoder.image_memory_bytes)
        progress(Progress(len(frames), total, "Loading images"))
    if not frames:
        raise refusals[0] if refusals else InputRefused("The series holds no images.")
    if len(series.instances) == 1:
        frames = _by_position(frames)
    return _with_gap_badge(frames, max(total - len(frames), len(refusals)), total)


def load_frame(
    instance: InstanceRef, index: int, decoder: Decoder, cancel: CancelToken | None = None
) -> Frame:
    """One frame of one file by its index from 0."""
    header, layout = _opened(instance)
    if header.transfer_syntax in NATIVE:
        return frame_of(header, layout, index, dicom_native.read_frame(header, layout, index))
    return next(_decoded(header, layout, instance, [index], decoder, cancel))


def too_large(limit: int) -> InputRefused:
    """The refusal of a series that does not fit into the memory for images."""
    return InputRefused(
        "The series is larger than the memory for images.",
        f"The limit is {limit >> 20} MB.",
        "Raise image_memory_mb in the settings, or open a part of it.",
    )


def _in_turn(
    instances: tuple[InstanceRef, ...], decoder: Decoder, token: CancelToken
) -> Iterator[Frame | InputRefused]:
    for instance in instances:
        yield from _frames_of(instance, decoder, token)


def _ahead(
    instances: tuple[InstanceRef, ...], decoder: Decoder, token: CancelToken
) -> Iterator[Frame | InputRefused]:
    """As many files at a time as there are decoding children, given back in order."""
    with ThreadPoolExecutor(decoder.width, thread_name_prefix="decode") as pool:
        waiting: list[Future[list[Frame | InputRefused]]] = []
        try:
            for instance in instances:
                waiting.append(pool.submit(lambda one: list(_frames_of(one, decoder, token)), instance))
                if len(waiting) > 2 * decoder.width:
                    yield from waiting.pop(0).result()
            while waiting:
                yield from waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def _frames_of(
    instance: InstanceRef, decoder: Decoder, token: CancelToken
) -> Iterator[Frame | InputRefused]:
    token.check()
    try:
        header, layout = _opened(instance)
        if layout.frames * layout.frame_bytes > decoder.image_memory_bytes:
            raise too_large(decoder.image_memory_bytes)
        if header.transfer_syntax in NATIVE:
            for index in range(layout.frames):
                token.check()
                yield frame_of(header, layout, index, dicom_native.read_frame(header, layout, index))
        else:
            for indices in _batches(layout):
                yield from _decoded(header, layout, instance, indices, decoder, token)
    except InputRefused as refusal:
        yield refusal


def _opened(instance: InstanceRef) -> tuple[Header, PixelLayout]:
    with quiet():
        header = read_header(instance.path)
        named = text(header.dataset, "SOPInstanceUID")
        layout = layout_of(header)
    if named and named != instance.sop_instance_uid:
        raise InputRefused("The file has changed since it was listed.", "", "Open its folder again.")
    if (layout.rows, layout.columns) != (instance.rows, instance.columns):
        raise InputRefused("The file has changed since it was listed.", "", "Open its folder again.")
    return header, layout


def _batches(layout: PixelLayout) -> Iterator[list[int]]:
    """The first frame alone, because somebody waits for it; then a few megabytes at a time."""
    yield [0]
    step = max(1, min(_BATCH_FRAMES, _BATCH_BYTES // layout.frame_bytes))
    for start in range(1, layout.frames, step):
        yield list(range(start, min(start + step, layout.frames)))


def _decoded(
    header: Header,
    layout: PixelLayout,
    instance: InstanceRef,
    indices: list[int],
    decoder: Decoder,
    cancel: CancelToken | None,
) -> Iterator[Frame]:
    decoded = decoder.frames(
        replace(instance, number_of_frames=layout.frames), [index + 1 for index in indices], cancel
    )
    for index, values in zip(indices, decoded.frames, strict=True):
        stored: NDArray[Any] = values
        disagree: tuple[str, ...] = ()
        if layout.samples == 1:
            stored, disagree = _stored(values, layout, right_aligned=decoded.right_aligned)
        yield frame_of(header, layout, index, stored, doubts=(*decoded.doubts, *disagree))


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


def _by_position(frames: list[Frame]) -> list[Frame]:
    """Frames of one object along their normal, in the direction in which they are stored.

    By dimension index where two share a position (several phases) or any does not say where it is;
    as stored where there is none either.
    """
    along = _along_normal(frames)
    return _by_dimensions(frames) if along is None else along


def _by_dimensions(frames: list[Frame]) -> list[Frame]:
    """By Dimension Index Values (PS3.3 C.7.6.17), if every frame has its own."""
    places = [frame.dimension_index for frame in frames]
    if len({len(place) for place in places}) != 1 or not places[0] or len(set(places)) != len(places):
        return frames
    return sorted(frames, key=lambda frame: frame.dimension_index)


def _along_normal(frames: list[Frame]) -> list[Frame] | None:
    planes = [frame.geometry for frame in frames if frame.geometry is not None]
    if len(planes) != len(frames) or len(frames) < 2:
        return None
    normal = np.asarray(planes[0].normal_lps)
    if any(float(normal @ np.asarray(plane.normal_lps)) < 0.9999 for plane in planes):
        return None
    positions = np.asarray([plane.origin_lps_mm for plane in planes]) @ normal
    order = np.argsort(positions, kind="stable")
    if np.min(np.diff(positions[order])) < 1e-3:
        return None
    if np.sum(np.diff(positions) < 0) * 2 > len(frames) - 1:
        order = order[::-1]
    return [frames[index] for index in order]


def _with_gap_badge(frames: list[Frame], missing: int, total: int) -> tuple[Frame, ...]:
    if not missing:
        return tuple(frames)
    badge = f"{missing} of {total} images not readable"
    return tuple(replace(frame, badges=(*frame.badges, badge)) for frame in frames)
