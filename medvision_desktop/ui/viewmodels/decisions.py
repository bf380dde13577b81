"""Decisions on their way to the record. Nothing is shown as decided before the record has it."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.findings import Decision, Finding, ReviewState
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.errors import StoreUnavailable
from medvision_desktop.services import review
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.workers.lane import Lanes

_VERBS: Final = {
    ReviewState.ACCEPTED: "accepted",
    ReviewState.REJECTED: "rejected",
    ReviewState.OVERRIDDEN: "overridden",
    ReviewState.LEFT_UNDECIDED: "left undecided",
    ReviewState.ADDED: "added",
}


class Decisions(QObject):
    """Appends decisions on the db lane and tells the reader what became of them.

    `changed`: `saving` is different. `decided(study, before, after)`: the record has it; `before` is
    None for a finding that was added. `readerWanted`: nobody is named as the reader.
    """

    changed = Signal()
    decided = Signal(object, object, object)
    readerWanted = Signal()

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier = bench, lanes, notifier
        self.saving: frozenset[str] = frozenset()

    def decide(self, study: StudyRef, before: Finding, decision: Decision) -> None:
        """Append a decision on a finding; one that is on its way already is not overtaken."""
        if before.id in self.saving or not self._has_reader():
            return
        self.saving |= {before.id}
        bench, reader = self._bench, self._bench.settings.reader
        self._lanes.db.submit(
            lambda *_: review.decide(bench.store, before.id, decision, reader=reader),
            done=partial(self._on_decided, study, before),
            failed=partial(self._on_failed, study, before, decision),
        )
        self.changed.emit()

    def add(self, study: StudyRef, decision: Decision) -> None:
        """Add a finding that no model suggested."""
        if not self._has_reader():
            return
        bench, reader = self._bench, self._bench.settings.reader
        self._lanes.db.submit(
            lambda *_: review.add_finding(bench.store, study.key, decision, reader=reader),
            done=partial(self._on_decided, study, None),
            failed=self._notifier.error,
        )

    def _on_decided(self, study: StudyRef, before: Finding | None, after: Finding) -> None:
        self.saving -= {after.id}
        text = f"{after.label} {_VERBS[after.decision.state]}"
        saved = f"Saved to the record at {words.clock_seconds(after.decided_utc)}."
        if before is not None and before.decision.state is not ReviewState.PENDING:
            # The first decision cannot go back to none; a later one can go back to the one before.
            undo = partial(self.decide, study, after, before.decision)
            self._notifier.toast(text, saved, "ok", "Undo", undo)
        else:
            self._notifier.toast(text, saved, "ok")
        self.decided.emit(study, before, after)

    def _on_failed(self, study: StudyRef, before: Finding, decision: Decision, error: Exception) -> None:
        self.saving -= {before.id}
        self.changed.emit()
        again = (
            partial(self.decide, study, before, decision) if isinstance(error, StoreUnavailable) else None
        )
        self._notifier.error(
            error, safe="The finding stands as it was; the decision was not saved.", retry=again
        )

    def _has_reader(self) -> bool:
        if not self._bench.settings.reader:
            text, detail = "Who decides?", "Every decision carries a name."
            self._notifier.toast(text, detail, "warn", "Name the reader", self.readerWanted.emit)
        return bool(self._bench.settings.reader)
