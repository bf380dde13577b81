"""A series whose slices are no regular grid, with a volume that is made for it on request."""

from __future__ import annotations

from dataclasses import replace

from medvision_desktop.domain.frame_shelf import FrameShelf
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.io.volume_real import real_of_volume
from medvision_desktop.pixels import regular
from medvision_desktop.work import CancelToken, ProgressSink, no_progress


def why_not(loaded: LoadedSeries) -> str:
    """Why a series is not resampled, in one sentence; "" when it can be."""
    if loaded.volume is not None:
        return "Its slices are a regular grid already."
    if isinstance(loaded.stack.frames, FrameShelf):
        return "It is larger than the memory for images."
    return regular.fault(loaded.stack.frames)


def resampled(
    loaded: LoadedSeries, *, progress: ProgressSink = no_progress, cancel: CancelToken | None = None
) -> LoadedSeries:
    """The series with a regular grid, badged as resampled; of one with phases, for the phase in use.

    Raises `Cancelled`.
    """
    frames = loaded.stack.frames
    volume = regular.resampled(frames, loaded.stack.modality_range, progress=progress, cancel=cancel)
    volume = replace(volume, real=real_of_volume(frames, volume.modality))
    fresh = replace(loaded, volume=volume, not_a_volume="")
    if loaded.phase is None:
        return fresh
    one = replace(loaded.phases[loaded.phase], volume=volume, not_a_volume="")
    before, after = loaded.phases[: loaded.phase], loaded.phases[loaded.phase + 1 :]
    return replace(fresh, phases=(*before, one, *after))
