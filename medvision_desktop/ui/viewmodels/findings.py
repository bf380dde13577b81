"""The findings of the study on screen: run, restore, decide. All that is shown was read from the record.

A run that ends while another study is on screen is recorded and told in a line of news; the view
stays where it is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.findings import AnalysisState, Decision, Finding, ReviewState
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.errors import StoreUnavailable
from medvision_desktop.services.review import RecordedAnalysis
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.decisions import Decisions
from medvision_desktop.ui.viewmodels.finding_rows import ListInput, Row, RunState, rows_of
from medvision_desktop.ui.viewmodels.model_facts import ModelFacts, card_rows
from medvision_desktop.ui.viewmodels.runs import Run, Runs
from medvision_desktop.ui.viewmodels.study_record import StudyRecord, read
from medvision_desktop.ui.workers.lane import Lanes

_RUN_STATES: Final = {
    AnalysisState.DONE: RunState.DONE,
    AnalysisState.ABSTAINED: RunState.ABSTAINED,
    AnalysisState.REFUSED: RunState.REFUSED,
    AnalysisState.FAILED: RunState.FAILED,
}


class FindingsModel(QObject):
    """Intents come in as calls; `changed` says that any property may be different.

    `attentionWanted(label, heat)` asks the viewer to show a map, `(None, None)` to take it away.
    `overrideWanted`, `rejectWanted` carry the finding and `addWanted` a label or "": they ask for a
    sheet, `readerWanted` for the name of the reader. `recordChanged` carries the key of a study whose
    record has grown.
    """

    changed = Signal()
    selectionChanged = Signal()
    attentionWanted = Signal(object, object)
    attentionTuned = Signal(float, float)
    overrideWanted = Signal(object)
    rejectWanted = Signal(object)
    addWanted = Signal(str)
    imageWanted = Signal(str, str, int)
    recordChanged = Signal(str)
    readerWanted = Signal()
    openWanted = Signal(object, object)

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier = bench, lanes, notifier
        self._study: StudyRef | None = None
        self._loaded: LoadedSeries | None = None
        self._frame_index = 0
        self._recorded = StudyRecord()
        self._restored = False
        self.decisions = Decisions(bench, lanes, notifier)
        self.decisions.changed.connect(self.changed)
        self.decisions.decided.connect(self._on_decided)
        self.decisions.readerWanted.connect(self.readerWanted)
        self.runs = Runs(bench, lanes)
        self.runs.changed.connect(self._on_run_changed)
        self.runs.done.connect(self._on_ran)
        self.runs.failed.connect(self._on_run_failed)
        self.runs.cancelled.connect(self._on_cancelled)
        self._eye = ""
        self._selected = ""
        self._by_name = False
        self._opacity = bench.settings.overlay_opacity
        self._threshold = bench.settings.overlay_threshold
        self.model_name = bench.settings.default_model

    # What is shown.

    @property
    def study(self) -> StudyRef | None:
        """The study on screen."""
        return self._study

    @property
    def loaded(self) -> LoadedSeries | None:
        """The series that a run would look at."""
        return self._loaded

    @property
    def is_restored(self) -> bool:
        """Whether the record of this study has been read; until then nothing is known of it."""
        return self._restored

    @property
    def run_state(self) -> RunState:
        """Where the run on the study on screen stands."""
        if self.runs.of(self._key) is not None:
            return RunState.RUNNING
        if self.runs.failure(self._key):
            return RunState.FAILED
        analysis = self._recorded.analysis
        return RunState.NOT_RUN if analysis is None else _RUN_STATES[analysis.state]

    @property
    def fraction(self) -> float | None:
        """How far the run on the study on screen is, 0..1; None when not running or not known."""
        run = self.runs.of(self._key)
        return None if run is None else run.progress.fraction

    @property
    def message(self) -> str:
        """Why there is no result, in the words of the run; empty when there is one."""
        analysis = self._recorded.analysis
        return self.runs.failure(self._key) or ("" if analysis is None else analysis.message)

    @property
    def analysis(self) -> RecordedAnalysis | None:
        """The recorded analysis that is shown; None when there is none."""
        return self._recorded.analysis

    @property
    def facts(self) -> ModelFacts:
        """The model that ran, or that Run AI would start."""
        return self._recorded.facts

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding of the study on screen, as the record has it now."""
        return self._recorded.findings

    @property
    def choices(self) -> tuple[ModelFacts, ...]:
        """The models that can be started."""
        return self._recorded.choices

    @property
    def card_rows(self) -> tuple[tuple[str, str], ...]:
        """Rows of the model card: name and value."""
        return card_rows(self._recorded.facts, self._recorded.analysis, self._loaded)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What speaks against trusting the result, in words: reasons of the gate, a missing model."""
        recorded = self._recorded
        told = [recorded.facts.missing] if recorded.facts.missing and recorded.analysis is None else []
        if recorded.analysis is not None and self.run_state is RunState.DONE:
            gate = recorded.analysis.gate
            told += [words.reason_words(reason, gate.checks) for reason in gate.reasons]
        if recorded.newest_failure and self.run_state is not RunState.FAILED:
            told.append(f"The last run failed. {recorded.newest_failure}")
        return tuple(told)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The list, in order; empty without a study."""
        if self._study is None:
            return ()
        recorded = self._recorded
        run = self.runs.of(self._key)
        return rows_of(
            ListInput(
                run=self.run_state,
                labels=recorded.facts.labels,
                findings=recorded.findings,
                maps=recorded.maps,
                percent=None if run is None else run.percent,
                time_left="" if run is None else run.time_left,
                message=self.message,
                eye=self._eye,
                floor=recorded.facts.confidence_floor,
                sort_by_name=self._by_name,
            )
        )

    @property
    def selected(self) -> str:
        """Key of the selected row, or an empty string."""
        return self._selected

    @property
    def selected_row(self) -> Row | None:
        """The selected row, if it is still there."""
        return next((row for row in self.rows if row.key == self._selected), None)

    @property
    def eye(self) -> str:
        """Key of the row whose attention map is on, or an empty string."""
        return self._eye

    @property
    def attention(self) -> tuple[float, float]:
        """Opacity and threshold of the attention map, both 0..1."""
        return (self._opacity, self._threshold)

    @property
    def saving(self) -> frozenset[str]:
        """Findings whose decision is on its way to the record; they are not shown as decided yet."""
        return self.decisions.saving

    @property
    def sorted_by_name(self) -> bool:
        """Whether rows stand by name instead of by probability."""
        return self._by_name

    # The study on screen.

    def set_study(self, study: StudyRef | None, loaded: LoadedSeries | None, frame_index: int = 0) -> None:
        """What the active pane shows. Another study or series is restored from the record."""
        previous = (self._study.key if self._study else "", _series_uid(self._loaded))
        self._study, self._loaded, self._frame_index = study, loaded, frame_index
        current = (study.key if study else "", _series_uid(loaded))
        if current == previous:
            return
        if current[0] != previous[0]:
            self._recorded, self._restored, self._selected = StudyRecord(), False, ""
            self._set_eye("")
            self.changed.emit()
        self.restore()

    def look_at(self, frame_index: int) -> None:
        """Which image of the series a run would look at."""
        self._frame_index = frame_index

    def choose_model(self, name: str) -> None:
        """Which model Run AI starts; the card shows it where none has run yet."""
        self.model_name = name
        self.restore()

    def restore(self) -> None:
        """Read again what the record holds of the study on screen."""
        key = self._key
        work = partial(read, self._bench, key, _series_uid(self._loaded), self.model_name)
        self._lanes.db.submit(
            lambda *_: work(),
            done=partial(self._on_restored, key),
            failed=self._on_restore_failed,
            key="findings.restore",
        )

    def _on_restored(self, key: str, recorded: StudyRecord) -> None:
        if key != self._key:
            return
        self._recorded, self._restored = recorded, True
        rows = self.rows
        if self._selected not in {row.key for row in rows}:
            self._selected = rows[0].key if rows else ""
        if self._eye:
            self._set_eye(self._eye)
        self.changed.emit()

    def _on_restore_failed(self, error: Exception) -> None:
        self._restored = False
        self.changed.emit()
        self._notifier.error(error, retry=self.restore)

    # Running.

    def run(self, model: str = "") -> None:
        """Start the model on the series on screen; nothing happens while it runs already."""
        study, loaded = self._study, self._loaded
        if study is None or loaded is None:
            self._notifier.toast("Open a study first", "The model needs an image.", "info")
            return
        reader = self._bench.settings.reader
        self.runs.start(study, loaded, self._frame_index, model or self.model_name, reader)

    def run_default(self) -> None:
        """Start the model that Run AI stands for."""
        self.run()

    def cancel(self) -> None:
        """Ask the run on the study on screen to stop."""
        self.runs.cancel(self._key)

    def _on_run_changed(self, study_key: str) -> None:
        if study_key == self._key:
            self.changed.emit()

    def _on_ran(self, run: Run) -> None:
        self.recordChanged.emit(run.study.key)
        if self._is_current(run.study):
            self.restore()
            return
        self._notifier.toast(
            f"AI is ready: {words.study_title(run.study)}",
            "Your view has not moved.",
            "ai",
            "Open",
            lambda: self.openWanted.emit(run.study, run.loaded.series),
        )

    def _on_run_failed(self, run: Run, error: Exception) -> None:
        self.recordChanged.emit(run.study.key)
        if self._is_current(run.study):
            self.restore()
        safe = "Your decisions. No score exists from this run."
        if _is_store(error):
            safe = "Nothing was shown, because it could not be recorded."
        self._notifier.error(error, safe=safe, retry=partial(self._run_again, run))

    def _run_again(self, run: Run) -> None:
        if self._is_current(run.study):
            self.run(run.model)

    def _on_cancelled(self, run: Run) -> None:
        self.recordChanged.emit(run.study.key)
        self._notifier.toast("The AI run was stopped", "No score exists from it.", "info")
        if self._is_current(run.study):
            self.restore()

    # Deciding.

    def accept(self, finding_id: str) -> None:
        """Agree with the model."""
        self.decide(finding_id, Decision(ReviewState.ACCEPTED))

    def leave_undecided(self, finding_id: str) -> None:
        """Say on purpose that this stays open; the report may then be signed."""
        self.decide(finding_id, Decision(ReviewState.LEFT_UNDECIDED))

    def decide(self, finding_id: str, decision: Decision) -> None:
        """Append a decision; the row changes when the record has it."""
        before = next((f for f in self.findings if f.id == finding_id), None)
        if self._study is not None and before is not None:
            self.decisions.decide(self._study, before, decision)

    def add(self, decision: Decision) -> None:
        """Add a finding that no model suggested."""
        if self._study is not None:
            self.decisions.add(self._study, decision)

    def _on_decided(self, study: StudyRef, before: Finding | None, after: Finding) -> None:
        self.recordChanged.emit(study.key)
        if not self._is_current(study):
            return
        others = [known for known in self.findings if known.id != after.id]
        place = next((i for i, known in enumerate(self.findings) if known.id == after.id), len(others))
        fresh = (*others[:place], after, *others[place:])
        self._recorded = replace(self._recorded, findings=fresh)
        if before is None:
            self._selected = after.id
        self.changed.emit()

    # Selecting and looking.

    def select(self, key: str) -> None:
        """Select a row by its key; an unknown key selects nothing."""
        if key != self._selected:
            self._selected = key
            self.selectionChanged.emit()

    def step(self, by: int, *, show_image: bool = False) -> None:
        """Move the selection; from the last row on to the first when `show_image` asks for a tour."""
        rows = self.rows
        if not rows:
            return
        keys = [row.key for row in rows]
        if self._selected not in keys:
            place = 0 if by > 0 else len(keys) - 1
        else:
            place = keys.index(self._selected) + by
            place = place % len(keys) if show_image else min(max(place, 0), len(keys) - 1)
        self.select(keys[place])
        if show_image:
            self.show_image()

    def show_image(self) -> None:
        """Ask the viewer for the image that the shown analysis saw."""
        analysis = self._recorded.analysis
        row = self.selected_row
        if analysis is not None and row is not None and row.score is not None:
            self.imageWanted.emit(analysis.series_uid, analysis.sop_instance_uid, analysis.frame_number)

    def toggle_eye(self, key: str) -> None:
        """Attention map of a row, or of the first row with this label, on or off; one at a time."""
        row = next((row for row in self.rows if row.has_map and key in (row.key, row.label)), None)
        if row is not None:
            self._set_eye("" if self._eye == row.key else row.key)
            self.changed.emit()
            self._tell_when_faint()

    def hide_eye(self) -> None:
        """Take the attention map away."""
        self._set_eye("")
        self.changed.emit()

    def tune_attention(self, opacity: float, threshold: float) -> None:
        """Opacity and threshold of the attention map, both 0..1."""
        self._opacity, self._threshold = opacity, threshold
        self.attentionTuned.emit(opacity, threshold)

    def sort_by_name(self, by_name: bool) -> None:
        """Order of the rows inside a section: by name, or by probability."""
        self._by_name = by_name
        self.changed.emit()

    # Asking for sheets.

    def ask_override(self, key: str) -> None:
        """Open the override sheet for a row; a row without a finding leads to adding one."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is None:
            return
        if row.finding is not None:
            self.overrideWanted.emit(row.finding)
        else:
            self.addWanted.emit(row.label)

    def ask_reject(self, key: str) -> None:
        """Open the reject sheet for a row that can be decided."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is not None and row.can_decide:
            self.rejectWanted.emit(row.finding)

    def accept_row(self, key: str) -> None:
        """Accept a row that can be decided."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is not None and row.can_decide and row.finding is not None:
            self.accept(row.finding.id)

    @property
    def _key(self) -> str:
        return self._study.key if self._study else ""

    def _is_current(self, study: StudyRef) -> bool:
        return self._study is not None and self._study.key == study.key

    def _set_eye(self, key: str) -> None:
        """Show the map of a row, or none; the viewer hears of it when there is something to change."""
        row = next((row for row in self.rows if row.key == key and row.has_map), None) if key else None
        if row is None or row.finding is None:
            if self._eye:
                self._eye = ""
                self.attentionWanted.emit(None, None)
            return
        self._eye = key
        heat = self._recorded.maps[(row.finding.analysis_seq or 0, row.finding.label)]
        self.attentionWanted.emit(heat.label, heat)

    def _tell_when_faint(self) -> None:
        """A map that lies wholly below the threshold draws nothing; the reader is told why."""
        row = next((row for row in self.rows if row.eye_on), None)
        if row is None or row.finding is None:
            return
        heat = self._recorded.maps[(row.finding.analysis_seq or 0, row.finding.label)]
        strongest = float(heat.grid.max())
        if 0 < strongest < self._threshold:
            self._notifier.toast(
                f"No attention above {self._threshold:.2f}",
                f"The strongest for {heat.label} is {strongest:.2f}.",
                "ai",
                "Lower the threshold",
                partial(self.tune_attention, self._opacity, strongest / 2),
            )


def _series_uid(loaded: LoadedSeries | None) -> str:
    return "" if loaded is None else loaded.series.uid


def _is_store(error: Exception) -> bool:
    return isinstance(error, StoreUnavailable)
