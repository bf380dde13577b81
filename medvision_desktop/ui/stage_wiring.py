"""How priors, further windows, key images and the floating report are introduced to the other parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from medvision_desktop.domain.study import StudyRef
from medvision_desktop.ui.viewmodels.study_rows import prior_sentence

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom


class StageWiring(QObject):
    """A part of `RoomWiring`: what these parts' news means for the others."""

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__(room)
        self._room = room
        room.worklist.priorPicked.connect(self._open_beside)
        room.windows.filesDropped.connect(room.worklist.open_paths)
        room.key_marks.recorded.connect(room.desk.follow)
        room.key_marks.marked.connect(room.add_key_image)
        room.key_marks.unmarked.connect(self._on_unmarked)
        room.report_dock.moved.connect(self._on_report_moved)

    def show_priors(self, study: StudyRef) -> None:
        """The comparison may name earlier studies of the patient on screen."""
        room = self._room
        room.report_pane.show_priors(tuple(prior_sentence(one) for one in room.hanging.priors(study)))

    def _open_beside(self, study: StudyRef, prior: StudyRef) -> None:
        room = self._room
        room.window.pages.setCurrentWidget(room.grid)
        room.hanging.hang_beside(study, prior)
        room.windows.focus_active()

    def _on_unmarked(self, study_key: str, mark_id: str) -> None:
        """The picture of a mark leaves the report with it, while the report can still be written."""
        report = self._room.report
        if report.study is not None and report.study.key == study_key:
            report.remove_key_image(mark_id)

    def _on_report_moved(self, floating: bool) -> None:
        """A report of its own leaves the window to the images; one that comes back takes its room again."""
        room = self._room
        if floating:
            room.make_room_for_images()
        elif room.docks["report"].isVisible():
            room.show_report()
