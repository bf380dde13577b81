"""From a report to the images that it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from medvision_desktop.domain.document import ImageName
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.ui.viewmodels.image_jump import ImageJump
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen


def multi_frame() -> LoadedSeries:
    """A volume whose slices are the frames of one file."""
    plain = cases.brain()
    one = InstanceRef(Path("/nowhere/brain"), "brain", number_of_frames=30)
    series = replace(plain.series, instances=(one,))
    return replace(plain, series=series, study=replace(plain.study, series=(series,)))


def test_planes_of_a_volume_all_go_to_the_slice_that_is_named(qtbot: Any) -> None:
    loaded = multi_frame()
    screen = Screen(qtbot, loaded)
    screen.open(loaded)
    assert screen.viewer.layout.name == "mpr"
    asked: list[str] = []
    jump = ImageJump(screen.viewer, lambda study, _series: asked.append(study))
    assert jump.go((loaded.study,), ImageName("brain", 22))
    shown = screen.viewer.panes[0].shown
    assert shown is not None
    assert shown.index == 21
    assert not jump.go((loaded.study,), ImageName("another"))
    assert asked == []
    screen.lanes.close()


def test_a_reader_who_scrolls_meanwhile_is_left_where_they_look(qtbot: Any) -> None:
    scan = cases.scan()
    screen = Screen(qtbot, scan)
    screen.open(scan)
    late = ImageName("scan.5", 2)  # a frame that never comes
    jump = ImageJump(screen.viewer, lambda *_: None)
    assert jump.go((scan.study,), late)
    screen.viewer.set_index(0, 3)
    screen.viewer.set_index(0, 4)
    assert jump._awaited is None
    screen.lanes.close()
