"""The findings of the study on screen: run, restore, decide. All that is shown was read from the record.

A run that ends while another study is on screen is recorded and told in a line of news; the view
stays where it is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from medvision_desktop.domain.findings import Decision, Finding, ReviewState
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.errors import StoreUnavailable
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.findings_selection import FindingsSelection
from medvision_desktop.ui.viewmodels.runs import Run
from medvision_desktop.ui.viewmodels.study_record import StudyRecord, read
from medvision_desktop.ui.workers.lane import Lanes


class FindingsModel(FindingsSelection):
    """Intents come in as calls; `changed` says that any property may be different."""

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__(bench, lanes, notifier)
        self.decisions.changed.connect(self.changed)
        self.decisions.decided.connect(self._on_decided)
        self.decisions.readerWanted.connect(self.readerWanted)
        self.runs.changed.connect(self._on_run_changed)
        self.runs.done.connect(self._on_ran)
        self.runs.failed.connect(self._on_run_failed)
        self.runs.cancelled.connect(self._on_cancelled)

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
            self._hidden = frozenset()
            self._set_eye("")
            self.changed.emit()
        self.restore()

    def look_at(self, frame_index: int) -> None:
        """Which image of the series a run would look at."""
        self._frame_index = frame_index

    def choose_model(self, name: str) -> None:
        """Which model Run AI starts; the card shows it where none has run yet."""
        self._picked[self._key] = name
        self.restore()

    def restore(self) -> None:
        """Read again what the record holds of the study on screen."""
        key = self._key
        picked = self._picked.get(key, "")
        work = partial(read, self._bench, key, self._loaded, self._frame_index, self.model_name, picked)
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
        self.labelsWanted.emit(key, _series_uid(self._loaded), recorded.label_map)
        for label in self._hidden:
            self.outlineWanted.emit(key, _series_uid(self._loaded), label, False)
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
        name = model or self._picked.get(self._key, "") or self._recorded.offer or self.model_name
        facts = next((one for one in self._recorded.choices if one.name == name), self._recorded.facts)
        given = self.channels.given(study, loaded.series, facts.channels)
        self.runs.start(study, loaded, self._frame_index, name, reader, given)

    def choose_channel(self, name: str, series_uid: str) -> None:
        """Say which series of the study is a sequence of the model, or none of them ("")."""
        if self._study is not None and self._loaded is not None:
            self.channels.choose(self._study, name, series_uid)
            self.changed.emit()

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

    def accept_row(self, key: str) -> None:
        """Accept a row that can be decided."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is not None and row.can_decide and row.finding is not None:
            self.accept(row.finding.id)

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


def _series_uid(loaded: LoadedSeries | None) -> str:
    return "" if loaded is None else loaded.series.uid


def _is_store(error: Exception) -> bool:
    return isinstance(error, StoreUnavailable)
