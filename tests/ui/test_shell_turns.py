"""The window has its turn soon, whatever lanes do."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtWidgets import QApplication

from medvision_desktop import app
from medvision_desktop.paths import Locations


def test_lanes_give_way_soon_while_the_window_is_there(qapp: QApplication, locations: Locations) -> None:
    before = sys.getswitchinterval()
    with app.reading_room(locations):
        assert sys.getswitchinterval() == pytest.approx(0.0003)
    assert sys.getswitchinterval() == before
