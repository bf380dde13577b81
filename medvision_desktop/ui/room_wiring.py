"""How the parts of the reading room are introduced to each other: what news of one means for the others.

Nothing here decides anything: a signal of one part becomes a call of another.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer

from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.services.ai_places import ImagePlace, places
from medvision_desktop.ui.dialogs.refused_files import RefusedFilesSheet
from medvision_desktop.ui.layer_wiring import LayerWiring
from medvision_desktop.ui.notify import Toast
from medvision_desktop.ui.stage_wiring import StageWiring
from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels import phases
from medvision_desktop.ui.viewmodels.model_layers import ModelLayers
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.study_rows import Running
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom

_WARM_AFTER_MS: Final = 800


class RoomWiring(QObject):
    """Connects the signals of a furnished room, and answers those that concern several parts."""

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__(room)
        self._room = room
        self._ready_told = False
        self._is_narrow = False
        self._warm_timer = QTimer(self)
        self._warm_timer.setSingleShot(True)
        self._warm_timer.timeout.connect(self._warm)
        self._news_timer = QTimer(self)
        self._news_timer.setSingleShot(True)
        self._news_timer.timeout.connect(lambda: room.status_bar.show_news(""))
        self._model_layers = ModelLayers(room.viewer.layers)
        self._layers = LayerWiring(room)
        self._stages = StageWiring(room)
        self._connect()

    @property
    def is_narrow(self) -> bool:
        """Whether the window is so narrow that the worklist is a rail."""
        return self._is_narrow

    def stop(self) -> None:
        """No more news and no more warming up: the room closes."""
        self._warm_timer.stop()
        self._news_timer.stop()
        self._layers.stop()

    def _connect(self) -> None:
        room = self._room
        room.notifier.toasted.connect(room.toasts.show_toast)
        room.toasts.homeless.connect(self._show_news)
        room.notifier.errored.connect(room.errors.show_error)
        room.window.filesDropped.connect(room.worklist.open_paths)
        room.window.closing.connect(room.close)
        room.window.narrowChanged.connect(self._on_narrow)
        for asker in (
            room.worklist_pane.actionAsked,
            room.welcome.actionAsked,
            room.status_bar.actionAsked,
        ):
            asker.connect(room.commands.perform)
        room.tool_bar.wanted.connect(room.commands.perform)
        self._connect_worklist_and_viewer()
        self._connect_findings()
        self._connect_report()
        room.reader.changed.connect(self._show_reader)
        self._show_reader()

    def _connect_worklist_and_viewer(self) -> None:
        room = self._room
        room.worklist.changed.connect(self._tell_ready)
        room.lanes.io.ended.connect(lambda _job: self._on_files_read())
        room.worklist.seriesPicked.connect(self._open)
        room.worklist.refusedListed.connect(
            lambda refused: RefusedFilesSheet(room.window, refused).open_at()
        )
        room.grid.seriesDropped.connect(self._on_series_dropped)
        room.windows.seriesDropped.connect(self._on_series_dropped)
        room.viewer.loaded.connect(self._on_loaded)
        room.viewer.activeChanged.connect(lambda _pane: self._on_active_changed())
        room.viewer.paneChanged.connect(self._on_pane_changed)
        room.desk.opened.connect(self._on_record_changed)
        room.desk.standingChanged.connect(room.status_bar.show_record)
        room.desk.deviceKnown.connect(room.status_bar.show_device)

    def _connect_findings(self) -> None:
        room = self._room
        room.findings.attentionWanted.connect(room.viewer.show_attention)
        room.findings.attentionTuned.connect(self._tune_attention)
        room.viewer.attentionChanged.connect(self._take_attention)
        room.findings.labelsWanted.connect(self._model_layers.show)
        room.findings.outlineWanted.connect(self._model_layers.show_label)
        room.findings.imageWanted.connect(self._go_to_image)
        room.findings.openWanted.connect(self._open)
        room.findings.readerWanted.connect(room.ask_reader)
        room.findings.recordChanged.connect(self._on_record_changed)
        room.findings.runs.changed.connect(self._on_run_changed)
        room.findings.runs.done.connect(self._show_device)
        room.findings.changed.connect(self._show_gate)
        room.findings.changed.connect(self._show_models)
        room.findings_pane.reportWanted.connect(room.show_report)
        room.findings_pane.viewerWanted.connect(room.windows.focus_active)

    def _connect_report(self) -> None:
        room = self._room
        room.report.readerWanted.connect(room.ask_reader)
        room.marks.offersChanged.connect(self._show_offers)
        room.marks.recorded.connect(room.desk.follow)
        room.report.keyImageWanted.connect(partial(room.commands.perform, "report.key_image"))
        room.report.findingWanted.connect(self._go_to_finding)
        room.report.leaveUndecidedWanted.connect(room.findings.leave_undecided)
        room.report.recordChanged.connect(self._on_record_changed)
        room.report_pane.closeWanted.connect(room.hide_report)

    # What one part's news means for the others.

    def _open(self, study: StudyRef, series: SeriesRef) -> None:
        room = self._room
        if self._layers.takes(study, series):
            return
        room.window.pages.setCurrentWidget(room.grid)
        room.worklist.show_selected(study.key, series.uid)
        room.hanging.open(study, series)
        room.windows.focus_active()

    def _on_series_dropped(self, pane: int, study_key: str, series_uid: str) -> None:
        room = self._room
        row = room.worklist.row(study_key)
        series = next((one for one in row.study.series if one.uid == series_uid), None) if row else None
        if row is not None and series is not None:
            room.window.pages.setCurrentWidget(room.grid)
            if not self._layers.takes_dropped(pane, row.study, series):
                room.viewer.open(row.study, series, pane=pane)

    def _on_loaded(self, pane: int, loaded: LoadedSeries) -> None:
        room = self._room
        room.desk.note_opened(loaded)
        room.desk.warm_up()
        if pane == room.viewer.active:
            self._on_active_changed()

    def _on_active_changed(self) -> None:
        room = self._room
        pane = room.viewer.active_pane
        shown = pane.shown
        if shown is None:
            self._follow_asked()
            return
        study = shown.loaded.study
        room.worklist.show_selected(study.key, shown.loaded.series.uid)
        self.show_title()
        room.findings.set_study(study, shown.loaded, shown.index if shown.planes is None else 0)
        room.report.set_study(study)
        self._look_for_places()
        self._show_offers(study.key)
        self._stages.show_priors(study)

    def _show_offers(self, study_key: str) -> None:
        """Measurements of the study that is reported on may go into its text."""
        room = self._room
        if room.report.study is not None and room.report.study.key == study_key:
            room.report_pane.show_offers(room.marks.offers(study_key))

    def _on_pane_changed(self, pane: int) -> None:
        """Run AI looks at the image on screen, also after the reader has scrolled."""
        room = self._room
        shown = room.viewer.panes[pane].shown
        if pane != room.viewer.active:
            return
        if shown is None:
            self._follow_asked()
        elif shown.loaded.phase is not None:  # a run looks at the volume on screen, not at its neighbour
            index = shown.index if shown.planes is None else 0
            room.findings.set_study(shown.loaded.study, shown.loaded, index)
        elif shown.planes is None:
            room.findings.look_at(shown.index)

    def _on_record_changed(self, study_key: str) -> None:
        room = self._room
        room.worklist.refresh()
        room.report.refresh(study_key)
        self._look_for_places()
        if room.findings.study is not None and room.findings.study.key == study_key:
            room.findings.restore()
        room.desk.follow()

    def _look_for_places(self) -> None:
        """On which images of the studies on screen a model found something, for the slice rails."""
        room = self._room
        keys = {pane.study.key for pane in room.viewer.panes if pane.study is not None}

        def look(_progress: ProgressSink, _cancel: CancelToken) -> frozenset[ImagePlace]:
            return frozenset().union(*(places(room.bench.store, key) for key in keys))

        # Without a record there are no marks; that there is no record is said elsewhere.
        room.lanes.db.submit(look, done=room.viewer.show_found, failed=lambda _: None, key="places")

    def _on_run_changed(self, study_key: str) -> None:
        run = self._room.findings.runs.of(study_key)
        self._room.worklist.show_running(study_key, None if run is None else Running(run.progress.fraction))

    def _show_device(self, _run: object) -> None:
        """What ran last, which need not be what was warmed up: volumes have an engine of their own."""
        self._room.status_bar.show_device(self._room.bench.host.device_text)

    def _on_narrow(self, narrow: bool) -> None:
        room = self._room
        self._is_narrow = narrow
        room.top_bar.set_narrow(narrow)
        room.tool_bar.set_narrow(narrow)
        room.worklist_pane.set_rail(narrow)
        room.size_docks()

    def _tune_attention(self, opacity: float, threshold: float) -> None:
        overlay = replace(self._room.viewer.overlay, opacity=opacity, threshold=threshold)
        self._room.viewer.set_overlay(overlay)

    def _follow_asked(self) -> None:
        """A study that is being read or cannot be shown is the one in hand, not the one before."""
        room, study = self._room, self._room.viewer.active_pane.study
        if study is None:
            return
        self.show_title()
        in_hand = room.findings.study
        if (
            room.viewer.active_pane.status is PaneStatus.REFUSED
            or in_hand is None
            or in_hand.key != study.key
        ):
            room.findings.set_study(study, None)
            room.report.set_study(study)

    def _take_attention(self) -> None:
        overlay = self._room.viewer.overlay
        self._room.findings.take_attention(overlay.opacity, overlay.threshold)

    def _go_to_image(self, series_uid: str, sop_instance_uid: str, frame_number: int) -> None:
        room = self._room
        for number in room.viewer.visible:
            shown = room.viewer.panes[number].shown
            if shown is None or shown.loaded.series.uid != series_uid or shown.planes is not None:
                continue
            phases.choose_frame(room.viewer, number, sop_instance_uid, frame_number)
            shown = room.viewer.panes[number].shown or shown
            for index, frame in faces_of(shown.loaded.stack.frames):
                if (frame.sop_instance_uid, frame.frame_number) == (sop_instance_uid, frame_number):
                    room.viewer.set_index(number, index)

    def _go_to_finding(self, finding_id: str) -> None:
        room = self._room
        room.docks["findings"].show()
        room.findings.select(finding_id)
        room.findings_pane.focus_list()

    # What the bars say.

    def show_title(self) -> None:
        """Name what is on screen, or mask it."""
        room = self._room
        study = room.viewer.active_pane.study
        if study is not None:
            room.top_bar.show_study(*room.desk.title_of(study, masked=room.viewer.masked))

    def tell_briefly(self, text: str) -> None:
        """A line in the status bar for as long as a toast stands: for what follows each other quickly."""
        self._room.status_bar.show_news(text)
        self._news_timer.start(M.toast_ms)

    def _show_news(self, news: Toast) -> None:
        """A toast without a panel to stand over is a line in the status bar."""
        self.tell_briefly(news.text)

    def _show_gate(self) -> None:
        room = self._room
        room.status_bar.show_gate(*room.desk.gate_words(room.findings.analysis))

    def _show_models(self) -> None:
        """Tell the worklist which modalities the installed models are for, once that has been read."""
        there = [facts for facts in self._room.findings.choices if not facts.missing]
        if there:
            asking = all(facts.modalities for facts in there)
            every = frozenset(modality for facts in there for modality in facts.modalities)
            self._room.worklist.show_models(every if asking else None)

    def _warm(self) -> None:
        """Make ready what the first images wait for."""
        self._room.desk.warm_decoder()
        own = [row.study for row in self._room.worklist.studies if not row.study.is_sample]
        if any(series.may_be_a_volume for study in own for series in study.series):
            self._room.plane_care.prepare()
        self._room.findings_pane.prepare()

    def _show_reader(self) -> None:
        room = self._room
        room.top_bar.show_reader(room.reader.name)
        room.status_bar.show_reader(room.reader.name)

    def _on_files_read(self) -> None:
        """Without a single study the list is ready, too: empty, and saying so."""
        if not self._room.lanes.io.jobs:
            self._tell_ready(empty=True)

    def _tell_ready(self, *, empty: bool = False) -> None:
        if not self._ready_told and (empty or self._room.worklist.studies):
            self._ready_told = True
            self._room.ready.emit()
            self._warm_timer.start(_WARM_AFTER_MS)
