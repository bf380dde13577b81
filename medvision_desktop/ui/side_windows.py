"""All windows beside the main one: opened, filled with panes, given back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.panes.viewer_grid import ViewerGrid
from medvision_desktop.ui.side_window import SideWindow, was_open
from medvision_desktop.ui.viewmodels.layouts import WINDOWS, window_of
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets import sheet


class SideWindows(QObject):
    """One `SideWindow` for each further window of the viewer; `seriesDropped` is that of their grids."""

    filesDropped = Signal(list)
    seriesDropped = Signal(int, str, str)

    def __init__(
        self,
        main: QWidget,
        grid: ViewerGrid,
        viewer: ViewerModel,
        notifier: Notifier,
        perform: Callable[[str], object],
        state_file: Path,
    ) -> None:
        super().__init__(main)
        self._main, self._grid, self._viewer, self._notifier = main, grid, viewer, notifier
        self._perform, self._state_file = perform, state_file
        self.open_ones: dict[int, SideWindow] = {}

    @property
    def front(self) -> QWidget:
        """The window that has the keyboard; the main one where none of ours has it."""
        active = QApplication.activeWindow()
        return active if isinstance(active, SideWindow) else self._main

    def reopen(self) -> None:
        """Open the windows that were open when the program was closed."""
        for number in range(1, WINDOWS):
            if was_open(number, self._state_file):
                self.open()
        if self.open_ones:
            self._main.activateWindow()

    def open(self) -> int | None:
        """One more window with an empty pane; its number, or None and said why."""
        number = self._viewer.open_window()
        if isinstance(number, str):
            self._notifier.toast("No further window", number, "info")
            return None
        window = SideWindow(self._viewer, number, self._perform, self._state_file)
        window.closing.connect(self._on_closing)
        window.filesDropped.connect(self.filesDropped)
        window.grid.seriesDropped.connect(self.seriesDropped)
        self.open_ones[number] = window
        window.show_beside(self._main)
        return number

    def move_pane(self) -> None:
        """The active pane to the next window; where there is only one, to a new one."""
        here = window_of(self._viewer.active)
        after = [number for number in self._viewer.windows if number > here]
        target: int | None = after[0] if after else 0
        pane = self._viewer.active
        if len(self._viewer.windows) == 1:
            if self._viewer.panes[pane].series is None:
                self._notifier.toast("Nothing to move", "The pane is empty.", "info")
                return
            target = self.open()
        if target is None:
            return
        why = self._viewer.move_pane(pane, target)
        if why:
            self._notifier.toast("The pane was not moved", why, "info")
        else:
            self.focus_active()

    def close_front(self) -> bool:
        """Close the window that has the keyboard, unless it is the main one."""
        front = self.front
        if not isinstance(front, SideWindow):
            return False
        front.close()
        return True

    def focus_active(self) -> None:
        """Give the keyboard to the active pane, in whichever window it is, unless a sheet has it."""
        if sheet.has_keyboard(self._grid.window()):
            return
        window = self.open_ones.get(window_of(self._viewer.active))
        if window is not None:
            window.activateWindow()
            window.grid.focus_active()
        else:
            self._grid.focus_active()

    def leave(self) -> None:
        """Close them all with the program."""
        for window in list(self.open_ones.values()):
            window.leave()
            window.deleteLater()
        self.open_ones.clear()

    def _on_closing(self, number: int) -> None:
        window = self.open_ones.pop(number, None)
        if window is None:
            return
        homeless = self._viewer.close_window(number)
        if homeless:
            text = "1 pane found no room" if homeless == 1 else f"{homeless} panes found no room"
            self._notifier.toast(text, "Their series are in the list of studies.", "info")
        window.deleteLater()
        self._grid.focus_active()
