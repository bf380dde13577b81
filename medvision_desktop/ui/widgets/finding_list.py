"""The list of findings in its sections. With the keyboard on it: arrows, Enter, Backspace, F2, N."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels.finding_rows import Row, Section
from medvision_desktop.ui.widgets.finding_row import FindingRow
from medvision_desktop.ui.widgets.section_head import SectionHead


class FindingList(QWidget):
    """Rows are kept as long as their finding is there, so that nothing flickers or loses its place.

    `stepWanted(by, show_image)` asks for another selection; the rest carries a row's key.
    """

    picked = Signal(str)
    stepWanted = Signal(int, bool)
    eyeWanted = Signal(str)
    acceptWanted = Signal(str)
    rejectWanted = Signal(str)
    overrideWanted = Signal(str)
    selectedRowMoved = Signal(QWidget)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Findings")
        self._rows: dict[str, FindingRow] = {}
        # To make a row takes some milliseconds, which is felt where a study has many.
        self._spare: list[FindingRow] = []
        self._selected = ""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 4)
        self._column.setSpacing(0)
        self._heads: dict[Section, SectionHead] = {}
        self._blocks: dict[Section, QVBoxLayout] = {}
        self._bodies: dict[Section, QWidget] = {}
        for section in Section:
            self._add_section(section)

    @property
    def rows(self) -> tuple[FindingRow, ...]:
        """The rows as they stand on screen."""
        return tuple(row for section in Section for row in self._in_section(section))

    def head(self, section: Section) -> SectionHead:
        """The head of a section."""
        return self._heads[section]

    def row(self, key: str) -> FindingRow:
        """A row by its key. Raises `KeyError`."""
        return self._rows[key]

    def show_rows(self, rows: Sequence[Row], selected: str, saving: frozenset[str] = frozenset()) -> None:
        """Show these rows, in this order."""
        wanted = {row.key for row in rows}
        for key in [key for key in self._rows if key not in wanted]:
            self._put_away(self._rows.pop(key))
        for section in Section:
            self._fill(section, [row for row in rows if row.section is section], saving)
        self.select(selected)

    def select(self, key: str) -> None:
        """Mark a row as the selected one and bring it into view."""
        moved = key != self._selected
        self._selected = key
        self._mark()
        if moved and key in self._rows:
            section = self._rows[key].row.section
            self._heads[section].setChecked(True)
            self.selectedRowMoved.emit(self._rows[key])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move, decide, tour."""
        key = Qt.Key(event.key())
        step = _STEPS.get(key)
        if step is not None:
            back = key is Qt.Key.Key_N and bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.stepWanted.emit(-step if back else step, key is Qt.Key.Key_N)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.acceptWanted.emit(self._selected)
        elif key is Qt.Key.Key_Backspace:
            self.rejectWanted.emit(self._selected)
        elif key is Qt.Key.Key_F2:
            self.overrideWanted.emit(self._selected)
        elif key is Qt.Key.Key_Space:
            self.eyeWanted.emit(self._selected)
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self._mark()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the ring."""
        super().focusOutEvent(event)
        self._mark()

    def _add_section(self, section: Section) -> None:
        head = SectionHead(section.value)
        body = QWidget()
        block = QVBoxLayout(body)
        block.setContentsMargins(0, 0, 0, 0)
        block.setSpacing(0)
        head.toggled.connect(body.setVisible)
        self._heads[section], self._bodies[section], self._blocks[section] = head, body, block
        self._column.addWidget(head)
        self._column.addWidget(body)
        head.hide()

    def _fill(self, section: Section, rows: Sequence[Row], saving: frozenset[str]) -> None:
        head, block = self._heads[section], self._blocks[section]
        head.setVisible(bool(rows))
        head.show_count(len(rows))
        self._bodies[section].setVisible(bool(rows) and head.isChecked())
        for place, row in enumerate(rows):
            widget = self._rows.get(row.key)
            if widget is None:
                widget = self._rows[row.key] = self._fresh(row)
            if block.indexOf(widget) != place:
                block.insertWidget(place, widget)
            widget.show_row(row, saving=row.key in saving)

    def keep_spare(self, count: int, row: Row) -> None:
        """Make as many rows before there is something to show in them; till then they hold `row`."""
        while len(self._spare) < count:
            self._put_away(self._made(row))

    def _put_away(self, row: FindingRow) -> None:
        row.hide()
        for block in self._blocks.values():
            block.removeWidget(row)
        row.set_selected(False)
        self._spare.append(row)

    def _fresh(self, row: Row) -> FindingRow:
        if not self._spare:
            return self._made(row)
        again = self._spare.pop()
        again.show()
        return again

    def _made(self, row: Row) -> FindingRow:
        made = FindingRow(row, self)
        made.picked.connect(self._on_picked)
        made.eyeClicked.connect(self.eyeWanted)
        made.acceptClicked.connect(self.acceptWanted)
        made.rejectClicked.connect(self.rejectWanted)
        made.overrideClicked.connect(self.overrideWanted)
        for button in made.buttons:
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made

    def _on_picked(self, key: str) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.picked.emit(key)

    def _in_section(self, section: Section) -> list[FindingRow]:
        block = self._blocks[section]
        shown = [row for row in self._rows.values() if block.indexOf(row) >= 0]
        return sorted(shown, key=block.indexOf)

    def _mark(self) -> None:
        for key, row in self._rows.items():
            row.set_selected(key == self._selected, ringed=self.hasFocus())


_STEPS: Final = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_N: 1}
MINIMUM_WIDTH: Final = M.findings_min
