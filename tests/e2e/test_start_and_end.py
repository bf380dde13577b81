"""The program as the command opens it: what it takes up for itself, and what it leaves when it ends."""

from __future__ import annotations

import gc

from pytestqt.qtbot import QtBot

from medvision_desktop.app import reading_room
from medvision_desktop.paths import Locations


def test_a_search_for_garbage_passes_over_what_lives_as_long_as_the_program(
    qtbot: QtBot, locations: Locations
) -> None:
    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    with reading_room(locations) as (_, room):
        with qtbot.waitSignal(room.ready, timeout=30_000):
            room.start([])
        kept = {id(one) for one in gc.get_objects()}
        assert id(room.__dict__) not in kept
        assert gc.get_freeze_count() > before + 10_000
        assert gc.get_threshold()[2] > thresholds[2]  # all that is left is looked through less often
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == thresholds
