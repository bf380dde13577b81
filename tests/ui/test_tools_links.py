"""Linked panes with real events: by patient position, each kind of link on its own, lines and cursor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import LEFT, NONE, Screen

K = Qt.Key
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def stack(
    uid: str,
    *,
    count: int,
    step: float,
    start: float = 0.0,
    coronal: bool = False,
    pixel: float = 1.0,
    size: int = 40,
    space: str = "frame",
) -> LoadedSeries:
    """Slices `step` mm apart, `pixel` mm pixels; axial from the feet, or coronal from the front."""
    ref = cases.series(uid, count, modality="CT")
    frames = []
    for n in range(count):
        at = start + n * step
        spacing = PixelSpacing(pixel, pixel, SpacingSource.PATIENT)
        if coronal:
            geometry = PlaneGeometry((0.0, at, 39.0), (1, 0, 0), (0, 0, -1), spacing, space)
        else:
            geometry = PlaneGeometry((0.0, 0.0, at), (1, 0, 0), (0, 1, 0), spacing, space)
        stored = np.full((size, size), 10 * n, np.int16)
        frames.append(
            Frame(
                stored,
                signed=True,
                units="HU",
                geometry=geometry,
                spacing=spacing,
                sop_instance_uid=f"{uid}.{n}",
            )
        )
    return LoadedSeries(cases.study(ref), ref, Stack(tuple(frames), (0.0, 400.0)))


@pytest.fixture
def beside(qtbot: Any) -> Iterator[Any]:
    screens: list[Screen] = []

    def build(one: LoadedSeries, other: LoadedSeries) -> Screen:
        screen = Screen(qtbot, one, other)
        screens.append(screen)
        screen.viewer.perform("layout.1x2")
        screen.open(one, 0)
        screen.open(other, 1)
        screen.viewer.set_active(0)
        screen.grid.focus_active()
        QApplication.processEvents()
        return screen

    yield build
    for screen in screens:
        screen.lanes.close()


def indices(screen: Screen) -> list[int]:
    return [pane.shown.index for pane in screen.viewer.panes[:2] if pane.shown is not None]


def test_series_of_one_space_scroll_by_position_and_not_by_number(beside: Any) -> None:
    screen = beside(stack("thin", count=40, step=1.0), stack("thick", count=9, step=5.0, start=-5.0))
    for _ in range(2):
        screen.key(K.Key_PageDown)
    # Slice 20 of the first lies at 20 mm; the second has that at (20 + 5) / 5.
    assert indices(screen) == [20, 5]
    screen.viewer.perform("link.scroll")
    screen.key(K.Key_Home)
    assert indices(screen) == [0, 5]
    assert screen.viewer.links.window


def test_another_patient_or_another_space_does_not_follow_until_it_is_laid_beside(beside: Any) -> None:
    screen = beside(
        stack("one", count=20, step=2.0, space="a"), stack("two", count=30, step=1.0, space="b")
    )
    screen.key(K.Key_PageDown)
    assert indices(screen) == [10, 0]
    screen.viewer.set_index(1, 12)
    screen.key(K.Key_L, CTRL | SHIFT)
    screen.key(K.Key_Down)
    # One step of 2 mm here is two of 1 mm there.
    assert indices(screen) == [11, 14]


def test_each_link_is_on_its_own(beside: Any) -> None:
    screen = beside(stack("one", count=5, step=1.0), stack("two", count=5, step=1.0))
    screen.viewer.perform("link.window")
    screen.key(K.Key_I)
    assert [pane.display.invert for pane in screen.viewer.panes[:2]] == [True, False]
    screen.viewer.perform("link.window")
    screen.key(K.Key_2)
    assert screen.viewer.panes[1].display.voi == screen.viewer.panes[0].display.voi
    screen.viewer.perform("link.view")
    screen.key(K.Key_Equal)
    assert [pane.display.zoom for pane in screen.viewer.panes[:2]] == [1.0, None]


def test_zoom_and_pan_show_the_same_millimetres_at_the_same_place(beside: Any) -> None:
    screen = beside(
        stack("fine", count=3, step=1.0, pixel=0.5, size=80),
        stack("coarse", count=3, step=1.0, pixel=1.0, size=40),
    )
    screen.key(K.Key_P)
    screen.key(K.Key_Equal)
    screen.drag(screen.at(40, 40), screen.at(50, 60))
    one, other = (screen.viewer.view(n).transform for n in (0, 1))
    assert other.scale == pytest.approx(2 * one.scale)
    for row, column in ((10, 10), (30, 35)):
        # Pixel r of 0.5 mm lies at r / 2 mm, where the coarse image has pixel r / 2.
        here, there = one.to_screen(row, column), other.to_screen(row / 2, column / 2)
        assert there == pytest.approx(here, abs=1.5)


def test_the_active_image_is_a_line_in_panes_that_cut_it(beside: Any) -> None:
    screen = beside(stack("axial", count=40, step=1.0), stack("coronal", count=40, step=1.0, coronal=True))
    screen.viewer.set_index(0, 10)
    view = screen.viewer.view(1)
    assert view.reference is not None
    # 10 mm above the origin is row 39 - 10 of the coronal image.
    ends = [view.transform.to_source(*end) for end in (view.reference.start, view.reference.end)]
    assert [end[0] for end in ends] == pytest.approx([29, 29], abs=1e-6)
    assert sorted(end[1] for end in ends) == pytest.approx([-0.5, 39.5])
    assert screen.viewer.view(0).reference is None
    screen.key(K.Key_Tab)
    assert screen.viewer.view(1).reference is None
    assert screen.viewer.view(0).reference is not None
    assert indices(screen) == [10, 0], "planes that cut each other do not scroll each other"


def test_the_crosshair_takes_other_panes_to_the_point_and_marks_it(beside: Any) -> None:
    screen = beside(stack("axial", count=40, step=1.0), stack("coronal", count=40, step=1.0, coronal=True))
    screen.key(K.Key_D)
    at = screen.at(25, 12)
    QTest.mouseClick(screen.canvas(0), LEFT, NONE, at)
    assert indices(screen)[1] == 25
    view = screen.viewer.view(1)
    assert view.cursor is not None
    assert view.transform.to_source(*view.cursor) == pytest.approx((39, 12), abs=0.6)
    screen.viewer.perform("link.cursor")
    assert screen.viewer.view(1).cursor is None


def test_another_patient_in_the_same_frame_of_reference_is_not_followed(beside: Any) -> None:
    two = stack("two", count=20, step=1.0)
    stranger = replace(two, study=cases.study(two.series, cases.LEILA, "other"))
    screen = beside(stack("one", count=20, step=1.0), stranger)
    screen.key(K.Key_PageDown)
    assert indices(screen) == [10, 0]
