"""Reading series on the io lane: the first image as soon as it is here, then all of them.

Each reading has a number. What arrives for a number that is no longer the newest of its series,
or for a series that nobody waits for any more, is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.ui.viewmodels.series_cache import SeriesCache, SeriesKey, key_of
from medvision_desktop.ui.workers.lane import Job, Lane
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench


class OpenSeries(Protocol):
    """Reads a series; `first` is given a series of only the first image as soon as it can be shown."""

    def __call__(
        self,
        study: StudyRef,
        series: SeriesRef,
        *,
        first: Callable[[LoadedSeries], None],
        progress: ProgressSink,
        cancel: CancelToken,
    ) -> LoadedSeries:
        """Return the whole series. Raises `InputRefused` and what decoding raises."""


@dataclass(frozen=True)
class _Reading:
    number: int
    job: Job


class SeriesLoads(QObject):
    """Signals carry the series' key. `arrived` has the series and whether it is complete."""

    arrived = Signal(object, object, bool)
    failed = Signal(object, object)
    _first = Signal(object, int, object)

    def __init__(self, lane: Lane, read: OpenSeries, cache: SeriesCache) -> None:
        super().__init__()
        self._lane = lane
        self._read = read
        self._cache = cache
        self._readings: dict[SeriesKey, _Reading] = {}
        self._count = 0
        self._first.connect(self._on_first)  # queued: it is emitted on the lane's thread

    def fetch(self, study: StudyRef, series: SeriesRef) -> LoadedSeries | None:
        """The series when it is in memory; otherwise None, and signals tell when it arrives."""
        key = key_of(study.key, series.uid)
        kept = self._cache.get(key)
        if kept is not None or key in self._readings:
            return kept
        self._count += 1
        number = self._count
        first, read = self._first, self._read

        def work(progress: ProgressSink, cancel: CancelToken) -> LoadedSeries:
            return read(
                study,
                series,
                first=lambda loaded: first.emit(key, number, loaded),
                progress=progress,
                cancel=cancel,
            )

        job = self._lane.submit(
            work,
            done=lambda loaded: self._on_done(key, number, loaded),
            failed=lambda error: self._on_failed(key, number, error),
            title=f"Reading {series.description or series.modality or 'images'}",
        )
        self._readings[key] = _Reading(number, job)
        return None

    def keep_only(self, keys: Iterable[SeriesKey]) -> None:
        """Stop every reading that no pane waits for."""
        wanted = set(keys)
        for key in [key for key in self._readings if key not in wanted]:
            self._readings.pop(key).job.cancel()

    def forget(self, study_key: str) -> None:
        """Stop reading a study and let go of its images."""
        self._cache.forget(study_key)
        self.keep_only(key for key in self._readings if key[0] != study_key)

    def _is_current(self, key: SeriesKey, number: int) -> bool:
        reading = self._readings.get(key)
        return reading is not None and reading.number == number

    def _on_first(self, key: SeriesKey, number: int, loaded: LoadedSeries) -> None:
        if self._is_current(key, number):
            self.arrived.emit(key, loaded, False)

    def _on_done(self, key: SeriesKey, number: int, loaded: LoadedSeries) -> None:
        if self._is_current(key, number):
            del self._readings[key]
            self._cache.put(key, loaded)
            self.arrived.emit(key, loaded, True)

    def _on_failed(self, key: SeriesKey, number: int, error: Exception) -> None:
        if self._is_current(key, number):
            del self._readings[key]
            self.failed.emit(key, error)


def reader_of(bench: Workbench) -> OpenSeries:
    """Reads series of files with the decoder of a workbench."""

    def read(
        study: StudyRef,
        series: SeriesRef,
        *,
        first: Callable[[LoadedSeries], None],
        progress: ProgressSink,
        cancel: CancelToken,
    ) -> LoadedSeries:
        from medvision_desktop.services.open_study import open_series

        return open_series(
            study, series, decoder=bench.decoder, first=first, progress=progress, cancel=cancel
        )

    return read
