"""The hanging protocols in two small tables: the rules, and the panes of the selected rule's stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from medvision_desktop.domain.hanging import CELLS, HangingRule
from medvision_desktop.services import hanging_table
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.viewmodels import hanging_rows
from medvision_desktop.ui.viewmodels.hanging_rows import PANE_COLUMNS, RULE_COLUMNS, Row
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_ROW_PX: Final = 28
_ROWS_SHOWN: Final = (3, 7)
# What of the sheet is no table, and the margins of the window.
_AROUND_PX: Final = 372
_SPARE_ROWS: Final = 4
_WIDTH: Final = 1080
_HELP: Final = (
    "The first rule that is for a study hangs it. Words are parted by commas; an empty cell holds for all. "
    "Layouts: " + ", ".join(CELLS) + ". Study: current or prior. Planes: axial, coronal, sagittal."
)
_FRESH: Final[Row] = ("New rule", "", "", "", "", "", "", "")
_FRESH_PANE: Final[Row] = ("Alone", "1x1", "current", *("",) * (len(PANE_COLUMNS) - 3))


class HangingSheet(Sheet):
    """`save(rules)` keeps them; it is called with None to go back to those that ship.

    A fault is said in one sentence below the tables, and nothing is saved.
    """

    def __init__(
        self,
        window: QWidget,
        rules: Sequence[HangingRule],
        save: Callable[[tuple[HangingRule, ...] | None], None],
    ) -> None:
        super().__init__(window, "Hanging protocols", width=min(_WIDTH, window.width() - 48))
        self._save_rules = save
        self._rules = [hanging_rows.rule_row(rule) for rule in rules]
        self._panes = [hanging_rows.pane_rows(rule) for rule in rules]
        self._at = 0
        fewest, most = _ROWS_SHOWN
        # Two tables, each with a head, in what the window leaves: the buttons below must be in reach.
        shown = min(max(fewest, (window.height() - _AROUND_PX) // (2 * _ROW_PX) - 1), most)
        self.rules = _table("Rules, the first that holds wins", RULE_COLUMNS, shown)
        self.panes = _table("Panes of the selected rule's stages", PANE_COLUMNS, shown)
        self.fault = label("", "caption", "warn", wrap=True)
        self.fault.setMinimumHeight(20)
        self.body.addWidget(label(_HELP, "caption", "t3", wrap=True))
        self.body.addWidget(self.rules)
        self.body.addLayout(self._make_buttons())
        self.body.addWidget(self.panes)
        self.body.addWidget(self.fault)
        shipped = Button("As shipped", kind="quiet")
        shipped.clicked.connect(self._reset)
        self.save = Button("Save", kind="primary")
        self.save.clicked.connect(self._save)
        self.footer.addWidget(shipped)
        self.footer.addStretch(1)
        self.footer.addWidget(self.save)
        self.setFocusProxy(self.rules)
        self._fill()
        self.rules.currentCellChanged.connect(lambda row, _column, _old, _was: self._select(row))

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        acts = (("Add a rule", self.add), ("Remove", self.remove), ("Up", self.up), ("Down", self.down))
        for text, act in acts:
            button = Button(text, size="small")
            button.clicked.connect(act)
            row.addWidget(button)
        row.addStretch(1)
        return row

    # The list of rules.

    def add(self) -> None:
        """A rule of one stage above the selected one, ready to be named."""
        self._keep()
        self._rules.insert(self._at, _FRESH)
        self._panes.insert(self._at, (_FRESH_PANE,))
        self._fill()
        self.rules.setFocus()

    def remove(self) -> None:
        """Take the selected rule away."""
        if len(self._rules) > 1:
            self._keep()
            del self._rules[self._at], self._panes[self._at]
            self._at = min(self._at, len(self._rules) - 1)
            self._fill()

    def up(self) -> None:
        """The selected rule before the one above it."""
        self._shift(-1)

    def down(self) -> None:
        """The selected rule after the one below it."""
        self._shift(1)

    def _shift(self, by: int) -> None:
        self._keep()
        other = self._at + by
        if 0 <= other < len(self._rules):
            self._rules.insert(other, self._rules.pop(self._at))
            self._panes.insert(other, self._panes.pop(self._at))
            self._at = other
            self._fill()

    def _select(self, row: int) -> None:
        if 0 <= row < len(self._rules) and row != self._at:
            self._keep()
            self._at = row
            self._fill_panes()

    # Cells.

    def _fill(self) -> None:
        blocked = self.rules.blockSignals(True)
        _put(self.rules, self._rules)
        self.rules.setCurrentCell(self._at, 0)
        self.rules.blockSignals(blocked)
        self._fill_panes()

    def _fill_panes(self) -> None:
        rows = self._panes[self._at]
        _put(self.panes, [*rows, *(("",) * len(PANE_COLUMNS),) * _SPARE_ROWS])

    def _keep(self) -> None:
        """Take over what stands in the cells."""
        self._rules = _rows(self.rules)
        self._panes[self._at] = tuple(row for row in _rows(self.panes) if any(row))

    def _save(self) -> None:
        self._keep()
        try:
            pairs = zip(self._rules, self._panes, strict=True)
            rules = hanging_table.checked([hanging_rows.rule_of(row, panes) for row, panes in pairs])
        except ValueError as error:
            self.fault.setText(str(error))
            return
        self._save_rules(rules)
        self.close()

    def _reset(self) -> None:
        self._save_rules(None)
        self.close()


def _table(name: str, columns: Sequence[str], shown: int) -> QTableWidget:
    table = QTableWidget(0, len(columns))
    table.setAccessibleName(name)
    table.setHorizontalHeaderLabels(list(columns))
    table.verticalHeader().setDefaultSectionSize(_ROW_PX)
    table.setFont(fonts.font("caption"))
    table.setTabKeyNavigation(False)
    head = table.horizontalHeader()
    head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    head.setHighlightSections(False)
    head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    head.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
    table.setColumnWidth(0, 190)
    table.setFixedHeight((shown + 1) * _ROW_PX + 8)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return table


def _put(table: QTableWidget, rows: Sequence[Row]) -> None:
    table.setRowCount(len(rows))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            table.setItem(number, column, QTableWidgetItem(text))


def _rows(table: QTableWidget) -> list[Row]:
    return [
        tuple(
            item.text().strip() if (item := table.item(row, column)) is not None else ""
            for column in range(table.columnCount())
        )
        for row in range(table.rowCount())
    ]
