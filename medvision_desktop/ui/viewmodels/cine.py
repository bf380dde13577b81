"""Playing the images of a pane: the clock decides which image stands, so a slow machine skips images."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

from medvision_desktop.domain.header import CineTimes
from medvision_desktop.services import header
from medvision_desktop.ui.viewmodels.series_cache import SeriesKey
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

_SHORTEST_TICK_MS: Final = 4
_TICKS_A_FRAME: Final = 4


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
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)
        viewer.paneChanged.connect(self._on_pane_changed)

    @property
    def playing(self) -> int | None:
        """The pane that plays, or None."""
        return self._pane

    def toggle(self) -> bool:
        """Play the active pane, or stop; False where there is one image only."""
        if self._pane is not None:
            self.stop()
            return True
        pane, number = self._viewer.active_pane, self._viewer.active
        shown = pane.shown
        if shown is None or shown.count < 2:
            return False
        self._pane, self._series = number, pane.series_key
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
        self._first = shown.index
        said = times.source or "no rate in the header"
        self._viewer.set_note(pane, f"Cine {times.fps:.3g} /s, {said}")
        self._began_ms = self._now_ms()
        self._expected = shown.index
        self._timer.start(max(_SHORTEST_TICK_MS, int(min(times.frame_ms) / _TICKS_A_FRAME)))

    def _on_tick(self) -> None:
        pane = self._pane
        shown = self._viewer.panes[pane].shown if pane is not None else None
        if pane is None or shown is None or shown.index != self._expected:
            self.stop()  # the reader has gone to another image
            return
        times = self._times
        whole = len(times.frame_ms) == shown.count
        before = sum(times.frame_ms[: self._first]) if whole else self._first * times.frame_ms[0]
        self._expected = times.index_at(before + self._now_ms() - self._began_ms, shown.count)
        if self._expected != shown.index:
            self._viewer.set_index(pane, self._expected)

    def _on_pane_changed(self, number: int) -> None:
        if number == self._pane and self._viewer.panes[number].series_key != self._series:
            self.stop()
