"""What can be undone is bounded, in steps and in memory, and the newest step can always be taken back."""

from __future__ import annotations

import numpy as np
import pytest

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.pixels.label_edit import Patch
from medvision_desktop.ui.viewmodels.history import History, MaskStep, ViewStep


def stroke(name: str, mebibytes: int) -> MaskStep:
    """A change of a label map that holds so much before and after together."""
    # As large as it says, and takes nothing.
    side = np.broadcast_to(np.uint8(1), (mebibytes, 1 << 10, 1 << 9))
    patch = Patch((slice(0, mebibytes), slice(0, 1 << 10), slice(0, 1 << 9)), side, side)
    return MaskStep(name, patch.back, patch)


def left(history: History) -> list[str]:
    """Every step that can be taken back, the newest first."""
    found = []
    while (step := history.undo()) is not None:
        found.append(step.uid if isinstance(step, MaskStep) else "look")
    return found


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([200, 200, 200], ["2", "1"]),
        ([100, 300, 100], ["2", "1", "0"]),
        ([10, 600], ["1"]),
        ([600, 10], ["1"]),
    ],
)
def test_the_oldest_strokes_go_when_they_hold_too_much(sizes: list[int], expected: list[str]) -> None:
    history = History()
    for number, size in enumerate(sizes):
        history.add(stroke(str(number), size))
    assert left(history) == expected


def test_two_hundred_steps_can_be_taken_back() -> None:
    history = History()
    for number in range(300):
        history.add(ViewStep(((None, DisplayState(zoom=1.0 + number)),), ((None, DisplayState()),)))
    assert left(history) == ["look"] * 200
