"""Lists files that were not taken, each with why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from medvision_desktop.domain.study import RefusedFile
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import elided, label

# A folder of ten thousand documents needs no ten thousand lines to be understood.
_MOST: Final = 500
_ROW_PX: Final = 44


class RefusedFilesSheet(Sheet):
    """File names and reasons; they can be copied."""

    def __init__(self, window: QWidget, refused: Sequence[RefusedFile]) -> None:
        count = len(refused)
        title = "1 file was not taken" if count == 1 else f"{count} files were not taken"
        super().__init__(window, title, width=560)
        self._refused = tuple(refused)
        self.list = QListWidget()
        self.list.setAccessibleName("Files not taken, with why")
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.list.setFixedHeight(min(8, max(1, count)) * _ROW_PX + 4)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for entry in self._refused[:_MOST]:
            item = QListWidgetItem(self.list)
            row = _row(entry)
            item.setSizeHint(row.sizeHint().expandedTo(row.minimumSizeHint()))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{entry.path.name}: {entry.why}")
            self.list.setItemWidget(item, row)
        self.body.addWidget(self.list)
        if count > _MOST:
            self.body.addWidget(label(f"{count - _MOST} more are in the copied list.", "caption", "t3"))
        self.copy = Button("Copy list", "copy", kind="quiet")
        self.copy.clicked.connect(self._copy)
        done = Button("Close", key="Esc")
        done.clicked.connect(self.close)
        self.footer.addWidget(self.copy)
        self.footer.addStretch(1)
        self.footer.addWidget(done)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(
            "\n".join(f"{entry.path}\t{entry.why}" for entry in self._refused)
        )


def _row(entry: RefusedFile) -> QWidget:
    row = QWidget()
    column = QVBoxLayout(row)
    column.setContentsMargins(4, 4, 12, 4)
    column.setSpacing(2)
    name = elided(entry.path.name, "label")
    name.setToolTip(str(entry.path))
    column.addWidget(name)
    column.addWidget(elided(entry.why, "caption", "t2"))
    row.setFixedHeight(_ROW_PX)
    return row
