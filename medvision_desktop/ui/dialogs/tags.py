"""The header of the image on screen: every element in a list that can be searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from medvision_desktop.domain.header import HeaderRow
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.widgets.search_field import SearchField
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_COLUMNS: Final = ("Tag", "Name", "VR", "Value")
_WIDTHS: Final = (104, 260, 40)
_HEIGHT_PX: Final = 480
_WIDTH_PX: Final = 820
_HIDDEN: Final = "Hidden"
_INDENT: Final = "   "
_Index = QModelIndex | QPersistentModelIndex


def found(rows: Sequence[HeaderRow], words: str) -> tuple[HeaderRow, ...]:
    """Rows that hold every word somewhere in tag, name or value; case does not matter."""
    parts = words.lower().split()
    return tuple(
        row for row in rows if all(part in f"{row.tag} {row.name} {row.value}".lower() for part in parts)
    )


class TagTable(QAbstractTableModel):
    """Header rows as a table; all of it is plain text."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[HeaderRow, ...] = ()

    def show_rows(self, rows: tuple[HeaderRow, ...]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        """Elements."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        """Tag, name, VR, value."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """The text of a cell."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        row = self._rows[index.row()]
        return (row.tag, _INDENT * row.depth + row.name, row.vr, row.value)[index.column()]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        """The head of a column."""
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return _COLUMNS[section]
        return None


class TagSheet(Sheet):
    """Search above, elements below. `masked` hides what may name the patient."""

    def __init__(self, window: QWidget, rows: Sequence[HeaderRow], *, masked: bool) -> None:
        super().__init__(window, "Header of this image", width=min(_WIDTH_PX, window.width() - 48))
        self._rows = tuple(_shown(row, masked=masked) for row in rows)
        self.field = SearchField("Tag, name or value")
        self.table = QTableView()
        self.items = TagTable()
        self.count = label("", "caption", "t3")
        self.table.setModel(self.items)
        self.table.setAccessibleName("Elements of the header")
        self.table.setFont(fonts.font("caption"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setWordWrap(False)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        head = self.table.horizontalHeader()
        for column, width in enumerate(_WIDTHS):
            self.table.setColumnWidth(column, width)
        head.setStretchLastSection(True)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        head.setHighlightSections(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.setFixedHeight(min(_HEIGHT_PX, window.height() - 220))
        for widget in (self.field, self.table, self.count):
            self.body.addWidget(widget)
        self.field.textChanged.connect(self._search)
        self.field.left.connect(self._go_to_table)
        self.field.abandoned.connect(self.close)
        self.setFocusProxy(self.field)
        self._search("")

    def _search(self, words: str) -> None:
        rows = found(self._rows, words)
        self.items.show_rows(rows)
        whole = len(self._rows)
        self.count.setText(f"{len(rows)} of {whole} elements" if words.strip() else f"{whole} elements")

    def _go_to_table(self) -> None:
        if self.items.rowCount():
            self.table.setFocus()
            self.table.selectRow(0)


def _shown(row: HeaderRow, *, masked: bool) -> HeaderRow:
    if not (masked and row.is_personal and row.value):
        return row
    return HeaderRow(row.depth, row.tag, row.name, row.vr, _HIDDEN, row.is_private, row.is_personal)
