"""Playing the images of a pane: the clock decides which image stands, so a slow machine skips images.

A series with several volumes plays over them, at the times that its header gives; on request, and any
other series, over its images.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

from medvision_desktop.domain.header import CineTimes
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.services import header
from medvision_desktop.ui.viewmodels import phases
from medvision_desktop.ui.viewmodels.pane_state import Shown
from medvision_desktop.ui.viewmodels.series_cache import SeriesKey
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

_SHORTEST_TICK_MS: Final = 4
_TICKS_A_FRAME: Final = 4
# Times between volumes that can be watched as they were; others are played steadily.
_QUICKEST_MS: Final = 10.0
_SLOWEST_MS: Final = 3000.0
_STEADY_MS: Final = 500.0


def _now_ms() -> float:
    return time.monotonic_ns() / 1e6


class Cine(QObject):
    """One pane plays at a time. It stops when its pane shows something else, or by the same key."""

    def __init__(self, lanes: Lanes, viewer: ViewerModel, *, now_ms: Callable[[], float] = _now_ms) -> None:
        super().__init__()
        self._now_ms = now_ms
        self._began_ms = 0.0
        self._expected = 0
        self._lanes, self._viewer = lanes, viewer
        self._pane: int | None = None
        self._series: SeriesKey | None = None
        self._times = CineTimes()
        self._first = 0
        self._over_time = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        viewer.paneChanged.connect(self._on_pane_changed)

    @property
    def playing(self) -> int | None:
        """The pane that plays, or None."""
        return self._pane

    def toggle(self, *, over_time: bool = True) -> bool:
        """Play the active pane, or stop; False where there is one image only.

        With `over_time` a series with several volumes plays over them at the place on screen.
        """
        if self._pane is not None:
            self.stop()
            return True
        pane, number = self._viewer.active_pane, self._viewer.active
        shown = pane.shown
        several = phases.of(pane) if over_time else None
        if shown is None or (several is None and shown.count < 2):
            return False
        self._pane, self._series = number, pane.series_key
        self._over_time = several is not None
        if several is not None:
            self._start(times_of(several))
            return True
        series, uid = shown.loaded.series, shown.frame.sop_instance_uid

        def read(_progress: ProgressSink, _cancel: CancelToken) -> CineTimes:
            return header.cine_times(series, uid)

        self._lanes.io.submit(read, done=self._start, failed=lambda _: self._start(CineTimes()), key="cine")
        return True

    def stop(self) -> None:
        """Stand still at the image on screen."""
        self._timer.stop()
        pane, self._pane, self._series = self._pane, None, None
        if pane is not None:
            self._viewer.set_note(pane, "")

    def _start(self, times: CineTimes) -> None:
        pane = self._pane
        shown = self._viewer.panes[pane].shown if pane is not None else None
        if pane is None or shown is None:
            return
        self._times = times
        self._first = self._expected = self._at(shown)
        said = times.source or "no rate in the header"
        axis = "Cine over time" if self._over_time else "Cine"
        self._viewer.set_note(pane, f"{axis} {times.fps:.3g} /s, {said}")
        self._began_ms = self._now_ms()
        self._timer.start(max(_SHORTEST_TICK_MS, int(min(times.frame_ms) / _TICKS_A_FRAME)))

    def _on_tick(self) -> None:
        pane = self._pane
        shown = self._viewer.panes[pane].shown if pane is not None else None
        if pane is None or shown is None or self._at(shown) != self._expected:
            self.stop()  # the reader has gone to another image
            return
        times, count = self._times, self._count(shown)
        whole = len(times.frame_ms) == count
        before = sum(times.frame_ms[: self._first]) if whole else self._first * times.mean_ms
        self._expected = times.index_at(before + self._now_ms() - self._began_ms, count)
        if self._expected == self._at(shown):
            return
        if self._over_time:
            phases.choose(self._viewer, pane, self._expected)
        else:
            self._viewer.set_index(pane, self._expected)

    def _at(self, shown: Shown) -> int:
        return (shown.loaded.phase or 0) if self._over_time else shown.index

    def _count(self, shown: Shown) -> int:
        return len(shown.loaded.phases) if self._over_time else shown.count

    def _on_pane_changed(self, number: int) -> None:
        if number == self._pane and self._viewer.panes[number].series_key != self._series:
            self.stop()


def times_of(loaded: LoadedSeries) -> CineTimes:
    """How long each volume of a series stands: as the header's times say, if they are fit to be watched.

    Volumes minutes apart would be watched for minutes, and those without a time do not say: two a second.
    """
    at = [phase.time_ms for phase in loaded.phases]
    known = [time for time in at if time is not None]
    steps = [after - before for before, after in itertools.pairwise(known)]
    if len(known) == len(at) and steps and all(_QUICKEST_MS <= step <= _SLOWEST_MS for step in steps):
        return CineTimes((*steps, sum(steps) / len(steps)), "times of the volumes")
    return CineTimes((_STEADY_MS,), "")
