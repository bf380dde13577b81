"""A further window: panes for a second monitor, over the same models as the main window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QByteArray, QSettings, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QMainWindow, QWidget

from medvision_desktop.ui.main_window import make_actions
from medvision_desktop.ui.panes.viewer_grid import ViewerGrid
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets.file_drop import dropped, welcome
from medvision_desktop.ui.widgets.screens import screen_of

_STEP_PX: Final = 48
_SHARE: Final = 0.7


class SideWindow(QMainWindow):
    """Nothing but panes; every key works here, too. `closing(number)` comes before it goes."""

    closing = Signal(int)
    filesDropped = Signal(list)

    def __init__(
        self, viewer: ViewerModel, number: int, perform: Callable[[str], object], state_file: Path
    ) -> None:
        super().__init__()
        self.number = number
        self._state_file = state_file
        self._gives_back = True
        self.setWindowTitle(f"MedVision, window {number + 1}")
        self.setAccessibleName(f"Window {number + 1}")
        self.setMinimumSize(480, 360)
        self.setAcceptDrops(True)
        self.grid = ViewerGrid(viewer, window=number)
        self.setCentralWidget(self.grid)
        self.actions_by_id = make_actions(self, self.grid, perform)

    def show_beside(self, main: QWidget) -> None:
        """Show where it was the last time, else on a screen without the main window, else beside it."""
        geometry = self._settings().value(self._name("geometry"))
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self._place(main)
        self.show()
        self.activateWindow()

    def leave(self) -> None:
        """Close with the program: its panes are not given back, and it comes back at the next start."""
        self._gives_back = False
        self.close()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files are welcome in every window."""
        welcome(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Pass local files on; addresses elsewhere are not opened."""
        if paths := dropped(event):
            self.filesDropped.emit(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember screen and place, and say so to who takes the panes back."""
        settings = self._settings()
        settings.setValue(self._name("geometry"), self.saveGeometry())
        settings.setValue(self._name("open"), not self._gives_back)
        settings.sync()
        if self._gives_back:
            self.closing.emit(self.number)
        super().closeEvent(event)

    def _place(self, main: QWidget) -> None:
        here = screen_of(main)
        free = next((screen for screen in QGuiApplication.screens() if screen is not here), None)
        if free is not None:
            self.setGeometry(free.availableGeometry())
            return
        area = here.availableGeometry()
        self.resize(area.size() * _SHARE)
        corner = main.pos()
        self.move(corner.x() + _STEP_PX * self.number, corner.y() + _STEP_PX * self.number)

    def _name(self, what: str) -> str:
        return f"window{self.number + 1}/{what}"

    def _settings(self) -> QSettings:
        return QSettings(str(self._state_file), QSettings.Format.IniFormat)


def was_open(number: int, state_file: Path) -> bool:
    """Whether a window was open when the program was closed."""
    settings = QSettings(str(state_file), QSettings.Format.IniFormat)
    return str(settings.value(f"window{number + 1}/open", "")).casefold() == "true"
