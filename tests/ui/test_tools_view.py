"""The panel of slab and histogram with real mouse and key events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from medvision_desktop.pixels import voi
from medvision_desktop.pixels.reslice import Slab, SlabMode
from medvision_desktop.ui.panes.view_panel import ViewPanel
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import LEFT, NONE, Screen, move

K = Qt.Key
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def scene(qtbot: Any) -> Iterator[Any]:
    screens: list[Screen] = []

    def build(loaded: Any) -> tuple[Screen, ViewPanel]:
        screen = Screen(qtbot, loaded)
        screens.append(screen)
        screen.open(loaded)
        panel = ViewPanel(screen.viewer)
        qtbot.addWidget(panel)
        panel.resize(368, 300)
        panel.show()
        screen.grid.activateWindow()
        qtbot.waitUntil(screen.grid.isActiveWindow)
        return screen, panel

    yield build
    for screen in screens:
        screen.lanes.close()


def press(panel: ViewPanel, widget: Any, *keys: Any) -> None:
    """A key in the panel, with the keyboard there: the panes have other uses for the arrows."""
    panel.activateWindow()
    assert QTest.qWaitForWindowActive(panel, 5000)
    widget.setFocus()
    QTest.keyClick(widget, *keys)


def span(screen: Screen) -> tuple[float, float]:
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    assert shown.plan.voi is not None
    return voi.window_span(shown.plan.voi)


def hold(panel: ViewPanel, x: float, to: float) -> None:
    view = panel.histogram
    y = view.height() // 2
    QTest.mousePress(view, LEFT, NONE, QPoint(round(x), y))
    move(view, QPoint(round(to), y), LEFT)  # type: ignore[arg-type]
    QTest.mouseRelease(view, LEFT, NONE, QPoint(round(to), y))


def test_an_edge_of_the_window_is_dragged_over_the_histogram_and_undone_as_one(scene: Any) -> None:
    screen, panel = scene(cases.film())
    view, before = panel.histogram, span(screen)
    low, high = (view.x_of(value) for value in before)
    per_px = (before[1] - before[0]) / (high - low)
    hold(panel, high, high - 60)
    after = span(screen)
    assert after[0] == pytest.approx(before[0], abs=1)
    assert after[1] == pytest.approx(before[1] - 60 * per_px, abs=1.5 * per_px)
    middle = (view.x_of(after[0]) + view.x_of(after[1])) / 2
    hold(panel, middle, middle + 20)
    moved = span(screen)
    assert moved[1] - moved[0] == pytest.approx(after[1] - after[0], rel=1e-6)
    assert moved[0] > after[0]
    screen.key(K.Key_Z, CTRL)
    assert span(screen) == pytest.approx(after)
    screen.key(K.Key_Z, CTRL)
    assert span(screen) == pytest.approx(before)


def test_keys_move_and_widen_the_window(scene: Any) -> None:
    screen, panel = scene(cases.film())
    before = span(screen)
    press(panel, panel.histogram, K.Key_Right)
    moved = span(screen)
    assert moved[0] > before[0]
    assert moved[1] - moved[0] == pytest.approx(before[1] - before[0], rel=0.01)
    press(panel, panel.histogram, K.Key_Left, SHIFT)
    assert span(screen)[0] == pytest.approx(moved[0])
    assert span(screen)[1] < moved[1]


def test_the_panel_says_window_ends_and_unit_and_nothing_for_colour(scene: Any) -> None:
    _, panel = scene(cases.scan())
    assert panel.window_text.text() == "W 100  L 50"
    assert panel.middle.text() == "HU of this image"
    assert panel.histogram.accessibleDescription()
    assert not panel.modes.isEnabled()


def test_the_panel_says_where_the_planes_cross(scene: Any) -> None:
    screen, panel = scene(cases.brain())
    screen.viewer.set_point((10.0, 20.0, 7.0))  # left, posterior, head (PS3.3 C.7.6.2.1.1)
    assert panel.crosshair_text.text() == "L 10.0  P 20.0  H 7.0 mm"
    screen.viewer.perform("layout.1x1")
    assert panel.crosshair_text.text() == ""


def test_a_slab_is_chosen_made_thicker_and_seen_in_every_plane(scene: Any) -> None:
    brain = cases.brain()
    screen, panel = scene(brain)
    thin = [pane.shown.frame.stored for pane in screen.viewer.panes[:3] if pane.shown is not None]
    screen.key(K.Key_3, ALT)
    assert screen.viewer.slab == Slab(SlabMode.MIP, 10.0)
    shown = [pane.shown for pane in screen.viewer.panes[:3] if pane.shown is not None]
    assert all((after.frame.stored >= before).all() for before, after in zip(thin, shown, strict=True))
    assert panel.thickness_text.text() == "11.0 mm" or panel.thickness_text.text() == "9.0 mm"
    place = screen.viewer.view(0).corner.bottom_left[-1].text
    assert "MIP" in place
    before = shown[0].planes.slab_mm
    screen.key(K.Key_PageUp, SHIFT)
    assert screen.viewer.panes[0].shown.planes.slab_mm == before + 2
    panel.thickness.setFocus()
    press(panel, panel.thickness, K.Key_Left)
    assert screen.viewer.panes[0].shown.planes.slab_mm == before
    QTest.mouseClick(panel.modes.button("Thin"), LEFT)
    back = [pane.shown.frame.stored for pane in screen.viewer.panes[:3] if pane.shown is not None]
    assert all(np.array_equal(a, b) for a, b in zip(thin, back, strict=True))
