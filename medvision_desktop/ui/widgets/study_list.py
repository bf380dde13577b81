"""The list of studies: one click, Enter or Space shows a series; a drag carries it to a pane.

A `QListView` whose places are computed: Qt's own layout asks Python for the size of every row, which
with two thousand studies and a busy background thread holds the event loop.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QStyle, QStyleOptionViewItem, QWidget

from medvision_desktop.domain.study import SourceKind
from medvision_desktop.ui.viewmodels.worklist import WorklistModel
from medvision_desktop.ui.viewmodels.worklist_items import WorklistItems
from medvision_desktop.ui.widgets.row_places import RowPlaces
from medvision_desktop.ui.widgets.study_delegate import StudyDelegate

Index = QModelIndex | QPersistentModelIndex


class StudyList(QListView):
    """A virtual list over `WorklistItems`; `picked` carries the index to show.

    `layerWanted(study key, series uid)`: show this file as a layer over images.
    """

    picked = Signal(QModelIndex)
    layerWanted = Signal(str, str)

    def __init__(self, model: WorklistModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items = WorklistItems(model, self)
        self._worklist = model
        self._delegate = StudyDelegate(model.thumbnails.get, self)
        self._hovered = -1
        self.places = RowPlaces(0)
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
        self.clicked.connect(self.picked)
        for moved in (self.items.rowsInserted, self.items.rowsRemoved, self.items.modelReset):
            moved.connect(self._place)
        self.items.dataChanged.connect(self._place)
        model.thumbnails.ready.connect(self._on_thumbnail)
        model.selectionChanged.connect(self._follow)
        self._place()

    def set_rail(self, rail: bool) -> None:
        """Pictures only, or whole rows."""
        self._delegate.rail = rail
        policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if rail else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.setVerticalScrollBarPolicy(policy)
        self.items.set_rail(rail)
        self._place()

    # Places, instead of Qt's layout.

    def _place(self) -> None:
        expanded, series = self.items.expansion
        self.places = RowPlaces(self.items.rowCount(), expanded, series, self._delegate.rail)
        self.updateGeometries()
        self.viewport().update()

    def doItemsLayout(self) -> None:
        """There is nothing to lay out."""
        self.updateGeometries()

    def updateGeometries(self) -> None:
        """Tell the scroll bar how much there is."""
        bar = self.verticalScrollBar()
        bar.setSingleStep(24)
        bar.setPageStep(self.viewport().height())
        bar.setRange(0, max(0, self.places.total - self.viewport().height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another height shows more or less."""
        super().resizeEvent(event)
        self.updateGeometries()

    def visualRect(self, index: Index) -> QRect:
        """Where a row stands in the viewport."""
        if not index.isValid():
            return QRect()
        row = index.row()
        top = self.places.top(row) - self.verticalOffset()
        return QRect(0, top, self.viewport().width(), self.places.height(row))

    def indexAt(self, point: QPoint) -> QModelIndex:
        """The row under a point of the viewport."""
        row = self.places.at(point.y() + self.verticalOffset())
        return self.items.index(row) if row >= 0 else QModelIndex()

    def verticalOffset(self) -> int:
        """How far it is scrolled, in pixels."""
        return self.verticalScrollBar().value()

    def horizontalOffset(self) -> int:
        """It never scrolls sideways."""
        return 0

    def isIndexHidden(self, _index: Index) -> bool:
        """No row is hidden; the search makes another list."""
        return False

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        """Draw the visible rows anew: they are few."""
        self.viewport().update()

    def scrollTo(
        self,
        index: Index,
        _hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Scroll as little as shows the whole row."""
        if not index.isValid():
            return
        bar, top = self.verticalScrollBar(), self.places.top(index.row())
        bottom = top + self.places.height(index.row())
        if top < bar.value():
            bar.setValue(top)
        elif bottom > bar.value() + self.viewport().height():
            bar.setValue(bottom - self.viewport().height())

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select the one row where the mouse is."""
        index = self.indexAt(rect.bottomRight())
        if index.isValid():
            self.selectionModel().select(index, command)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """The places of selected rows."""
        region = QRegion()
        for index in selection.indexes():
            region = region.united(self.visualRect(index))
        return region

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, _modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Up, Down, pages, Home and End; Left goes from a series to its study."""
        count = self.places.count
        if not count:
            return QModelIndex()
        moves = QAbstractItemView.CursorAction
        row = self.currentIndex().row()
        if row < 0:
            return self.items.index(0)
        page = max(1, self.viewport().height() // self.places.height(0) - 1)
        wanted = {
            moves.MoveUp: row - 1,
            moves.MovePrevious: row - 1,
            moves.MoveDown: row + 1,
            moves.MoveNext: row + 1,
            moves.MovePageUp: row - page,
            moves.MovePageDown: row + page,
            moves.MoveHome: 0,
            moves.MoveEnd: count - 1,
            moves.MoveLeft: self._study_of(row),
        }.get(action, row)
        return self.items.index(min(max(0, wanted), count - 1))

    def _study_of(self, row: int) -> int:
        expanded, series = self.items.expansion
        return expanded if expanded >= 0 and expanded < row <= expanded + series else row

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rows that are seen."""
        painter = QPainter(self.viewport())
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        plain = option.state & ~(QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_MouseOver)
        current = self.currentIndex().row() if self.hasFocus() else -1
        row = max(0, self.places.at(event.rect().top() + self.verticalOffset()))
        while row < self.places.count:
            index = self.items.index(row)
            option.rect = self.visualRect(index)
            if option.rect.top() > event.rect().bottom():
                break
            option.state = plain
            if row == current:
                option.state |= QStyle.StateFlag.State_HasFocus
            if row == self._hovered:
                option.state |= QStyle.StateFlag.State_MouseOver
            self._delegate.paint(painter, option, index)
            row += 1
        painter.end()

    # Keys and mouse.

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

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be done with the row: by the right button, or the menu key for the current one."""
        by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if not index.isValid():
            return
        item = self.items.item(index)
        series = item.series or next(iter(item.row.study.series), None)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Show", lambda: self.picked.emit(index))
        if series is not None and (series.is_layer or series.kind is SourceKind.NIFTI):
            key, uid = item.row.key, series.uid
            menu.addAction("Show as layer", lambda: self.layerWanted.emit(key, uid))
        menu.popup(
            self.viewport().mapToGlobal(self.visualRect(index).center()) if by_key else event.globalPos()
        )

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the row under the mouse."""
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    def leaveEvent(self, event: QEvent) -> None:
        """No row is under the mouse."""
        super().leaveEvent(event)
        self._hover(-1)

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            self._hovered = row
            self.viewport().update()

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
