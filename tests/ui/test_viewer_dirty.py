"""What is painted again while a window is dragged is all that changes, and less than the pane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QImage, QRegion

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets import dirty
from medvision_desktop.ui.widgets.image_canvas import ImageCanvas
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen

Change = Callable[[ViewerModel], None]


def windowed(center: float) -> Change:
    def change(viewer: ViewerModel) -> None:
        viewer.set_display(0, replace(viewer.panes[0].display, voi=VoiWindow(center, 900)))

    return change


def inverted(viewer: ViewerModel) -> None:
    viewer.set_display(0, replace(viewer.panes[0].display, invert=not viewer.panes[0].display.invert))


def turned(viewer: ViewerModel) -> None:
    viewer.set_display(0, replace(viewer.panes[0].display, turn=ViewTurn(1)))


def next_image(viewer: ViewerModel) -> None:
    viewer.set_index(0, 3)


def noted(viewer: ViewerModel) -> None:
    viewer.set_note(0, "Plays at 15 a second")


def painted(canvas: ImageCanvas) -> NDArray[np.uint8]:
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def mask_of(region: QRegion, shape: tuple[int, int]) -> NDArray[np.bool_]:
    inside = np.zeros(shape, np.bool_)
    for rect in region:
        inside[rect.top() : rect.bottom() + 1, rect.left() : rect.right() + 1] = True
    return inside


@pytest.fixture
def screen(qtbot: Any) -> Any:
    scan = cases.scan()
    made = Screen(qtbot, scan)
    made.open(scan, pane=0)
    yield made
    made.lanes.close()


@pytest.mark.parametrize(
    ("change", "partly"),
    [
        (windowed(300), True),
        (windowed(-4000), True),
        (inverted, True),
        (turned, False),
        (next_image, True),
        (noted, False),
    ],
)
def test_whatever_looks_otherwise_is_painted_again(screen: Screen, change: Change, partly: bool) -> None:
    canvas = screen.canvas(0)
    windowed(500)(screen.viewer)
    screen.qtbot.waitUntil(lambda: canvas.is_settled, timeout=3000)
    old, before = painted(canvas), screen.viewer.view(0)
    change(screen.viewer)
    screen.qtbot.waitUntil(lambda: canvas.is_settled, timeout=3000)
    new, after = painted(canvas), screen.viewer.view(0)
    region = dirty.region(before, after, canvas.rect(), canvas._drawer.target, canvas.devicePixelRatioF())
    differs = (old != new).any(axis=2)
    assert differs.any()
    if not partly:
        assert region is None
        return
    assert region is not None
    inside = mask_of(region, differs.shape)
    assert not inside.all()
    assert not (differs & ~inside).any()


def test_under_a_colour_map_all_is_painted_because_its_scale_says_the_window(screen: Screen) -> None:
    canvas = screen.canvas(0)
    screen.viewer.set_display(0, replace(screen.viewer.panes[0].display, colours="hot_iron"))
    views = []
    for center in (300, 600):
        windowed(center)(screen.viewer)
        views.append(screen.viewer.view(0))
    assert dirty.region(*views, canvas.rect(), canvas._drawer.target, 1.0) is None


def test_drawing_over_what_was_drawn_gives_the_same_pixels(screen: Screen) -> None:
    views = []
    for center in (200, 500, 800):
        windowed(center)(screen.viewer)
        views.append(screen.viewer.view(0))
    for change in (inverted, turned, next_image):
        change(screen.viewer)
        views.append(screen.viewer.view(0))
    drawer, last = Drawer(), None
    for view in views:
        assert view.plan is not None
        assert view.viewport is not None
        grey = Drawer().draw(view.plan, view.viewport, interactive=False)
        again = drawer.screen(view.plan, view.viewport, interactive=False, over=last)
        assert np.array_equal(again & 0xFF, grey)
        assert np.array_equal(again, grey * np.uint32(0x010101) | np.uint32(0xFF000000))
        assert last is None or again is last
        last = again


def test_the_ground_around_an_image_is_driven_as_its_black_is(screen: Screen) -> None:
    view = screen.viewer.view(0)
    assert view.plan is not None
    assert view.viewport is not None
    driving = np.linspace(10, 240, 256).astype(np.uint8)
    drawer = Drawer()
    plain = drawer.screen(view.plan, view.viewport, interactive=False).copy()
    again = drawer.screen(view.plan, view.viewport, interactive=False, driving=driving, over=plain.copy())
    assert np.array_equal(again & 0xFF, driving[plain & 0xFF])
    assert again[0, 0] == 0xFF0A0A0A
