"""A series whose slices are no regular grid, resampled to one when the reader asks for it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject

from medvision_desktop.domain.image import LoadedSeries, Volume
from medvision_desktop.pixels import regular
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels.layouts import MPR
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink


class Regridder(QObject):
    """Nothing is resampled unasked, and what is says so on every plane."""

    def __init__(self, lanes: Lanes, viewer: ViewerModel, notifier: Notifier) -> None:
        super().__init__()
        self._lanes, self._viewer, self._notifier = lanes, viewer, notifier

    def resample(self) -> bool:
        """Resample the active pane's series and show its planes; False, and said why, if it cannot."""
        pane = self._viewer.active_pane
        loaded = pane.shown.loaded if pane.shown is not None else None
        why = _why_not(loaded, complete=pane.status is PaneStatus.SHOWN)
        if loaded is None or why:
            self._notifier.toast("The series is not resampled.", why, "info")
            return False
        frames, span = tuple(loaded.stack.frames), loaded.stack.modality_range

        def work(progress: ProgressSink, cancel: CancelToken) -> Volume:
            return regular.resampled(frames, span, progress=progress, cancel=cancel)

        self._lanes.io.submit(
            work, done=partial(self._on_done, loaded), key="resample", title="Resampling to a regular grid"
        )
        return True

    def _on_done(self, loaded: LoadedSeries, volume: Volume) -> None:
        fresh = with_volume(loaded, volume)
        if self._viewer.take_series(loaded, fresh):
            self._viewer.set_layout(MPR)


def with_volume(loaded: LoadedSeries, volume: Volume) -> LoadedSeries:
    """The series with a volume that was made for it; of a series with phases, for the one in use."""
    fresh = replace(loaded, volume=volume, not_a_volume="")
    if loaded.phase is None:
        return fresh
    one = replace(loaded.phases[loaded.phase], volume=volume, not_a_volume="")
    before, after = loaded.phases[: loaded.phase], loaded.phases[loaded.phase + 1 :]
    return replace(fresh, phases=(*before, one, *after))


def _why_not(loaded: LoadedSeries | None, *, complete: bool) -> str:
    if loaded is None:
        return "Open a series first."
    if not complete:
        return "The series is still being read."
    if loaded.volume is not None:
        return "Its slices are a regular grid already."
    if not isinstance(loaded.stack.frames, tuple):
        return "It is larger than the memory for images."
    return regular.fault(loaded.stack.frames)
