"""The list of studies: one click, Enter or Space shows a series; a drag carries it to a pane."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

from medvision_desktop.ui.viewmodels.worklist import WorklistModel
from medvision_desktop.ui.viewmodels.worklist_items import WorklistItems
from medvision_desktop.ui.widgets.study_delegate import StudyDelegate


class StudyList(QListView):
    """A virtual list over `WorklistItems`; `picked` carries the index to show."""

    picked = Signal(QModelIndex)

    def __init__(self, model: WorklistModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items = WorklistItems(model, self)
        self._worklist = model
        self._delegate = StudyDelegate(model.thumbnails.get, self)
        self.setModel(self.items)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName("Studies and series")
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setDragEnabled(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setUniformItemSizes(False)
        self.verticalScrollBar().setSingleStep(24)
        self.clicked.connect(self.picked)
        model.thumbnails.ready.connect(self._on_thumbnail)
        model.selectionChanged.connect(self._follow)

    def set_rail(self, rail: bool) -> None:
        """Thumbnails only, or whole rows."""
        self._delegate.rail = rail
        policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if rail else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.setVerticalScrollBarPolicy(policy)
        self.items.set_expanding(not rail)
        self.scheduleDelayedItemsLayout()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space pick; letters stay free for the keys of the tools."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self.currentIndex().isValid():
                self.picked.emit(self.currentIndex())
            event.accept()
            return
        if event.text().isprintable() and event.text():
            event.ignore()
            return
        super().keyPressEvent(event)

    def _on_thumbnail(self, study_key: str, series_uid: str) -> None:
        self._delegate.forget(study_key, series_uid)
        self.viewport().update()

    def _follow(self) -> None:
        study_key, series_uid = self._worklist.selected
        index = self.items.index_of(study_key, series_uid)
        if not index.isValid():
            index = self.items.index_of(study_key)
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)
