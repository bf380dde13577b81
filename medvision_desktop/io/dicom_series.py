"""A DICOM series to frames in display order: the first at once, then those nearest to the reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from medvision_desktop.domain.frame_shelf import FrameShelf
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.study import InstanceRef, SeriesRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_frame import frame_of
from medvision_desktop.io.dicom_header import NATIVE, read_header
from medvision_desktop.io.dicom_pages import SeriesPages, checked, decoded
from medvision_desktop.io.paged_shelf import PagedShelf, most_frames
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

FramesSink = Callable[[Sequence[Frame]], None]


def load_frames(
    series: SeriesRef,
    decoder: Decoder,
    *,
    first: FramesSink | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Sequence[Frame]:
    """Every frame of a series in the order of its instances.

    `first` gets the first frame as soon as it is here, on a shelf that the others then come to, nearest
    to what is wanted of it first. A file that cannot be read is left out, and every frame then says so
    in a badge. A series that needs more memory than images may take stays on its shelf: what is near to
    the frame that is wanted is there, and `fill` brings the rest. Raises `InputRefused` when nothing can
    be read, and `Cancelled`.
    """
    token = cancel or CancelToken()
    pages = SeriesPages(series, decoder)
    most = most_frames(pages, decoder.image_memory_bytes)
    if most < pages.count:
        pages = SeriesPages(series, decoder, apart=True)
    if pages.is_one_file and pages.count > 1:
        _show_first(pages, first, token)
        pages.sorted_by_position(token)
    shelf = PagedShelf(pages, most)
    shelf.fill_telling(first, progress, token)
    if most < pages.count:
        if not shelf.faces():
            raise next(one for one in shelf.outcomes() if isinstance(one, InputRefused))
        return shelf
    return _readable(shelf)


def load_frame(
    instance: InstanceRef, index: int, decoder: Decoder, cancel: CancelToken | None = None
) -> Frame:
    """One frame of one file by its index from 0."""
    header = read_header(instance.path)
    layout = checked(header, instance)
    if header.transfer_syntax in NATIVE:
        return frame_of(header, layout, index, dicom_native.read_frame(header, layout, index))
    return next(decoded(header, layout, instance, [index], decoder, cancel))


def _show_first(pages: SeriesPages, first: FramesSink | None, cancel: CancelToken) -> None:
    """The first stored frame, before it is known where all of them lie."""
    if first is None:
        return
    for _, outcome in pages.read((0,), cancel):
        if isinstance(outcome, Frame):
            first((outcome,))


def _readable(shelf: FrameShelf) -> tuple[Frame, ...]:
    """All frames that could be read; each says so where others could not."""
    outcomes = shelf.outcomes()
    frames = tuple(one for one in outcomes if isinstance(one, Frame))
    if not frames:
        raise next(
            (one for one in outcomes if isinstance(one, InputRefused)),
            InputRefused("The series holds no images."),
        )
    missing = len(outcomes) - len(frames)
    if not missing:
        return frames
    badge = f"{missing} of {len(outcomes)} images not readable"
    return tuple(replace(frame, badges=(*frame.badges, badge)) for frame in frames)
