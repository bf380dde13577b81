"""The reading room: every model and pane of the interface, built once and introduced to each other.

Nothing here decides anything: a signal of one part becomes a call of another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QDockWidget

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.services import preset_table
from medvision_desktop.services.ai_places import ImagePlace, places
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui import keymap
from medvision_desktop.ui.actions import ACTIONS, use
from medvision_desktop.ui.commands import Commands
from medvision_desktop.ui.dialogs.finding_sheets import FindingSheets
from medvision_desktop.ui.dialogs.first_reader import FirstReaderSheet
from medvision_desktop.ui.dialogs.refused_files import RefusedFilesSheet
from medvision_desktop.ui.main_window import MainWindow, make_actions
from medvision_desktop.ui.notify import Notifier, Toast
from medvision_desktop.ui.panes.findings import FindingsPane
from medvision_desktop.ui.panes.report import ReportPane
from medvision_desktop.ui.panes.status_bar import StatusBar
from medvision_desktop.ui.panes.tool_bar import ToolBar
from medvision_desktop.ui.panes.top_bar import TopBar
from medvision_desktop.ui.panes.view_panel import ViewPanel
from medvision_desktop.ui.panes.viewer_grid import ViewerGrid
from medvision_desktop.ui.panes.welcome import WelcomePane
from medvision_desktop.ui.panes.worklist import WorklistPane
from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels.cine import Cine
from medvision_desktop.ui.viewmodels.desk import Desk
from medvision_desktop.ui.viewmodels.findings import FindingsModel
from medvision_desktop.ui.viewmodels.jobs import JobsModel
from medvision_desktop.ui.viewmodels.mark_record import MarkRecord
from medvision_desktop.ui.viewmodels.reader import ReaderModel
from medvision_desktop.ui.viewmodels.report import ReportModel
from medvision_desktop.ui.viewmodels.study_rows import Running
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.viewmodels.worklist import WorklistModel
from medvision_desktop.ui.widgets import key_image
from medvision_desktop.ui.widgets.error_sheet import ErrorCorner
from medvision_desktop.ui.widgets.toast import ToastStack
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

WINDOW_STATE_FILE: Final = "window.ini"
# The report takes two thirds of the window; the findings stay beside it only on a very wide screen.
_WARM_AFTER_MS: Final = 800
_REPORT_PX: Final = 1304
_REPORT_SHARE: Final = 0.68
_ROOM_FOR_BOTH_PX: Final = 2200


class ReadingRoom(QObject):
    """Owns lanes, models and the window. `ready` is emitted once, when the worklist is first filled.

    `crash_sheet` writes a sheet for a fault of ours and returns its number.
    """

    ready = Signal()

    def __init__(self, bench: Workbench, crash_sheet: Callable[[BaseException], str]) -> None:
        super().__init__()
        self.bench = bench
        self.notifier = Notifier(crash_sheet)
        self.lanes = Lanes(self.notifier.error)
        parts = (bench, self.lanes, self.notifier)
        self.viewer = ViewerModel(*parts)
        self.worklist = WorklistModel(*parts)
        self.findings = FindingsModel(*parts)
        self.report = ReportModel(*parts)
        self.reader = ReaderModel(*parts)
        self.marks = MarkRecord(*parts, self.viewer)
        self.cine = Cine(self.lanes, self.viewer)
        self.jobs = JobsModel(self.lanes)
        self.desk = Desk(*parts)
        self._ready_told = False
        self._one_pane_for_report = False
        self._closed = False
        faults = [fault for fault in (self._use_keys(), self._use_presets()) if fault is not None]
        self._build()
        self._connect()
        for fault in faults:
            self.notifier.error(fault, safe="Every function is there as it ships.")

    def start(self, paths: Sequence[Path] = ()) -> None:
        """Show the window, fill the worklist and open what was named on the command line."""
        remembered = self.window.restore_layout()
        if not remembered:
            self.window.take_the_screen()
        self.docks["report"].hide()
        self.window.show()
        if not remembered:
            self._size_docks()
        self.worklist.start()
        if paths:
            self.worklist.open_paths(paths)
        self.desk.verify()
        if not self.reader.name:
            self.ask_reader()

    def close(self) -> None:
        """Save what is unfinished, end lanes and children, close the record. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._warm_timer.stop()
        self._news_timer.stop()
        self.toasts.stop()
        self.errors.stop()
        self.cine.stop()
        self.lanes.db.drain(10.0)
        self.report.flush()
        self.lanes.db.drain(10.0)
        self.lanes.close()
        self.worklist.close()
        self.bench.close()

    def ask_reader(self) -> None:
        """Open the sheet that asks for the reader's name."""
        FirstReaderSheet(self.window, self.reader).open_at()

    def show_report(self) -> None:
        """Open the report beside the image; the worklist makes room."""
        dock = self.docks["report"]
        # Beside the report there is room for one pane that can be read, not for several.
        wide = self.window.width() >= _ROOM_FOR_BOTH_PX
        if not wide and len(self.viewer.visible) > 1 and not self.viewer.is_maximised:
            self.viewer.toggle_maximised(self.viewer.active)
            self._one_pane_for_report = True
        dock.show()
        dock.raise_()
        self.docks["view"].hide()
        self.worklist_pane.set_rail(True)
        self.docks["findings"].setVisible(self.window.width() >= _ROOM_FOR_BOTH_PX)
        report_width = min(_REPORT_PX, int(self.window.width() * _REPORT_SHARE))
        self.window.resizeDocks([dock], [report_width], Qt.Orientation.Horizontal)
        self.report_pane.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def add_key_image(self) -> None:
        """Draw the active pane as it is now and put it into the report."""
        snapshot = self.viewer.snapshot()
        if snapshot is None:
            self.notifier.toast("No image to add", "Open a study first.", "info")
            return
        pictures = key_image.drawn(snapshot)
        # Encoding would hold the event loop too long. On this lane it ends before a signature begins.
        self.lanes.db.submit(
            lambda *_: key_image.encoded(pictures),
            done=self.report.add_key_image,
            failed=self.notifier.error,
        )

    def hide_report(self) -> None:
        """Put the report away and bring the findings back."""
        self.docks["report"].hide()
        if self._one_pane_for_report and self.viewer.is_maximised:
            self.viewer.toggle_maximised(self.viewer.active)
        self._one_pane_for_report = False
        self.docks["findings"].show()
        self.worklist_pane.set_rail(self._is_narrow)
        self._size_docks()
        self.grid.focus_active()

    def _size_docks(self) -> None:
        docks = [self.docks["worklist"], self.docks["findings"]]
        widths = [M.rail if self.worklist_pane.is_rail else M.worklist]
        widths.append(M.findings_min if self._is_narrow else M.findings)
        self.window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)

    # Building.

    def _use_keys(self) -> SettingsInvalid | None:
        """The reader's keys, or the usual ones and what is wrong with the reader's."""
        try:
            use(keymap.load(self.bench.locations.data / keymap.FILE_NAME))
        except SettingsInvalid as error:
            use(ACTIONS)
            return error
        return None

    @property
    def preset_file(self) -> Path:
        """Where the reader's window presets are kept."""
        return self.bench.locations.data / preset_table.FILE_NAME

    def _use_presets(self) -> SettingsInvalid | None:
        try:
            self.viewer.own_presets = preset_table.load(self.preset_file)
        except SettingsInvalid as error:
            return error
        return None

    def _build(self) -> None:
        self.window = MainWindow(self.bench.locations.data / WINDOW_STATE_FILE)
        self.grid = ViewerGrid(self.viewer)
        self.welcome = WelcomePane(self.worklist)
        self.window.pages.addWidget(self.welcome)
        self.window.pages.addWidget(self.grid)
        self.commands = Commands(self)
        self.actions = make_actions(self.window, self.grid, self.commands.perform)
        self.tool_bar = ToolBar(self.viewer)
        self.top_bar = TopBar(self.actions, self.tool_bar)
        self.window.add_bar("mainBar", self.top_bar, Qt.ToolBarArea.TopToolBarArea)
        self.worklist_pane = WorklistPane(self.worklist)
        self.findings_pane = FindingsPane(self.findings)
        self.report_pane = ReportPane(self.report)
        self.view_panel = ViewPanel(self.viewer)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self.docks: dict[str, QDockWidget] = {
            "worklist": self.window.add_dock("worklist", "Studies", self.worklist_pane, left),
            "report": self.window.add_dock("report", "Report", self.report_pane, right),
            "findings": self.window.add_dock("findings", "AI findings", self.findings_pane, right),
            "view": self.window.add_dock("view", "View", self.view_panel, right),
        }
        self.window.splitDockWidget(self.docks["findings"], self.docks["report"], Qt.Orientation.Horizontal)
        self.window.splitDockWidget(self.docks["findings"], self.docks["view"], Qt.Orientation.Vertical)
        self.docks["view"].hide()
        self.view_panel.closeWanted.connect(self.docks["view"].hide)
        self.status_bar = StatusBar(self.jobs)
        self.window.add_bar("statusBar", self.status_bar, Qt.ToolBarArea.BottomToolBarArea)
        # With the report open both panels may be away: news stands over the printed page, not over fields.
        hosts = (self.worklist_pane, self.findings_pane, self.report_pane.preview.desk)
        self.toasts = ToastStack(self.window, hosts, reduced_motion=self.bench.settings.reduced_motion)
        self.errors = ErrorCorner(self.window, hosts)
        self.sheets = FindingSheets(
            self.window, self.findings, self.report, self.findings_pane, self.findings_pane.row_top
        )
        self._is_narrow = False
        self._warm_timer = QTimer(self)
        self._warm_timer.setSingleShot(True)
        self._warm_timer.timeout.connect(self.desk.warm_decoder)
        self._news_timer = QTimer(self)
        self._news_timer.setSingleShot(True)
        self._news_timer.timeout.connect(lambda: self.status_bar.show_news(""))

    # Introducing the parts to each other.

    def _connect(self) -> None:
        self.notifier.toasted.connect(self.toasts.show_toast)
        self.toasts.homeless.connect(self._show_news)
        self.notifier.errored.connect(self.errors.show_error)
        self.window.filesDropped.connect(self.worklist.open_paths)
        self.window.closing.connect(self.close)
        self.window.narrowChanged.connect(self._on_narrow)
        for asker in (
            self.worklist_pane.actionAsked,
            self.welcome.actionAsked,
            self.status_bar.actionAsked,
        ):
            asker.connect(self.commands.perform)
        self.tool_bar.wanted.connect(self.commands.perform)
        self._connect_worklist_and_viewer()
        self._connect_findings()
        self._connect_report()
        self.reader.changed.connect(self._show_reader)
        self._show_reader()

    def _connect_worklist_and_viewer(self) -> None:
        self.worklist.changed.connect(self._tell_ready)
        self.lanes.io.ended.connect(lambda _job: self._on_files_read())
        self.worklist.seriesPicked.connect(self._open)
        self.worklist.refusedListed.connect(
            lambda refused: RefusedFilesSheet(self.window, refused).open_at()
        )
        self.grid.seriesDropped.connect(self._on_series_dropped)
        self.viewer.loaded.connect(self._on_loaded)
        self.viewer.activeChanged.connect(lambda _pane: self._on_active_changed())
        self.viewer.paneChanged.connect(self._on_pane_changed)
        self.desk.opened.connect(self._on_record_changed)
        self.desk.standingChanged.connect(self.status_bar.show_record)
        self.desk.deviceKnown.connect(self.status_bar.show_device)

    def _connect_findings(self) -> None:
        self.findings.attentionWanted.connect(self.viewer.show_attention)
        self.findings.attentionTuned.connect(self._tune_attention)
        self.findings.imageWanted.connect(self._go_to_image)
        self.findings.openWanted.connect(self._open)
        self.findings.readerWanted.connect(self.ask_reader)
        self.findings.recordChanged.connect(self._on_record_changed)
        self.findings.runs.changed.connect(self._on_run_changed)
        self.findings.changed.connect(self._show_gate)
        self.findings_pane.reportWanted.connect(self.show_report)
        self.findings_pane.viewerWanted.connect(self.grid.focus_active)

    def _connect_report(self) -> None:
        self.report.readerWanted.connect(self.ask_reader)
        self.marks.offersChanged.connect(self._show_offers)
        self.marks.recorded.connect(self.desk.follow)
        self.report.keyImageWanted.connect(partial(self.commands.perform, "report.key_image"))
        self.report.findingWanted.connect(self._go_to_finding)
        self.report.leaveUndecidedWanted.connect(self.findings.leave_undecided)
        self.report.recordChanged.connect(self._on_record_changed)
        self.report_pane.closeWanted.connect(self.hide_report)

    # What one part's news means for the others.

    def _open(self, study: StudyRef, series: SeriesRef) -> None:
        self.window.pages.setCurrentWidget(self.grid)
        self.worklist.show_selected(study.key, series.uid)
        self.viewer.open(study, series)
        self.grid.focus_active()

    def _on_series_dropped(self, pane: int, study_key: str, series_uid: str) -> None:
        row = self.worklist.row(study_key)
        series = next((one for one in row.study.series if one.uid == series_uid), None) if row else None
        if row is not None and series is not None:
            self.window.pages.setCurrentWidget(self.grid)
            self.viewer.open(row.study, series, pane=pane)

    def _on_loaded(self, pane: int, loaded: LoadedSeries) -> None:
        self.desk.note_opened(loaded)
        self.desk.warm_up()
        if pane == self.viewer.active:
            self._on_active_changed()

    def _on_active_changed(self) -> None:
        pane = self.viewer.active_pane
        shown = pane.shown
        if shown is None:
            return
        study = shown.loaded.study
        self.worklist.show_selected(study.key, shown.loaded.series.uid)
        self.show_title()
        self.findings.set_study(study, shown.loaded, shown.index if shown.planes is None else 0)
        self.report.set_study(study)
        self._look_for_places()
        self._show_offers(study.key)

    def _show_offers(self, study_key: str) -> None:
        """Measurements of the study that is reported on may go into its text."""
        if self.report.study is not None and self.report.study.key == study_key:
            self.report_pane.show_offers(self.marks.offers(study_key))

    def _on_pane_changed(self, pane: int) -> None:
        """Run AI looks at the image on screen, also after the reader has scrolled."""
        shown = self.viewer.panes[pane].shown
        if pane == self.viewer.active and shown is not None and shown.planes is None:
            self.findings.look_at(shown.index)

    def _on_record_changed(self, study_key: str) -> None:
        self.worklist.refresh()
        self.report.refresh(study_key)
        self._look_for_places()
        if self.findings.study is not None and self.findings.study.key == study_key:
            self.findings.restore()
        self.desk.follow()

    def _look_for_places(self) -> None:
        """On which images of the studies on screen a model found something, for the slice rails."""
        keys = {pane.study.key for pane in self.viewer.panes if pane.study is not None}

        def look(_progress: ProgressSink, _cancel: CancelToken) -> frozenset[ImagePlace]:
            return frozenset().union(*(places(self.bench.store, key) for key in keys))

        # Without a record there are no marks; that there is no record is said elsewhere.
        self.lanes.db.submit(look, done=self.viewer.show_found, failed=lambda _: None, key="places")

    def _on_run_changed(self, study_key: str) -> None:
        run = self.findings.runs.of(study_key)
        self.worklist.show_running(study_key, None if run is None else Running(run.progress.fraction))

    def _on_narrow(self, narrow: bool) -> None:
        self._is_narrow = narrow
        self.top_bar.set_narrow(narrow)
        self.tool_bar.set_narrow(narrow)
        self.worklist_pane.set_rail(narrow)
        self._size_docks()

    def _tune_attention(self, opacity: float, threshold: float) -> None:
        overlay = replace(self.viewer.overlay, opacity=opacity, threshold=threshold)
        self.viewer.set_overlay(overlay)

    def _go_to_image(self, series_uid: str, sop_instance_uid: str, frame_number: int) -> None:
        for number in self.viewer.visible:
            shown = self.viewer.panes[number].shown
            if shown is None or shown.loaded.series.uid != series_uid or shown.planes is not None:
                continue
            for index, frame in enumerate(shown.loaded.stack.frames):
                if (frame.sop_instance_uid, frame.frame_number) == (sop_instance_uid, frame_number):
                    self.viewer.set_index(number, index)

    def _go_to_finding(self, finding_id: str) -> None:
        self.docks["findings"].show()
        self.findings.select(finding_id)
        self.findings_pane.focus_list()

    # What the bars say.

    def show_title(self) -> None:
        """Name what is on screen, or mask it."""
        shown = self.viewer.active_pane.shown
        if shown is not None:
            self.top_bar.show_study(*self.desk.title_of(shown.loaded.study, masked=self.viewer.masked))

    def _show_news(self, news: Toast) -> None:
        """A toast without a panel to stand over is a line in the status bar for as long."""
        self.status_bar.show_news(news.text)
        self._news_timer.start(M.toast_ms)

    def _show_gate(self) -> None:
        self.status_bar.show_gate(*self.desk.gate_words(self.findings.analysis))

    def _show_reader(self) -> None:
        self.top_bar.show_reader(self.reader.name)
        self.status_bar.show_reader(self.reader.name)

    def _on_files_read(self) -> None:
        """Without a single study the list is ready, too: empty, and saying so."""
        if not self.lanes.io.jobs:
            self._tell_ready(empty=True)

    def _tell_ready(self, *, empty: bool = False) -> None:
        if not self._ready_told and (empty or self.worklist.studies):
            self._ready_told = True
            self.ready.emit()
            self._warm_timer.start(_WARM_AFTER_MS)
