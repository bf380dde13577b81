"""Every action by name: type a few letters, press Enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from medvision_desktop.ui.actions import Action, key_text
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_ROWS: Final = 10
_ROW_PX: Final = 32
_KEY: Final = Qt.ItemDataRole.UserRole + 1
_KEY_ROOM: Final = 12


def matches(action: Action, typed: str) -> bool:
    """Whether every word typed begins some word of the action's group or text."""
    words = f"{action.group} {action.text}".lower().split()
    return all(any(word.startswith(part) for word in words) for part in typed.lower().split())


class _KeyAtTheRight(QStyledItemDelegate):
    """A row as usual, with the keys of its action at the right."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The row, then its keys."""
        super().paint(painter, option, index)
        area: QRect = option.rect
        painter.save()
        painter.setFont(fonts.font("caption"))
        painter.setPen(QColor(T.t2))
        aside = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area.adjusted(0, 0, -_KEY_ROOM, 0), aside, str(index.data(_KEY) or ""))
        painter.restore()


class PaletteSheet(Sheet):
    """A field and a list. Up and Down move in the list while the field keeps the caret."""

    def __init__(
        self, window: QWidget, actions: Sequence[Action], perform: Callable[[str], object]
    ) -> None:
        super().__init__(window, "Every action", width=520)
        self._actions = tuple(actions)
        self._perform = perform
        self.field = QLineEdit()
        self.field.setPlaceholderText("Name of an action")
        self.field.setAccessibleName("Name of an action")
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._filter)
        self.field.returnPressed.connect(self._run_current)
        self.list = QListWidget()
        self.list.setAccessibleName("Actions")
        self.list.setItemDelegate(_KeyAtTheRight(self.list))
        self.list.setFixedHeight(_ROWS * _ROW_PX + 2 * self.list.frameWidth())
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(self._run)
        self.body.addWidget(self.field)
        self.body.addWidget(self.list)
        self.nothing = label("", "caption", "t2")
        self.body.addWidget(self.nothing)
        self.setFocusProxy(self.field)
        self._filter("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and Down in the field belong to the list."""
        if (
            watched is self.field
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
        ):
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            count = self.list.count()
            if count:
                self.list.setCurrentRow((self.list.currentRow() + step) % count)
            return True
        return super().eventFilter(watched, event)

    def _filter(self, typed: str) -> None:
        self.list.clear()
        for action in self._actions:
            if matches(action, typed):
                key = key_text(action.id)
                item = QListWidgetItem(action.text)
                item.setSizeHint(QSize(0, _ROW_PX))
                item.setData(Qt.ItemDataRole.UserRole, action.id)
                item.setData(_KEY, key)
                item.setData(
                    Qt.ItemDataRole.AccessibleTextRole, f"{action.text}, {key}" if key else action.text
                )
                item.setToolTip(action.group)
                self.list.addItem(item)
        self.nothing.setText("" if self.list.count() else f"No action is called “{typed.strip()}”.")
        self.list.setCurrentRow(0)

    def _run_current(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self._run(item)

    def _run(self, item: QListWidgetItem) -> None:
        action_id = str(item.data(Qt.ItemDataRole.UserRole))
        self.close()
        self._perform(action_id)
