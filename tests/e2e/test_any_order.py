"""A reader who does anything at any moment: nothing breaks, and the record still verifies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medvision_desktop.services.verify import verify
from medvision_desktop.ui.actions import ACTIONS
from tests.helpers.sitting import LEFT, NO_KEYS, Sitting
from tests.helpers.viewer_screen import move

# Other programs' dialogs, the end of the program, and networks, which take their time.
_NOT = frozenset(
    [
        "file.open",
        "file.open_folder",
        "file.open_layer",
        "file.quit",
        "file.reader",
        "file.train",
        "ai.run",
    ],
)
_STEPS = 250
_KINDS = (*["act"] * 9, *["drag"] * 4, "study", "key")
T = TypeVar("T")


class Dice:
    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def between(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high))

    def one_of(self, things: Sequence[T]) -> T:
        return things[self.between(0, len(things))]


def drag(sitting: Sitting, dice: Dice) -> None:
    canvases = [pane.canvas for pane in sitting.room.grid.panes if pane.canvas.isVisible()]
    if not canvases:
        return
    canvas = dice.one_of(canvases)
    button = dice.one_of([LEFT, LEFT, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton])
    start, end = (
        QPoint(dice.between(-9, canvas.width() + 9), dice.between(-9, canvas.height() + 9))
        for _ in range(2)
    )
    QTest.mousePress(canvas, button, NO_KEYS, start)
    move(canvas, end, button)
    QTest.mouseRelease(canvas, button, NO_KEYS, end)


def pick(sitting: Sitting, dice: Dice) -> None:
    shown = sitting.room.worklist_pane.list
    rows = shown.items.rowCount()
    if rows and shown.isVisible():
        index = shown.items.index(dice.between(0, rows))
        QTest.mouseClick(shown.viewport(), LEFT, pos=shown.visualRect(index).center())


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_breaks_in_whatever_order_things_are_done(
    seed: int, sit_down: Callable[..., Sitting], folder: Callable[..., Path]
) -> None:
    dice = Dice(seed)
    sitting = sit_down(samples=True)
    sitting.settle()
    sitting.open(folder("RG1_UNCR.dcm", "MR2_UNCR.dcm"))
    actions = [action.id for action in ACTIONS if action.id not in _NOT]
    keys = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Tab, Qt.Key.Key_Delete, Qt.Key.Key_Space)
    done: list[str] = []
    for _ in range(_STEPS):
        kind = dice.one_of(_KINDS)
        done.append(kind)
        if kind == "act":
            done[-1] = dice.one_of(actions)
            sitting.room.commands.perform(done[-1])
        elif kind == "drag":
            drag(sitting, dice)
        elif kind == "study":
            pick(sitting, dice)
        else:
            sitting.key(dice.one_of(keys))
        QApplication.processEvents()
        popup = QApplication.activePopupWidget()
        if popup is not None:
            popup.close()
        assert sitting.crashes == [], done[-9:]
    assert sitting.layouts_at_rest() == 0
    assert sitting.errors == []
    assert verify(sitting.store).ok
