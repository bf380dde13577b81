"""The tool in hand used by keys: scroll, pan, and the point of the crosshair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import planes
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.hand import Hand
from medvision_desktop.ui.viewmodels.key_hand import KeyHand
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from tests.helpers import viewer_cases as cases


@pytest.fixture
def show(qapp: QCoreApplication) -> Iterator[Any]:
    errors: list[BaseException] = []
    lanes = Lanes(errors.append)

    def build(loaded: LoadedSeries) -> tuple[ViewerModel, KeyHand]:
        viewer = ViewerModel(cases.bench(), lanes, Notifier(str), read=cases.Shelf(loaded))
        for number in range(len(viewer.panes)):
            viewer.set_size(number, 400, 300, 1.0)
        viewer.open(loaded.study, loaded.series)
        assert lanes.drain()
        QCoreApplication.processEvents()
        return viewer, KeyHand(viewer, 0, Hand(viewer, 0))

    yield build
    lanes.close()
    assert errors == []


def test_scroll_steps_one_image_a_key_and_stays_in_the_series(show: Any) -> None:
    viewer, keys = show(cases.scan(count=5))
    viewer.set_tool(Tool.SCROLL)
    places = []
    for down in (1, 1, -1, 10, -10):
        assert keys.move(0, down)
        places.append(viewer.panes[0].shown.index)
    assert places == [1, 2, 1, 4, 0]


def test_pan_moves_the_image_by_eight_pixels_and_one_undo_takes_it_back(show: Any) -> None:
    viewer, keys = show(cases.scan())
    viewer.set_tool(Tool.PAN)
    keys.move(1, 0)
    keys.move(0, -1)
    assert viewer.panes[0].display.pan == (8.0, -8.0)
    viewer.undo()
    assert viewer.panes[0].display.pan == (8.0, 0.0)


def test_the_cursor_of_the_keys_begins_in_the_middle_and_stays_in_the_pane(show: Any) -> None:
    viewer, keys = show(cases.scan())
    viewer.set_tool(Tool.PROBE)
    assert keys.at == (200.0, 150.0)
    keys.move(-1, 2)
    assert keys.at == (192.0, 166.0)
    keys.move(-100, 100)
    assert keys.at == (0.0, 299.0)


def test_the_crosshair_takes_the_other_planes_along(show: Any) -> None:
    viewer, keys = show(cases.brain())
    viewer.set_tool(Tool.CROSSHAIR)
    before = planes.common_point(viewer.panes[:3])
    for _ in range(4):
        keys.move(1, 0)
    after = planes.common_point(viewer.panes[:3])
    assert before is not None
    assert after is not None
    # To the right of an axial image is the patient's left: L of LPS grows, P and S stay.
    assert after[0] > before[0]
    assert abs(after[1] - before[1]) <= 1.0
    assert after[2] == pytest.approx(before[2])


def test_tools_that_draw_or_paint_have_keys_of_their_own(show: Any) -> None:
    viewer, keys = show(cases.scan())
    for tool in (Tool.LENGTH, Tool.ANGLE, Tool.BRUSH):
        viewer.set_tool(tool)
        before = viewer.panes[0]
        assert not keys.move(1, 1)
        assert viewer.panes[0] is before
