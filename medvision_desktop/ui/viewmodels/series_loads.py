"""Reading series on the io lane: the first image as soon as it is here, then all of them.

Each reading has a number. What arrives for a number that is no longer the newest of its series,
or for a series that nobody waits for any more, is dropped. While nothing else is read, the series that
is probably asked for next is read ahead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.frame_shelf import FrameShelf
from medvision_desktop.domain.image import Frame, LoadedSeries
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.ui.viewmodels.series_cache import SeriesCache, SeriesKey, key_of
from medvision_desktop.ui.workers.lane import Job, Lane
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench

# How often the views hear that more images are here.
_TELL_S: Final = 0.1


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


@dataclass
class _Reading:
    number: int
    job: Job
    of: tuple[StudyRef, SeriesRef]
    ahead: bool = False
    early: LoadedSeries | None = None


class SeriesLoads(QObject):
    """Signals carry the series' key. `arrived` has the series and whether it is complete.

    `filled`: more images of a series have come to its shelf.
    """

    arrived = Signal(object, object, bool)
    failed = Signal(object, object)
    filled = Signal(object)
    _first = Signal(object, int, object)

    def __init__(self, lane: Lane, read: OpenSeries, cache: SeriesCache) -> None:
        super().__init__()
        self._lane = lane
        self._read = read
        self._cache = cache
        self._readings: dict[SeriesKey, _Reading] = {}
        self._fills: dict[SeriesKey, Job] = {}
        self._next: tuple[StudyRef, SeriesRef] | None = None
        self._count = 0
        self._first.connect(self._on_first)  # queued: it is emitted on the lane's thread
        lane.started.connect(self._make_way)
        lane.ended.connect(lambda _job: self._read_ahead())

    def fetch(self, study: StudyRef, series: SeriesRef) -> LoadedSeries | None:
        """The series when it is in memory; otherwise None, and signals tell when it arrives."""
        key = key_of(study.key, series.uid)
        self._next = None
        kept = self._cache.get(key)
        if kept is not None:
            return kept
        reading = self._readings.get(key)
        if reading is None:
            title = f"Reading {series.description or series.modality or 'images'}"
            self._readings[key] = self._begun(study, series, title)
        elif reading.ahead:
            reading.ahead = False
            if reading.early is not None:
                self.arrived.emit(key, reading.early, False)
        return None

    def keep(self, key: SeriesKey, loaded: LoadedSeries) -> None:
        """A series as it is from now on, with a volume that was made on request; not one of several."""
        if not loaded.phases:
            self._cache.put(key, loaded)

    def look(self, key: SeriesKey, frames: Sequence[Frame], index: int) -> None:
        """The reader looks at an image: those near it come next, read again if they were let go."""
        if not isinstance(frames, FrameShelf):
            return
        if frames.wanted == index and frames.at(index) is not None:
            return
        if frames.want(index) and key not in self._readings and key not in self._fills:
            frames.told = partial(self._tell, key, [0.0])
            self._fills[key] = self._lane.submit(
                lambda _progress, cancel: frames.fill(cancel),
                done=lambda _: self._on_filled(key, frames),
                failed=lambda error: self._on_fill_failed(key, error),
                cancelled=lambda: self._on_fill_stopped(key),
            )

    def expect(self, study: StudyRef, series: SeriesRef) -> None:
        """This series is probably asked for next: it is read while nothing else is."""
        self._next = (study, series)
        self._read_ahead()

    def keep_only(self, keys: Iterable[SeriesKey]) -> None:
        """Stop every reading that no pane waits for."""
        wanted = set(keys)
        for key in [key for key in self._readings if key not in wanted]:
            self._readings.pop(key).job.cancel()

    def forget(self, study_key: str) -> None:
        """Stop reading a study and let go of its images."""
        self._cache.forget(study_key)
        self._next = None
        for key in [key for key in self._fills if key[0] == study_key]:
            self._fills.pop(key).cancel()
        self.keep_only(key for key in self._readings if key[0] != study_key)

    # Inside.

    def _begun(self, study: StudyRef, series: SeriesRef, title: str, *, ahead: bool = False) -> _Reading:
        key = key_of(study.key, series.uid)
        self._count += 1
        number = self._count
        told, read = self._first, self._read

        def work(progress: ProgressSink, cancel: CancelToken) -> LoadedSeries:
            return read(
                study,
                series,
                first=lambda loaded: told.emit(key, number, loaded),
                progress=progress,
                cancel=cancel,
            )

        job = self._lane.submit(
            work,
            done=lambda loaded: self._on_done(key, number, loaded),
            failed=lambda error: self._on_failed(key, number, error),
            title=title,
        )
        return _Reading(number, job, (study, series), ahead)

    def _read_ahead(self) -> None:
        if self._next is None or self._lane.jobs:
            return
        (study, series), self._next = self._next, None
        key = key_of(study.key, series.uid)
        if self._cache.get(key) is None and key not in self._readings and self._cache.has_room_for(series):
            self._readings[key] = self._begun(study, series, "", ahead=True)

    def _make_way(self, job: Job) -> None:
        """What was only guessed does not keep anything else waiting."""
        for key in [key for key, one in self._readings.items() if one.ahead and one.job is not job]:
            reading = self._readings.pop(key)
            reading.job.cancel()
            self._next = self._next or reading.of

    def _current(self, key: SeriesKey, number: int) -> _Reading | None:
        reading = self._readings.get(key)
        return reading if reading is not None and reading.number == number else None

    def _on_first(self, key: SeriesKey, number: int, loaded: LoadedSeries) -> None:
        reading = self._current(key, number)
        if reading is None:
            return
        frames = loaded.stack.frames
        if isinstance(frames, FrameShelf):
            frames.told = partial(self._tell, key, [0.0])
        reading.early = loaded
        if not reading.ahead:
            self.arrived.emit(key, loaded, False)

    def _on_done(self, key: SeriesKey, number: int, loaded: LoadedSeries) -> None:
        reading = self._current(key, number)
        if reading is None:
            return
        del self._readings[key]
        self._cache.put(key, loaded)
        if not reading.ahead:
            self.arrived.emit(key, loaded, True)

    def _on_failed(self, key: SeriesKey, number: int, error: Exception) -> None:
        reading = self._current(key, number)
        if reading is None:
            return
        del self._readings[key]
        if not reading.ahead:
            self.failed.emit(key, error)

    def _tell(self, key: SeriesKey, last: list[float], shelf: FrameShelf, index: int) -> None:
        """On the thread that reads: the image that is waited for at once, of the others now and then."""
        now = time.monotonic()
        if index == shelf.wanted or now - last[0] >= _TELL_S:
            last[0] = now
            self.filled.emit(key)

    def _on_filled(self, key: SeriesKey, frames: FrameShelf) -> None:
        self._fills.pop(key, None)
        self.filled.emit(key)
        self.look(key, frames, frames.wanted)  # the reader may have gone on while the last one came

    def _on_fill_stopped(self, key: SeriesKey) -> None:
        self._fills.pop(key, None)

    def _on_fill_failed(self, key: SeriesKey, error: Exception) -> None:
        self._fills.pop(key, None)
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
