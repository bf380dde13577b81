"""Series that are no regular grid: refused as planes, and resampled when the reader asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medvision_desktop.domain.image import LoadedSeries, Stack
from medvision_desktop.domain.labelmap import LabelMap, Segment
from medvision_desktop.pixels import regular
from medvision_desktop.pixels.labels import places_of
from medvision_desktop.ui.viewmodels.regrid import Regridder
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen


def uneven() -> LoadedSeries:
    """Axial slices, the third of which is farther away than the others."""
    plain = cases.scan()
    frames = []
    for number, frame in enumerate(plain.stack.frames):
        assert frame.geometry is not None
        place = 2.0 * number + (1.0 if number > 2 else 0.0)
        frames.append(replace(frame, geometry=replace(frame.geometry, origin_lps_mm=(0.0, 0.0, place))))
    why = "Slice spacing varies: 2.0 to 3.0 mm."
    return replace(plain, stack=Stack(tuple(frames), plain.stack.modality_range), not_a_volume=why)


@pytest.fixture
def room(qtbot: Any) -> Iterator[Any]:
    loaded = uneven()
    screen = Screen(qtbot, loaded)
    told: list[Any] = []
    screen.notifier.toasted.connect(told.append)
    screen.open(loaded)
    yield screen, Regridder(screen.lanes, screen.viewer, screen.notifier), told
    screen.lanes.close()


def test_planes_are_refused_and_it_is_said_what_may_be_asked_for(room: Any) -> None:
    screen, _, told = room
    screen.viewer.perform("layout.mpr")
    assert screen.viewer.layout.name == "1x1"
    assert "Slice spacing varies" in str(told[-1])
    assert "Resample to a regular grid" in str(told[-1])


def test_on_request_there_are_planes_that_say_what_they_are(room: Any) -> None:
    screen, regridder, _ = room
    assert regridder.resample()
    screen.settle()
    viewer = screen.viewer
    assert viewer.layout.name == "mpr"
    for number in range(3):
        shown = viewer.panes[number].shown
        assert shown is not None
        assert shown.planes is not None
        assert regular.BADGE in shown.plan.badges
        assert any("Resampled" in line.text for line in viewer.view(number).corner.bottom_right)
    axial = viewer.panes[0].shown
    assert axial is not None
    assert axial.count == 9  # 17 mm in steps of 2 mm
    viewer.perform("layout.1x1")
    assert viewer.panes[0].shown is not None
    assert "Resampled" not in viewer.panes[0].shown.plan.badges  # the slices themselves are as they were


def test_a_regular_series_is_not_resampled(qtbot: Any) -> None:
    brain = cases.brain()
    screen = Screen(qtbot, brain)
    told: list[Any] = []
    screen.notifier.toasted.connect(told.append)
    regridder = Regridder(screen.lanes, screen.viewer, screen.notifier)
    assert not regridder.resample()
    assert "Open a series first" in str(told[-1])
    screen.open(brain)
    assert not regridder.resample()
    assert "regular grid already" in str(told[-1])
    screen.lanes.close()


def test_the_series_keeps_its_volume_when_it_is_opened_again(room: Any) -> None:
    screen, regridder, _ = room
    regridder.resample()
    screen.settle()
    screen.viewer.perform("layout.1x1")
    loaded = uneven()
    screen.viewer.open(loaded.study, loaded.series, pane=0)
    screen.settle()
    assert screen.viewer.set_layout("mpr")


def test_labels_are_marked_on_their_own_images_also_when_the_volume_is_another_grid(room: Any) -> None:
    screen, regridder, _ = room
    viewer = screen.viewer
    loaded = viewer.active_pane.shown.loaded
    values = np.zeros((12, 40, 32), np.uint8)
    values[8:, 5:9, 5:9] = 1  # of slices from 16 mm on
    affine = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)
    layer = LabelMap(values, affine, (Segment(1, "Liver", (200, 0, 0)),), "label")
    viewer.layers.put(loaded.study.key, layer, series_uid=loaded.series.uid)
    viewer.layers.show_places("label", places_of(values))
    marked = viewer.layers.runs(viewer.active_pane.shown)
    assert [(run.first, run.last) for run in marked] == [(7, 8)]  # at 15 mm, which is nearer to 16, and 17
    assert regridder.resample()
    screen.settle()
    viewer.set_layout("1x1")
    viewer.layers.show_places("label", places_of(values))  # counted anew, as after a stroke
    pane = viewer.panes[0].shown
    assert pane is not None
    assert pane.planes is None
    assert [(run.first, run.last) for run in viewer.layers.runs(pane)] == [(7, 8)]
