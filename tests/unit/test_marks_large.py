"""A drawing over much of a film keeps pace with the mouse: its values are worked out once it stands."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication

from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.measurement import Measurement, MeasurementKind, Place
from medvision_desktop.pixels import region
from medvision_desktop.ui.viewmodels.drawing import Draft
from medvision_desktop.ui.viewmodels.marks import Marks

PLACE = Place("2.25.7", "2.25.7.1", "2.25.7.1.1")
FILM = Frame(np.tile(np.arange(1600, dtype=np.uint16), (1600, 1)))
LARGE, SMALL = ((10.0, 10.0), (1589.0, 1589.0)), ((10.0, 10.0), (20.0, 29.0))
LATER = "Mean and SD when it is done"
KIND = MeasurementKind.RECTANGLE


def test_values_of_a_large_region_wait_until_it_is_drawn(qapp: QCoreApplication) -> None:
    marks = Marks()
    marks.draw(Draft(KIND, PLACE, LARGE[:1], LARGE[1]))
    (moving,) = marks.shown(PLACE, FILM)
    assert moving.lines[0] == LATER
    assert moving.lines[1].startswith("Area")
    marks.draw(None)
    marks.put(Measurement("a", KIND, LARGE, PLACE))
    (stands,) = marks.shown(PLACE, FILM)
    assert stands.lines[0].startswith("Mean 799.5")
    marks.hold(dataclasses.replace(marks.on(PLACE)[0], points=(LARGE[0], (1580.0, 1580.0))))
    (held,) = marks.shown(PLACE, FILM)
    assert held.lines[0] == LATER


def test_values_of_a_small_region_follow_the_mouse(qapp: QCoreApplication) -> None:
    marks = Marks()
    marks.draw(Draft(KIND, PLACE, SMALL[:1], SMALL[1]))
    (moving,) = marks.shown(PLACE, FILM)
    assert moving.lines[0].startswith("Mean 19.5")


@pytest.mark.parametrize(
    ("points", "size"),
    [(SMALL, 11 * 20), (((-5.0, -5.0), (4.2, 3.9)), 5 * 4), (((-9.0, -9.0), (-1.0, -1.0)), 0), ((), 0)],
)
def test_the_box_around_a_region_is_counted_within_the_image(
    points: tuple[tuple[float, float], ...], size: int
) -> None:
    assert region.size_px(FILM, points) == size
