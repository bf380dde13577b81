"""The panes of one window in their layout, with the gaps between them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from medvision_desktop.ui.panes.image_pane import ImagePane
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.layouts import PANES, Cell, window_of
from medvision_desktop.ui.viewmodels.viewer import ViewerModel

_WHOLE = Cell(0, 0)


class ViewerGrid(QFrame):
    """Shows as many panes as the layout of its window has. `seriesDropped(pane, study key, series uid)`."""

    seriesDropped = Signal(int, str, str)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None, *, window: int = 0) -> None:
        super().__init__(parent)
        self.setObjectName("viewerGrid")
        self.setStyleSheet(f"QFrame#viewerGrid {{ background: {T.gap}; border: none; }}")
        self._viewer = viewer
        self._number = window
        self._first = window * PANES
        self.panes = tuple(ImagePane(viewer, self._first + cell, self) for cell in range(PANES))
        for number, pane in enumerate(self.panes, self._first):
            pane.seriesDropped.connect(
                lambda study, series, at=number: self.seriesDropped.emit(at, study, series)
            )
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(M.pane_gap)
        viewer.layoutChanged.connect(self._lay_out)
        viewer.activeChanged.connect(self._on_active_changed)
        self._lay_out()

    def focus_active(self) -> None:
        """Give the keyboard to the active pane, where it is in this window."""
        if window_of(self._viewer.active) == self._number:
            self.panes[self._viewer.active - self._first].canvas.setFocus()

    def _on_active_changed(self, number: int) -> None:
        mine = window_of(number) == self._number
        if mine and any(pane.canvas.hasFocus() for pane in self.panes):
            self.panes[number - self._first].canvas.setFocus()

    def _lay_out(self) -> None:
        layout, visible = self._viewer.layout_of(self._number), self._viewer.on_window(self._number)
        if layout is None:
            return
        whole = len(visible) == 1
        had_focus = any(pane.canvas.hasFocus() for pane in self.panes)
        self.setUpdatesEnabled(False)
        for pane in self.panes:
            self._grid.removeWidget(pane)
        for at, pane in enumerate(self.panes):
            shown = self._first + at in visible
            if shown:
                cell = _WHOLE if whole else layout.cells[at]
                self._grid.addWidget(pane, cell.row, cell.column, cell.row_span, cell.column_span)
            pane.setVisible(shown)
        rows = (1,) if whole else layout.row_shares
        columns = (1,) if whole else layout.column_shares
        for line in range(PANES):
            self._grid.setRowStretch(line, rows[line] if line < len(rows) else 0)
            self._grid.setColumnStretch(line, columns[line] if line < len(columns) else 0)
        self._grid.activate()
        self.setUpdatesEnabled(True)
        if had_focus:
            self.focus_active()
