"""What the findings panel shows: the study on screen as the record has it, and where its run stands.

All that is shown was read from the record. What changes it is in `findings_selection` and `findings`.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.findings import AnalysisState, Finding
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.services.review import RecordedAnalysis
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.channel_choice import ChannelChoice, ChannelLine
from medvision_desktop.ui.viewmodels.decisions import Decisions
from medvision_desktop.ui.viewmodels.finding_rows import ListInput, Row, RunState, rows_of
from medvision_desktop.ui.viewmodels.model_facts import ModelFacts, card_rows
from medvision_desktop.ui.viewmodels.runs import Runs
from medvision_desktop.ui.viewmodels.study_record import StudyRecord
from medvision_desktop.ui.workers.lane import Lanes

_UNBROKEN_HYPHEN: Final = "\u2011"
_RUN_STATES: Final = {
    AnalysisState.DONE: RunState.DONE,
    AnalysisState.ABSTAINED: RunState.ABSTAINED,
    AnalysisState.REFUSED: RunState.REFUSED,
    AnalysisState.FAILED: RunState.FAILED,
}


class FindingsState(QObject):
    """Intents come in as calls; `changed` says that any property may be different.

    `labelsWanted(study key, series uid, label map or None)`: what the shown run drew over a series, and
    `outlineWanted(study key, series uid, label, visible)` which of its labels are drawn.
    `attentionWanted(label, heat)` asks the viewer to show a map, `(None, None)` to take it away.
    `overrideWanted`, `rejectWanted` carry the finding and `addWanted` a label or "": they ask for a
    sheet, `readerWanted` for the name of the reader. `recordChanged` carries the key of a study whose
    record has grown.
    """

    changed = Signal()
    selectionChanged = Signal()
    attentionWanted = Signal(object, object)
    attentionTuned = Signal(float, float)
    attentionTaken = Signal(float, float)
    labelsWanted = Signal(str, str, object)
    outlineWanted = Signal(str, str, str, bool)
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
        self.channels = ChannelChoice()
        self.decisions = Decisions(bench, lanes, notifier)
        self.runs = Runs(bench, lanes)
        self._eye = ""
        self._hidden: frozenset[str] = frozenset()
        self._selected = ""
        self._by_name = False
        self._opacity = bench.settings.overlay_opacity
        self._threshold = bench.settings.overlay_threshold
        self.model_name = bench.settings.default_model
        self._picked: dict[str, str] = {}

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
        recorded = self._recorded
        if recorded.analysis is not None:
            return _RUN_STATES[recorded.analysis.state]
        return RunState.NOT_RUN if recorded.fits or recorded.facts.missing else RunState.NO_MODEL

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
    def channel_lines(self) -> tuple[ChannelLine, ...]:
        """Which series is which sequence of the model; empty for a model of one or of none."""
        if self._study is None or self._loaded is None:
            return ()
        return self.channels.lines(self._study, self._loaded.series, self._recorded.facts.channels)

    @property
    def card_rows(self) -> tuple[tuple[str, str], ...]:
        """Rows of the model card: name and value; which models there are where none is for the images."""
        if self.run_state is RunState.NO_MODEL:
            names = ", ".join(facts.name for facts in self._recorded.choices)
            return (("Installed", names.replace("-", _UNBROKEN_HYPHEN)),)
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
                outlined=self._outlined,
                hidden=self._hidden,
                floor=recorded.facts.confidence_floor,
                sort_by_name=self._by_name,
            )
        )

    @property
    def _outlined(self) -> frozenset[tuple[int, str]]:
        """Labels that the shown run drew, by the number of its entry."""
        layer, analysis = self._recorded.label_map, self._recorded.analysis
        if layer is None or analysis is None:
            return frozenset()
        return frozenset((analysis.seq, segment.label) for segment in layer.segments)

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

    @property
    def _key(self) -> str:
        return self._study.key if self._study else ""

    def _is_current(self, study: StudyRef) -> bool:
        return self._study is not None and self._study.key == study.key
