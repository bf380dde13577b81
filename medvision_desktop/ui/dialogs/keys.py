"""The sheet of all keys, made from the table of actions."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from medvision_desktop.ui.actions import in_force
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.widgets.sheet import Sheet

_COLUMNS: Final = 3
_HEIGHT_PX: Final = 560
_WIDEST_PX: Final = 1160
_PRESETS: Final = "Window presets"
MOUSE: Final = (
    ("Left drag", "The tool in hand"),
    ("Middle drag", "Pan"),
    ("Right drag", "Window; Shift fine, Ctrl coarse"),
    ("Wheel", "Images of the series"),
    ("Ctrl wheel", "Zoom about the cursor"),
    ("Double click", "Maximise the pane and back"),
)


class KeysSheet(Sheet):
    """Groups in columns: the key on the left, what it does on the right."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window, "All keys", width=min(_WIDEST_PX, window.width() - 80))
        columns = QWidget()
        grid = QGridLayout(columns)
        grid.setHorizontalSpacing(32)
        grid.setVerticalSpacing(20)
        self._waiting: list[tuple[QVBoxLayout, Block]] = []
        for column, blocks in enumerate(_columns()):
            cell = QVBoxLayout()
            cell.setSpacing(16)
            cell.addStretch(1)
            self._waiting += [(cell, block) for block in blocks]
            grid.addLayout(cell, 0, column)
            grid.setColumnStretch(column, 1)
        # Some three hundred labels: all of them at once would hold the event loop.
        self._turn = QTimer(self)
        self._turn.timeout.connect(self._add_block)
        self._turn.start(0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(columns)
        scroll.setFixedHeight(min(_HEIGHT_PX, window.height() - 160))
        scroll.setAccessibleName("Keys by group")
        self.body.addWidget(scroll)

    def _add_block(self) -> None:
        if self._waiting:
            cell, block = self._waiting.pop(0)
            cell.insertWidget(cell.count() - 1, _block(*block))
        if not self._waiting:
            self._turn.stop()


Block = tuple[str, list[tuple[str, str]]]


def _columns() -> list[list[Block]]:
    listed = (action for action in in_force() if action.shortcuts and action.group != _PRESETS)
    ordered = sorted(listed, key=lambda action: action.group)
    blocks: list[Block] = [
        (name, [(action.shortcuts[0], action.text) for action in rows])
        for name, rows in groupby(ordered, key=lambda action: action.group)
    ]
    blocks.append(("Mouse", list(MOUSE)))
    blocks.append((_PRESETS, [("1 to 9", "Presets of the modality, as in the menu")]))
    columns: list[list[Block]] = [[] for _ in range(_COLUMNS)]
    for block in sorted(blocks, key=lambda block: -len(block[1])):
        shortest = min(columns, key=lambda column: sum(len(rows) + 2 for _, rows in column))
        shortest.append(block)
    return columns


def _block(name: str, rows: list[tuple[str, str]]) -> QWidget:
    block = QWidget()
    grid = QGridLayout(block)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setVerticalSpacing(6)
    grid.setHorizontalSpacing(12)
    head = _label(name, "section", T.t1)
    grid.addWidget(head, 0, 0, 1, 2)
    for row, (key, text) in enumerate(rows, start=1):
        grid.addWidget(_label(key.replace("+", " ") if key != "+" else key, "chip", T.t2), row, 0)
        words = _label(text, "body", T.t1)
        words.setWordWrap(True)
        grid.addWidget(words, row, 1)
    grid.setColumnMinimumWidth(0, 92)
    grid.setColumnStretch(1, 1)
    return block


def _label(text: str, style: str, colour: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(fonts.font(style))
    label.setStyleSheet(f"color: {colour}; background: transparent;")
    return label
