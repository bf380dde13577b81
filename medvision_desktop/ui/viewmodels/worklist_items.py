"""The worklist as a flat Qt list: studies, and under the selected one its series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from medvision_desktop.domain.document import DocumentRef
from medvision_desktop.domain.prior import Prior
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.ui.viewmodels.study_rows import (
    StudyRow,
    document_detail,
    document_title,
    prior_detail,
    prior_title,
    series_detail,
    series_title,
)
from medvision_desktop.ui.viewmodels.worklist import WorklistModel

SERIES_MIME: Final = "application/x-medvision-series"
ITEM_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class WorklistItem:
    """One line: a study, or a series, document or prior of it. `last` closes an expanded study."""

    row: StudyRow
    series: SeriesRef | None = None
    selected: bool = False
    expanded: bool = False
    last: bool = False
    document: DocumentRef | None = None
    prior: Prior | None = None

    @property
    def id(self) -> tuple[str, str]:
        """What stays the same while the item changes its words."""
        if self.prior is not None:
            return (self.row.key, f"prior {self.prior.study.key}")
        return (self.row.key, self.part.uid if isinstance(self.part, SeriesRef | DocumentRef) else "")

    @property
    def part(self) -> SeriesRef | DocumentRef | Prior | None:
        """The series, document or prior; None for a study."""
        return self.series or self.document or self.prior

    @property
    def pictured(self) -> StudyRef:
        """The study whose picture stands beside the words."""
        return self.row.study if self.prior is None else self.prior.study

    @property
    def words(self) -> tuple[str, str]:
        """Title and detail of a series, document or prior."""
        if self.prior is not None:
            return prior_title(self.prior), prior_detail(self.prior)
        if self.series is not None:
            return series_title(self.series), series_detail(self.series)
        return (
            (document_title(self.document), document_detail(self.document)) if self.document else ("", "")
        )


class WorklistItems(QAbstractListModel):
    """Follows a `WorklistModel`; changes touch only the rows concerned, so scrolling stays put."""

    def __init__(self, worklist: WorklistModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worklist = worklist
        self._rail = False
        self._items: list[WorklistItem] = []
        self._expansion = (-1, 0)
        worklist.changed.connect(self.update_items)
        worklist.selectionChanged.connect(self.update_items)
        worklist.rowsChanged.connect(self._on_rows)
        self.update_items()

    def set_rail(self, rail: bool) -> None:
        """On the narrow rail one picture stands for a study that has nothing else to choose from."""
        self._rail = rail
        self.update_items()

    @property
    def expansion(self) -> tuple[int, int]:
        """Row of the expanded study and how many rows of series follow it; (-1, 0) when none is."""
        return self._expansion

    def item(self, index: Index) -> WorklistItem:
        """The item of a valid index."""
        return self._items[index.row()]

    def index_of(self, study_key: str, series_uid: str = "") -> QModelIndex:
        """The index of a study or series, invalid when it is not shown."""
        for number, item in enumerate(self._items):
            if item.id == (study_key, series_uid):
                return self.index(number)
        return QModelIndex()

    def rowCount(self, parent: Index | None = None) -> int:
        """How many items."""
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The item itself under `ITEM_ROLE`; words for people and screen readers under Qt's roles."""
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role == ITEM_ROLE:
            return item
        if role == Qt.ItemDataRole.DisplayRole:
            return item.words[0] if item.part is not None else item.row.name
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            if item.part is not None:
                return ", ".join(item.words).replace("  ·  ", ", ")
            return item.row.spoken
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Items can be picked and dragged, never edited or dropped on."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled

    def mimeTypes(self) -> list[str]:
        """What a drag carries."""
        return [SERIES_MIME]

    def mimeData(self, indexes: Any) -> QMimeData:
        """Study key and series UID in two lines; a dragged study stands for its first series."""
        mime = QMimeData()
        for index in list(indexes)[:1]:
            item = self.item(index)
            study = item.pictured
            series = item.series or next(iter(study.series), None)
            if item.document is not None:  # it has no pane to be dropped on
                series = None
            if series is not None:
                mime.setData(SERIES_MIME, QByteArray(f"{study.key}\n{series.uid}".encode()))
        return mime

    def supportedDragActions(self) -> Qt.DropAction:
        """A series is shown in a pane, not moved there."""
        return Qt.DropAction.CopyAction

    def update_items(self) -> None:
        """Take over the list: only what differs between the common head and tail is replaced."""
        fresh = self._wanted()
        expanded = [number for number, item in enumerate(fresh) if item.part is not None]
        self._expansion = (expanded[0] - 1, len(expanded)) if expanded else (-1, 0)
        old_ids, new_ids = [item.id for item in self._items], [item.id for item in fresh]
        head = 0
        while head < min(len(old_ids), len(new_ids)) and old_ids[head] == new_ids[head]:
            head += 1
        tail = 0
        while tail < min(len(old_ids), len(new_ids)) - head and old_ids[-1 - tail] == new_ids[-1 - tail]:
            tail += 1
        old_end, new_end = len(old_ids) - tail, len(new_ids) - tail
        if old_end > head:
            self.beginRemoveRows(QModelIndex(), head, old_end - 1)
            del self._items[head:old_end]
            self.endRemoveRows()
        if new_end > head:
            self.beginInsertRows(QModelIndex(), head, new_end - 1)
            self._items[head:head] = fresh[head:new_end]
            self.endInsertRows()
        before, self._items = self._items, fresh
        pairs = zip(before, fresh, strict=True)
        changed = [number for number, (old, new) in enumerate(pairs) if old != new]
        if changed:
            self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))

    def _wanted(self) -> list[WorklistItem]:
        study_key, series_uid = self._worklist.selected
        items: list[WorklistItem] = []
        for row in self._worklist.shown:
            selected = row.key == study_key
            parts = self._parts(row, series_uid) if selected else []
            if self._rail and len(parts) == 1:
                parts = []
            items.append(WorklistItem(row, None, selected, bool(parts)))
            items += [*parts[:-1], *(replace(part, last=True) for part in parts[-1:])]
        return items

    def _parts(self, row: StudyRow, shown_uid: str) -> list[WorklistItem]:
        """Series, documents and priors of the selected study."""
        return [
            *(WorklistItem(row, series, series.uid == shown_uid, True) for series in row.study.series),
            *(
                WorklistItem(row, None, one.uid == shown_uid, True, document=one)
                for one in row.study.documents
            ),
            *(
                WorklistItem(row, None, selected=False, expanded=True, prior=prior)
                for prior in self._worklist.priors(row.key)
            ),
        ]

    def _on_rows(self, keys: frozenset[str]) -> None:
        changed = [n for n, item in enumerate(self._items) if item.row.key in keys]
        for number in changed:
            fresh = self._worklist.row(self._items[number].row.key)
            if fresh is not None:
                self._items[number] = replace(self._items[number], row=fresh)
        if changed:
            self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))
