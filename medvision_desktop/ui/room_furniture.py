"""The furniture of the reading room: lanes, models, window, panes and docks, built once.

Nothing here knows what one part means for another: that is `room_wiring`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QDockWidget

from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.services import hanging_table, preset_table
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui import keymap
from medvision_desktop.ui.actions import ACTIONS, use
from medvision_desktop.ui.dialogs.finding_sheets import FindingSheets
from medvision_desktop.ui.main_window import MainWindow, make_actions
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.panes.findings import FindingsPane
from medvision_desktop.ui.panes.layers_panel import LayersPanel
from medvision_desktop.ui.panes.report import ReportPane
from medvision_desktop.ui.panes.status_bar import StatusBar
from medvision_desktop.ui.panes.tool_bar import ToolBar
from medvision_desktop.ui.panes.top_bar import TopBar
from medvision_desktop.ui.panes.view_panel import ViewPanel
from medvision_desktop.ui.panes.viewer_grid import ViewerGrid
from medvision_desktop.ui.panes.volume_pane import FOURTH, VolumePane
from medvision_desktop.ui.panes.welcome import WelcomePane
from medvision_desktop.ui.panes.worklist import WorklistPane
from medvision_desktop.ui.report_dock import ReportDock
from medvision_desktop.ui.side_windows import SideWindows
from medvision_desktop.ui.viewmodels.cine import Cine
from medvision_desktop.ui.viewmodels.desk import Desk
from medvision_desktop.ui.viewmodels.findings import FindingsModel
from medvision_desktop.ui.viewmodels.hanging import HangingModel
from medvision_desktop.ui.viewmodels.jobs import JobsModel
from medvision_desktop.ui.viewmodels.key_marks import KeyMarks
from medvision_desktop.ui.viewmodels.layer_facts import LayerFacts
from medvision_desktop.ui.viewmodels.layer_files import LayerFiles
from medvision_desktop.ui.viewmodels.mark_record import MarkRecord
from medvision_desktop.ui.viewmodels.mask_record import MaskRecord
from medvision_desktop.ui.viewmodels.plane_care import PlaneCare
from medvision_desktop.ui.viewmodels.reader import ReaderModel
from medvision_desktop.ui.viewmodels.regrid import Regridder
from medvision_desktop.ui.viewmodels.report import ReportModel
from medvision_desktop.ui.viewmodels.school import SchoolModel
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.viewmodels.volume_scene import VolumeScene
from medvision_desktop.ui.viewmodels.worklist import WorklistModel
from medvision_desktop.ui.widgets.error_sheet import ErrorCorner
from medvision_desktop.ui.widgets.hover import STILL
from medvision_desktop.ui.widgets.toast import ToastStack
from medvision_desktop.ui.workers.lane import Lanes

WINDOW_STATE_FILE: Final = "window.ini"


class RoomFurniture(QObject):
    """Models in one half, widgets in the other. `perform` of `_furnish` does an action by its id.

    `crash_sheet` writes a sheet for a fault of ours and returns its number.
    """

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
        self.key_marks = KeyMarks(*parts, self.viewer)
        self.layer_files = LayerFiles(*parts, self.viewer)
        self.layer_facts = LayerFacts(self.lanes, self.viewer)
        self.mask_record = MaskRecord(*parts, self.viewer)
        self.cine = Cine(self.lanes, self.viewer)
        self.plane_care = PlaneCare(self.lanes, self.viewer)
        self.regridder = Regridder(self.lanes, self.viewer, self.notifier)
        self.volume_scene = VolumeScene(self.notifier.error)
        self.jobs = JobsModel(self.lanes)
        self.desk = Desk(*parts)
        self.hanging = HangingModel(
            self.viewer, lambda: (row.study for row in self.worklist.studies), self.notifier
        )
        self.school = SchoolModel(bench.locations, self.notifier)

    @property
    def preset_file(self) -> Path:
        """Where the reader's window presets are kept."""
        return self.bench.locations.data / preset_table.FILE_NAME

    @property
    def hanging_file(self) -> Path:
        """Where the reader's hanging protocols are kept."""
        return self.bench.locations.data / hanging_table.FILE_NAME

    @property
    def tables(self) -> tuple[Callable[[], None], ...]:
        """The reader's own tables, each to be taken into use; SettingsInvalid says what is wrong in one."""
        return (self._use_keys, self._use_presets, self._use_hanging)

    def _use_keys(self) -> None:
        """The reader's keys, or the usual ones where something is wrong with the reader's."""
        use(ACTIONS)
        use(keymap.load(self.bench.locations.data / keymap.FILE_NAME))

    def _use_presets(self) -> None:
        self.viewer.own_presets = preset_table.load(self.preset_file)

    def _use_hanging(self) -> None:
        self.hanging.rules = hanging_table.load(self.hanging_file)

    def _use_tables(self) -> list[SettingsInvalid]:
        faults = []
        for table in self.tables:
            try:
                table()
            except SettingsInvalid as error:
                faults.append(error)
        return faults

    def _furnish(self, perform: Callable[[str], object]) -> None:
        state_file = self.bench.locations.data / WINDOW_STATE_FILE
        self.window = MainWindow(state_file)
        self.grid = ViewerGrid(self.viewer)
        self.volume_pane = VolumePane(self.volume_scene, self.viewer, self.grid.panes[FOURTH])
        self.windows = SideWindows(self.window, self.grid, self.viewer, self.notifier, perform, state_file)
        self.welcome = WelcomePane(self.worklist)
        self.window.pages.addWidget(self.welcome)
        self.window.pages.addWidget(self.grid)
        self.actions = make_actions(self.window, self.grid, perform)
        self.tool_bar = ToolBar(self.viewer, self.hanging)
        self.top_bar = TopBar(self.actions, self.tool_bar)
        self.window.add_bar("mainBar", self.top_bar, Qt.ToolBarArea.TopToolBarArea)
        self.worklist_pane = WorklistPane(self.worklist)
        self.findings_pane = FindingsPane(self.findings)
        self.report_pane = ReportPane(self.report)
        self.view_panel = ViewPanel(self.viewer)
        self.layers_panel = LayersPanel(self.viewer, self.layer_files, self.layer_facts)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self.docks: dict[str, QDockWidget] = {
            "worklist": self.window.add_dock("worklist", "Studies", self.worklist_pane, left),
            "report": self.window.add_dock("report", "Report", self.report_pane, right),
            "findings": self.window.add_dock("findings", "AI findings", self.findings_pane, right),
            "layers": self.window.add_dock("layers", "Layers", self.layers_panel, right),
            "view": self.window.add_dock("view", "View", self.view_panel, right),
        }
        self.worklist_pane.order_tabs()
        self.report_dock = ReportDock(self.docks["report"], self.report_pane.editor.head)
        self.window.splitDockWidget(self.docks["findings"], self.docks["report"], Qt.Orientation.Horizontal)
        self.window.splitDockWidget(self.docks["findings"], self.docks["view"], Qt.Orientation.Vertical)
        self.window.splitDockWidget(self.docks["findings"], self.docks["layers"], Qt.Orientation.Vertical)
        self.docks["view"].hide()
        self.docks["layers"].hide()
        self.view_panel.closeWanted.connect(lambda: perform("dock.view"))
        self.status_bar = StatusBar(self.jobs)
        self.window.add_bar("statusBar", self.status_bar, Qt.ToolBarArea.BottomToolBarArea)
        # With the report open both panels may be away: news stands over the printed page, not over fields.
        hosts = (self.worklist_pane, self.findings_pane, self.report_pane.preview.desk)
        application = QApplication.instance()
        if application is not None:
            application.setProperty(STILL, self.bench.settings.reduced_motion)
        self.toasts = ToastStack(self.window, hosts, reduced_motion=self.bench.settings.reduced_motion)
        self.errors = ErrorCorner(self.window, hosts)
        self.sheets = FindingSheets(
            self.window, self.findings, self.report, self.findings_pane, self.findings_pane.row_top
        )
