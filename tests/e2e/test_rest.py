"""A window in which nothing happens does nothing: no core is busy and no battery is used up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt

from tests.helpers.sitting import CTRL, Sitting


def test_a_window_rests_once_what_was_asked_for_is_done(
    sit_down: Callable[..., Sitting], folder: Callable[..., Path]
) -> None:
    sitting = sit_down()
    assert sitting.layouts_at_rest() == 0
    sitting.open(folder("RG1_UNCR.dcm"))
    assert sitting.layouts_at_rest() == 0
    sitting.run_ai()
    assert sitting.layouts_at_rest() == 0
    sitting.key(Qt.Key.Key_P, CTRL)
    assert sitting.layouts_at_rest() == 0
    sitting.key(Qt.Key.Key_Escape)
    assert sitting.layouts_at_rest() == 0
