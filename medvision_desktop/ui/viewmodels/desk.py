"""What stands on the bars, and the note in the record that a series was opened."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.document import DocumentRef
from medvision_desktop.domain.findings import AnalysisState
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef
from medvision_desktop.services import ingest
from medvision_desktop.services.verify import VerificationResult, verify
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.services.review import RecordedAnalysis


_QUICKLY_VERIFIED: Final = 2000


class Desk(QObject):
    """`opened` carries the key of a study that the record now knows; `standingChanged` words and a tone.

    `deviceKnown` says where networks run, once the inference host is up.
    """

    opened = Signal(str)
    standingChanged = Signal(str, str)
    deviceKnown = Signal(str)

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier = bench, lanes, notifier
        self._noted: set[tuple[str, str]] = set()
        self._warmed = False
        self._verified: tuple[VerificationResult, str] | None = None

    # Opening.

    def note_opened(self, loaded: LoadedSeries) -> None:
        """Enter a series in the record the first time it is on screen in this run of the program."""
        self._note(loaded.study, loaded.series)

    def note_document(self, study: StudyRef, document: DocumentRef) -> None:
        """Enter a report or a letter, in the same way as a series."""
        self._note(
            study, SeriesRef(document.uid, SourceKind.DICOM, (), document.kind.value, document.title)
        )

    def _note(self, study: StudyRef, series: SeriesRef) -> None:
        key = (study.key, series.uid)
        if key in self._noted:
            return
        self._noted.add(key)
        bench, reader = self._bench, self._bench.settings.reader

        def enter(_progress: ProgressSink, _cancel: CancelToken) -> str:
            ingest.study_opened(bench.store, study, series, reader=reader)
            return study.key

        def failed(error: Exception) -> None:
            self._noted.discard(key)
            self._notifier.error(error, safe="The images can be read; nothing can be decided or signed.")

        self._lanes.db.submit(enter, done=self.opened.emit, failed=failed)

    def warm_up(self) -> None:
        """Start the inference host and load the usual model, once, so that the first run is quick."""
        if self._warmed:
            return
        self._warmed = True
        bench = self._bench

        def warm(_progress: ProgressSink, cancel: CancelToken) -> str:
            return bench.host.warm(bench.settings.default_model, cancel=cancel)

        # A model that may not run is told when it is asked to run, not before.
        self._lanes.gpu.submit(warm, done=self.deviceKnown.emit, failed=lambda _: None, key="desk-warm")

    def warm_decoder(self) -> None:
        """Start a frame decoder, so that the first compressed image does not wait for it."""
        bench = self._bench
        self._lanes.io.submit(
            lambda *_: bench.decoder.warm(), done=lambda _: None, failed=lambda _: None, key="desk-decoder"
        )

    def title_of(self, study: StudyRef, *, masked: bool) -> tuple[str, str]:
        """The two lines at the top: who, and what was examined when."""
        name = "Name hidden" if masked else (study.patient.name or study.description or "No name given")
        number = "" if masked else study.patient.id
        described = study.description if study.description != name else ""
        kinds = " ".join((*study.modalities, described)).strip()
        parts = (number, kinds, words.day(study.date) if study.date else "")
        return name, "  ·  ".join(part for part in parts if part)

    # The record.

    def verify(self, *, quietly: bool = False) -> None:
        """Walk the whole record on the db lane and say what was found."""
        self._lanes.db.submit(
            self._verify,
            done=self._on_verified,
            failed=self._on_no_record,
            key="desk-verify",
            title="" if quietly else "Verifying the record",
        )

    def follow(self) -> None:
        """The record has grown: verify it again while that is quick, else say by how much it grew."""
        if self._verified is not None and self._verified[0].entries <= _QUICKLY_VERIFIED:
            self.verify(quietly=True)
            return
        self._lanes.db.submit(
            lambda *_: self._bench.store.head()[0],
            done=self._on_counted,
            failed=self._on_no_record,
            key="desk-count",
        )

    def _verify(self, progress: ProgressSink, cancel: CancelToken) -> VerificationResult:
        store, reports = self._bench.store, self._bench.locations.reports
        return verify(store, reports, progress=progress, cancel=cancel)

    def _on_verified(self, result: VerificationResult) -> None:
        clock = datetime.now().astimezone().strftime("%H:%M")
        self._verified = (result, clock)
        self._on_counted(result.entries)

    def _on_counted(self, entries: int) -> None:
        if self._verified is None:
            self.standingChanged.emit(f"Record open  ·  {_entries(entries)}", "")
            return
        result, clock = self._verified
        if not result.ok:
            fault = result.faults[0]
            at = f" at entry {fault.seq}" if fault.seq else ""
            self.standingChanged.emit(f"Record does not verify: {fault.part}{at}", "bad")
            return
        later = entries - result.entries
        added = f"  ·  {words.count(later)} since" if later else ""
        self.standingChanged.emit(
            f"Record verified  ·  {_entries(result.entries)}  ·  {clock}{added}", "ok"
        )

    def _on_no_record(self, error: Exception) -> None:
        self.standingChanged.emit("No record: nothing can be saved", "bad")
        self._notifier.error(error, safe="Images can be read without it.")

    # The input gate.

    @staticmethod
    def gate_words(analysis: RecordedAnalysis | None) -> tuple[str, str]:
        """What the status bar says of the input gate, and its tone."""
        if analysis is None:
            return "", ""
        gate = analysis.gate
        said = list(dict.fromkeys(words.reason_words(reason, gate.checks) for reason in gate.reasons))
        if analysis.state is AnalysisState.REFUSED:
            return f"Input gate refused: {said[0] if said else 'not suitable'}", "warn"
        if said:
            return f"Input gate passed with doubts: {', '.join(said)}", "warn"
        return "Input gate passed", "ok"


def _entries(number: int) -> str:
    return f"{words.count(number)} {'entry' if number == 1 else 'entries'}"
