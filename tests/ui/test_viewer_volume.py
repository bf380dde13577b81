"""The rendered volume in the fourth pane, with real events and a real child."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from scipy import ndimage

from medvision_desktop.domain.geometry import EdgeLetters
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.pixels.volume_looks import CT, OTHER
from medvision_desktop.ui.panes.volume_pane import FOURTH, VolumePane
from medvision_desktop.ui.viewmodels.volume_camera import SIDES, Camera
from medvision_desktop.ui.viewmodels.volume_scene import SceneStatus, VolumeScene
from medvision_desktop.ui.viewmodels.volume_words import WARNING, corner_words
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import LEFT, NONE, Screen, move

K = Qt.Key
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def ball() -> LoadedSeries:
    """A volume file with a bright ball in it."""
    plain = cases.brain(shape=(40, 44, 36))
    assert plain.volume is not None
    k, j, i = np.mgrid[:40, :44, :36]
    inside = (k - 20) ** 2 + (j - 22) ** 2 + (i - 18) ** 2 < 14**2
    values = ndimage.gaussian_filter(inside.astype(np.float32) * 1000, 1)
    return replace(plain, volume=replace(plain.volume, stored_kji=values, modality_range=(0.0, 1000.0)))


class Room:
    def __init__(self, qtbot: Any) -> None:
        self.brain, self.scan = ball(), cases.scan()
        self.screen = Screen(qtbot, self.brain, self.scan)
        self.qtbot, self.viewer = qtbot, self.screen.viewer
        self.faults: list[Exception] = []
        self.scene = VolumeScene(self.faults.append)
        self.pane = VolumePane(self.scene, self.viewer, self.screen.grid.panes[FOURTH])
        self.screen.grid.resize(900, 700)

    def wait(self) -> None:
        self.qtbot.waitUntil(lambda: self.scene.is_fine, timeout=60_000)

    def close(self) -> None:
        self.scene.close()
        self.screen.lanes.close()


@pytest.fixture
def room(qtbot: Any) -> Iterator[Room]:
    found = Room(qtbot)
    yield found
    found.close()
    assert not found.faults


def test_the_volume_comes_with_the_planes_and_goes_with_them(room: Room) -> None:
    assert room.pane.isHidden()
    room.screen.open(room.brain)
    assert room.pane.isVisible()
    assert room.pane.size() == room.screen.grid.panes[FOURTH].size()
    room.wait()
    assert room.scene.status is SceneStatus.SHOWN
    picture = room.scene.picture
    assert picture is not None
    assert picture.shape[:2] == (room.pane.height(), room.pane.width())
    assert picture.any()
    room.viewer.perform("layout.1x1")
    assert room.pane.isHidden()


def test_a_series_that_is_dropped_takes_the_pane(room: Room) -> None:
    room.screen.open(room.brain)
    room.screen.open(room.scan, pane=FOURTH)
    assert room.pane.isHidden()
    assert room.viewer.panes[FOURTH].shown is not None


def test_dragging_turns_what_is_in_front_with_the_hand(room: Room) -> None:
    room.screen.open(room.brain)
    room.wait()
    right = np.asarray(room.scene.camera.right)
    into = np.cross(right, room.scene.camera.down)
    front = -into  # the surface nearest to the reader, from the middle
    QTest.mousePress(room.pane, LEFT, NONE, QPoint(60, 60))
    move(room.pane, QPoint(90, 60), LEFT)  # type: ignore[arg-type]
    QTest.mouseRelease(room.pane, LEFT, NONE, QPoint(90, 60))
    assert float(front @ np.asarray(room.scene.camera.right)) > 0.1
    room.scene.reset()
    QTest.mousePress(room.pane, LEFT, NONE, QPoint(60, 60))
    move(room.pane, QPoint(60, 90), LEFT)  # type: ignore[arg-type]
    QTest.mouseRelease(room.pane, LEFT, NONE, QPoint(60, 90))
    assert float(front @ np.asarray(room.scene.camera.down)) > 0.1
    room.wait()


def test_turning_shows_a_coarse_picture_first_and_a_full_one_at_rest(room: Room) -> None:
    room.screen.open(room.brain)
    room.wait()
    shapes = []
    room.scene.changed.connect(lambda: shapes.append(room.scene.picture.shape[0]))  # type: ignore[union-attr]
    for _ in range(3):
        room.scene.turn(10, 0)
    assert not room.scene.is_fine
    room.wait()
    assert min(shapes) < room.pane.height()
    assert shapes[-1] == room.pane.height()


def test_every_way_of_looking_has_a_key(room: Room) -> None:
    room.screen.open(room.brain)
    room.pane.setFocus()
    scene, before = room.scene, room.scene.camera
    QTest.keyClick(room.pane, K.Key_Right)
    assert scene.camera.right != before.right
    assert room.viewer.panes[0].shown is not None
    for _ in range(35):
        QTest.keyClick(room.pane, K.Key_Right)
    assert np.allclose(scene.camera.right, before.right, atol=1e-6)  # once around
    QTest.keyClick(room.pane, K.Key_Up, SHIFT)
    assert scene.camera.zoom > 1
    QTest.keyClick(room.pane, K.Key_Left, CTRL)
    assert scene.camera.pan_mm[0] < 0
    QTest.keyClick(room.pane, K.Key_PageDown)
    assert scene.shift < 0
    QTest.keyClick(room.pane, K.Key_Home)
    assert scene.camera == Camera()
    assert scene.shift == 0
    assert room.viewer.active == FOURTH


def test_the_arrows_do_not_scroll_the_planes_while_the_volume_has_the_keys(room: Room) -> None:
    room.screen.open(room.brain)
    before = [pane.shown.index for pane in room.viewer.panes[:3] if pane.shown is not None]
    room.screen.grid.activateWindow()
    room.pane.setFocus()
    room.qtbot.waitUntil(room.pane.hasFocus)
    QTest.keyClick(room.pane, K.Key_Down)
    after = [pane.shown.index for pane in room.viewer.panes[:3] if pane.shown is not None]
    assert after == before


def test_the_wheel_enlarges_and_the_middle_button_moves(room: Room) -> None:
    room.screen.open(room.brain)
    at = QPointF(50, 50)
    wheel = QWheelEvent(
        at,
        QPointF(room.pane.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(room.pane, wheel)
    assert room.scene.camera.zoom > 1
    QTest.mousePress(room.pane, Qt.MouseButton.MiddleButton, NONE, QPoint(50, 50))
    move(room.pane, QPoint(70, 40), Qt.MouseButton.MiddleButton)  # type: ignore[arg-type]
    QTest.mouseRelease(room.pane, Qt.MouseButton.MiddleButton, NONE, QPoint(70, 40))
    assert room.scene.camera.pan_mm[0] > 0
    assert room.scene.camera.pan_mm[1] < 0


def test_a_right_click_is_a_menu_of_looks_and_sides(room: Room) -> None:
    room.screen.open(room.brain)
    QTest.mouseClick(room.pane, Qt.MouseButton.RightButton, NONE, QPoint(50, 50))
    menu = room.pane.findChild(QMenu)
    assert menu is not None
    texts = [action.text() for action in menu.actions()]
    assert set(texts) >= {look.name for look in OTHER} | {f"From the {side}" for side in SIDES}
    next(action for action in menu.actions() if action.text() == OTHER[1].name).trigger()
    assert room.scene.look is OTHER[1]
    menu.close()


def test_letters_are_right_from_every_side() -> None:
    seen = {side: Camera(*ways).letters for side, ways in SIDES.items()}
    assert seen["front"] == EdgeLetters(left="R", right="L", top="H", bottom="F")
    assert seen["back"] == EdgeLetters(left="L", right="R", top="H", bottom="F")
    assert seen["left"] == EdgeLetters(left="A", right="P", top="H", bottom="F")
    assert seen["right"] == EdgeLetters(left="P", right="A", top="H", bottom="F")
    assert seen["feet"] == EdgeLetters(left="R", right="L", top="A", bottom="P")
    assert seen["head"] == EdgeLetters(left="L", right="R", top="A", bottom="P")
    for right, down in SIDES.values():
        assert float(np.dot(right, down)) == 0


def test_the_pane_says_that_it_is_not_for_measurement(room: Room) -> None:
    room.screen.open(room.brain)
    room.wait()
    lines = [line.text for line in corner_words(room.scene, room.viewer, small=False).bottom_right]
    assert WARNING in lines
    room.viewer.set_corner_text(False)
    without = corner_words(room.scene, room.viewer, small=False)
    assert [line.text for line in without.bottom_right] == [WARNING]
    assert without.top_left == ()
    assert WARNING in room.pane.accessibleName()
    assert "Larsen" not in room.pane.accessibleName()


def test_a_renderer_that_dies_is_said_and_can_be_tried_again(room: Room) -> None:
    room.screen.open(room.brain)
    room.wait()
    pid = room.scene._view._child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    room.scene.turn(20, 0)
    room.qtbot.waitUntil(lambda: room.scene.status is SceneStatus.FAILED, timeout=30_000)
    assert room.scene.failure
    room.pane.setFocus()
    QTest.keyClick(room.pane, K.Key_Return)
    room.wait()
    assert room.scene.status is SceneStatus.SHOWN


def test_nothing_is_asked_while_nobody_looks(room: Room) -> None:
    room.screen.open(room.brain)
    room.wait()
    room.viewer.toggle_maximised(0)
    assert not room.pane.isVisible()
    before = room.scene.picture
    room.scene.turn(30, 0)
    room.qtbot.wait(300)
    assert room.scene.picture is before


def test_a_ct_has_looks_in_hounsfield_units(room: Room) -> None:
    room.scene.show(room.brain.volume, "CT", (0.0, 100.0))
    assert room.scene.looks is CT
    room.scene.next_look()
    assert room.scene.look is CT[1]
    room.scene.next_look(-1)
    assert room.scene.look is CT[0]
