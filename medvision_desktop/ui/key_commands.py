"""What the actions of key images do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from medvision_desktop.ui.dialogs.key_marks import KeyMarksSheet

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom


class KeyCommands:
    """A part of `Commands`: `table` by action id."""

    def __init__(self, room: ReadingRoom) -> None:
        self._room = room
        self.table: Mapping[str, Callable[[], object]] = {
            "key.toggle": self._toggle,
            "key.list": self._list,
            "key.next": lambda: self._step(1),
            "key.previous": lambda: self._step(-1),
        }

    def _toggle(self) -> None:
        room = self._room
        if room.key_marks.toggle():
            return
        if room.viewer.active_pane.shown is None:
            room.notifier.toast("No image to mark", "Open a study first.", "info")
        else:
            text = "Shift+K adds the view to the report."
            room.notifier.toast("An oblique plane cannot be marked", text, "info")

    def _list(self) -> None:
        room = self._room
        study = room.viewer.active_pane.study
        if study is None:
            room.notifier.toast("No study on screen", "Open a study first.", "info")
            return
        KeyMarksSheet(room.windows.front, room.key_marks, study.key).open_at()

    def _step(self, by: int) -> None:
        if not self._room.key_marks.step(by):
            self._room.notifier.toast("No key image in this series", "K marks the image on screen.", "info")
