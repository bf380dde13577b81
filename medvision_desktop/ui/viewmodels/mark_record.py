"""Measurements to and from the record, on its own lane: saved the moment they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.image import Frame, LoadedSeries
from medvision_desktop.domain.measurement import WORDED, Measurement, MeasurementKind, Point
from medvision_desktop.services import measurements
from medvision_desktop.services.measurements import RecordedMeasurement
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels.marks import Marks, said_by
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench

_NAMES: Final = {
    MeasurementKind.LENGTH: "",
    MeasurementKind.ANGLE: "Angle",
    MeasurementKind.COBB: "",
    MeasurementKind.CARDIOTHORACIC: "",
}


@dataclass(frozen=True)
class Offer:
    """A measurement as the report may use it: a word for a chip and a sentence for the text."""

    chip: str
    sentence: str


class MarkRecord(QObject):
    """`offersChanged(study key)`: other measurements may be used in that study's report.

    `recorded`: the record has grown.
    """

    offersChanged = Signal(str)
    recorded = Signal()

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier, viewer: ViewerModel) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier, self._viewer = bench, lanes, notifier, viewer
        self._said: dict[str, tuple[str, ...]] = {}
        self._asked: set[str] = set()
        viewer.marks.reckon = self._reckon
        viewer.marks.kept.connect(self._on_kept)
        viewer.marks.taken.connect(self._on_taken)
        viewer.loaded.connect(self._on_loaded)

    def offers(self, study_key: str) -> tuple[Offer, ...]:
        """Measurements of a study for its report; arrows and texts are for the image only."""
        found = []
        for one in self._marks.of_study(study_key):
            said = self._said.get(one.id, ())
            if one.kind in WORDED or not said:
                continue
            name = _NAMES.get(one.kind, one.kind.value.capitalize())
            chip = f"{name} {said[0]}".strip()
            sentence = ", ".join(said)
            start = name or "Measurement"
            found.append(Offer(chip, f"{start}: {sentence}."))
        return tuple(found)

    @property
    def _marks(self) -> Marks:
        return self._viewer.marks

    def _on_loaded(self, _pane: int, loaded: LoadedSeries) -> None:
        """The first time a study is on screen, bring its drawings back."""
        key = loaded.study.key
        if key in self._asked:
            return
        self._asked.add(key)
        store = self._bench.store

        def read(_progress: ProgressSink, _cancel: CancelToken) -> tuple[RecordedMeasurement, ...]:
            return measurements.measurements(store, key)

        def failed(error: Exception) -> None:
            self._asked.discard(key)
            self._notifier.error(error, safe="The images can be read; earlier measurements are not shown.")

        self._lanes.db.submit(read, done=partial(self._on_read, key), failed=failed)

    def _on_read(self, key: str, found: tuple[RecordedMeasurement, ...]) -> None:
        for one in found:
            self._said.setdefault(one.measurement.id, one.said)
        self._marks.restored(one.measurement for one in found)
        self.offersChanged.emit(key)

    def _reckon(self, frame: Frame, kind: MeasurementKind, points: tuple[Point, ...]) -> None:
        """Work out what a large region says, off the event loop."""
        self._lanes.io.submit(
            lambda *_: said_by(frame, kind, points), done=partial(self._marks.learn, frame, kind, points)
        )

    def _on_kept(self, measurement: Measurement) -> None:
        frame = self._viewer.frame_at(measurement.place)
        if frame is not None and self._marks.expect(frame, measurement):
            self._enter_large(measurement, frame)
            return
        if frame is not None:
            self._said[measurement.id] = self._marks.said(measurement, frame)
        said = self._said.get(measurement.id, ())
        store, reader = self._bench.store, self._bench.settings.reader

        def enter(_progress: ProgressSink, _cancel: CancelToken) -> str:
            measurements.record(store, measurement, said, reader=reader)
            return measurement.place.study_key

        self._lanes.db.submit(enter, done=self._on_recorded, failed=partial(self._on_failed, measurement))
        self.offersChanged.emit(measurement.place.study_key)

    def _enter_large(self, measurement: Measurement, frame: Frame) -> None:
        """Its values are worked out on the lane that enters them, so that entries keep their order."""
        store, reader = self._bench.store, self._bench.settings.reader
        kind, points = measurement.kind, measurement.points

        def enter(_progress: ProgressSink, _cancel: CancelToken) -> tuple[str, ...]:
            lines = said_by(frame, kind, points)
            said = (measurement.words, *lines) if measurement.words else lines
            measurements.record(store, measurement, said, reader=reader)
            return lines

        def done(lines: tuple[str, ...]) -> None:
            self._marks.learn(frame, kind, points, lines)
            if measurement in self._marks.on(measurement.place):  # and not another by now
                self._said[measurement.id] = self._marks.said(measurement, frame)
            self._on_recorded(measurement.place.study_key)

        def failed(error: Exception) -> None:
            self._reckon(frame, kind, points)
            self._on_failed(measurement, error)

        self._lanes.db.submit(enter, done=done, failed=failed)

    def _on_taken(self, measurement: Measurement) -> None:
        store, reader = self._bench.store, self._bench.settings.reader
        key = measurement.place.study_key

        def enter(_progress: ProgressSink, _cancel: CancelToken) -> str:
            measurements.remove(store, key, measurement.id, reader=reader)
            return key

        self._lanes.db.submit(enter, done=self._on_recorded, failed=self._on_not_removed)

    def _on_recorded(self, key: str) -> None:
        for one in self._marks.unsaved:  # the record takes entries again
            self._marks.put(one)
        self.recorded.emit()
        self.offersChanged.emit(key)

    def _on_failed(self, measurement: Measurement, error: Exception) -> None:
        self._marks.mark_unsaved(measurement)
        self._notifier.error(
            error,
            safe="The measurement is on screen and not in the record.",
            retry=lambda: self._marks.put(measurement),
        )

    def _on_not_removed(self, error: Exception) -> None:
        self._notifier.error(error, safe="The measurement is still in the record and comes back.")
