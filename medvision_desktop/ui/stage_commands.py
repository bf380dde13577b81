"""What the actions of hanging protocols and of several windows do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from medvision_desktop.domain.hanging import HangingRule
from medvision_desktop.errors import ExportFailed
from medvision_desktop.services import hanging_table
from medvision_desktop.ui.dialogs.hanging import HangingSheet

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom


class StageCommands:
    """A part of `Commands`: `table` by action id."""

    def __init__(self, room: ReadingRoom) -> None:
        self._room = room
        self.table: Mapping[str, Callable[[], object]] = {
            "hang.next": lambda: self._step(1),
            "hang.previous": lambda: self._step(-1),
            "hang.prior": self._prior,
            "hang.rules": self._rules,
            "window.new": self._new_window,
            "window.move_pane": self._move_pane,
            "window.close": self._close_window,
            "view.full_screen": self._full_screen,
        }

    def _step(self, by: int) -> None:
        room = self._room
        if room.hanging.step(by):
            room.wiring.tell_briefly(", ".join(reversed(room.hanging.words)))
        else:
            room.notifier.toast("No other stage", "The hanging protocol of this study has one.", "info")

    def _prior(self) -> None:
        """The newest prior of the study in the active pane beside it."""
        room = self._room
        study = room.viewer.active_pane.study
        priors = room.hanging.priors(study) if study is not None else ()
        if study is None or not priors:
            room.notifier.toast("No prior", "No earlier study of this patient is in the list.", "info")
            return
        room.hanging.hang_beside(study, priors[0].study)

    def _rules(self) -> None:
        room = self._room

        def keep(rules: tuple[HangingRule, ...] | None) -> None:
            room.hanging.rules = hanging_table.shipped() if rules is None else rules
            path = room.hanging_file
            try:
                if rules is None:
                    path.unlink(missing_ok=True)
                else:
                    hanging_table.save(path, rules)
            except OSError as error:
                room.notifier.error(ExportFailed("The protocols were not removed.", f"{error.strerror}."))
            except ExportFailed as error:
                room.notifier.error(error, safe="The protocols hold until the program is closed.")

        HangingSheet(room.window, room.hanging.rules, keep).open_at()

    def _new_window(self) -> None:
        number = self._room.windows.open()
        if number is not None:
            self._room.windows.open_ones[number].grid.panes[0].canvas.setFocus()

    def _move_pane(self) -> None:
        self._room.windows.move_pane()

    def _close_window(self) -> None:
        if not self._room.windows.close_front():
            self._room.notifier.toast("This is the main window", "Ctrl+Q ends the program.", "info")

    def _full_screen(self) -> None:
        """Each window has its own full screen."""
        window = self._room.windows.front
        if window.isFullScreen():
            window.showNormal()
        else:
            window.showFullScreen()
