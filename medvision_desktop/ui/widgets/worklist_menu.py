"""Menus of the worklist: its order, and what is done with the list as a whole."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.study_rows import SORTS
from medvision_desktop.ui.viewmodels.worklist import WorklistModel

_ENTRIES: Final = (
    ("file.open", "Open files", "file-plus"),
    ("file.open_folder", "Open folder", "folder-open"),
    ("file.samples", "Show sample studies", "images"),
    ("file.remove_samples", "Remove sample studies", "x"),
)


class WorklistMenu(QMenu):
    """`actionAsked` carries the id of an action of the table."""

    actionAsked = Signal(str)

    def __init__(self, model: WorklistModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.entries = {}
        for action_id, text, icon in _ENTRIES:
            entry = self.addAction(icons.icon(icon), text)
            entry.triggered.connect(partial(self._ask, action_id))
            self.entries[action_id] = entry
        self.addSeparator()
        self.addMenu(sort_menu(model, self))
        self.clear_own = self.addAction("Clear the list of opened studies")
        self.clear_own.setToolTip("Files and record stay as they are")
        self.clear_own.triggered.connect(lambda _checked=False: model.clear_own())
        self.aboutToShow.connect(self._refresh)

    def _ask(self, action_id: str, _checked: bool = False) -> None:
        self.actionAsked.emit(action_id)

    def _refresh(self) -> None:
        samples = bool(self._model.samples)
        self.entries["file.samples"].setVisible(not samples)
        self.entries["file.remove_samples"].setVisible(samples)
        self.clear_own.setEnabled(any(not row.study.is_sample for row in self._model.studies))


def sort_menu(model: WorklistModel, parent: QWidget) -> QMenu:
    """The orders of the list, one of them checked."""
    menu = QMenu("Sort by", parent)
    group = QActionGroup(menu)
    entries = {}
    for key, text in SORTS:
        entry = menu.addAction(text)
        entry.setCheckable(True)
        entry.triggered.connect(lambda _checked=False, key=key: model.set_sort(key))
        group.addAction(entry)
        entries[key] = entry
    menu.aboutToShow.connect(lambda: entries[model.sort].setChecked(True))
    return menu


class SortButton(QToolButton):
    """Names the order of the list and opens the menu of orders."""

    def __init__(self, model: WorklistModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setFont(fonts.font("section"))
        self.setFixedHeight(M.control_tiny)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        # The arrow stands after the words.
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.setIcon(icons.icon("chevron-down", T.t2, M.chip_icon))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(sort_menu(model, self))
        model.changed.connect(self._name)
        self._name()

    def _name(self) -> None:
        order = dict(SORTS)[self._model.sort]
        self.setText(order)
        self.setToolTip(f"Sorted by: {order}")
        self.setAccessibleName(f"Sort by: {order}")
