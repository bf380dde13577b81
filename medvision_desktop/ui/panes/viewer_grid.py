"""The panes in their layout, with the gaps between them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from medvision_desktop.ui.panes.image_pane import ImagePane
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.layouts import PANES, Cell
from medvision_desktop.ui.viewmodels.viewer import ViewerModel

_WHOLE = Cell(0, 0)


class ViewerGrid(QFrame):
    """Shows as many panes as the layout has. `seriesDropped(pane, study key, series uid)`."""

    seriesDropped = Signal(int, str, str)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewerGrid")
        self.setStyleSheet(f"QFrame#viewerGrid {{ background: {T.gap}; border: none; }}")
        self._viewer = viewer
        self.panes = tuple(ImagePane(viewer, number, self) for number in range(PANES))
        for number, pane in enumerate(self.panes):
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
        """Give the keyboard to the active pane."""
        self.panes[self._viewer.active].canvas.setFocus()

    def _on_active_changed(self, number: int) -> None:
        if any(pane.canvas.hasFocus() for pane in self.panes):
            self.panes[number].canvas.setFocus()

    def _lay_out(self) -> None:
        layout, visible = self._viewer.layout, self._viewer.visible
        whole = self._viewer.is_maximised
        had_focus = any(pane.canvas.hasFocus() for pane in self.panes)
        self.setUpdatesEnabled(False)
        for pane in self.panes:
            self._grid.removeWidget(pane)
        for number, pane in enumerate(self.panes):
            if number in visible:
                cell = _WHOLE if whole else layout.cells[number]
                self._grid.addWidget(pane, cell.row, cell.column, cell.row_span, cell.column_span)
            pane.setVisible(number in visible)
        rows = (1,) if whole else layout.row_shares
        columns = (1,) if whole else layout.column_shares
        for line in range(PANES):
            self._grid.setRowStretch(line, rows[line] if line < len(rows) else 0)
            self._grid.setColumnStretch(line, columns[line] if line < len(columns) else 0)
        self._grid.activate()
        self.setUpdatesEnabled(True)
        if had_focus:
            self.focus_active()
