"""Screens in the reading room: test patterns, measured luminance, and the display in the status bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject

from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.services import displays
from medvision_desktop.ui.dialogs.measured_display import MeasuredDisplaySheet
from medvision_desktop.ui.dialogs.patterns import PatternWindow
from medvision_desktop.ui.widgets.screens import screen_name

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom


class RoomDisplays(QObject):
    """Takes the reader's table of measured displays into use, and opens what has to do with it."""

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__(room)
        self._room = room
        self.calibration = room.viewer.calibration
        self.patterns: PatternWindow | None = None
        try:
            self.calibration.use(room.bench.locations.data / displays.FILE_NAME)
        except SettingsInvalid as error:
            room.notifier.error(error, safe="Grey levels are sent to the screen as they are.")
        self.calibration.changed.connect(self._show_state)
        room.window.installEventFilter(self)
        self._show_state()

    def show_patterns(self, first: str = "") -> None:
        """Open the test patterns on the screen of the window."""
        self.stop()
        self.patterns = PatternWindow(self._room.window, self.calibration, first)
        self.patterns.closed.connect(self._on_closed)
        self.patterns.open()

    def measure(self) -> None:
        """Open the sheet for the luminances of this screen."""
        window = self._room.window
        MeasuredDisplaySheet(
            window,
            self.calibration,
            screen_name(window),
            lambda level: self.show_patterns(f"level_{level}"),
        ).open_at()

    def stop(self) -> None:
        """Close the test patterns."""
        if self.patterns is not None:
            self.patterns.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window may have moved to another screen."""
        if event.type() in (QEvent.Type.ScreenChangeInternal, QEvent.Type.Show):
            self._show_state()
        return super().eventFilter(watched, event)

    def _on_closed(self) -> None:
        self.patterns = None

    def _show_state(self) -> None:
        self._room.status_bar.show_display(*self.calibration.words(screen_name(self._room.window)))
