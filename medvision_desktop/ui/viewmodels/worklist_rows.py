"""The rows of the worklist: which studies are here, how far each is, and which is selected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.prior import Prior, priors_of
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels.study_rows import (
    Running,
    StudyRow,
    arranged,
    found,
    has_model,
    merged,
    relaxed,
    search_text,
)
from medvision_desktop.ui.viewmodels.study_sources import StudySources
from medvision_desktop.ui.viewmodels.thumbnails import Thumbnails
from medvision_desktop.ui.workers.lane import Lanes

if TYPE_CHECKING:
    from medvision_desktop.services.ingest import StudySummary


class WorklistRows(QObject):
    """Owns the list. Rows keep their places while states change; only the reader's own acts reorder.

    `changed`: rows are other ones or in another order. `rowsChanged`: the rows of these keys (a frozenset)
    say something else.
    `seriesPicked`, `documentPicked`, `priorPicked`: the reader wants this on screen.
    `refusedListed`: what was not taken.
    """

    changed = Signal()
    rowsChanged = Signal(object)
    selectionChanged = Signal()
    seriesPicked = Signal(object, object)
    documentPicked = Signal(object, object)
    priorPicked = Signal(object, object)
    refusedListed = Signal(object)

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__()
        self.thumbnails = Thumbnails(bench, lanes)
        self._bench = bench
        self._sources = StudySources(bench)
        self._lanes = lanes
        self._notifier = notifier
        self._rows: dict[str, StudyRow] = {}
        self._summaries: dict[str, StudySummary] = {}
        self._places: list[str] = []
        self._texts: dict[str, tuple[StudyRow, str]] = {}
        self._shown: tuple[str, ...] | None = None
        self._counter = 0
        self._sort = "priority"
        self._search = ""
        self._only_unread = False
        self._selected = ("", "")
        self._masked = bench.settings.privacy_mode
        self._modalities: frozenset[str] | None = None

    # What there is.

    @property
    def studies(self) -> tuple[StudyRow, ...]:
        """Every study, in the chosen order."""
        return tuple(self._rows[key] for key in self._places)

    @property
    def shown(self) -> tuple[StudyRow, ...]:
        """The studies that the search and the filter leave."""
        if self._shown is None:
            words = self._search.split()
            rows = (row for row in self.studies if row.unread or not self._only_unread)
            self._shown = tuple(row.key for row in rows if not words or found(self._text(row), words))
        return tuple(self._rows[key] for key in self._shown)

    @property
    def samples(self) -> tuple[StudyRow, ...]:
        """The sample studies in the list, in their own order."""
        return tuple(sorted((r for r in self.studies if r.study.is_sample), key=lambda row: row.order))

    @property
    def unread_count(self) -> int:
        """How many studies nobody has read."""
        return sum(row.unread for row in self._rows.values())

    def row(self, study_key: str) -> StudyRow | None:
        """The row of a study, or None."""
        return self._rows.get(study_key)

    # Search, order, filter, masking.

    @property
    def search(self) -> str:
        """The words searched for."""
        return self._search

    def set_search(self, text: str) -> None:
        """Show only what has every one of these words."""
        if text.strip() != self._search:
            self._search = text.strip()
            self._tell()

    @property
    def wider_search(self) -> tuple[str, int]:
        """A shorter search that finds something when this one does not, and how many; else ("", 0)."""
        return relaxed([self._text(row) for row in self.studies], self._search.split())

    @property
    def sort(self) -> str:
        """The order, a key of `SORTS`."""
        return self._sort

    def set_sort(self, sort: str) -> None:
        """Put the list in another order now."""
        self._sort = sort
        self._arrange()

    @property
    def only_unread(self) -> bool:
        """Whether read studies are left out."""
        return self._only_unread

    def set_only_unread(self, only: bool) -> None:
        """Leave read studies out, or not."""
        self._only_unread = only
        self._tell()

    @property
    def masked(self) -> bool:
        """Whether names are masked."""
        return self._masked

    def set_masked(self, masked: bool) -> None:
        """Mask names, or show them."""
        self._masked = masked
        self._arrange()

    # Selection.

    @property
    def selected(self) -> tuple[str, str]:
        """Study key and series UID of what was picked last, empty strings before."""
        return self._selected

    def select(self, study_key: str, series_uid: str = "") -> None:
        """Pick a series or document by its UID, the study's first for none, and ask for it to be shown."""
        row = self._rows.get(study_key)
        if row is None:
            return
        documents = row.study.documents
        document = next((one for one in documents if one.uid == series_uid), None)
        if document is None and not row.study.series:
            document = next(iter(documents), None)
        if document is not None:
            self.show_selected(study_key, document.uid)
            self.documentPicked.emit(row.study, document)
        if document is not None or not row.study.series:
            return
        first = next((one for one in row.study.series if not one.is_layer), row.study.series[0])
        series = next((one for one in row.study.series if one.uid == series_uid), first)
        self.show_selected(study_key, series.uid)
        self.seriesPicked.emit(row.study, series)

    def priors(self, study_key: str) -> tuple[Prior, ...]:
        """Earlier studies of the patient of a study, the newest first."""
        row = self._rows.get(study_key)
        return () if row is None else priors_of(row.study, (one.study for one in self._rows.values()))

    def pick_prior(self, study_key: str, prior_key: str) -> None:
        """Ask for a prior beside its study."""
        row, prior = self._rows.get(study_key), self._rows.get(prior_key)
        if row is not None and prior is not None:
            self.priorPicked.emit(row.study, prior.study)

    def show_selected(self, study_key: str, series_uid: str) -> None:
        """Mark what is on screen already, without asking for it."""
        if (study_key, series_uid) != self._selected:
            self._selected = (study_key, series_uid)
            self.selectionChanged.emit()

    # States that change while the list stands.

    def refresh(self) -> None:
        """Read the states of the studies from the record again."""
        self._lanes.db.submit(
            self._sources.known,
            done=self._take_summaries,
            failed=self._notifier.error,
            key="worklist-states",
        )

    def show_running(self, study_key: str, running: Running | None) -> None:
        """Say that an analysis of a study runs, and how far it is; None when it ended."""
        row = self._rows.get(study_key)
        if row is not None:
            self._put([replace(row, running=running)])

    def show_models(self, modalities: frozenset[str] | None) -> None:
        """Which modalities the installed models are for; None while that is not known, or for any."""
        if modalities != self._modalities:
            self._modalities = modalities
            self._put(replace(row, has_model=self._has_model(row.study)) for row in self.studies)

    def _has_model(self, study: StudyRef) -> bool:
        return self._modalities is None or has_model(study, self._modalities)

    def _take_summaries(self, summaries: Iterable[StudySummary]) -> None:
        self._summaries = {summary.study_key: summary for summary in summaries}
        self._put(replace(row, summary=self._summaries.get(row.key)) for row in self.studies)

    def _put(self, rows: Iterable[StudyRow]) -> None:
        fresh = {row.key: row for row in rows if row != self._rows[row.key]}
        if fresh:
            # What the filter leaves is not worked out again: a row never leaves under the reader's hand.
            self._rows.update(fresh)
            self.rowsChanged.emit(frozenset(fresh))

    def _add(self, studies: Sequence[StudyRef]) -> None:
        # Own studies stand above the samples: their order counts down, the newest scan first.
        for study in (
            *reversed([s for s in studies if not s.is_sample]),
            *(s for s in studies if s.is_sample),
        ):
            known = self._rows.get(study.key)
            self._counter += 1
            order = self._counter if study.is_sample else -self._counter
            if known is None:
                self._rows[study.key] = StudyRow(
                    study, order, self._summaries.get(study.key), has_model=self._has_model(study)
                )
            elif known.study.is_sample or not study.is_sample:
                self.thumbnails.forget(study.key)
                kept = order if known.study.is_sample is not study.is_sample else known.order
                whole = merged(known.study, study)
                self._rows[study.key] = replace(
                    known, study=whole, order=kept, has_model=self._has_model(whole)
                )
        self._arrange()

    def _remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._rows.pop(key, None)
            self._texts.pop(key, None)
            self.thumbnails.forget(key)
        self._arrange()
        if self._selected[0] not in self._rows:
            self.show_selected("", "")

    def _arrange(self) -> None:
        self._alias()
        ordered = arranged(self._rows.values(), self._sort)
        self._places = [row.key for row in ordered]
        rank = 0
        for row in ordered:
            urgent = self._sort == "priority" and row.summary is not None and row.summary.undecided > 0
            rank += urgent
            if row.rank != (rank if urgent else 0):
                self._rows[row.key] = replace(row, rank=rank if urgent else 0)
        self._tell()

    def _tell(self) -> None:
        self._shown = None
        self.changed.emit()

    def _text(self, row: StudyRow) -> str:
        kept = self._texts.get(row.key)
        if kept is None or kept[0] is not row:
            kept = self._texts[row.key] = (row, search_text(row))
        return kept[1]

    def _alias(self) -> None:
        numbers: dict[tuple[str, str, str], int] = {}
        for row in sorted(self._rows.values(), key=lambda row: row.order):
            patient = row.study.patient
            who = (patient.name, patient.id, patient.birth_date)
            if not any(who):
                who = ("", "", row.key)
            number = numbers.setdefault(who, len(numbers) + 1)
            alias = f"Patient {number}" if self._masked else ""
            if alias != row.alias:
                self._rows[row.key] = replace(row, alias=alias)
