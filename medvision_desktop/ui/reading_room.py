"""The reading room: the furnished window with its parts introduced, from start to close."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.commands import Commands
from medvision_desktop.ui.dialogs.first_reader import FirstReaderSheet
from medvision_desktop.ui.room_displays import RoomDisplays
from medvision_desktop.ui.room_documents import RoomDocuments
from medvision_desktop.ui.room_furniture import RoomFurniture
from medvision_desktop.ui.room_wiring import RoomWiring
from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.widgets import key_image

# The report takes two thirds of the window; the findings stay beside it only on a very wide screen.
_REPORT_PX: Final = 1304
_REPORT_SHARE: Final = 0.68
_ROOM_FOR_BOTH_PX: Final = 2200


class ReadingRoom(RoomFurniture):
    """Owns lanes, models and the window. `ready` is emitted once, when the worklist is first filled.

    `crash_sheet` writes a sheet for a fault of ours and returns its number.
    """

    ready = Signal()

    def __init__(self, bench: Workbench, crash_sheet: Callable[[BaseException], str]) -> None:
        super().__init__(bench, crash_sheet)
        self._one_pane_for_report = False
        self._closed = False
        faults = self._use_tables()
        self.commands = Commands(self)
        self._furnish(self.commands.perform)
        self.documents = RoomDocuments(self)
        self.displays = RoomDisplays(self)
        self.wiring = RoomWiring(self)
        for fault in faults:
            self.notifier.error(fault, safe="Every function is there as it ships.")

    def start(self, paths: Sequence[Path] = ()) -> None:
        """Show the window, fill the worklist and open what was named on the command line."""
        remembered = self.window.restore_layout()
        if not remembered:
            self.window.take_the_screen()
        self.docks["report"].hide()
        self.docks["document"].hide()
        self.window.show()
        self.windows.reopen()
        if not remembered:
            self.size_docks()
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
        self.wiring.stop()
        self.windows.leave()
        self.displays.stop()
        self.toasts.stop()
        self.errors.stop()
        self.cine.stop()
        self.plane_care.stop()
        self.volume_scene.close()
        self.viewer.masks.close()
        self.school.close()
        self.lanes.db.drain(10.0)
        self.report.flush()
        self.lanes.db.drain(10.0)
        self.lanes.close()
        self.worklist.close()
        self.bench.close()

    def ask_reader(self) -> None:
        """Open the sheet that asks for the reader's name."""
        before = QApplication.focusWidget()
        sheet = FirstReaderSheet(self.window, self.reader)
        # Once it has gone: else the keyboard falls to whatever control comes next.
        sheet.closed.connect(lambda: QTimer.singleShot(0, self, lambda: self._give_back(before)))
        sheet.open_at()

    def _give_back(self, before: QWidget | None) -> None:
        """The keyboard goes to who had it before a sheet, or else to the images."""
        if before is not None and isValid(before) and before.isVisible():
            before.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.windows.focus_active()

    def show_report(self) -> None:
        """Open the report beside the image; the worklist makes room."""
        dock = self.docks["report"]
        if dock.isFloating():
            dock.show()
            dock.raise_()
            self.report_pane.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return
        # Beside the report there is room for one pane that can be read, not for several.
        wide = self.window.width() >= _ROOM_FOR_BOTH_PX
        if not wide and len(self.viewer.on_window(0)) > 1 and not self.viewer.is_maximised:
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

    def report_dock_toggle(self) -> None:
        """The report as a window of its own, or back beside the image."""
        if not self.docks["report"].isVisible():
            self.show_report()
        self.report_dock.toggle()

    def add_key_image(self, mark_id: str = "") -> None:
        """Draw the active pane as it is now and put it into the report, under the id of its mark if any."""
        snapshot = self.viewer.snapshot()
        if snapshot is None:
            self.notifier.toast("No image to add", "Open a study first.", "info")
            return
        pictures = key_image.drawn(snapshot)
        # Encoding would hold the event loop too long. On this lane it ends before a signature begins.
        self.lanes.db.submit(
            lambda *_: key_image.encoded(pictures, mark_id),
            done=self.report.add_key_image,
            failed=self.notifier.error,
        )

    def hide_report(self) -> None:
        """Put the report away and bring the findings back."""
        self.docks["report"].hide()
        self.make_room_for_images()
        self.windows.focus_active()

    def make_room_for_images(self) -> None:
        """Findings and panes as they were before the report took their room."""
        if self._one_pane_for_report and self.viewer.is_maximised:
            self.viewer.toggle_maximised(self.viewer.active)
        self._one_pane_for_report = False
        self.docks["findings"].show()
        self.worklist_pane.set_rail(self.wiring.is_narrow)
        self.size_docks()

    def size_docks(self) -> None:
        """Give the docks beside the panes their usual widths."""
        docks = [self.docks["worklist"], self.docks["findings"]]
        widths = [M.rail if self.worklist_pane.is_rail else M.worklist]
        widths.append(M.findings_min if self.wiring.is_narrow else M.findings)
        self.window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)
