"""Documents in the reading room: their dock beside the images, and who opens and closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt

from medvision_desktop.domain.document import DocumentRef, ImageName
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.ui.panes.document import DocumentPane
from medvision_desktop.ui.viewmodels.documents import DocumentModel
from medvision_desktop.ui.viewmodels.image_jump import ImageJump

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom

_WIDTH_PX: Final = 520
_SHARE: Final = 0.36
_SHARE_ALONE: Final = 0.6


class RoomDocuments(QObject):
    """Owns the model and the dock "document". Build it before the layout of the window comes back."""

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__(room)
        self._room = room
        self.model = DocumentModel(room.bench, room.lanes, room.notifier)
        self.pane = DocumentPane(self.model)
        area = Qt.DockWidgetArea.RightDockWidgetArea
        self.dock = room.window.add_dock("document", "Document", self.pane, area)
        room.docks["document"] = self.dock
        room.window.splitDockWidget(self.dock, room.docks["findings"], Qt.Orientation.Horizontal)
        self.dock.hide()
        self._put_findings_away = False
        self._jump = ImageJump(room.viewer, room.worklist.select)
        self.pane.closeWanted.connect(self.close)
        self.pane.text.imageWanted.connect(self.show_image)
        room.worklist.documentPicked.connect(self.open)
        self.model.opened.connect(room.desk.note_document)

    def open(self, study: StudyRef, document: DocumentRef) -> None:
        """Show a document beside what is on screen."""
        self._room.worklist.show_selected(study.key, document.uid)
        self.model.open(study, document)
        self._show()

    def show_image(self, image: ImageName) -> None:
        """Show the image that the report speaks of beside it."""
        room, own = self._room, self.model.state.study
        studies = [row.study for row in room.worklist.studies]
        if own is not None:  # its own study first, as the list has it by now
            studies.sort(key=lambda study: study.key != own.key)
        if not self._jump.go(tuple(studies), image):
            room.notifier.toast("The image is not here", "Open the study that it belongs to.", "info")

    def next(self) -> None:
        """The next document of the study on screen, of the one selected where there is none."""
        room = self._room
        study = self.model.state.study if self.dock.isVisible() else None
        if study is None:
            row = room.worklist.row(room.worklist.selected[0])
            shown = room.viewer.active_pane.study
            study = row.study if row is not None else shown
        if not self.model.next(study):
            room.notifier.toast("No report or document here", "This study has none.", "info")
            return
        self._show()

    def close(self) -> None:
        """Put the dock away and bring back what it stood in the place of."""
        self.dock.hide()
        self.model.close()
        if self._put_findings_away:
            self._room.docks["findings"].show()
            self._put_findings_away = False
        self._room.size_docks()
        self._room.grid.focus_active()

    def _show(self) -> None:
        room = self._room
        if not self.dock.isVisible():
            findings = room.docks["findings"]
            # In a narrow window image, document and findings do not stand side by side.
            if room.wiring.is_narrow and findings.isVisible():
                findings.hide()
                self._put_findings_away = True
            self.dock.show()
            self.dock.raise_()
            alone = room.viewer.active_pane.shown is None
            width = max(_WIDTH_PX, round(room.window.width() * (_SHARE_ALONE if alone else _SHARE)))
            room.window.resizeDocks([self.dock], [width], Qt.Orientation.Horizontal)
        self.pane.focus_content()
