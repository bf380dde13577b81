"""A series whose slices are no regular grid, resampled to one when the reader asks for it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.services import resample
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
        asked = loaded

        def work(progress: ProgressSink, cancel: CancelToken) -> LoadedSeries:
            return resample.resampled(asked, progress=progress, cancel=cancel)

        self._lanes.io.submit(
            work, done=partial(self._on_done, asked), key="resample", title="Resampling to a regular grid"
        )
        return True

    def _on_done(self, asked: LoadedSeries, fresh: LoadedSeries) -> None:
        if self._viewer.take_series(asked, fresh):
            self._viewer.set_layout(MPR)


def _why_not(loaded: LoadedSeries | None, *, complete: bool) -> str:
    if loaded is None:
        return "Open a series first."
    return resample.why_not(loaded) if complete else "The series is still being read."
