"""The window without a mouse: every action, every control, every tool, by keys alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLineEdit,
    QListView,
    QListWidget,
    QMenu,
    QToolButton,
    QWidget,
)

from medvision_desktop.ui.actions import ACTIONS
from medvision_desktop.ui.dialogs.palette import PaletteSheet
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.mask_editor import PAINTS
from medvision_desktop.ui.viewmodels.pen import DRAWS
from tests.helpers.sitting import CTRL, SHIFT, Sitting

Sit = Callable[..., Sitting]
Folder = Callable[..., Path]
_BY_A_DRAG = (Tool.WINDOW, Tool.PAN, Tool.ZOOM)


@pytest.fixture
def film(sit_down: Sit, folder: Folder) -> Sitting:
    sitting = sit_down(size=(1920, 1080))
    sitting.open(folder("RG1_UNCR.dcm"))
    return sitting


def _menu_actions(menu: QMenu) -> set[QAction]:
    found: set[QAction] = set()
    for action in menu.actions():
        below = action.menu()
        found |= _menu_actions(below) if isinstance(below, QMenu) else {action}
    return found


def test_a_panel_that_is_put_away_gives_the_keyboard_back_to_the_images(film: Sitting) -> None:
    for key in (Qt.Key.Key_F9, Qt.Key.Key_F6):
        film.room.grid.focus_active()
        images = QApplication.focusWidget()
        film.key(key)
        assert QApplication.focusWidget() is not images
        film.key(key)
        assert QApplication.focusWidget() is images


def test_every_action_is_in_the_menu_and_in_the_palette(film: Sitting) -> None:
    menus = [button.menu() for button in film.window.findChildren(QToolButton)]
    brand = next(m for m in menus if m is not None and film.room.actions["file.quit"] in _menu_actions(m))
    assert set(film.room.actions.values()) <= _menu_actions(brand)
    film.key(Qt.Key.Key_K, CTRL)
    (sheet,) = film.window.findChildren(PaletteSheet)
    listed = sheet.findChild(QListView) or sheet.findChild(QListWidget)
    assert listed is not None
    assert listed.model().rowCount() == len(ACTIONS)


def test_every_key_of_the_table_reaches_its_action_in_every_window(film: Sitting) -> None:
    film.room.actions["window.new"].trigger()
    (side,) = film.room.windows.open_ones.values()
    for row in ACTIONS:
        for action in (film.room.actions[row.id], side.actions_by_id[row.id]):
            assert [key.toString() for key in action.shortcuts()] == [
                QKeySequence(keys).toString() for keys in row.shortcuts
            ]


@pytest.mark.parametrize("place", ["read", "report", "layers"])
def test_tab_comes_to_every_control_that_can_be_clicked(film: Sitting, place: str) -> None:
    if place == "report":
        film.key(Qt.Key.Key_P, CTRL)
    elif place == "layers":
        film.room.docks["layers"].show()
        film.room.docks["view"].show()
    film.settle()
    start = film.window.focusWidget()
    assert start is not None
    reached, here = {start}, start.nextInFocusChain()
    while here is not start:
        reached.add(here)
        here = here.nextInFocusChain()
    tab = Qt.FocusPolicy.TabFocus
    missed = [
        control.accessibleName() or control.text()
        for control in film.window.findChildren(QAbstractButton)
        if control.isVisible() and control.isEnabled() and not control.objectName().startswith("qt_")
        if control not in reached or not control.focusPolicy() & tab
    ]
    assert missed == []


def test_focus_is_seen_wherever_tab_goes(film: Sitting) -> None:
    """Each control looks different with the keyboard on it."""
    unseen = []
    for control in film.window.findChildren(QAbstractButton):
        if not (control.isVisible() and control.isEnabled()) or control.objectName().startswith("qt_"):
            continue
        film.room.grid.panes[0].canvas.setFocus()
        QApplication.processEvents()
        before = control.grab().toImage()
        control.setFocus(Qt.FocusReason.TabFocusReason)
        QApplication.processEvents()
        if control.hasFocus() and control.grab().toImage() == before:
            unseen.append(control.accessibleName() or control.text())
    assert unseen == []


@pytest.mark.parametrize("tool", list(Tool), ids=lambda tool: tool.value)
def test_every_tool_is_taken_and_used_by_keys(film: Sitting, tool: Tool) -> None:
    viewer = film.room.viewer
    canvas = film.room.grid.panes[viewer.active].canvas
    canvas.setFocus()
    row = next(row for row in ACTIONS if row.id == f"tool.{tool.value}")
    assert row.shortcuts, "a tool without a key"
    film.room.actions[row.id].trigger()
    assert viewer.tool is tool
    before, pixels = viewer.active_pane.display, film.pixels(viewer.active)
    if tool in DRAWS:
        film.key(Qt.Key.Key_Return)
        field = QApplication.focusWidget()
        if isinstance(field, QLineEdit):
            film.type("seen")
            film.key(Qt.Key.Key_Return)
        film.settle()
        assert viewer.marks_on(viewer.active) or viewer.active_pane.display != before
        return
    if tool in PAINTS:
        return  # painting by keys is tested with the label maps
    film.key(Qt.Key.Key_Right, SHIFT)
    film.key(Qt.Key.Key_Down, SHIFT)
    QApplication.processEvents()
    if tool in _BY_A_DRAG:
        assert viewer.active_pane.display != before
        film.key(Qt.Key.Key_Z, CTRL)
        film.key(Qt.Key.Key_Z, CTRL)
        assert viewer.active_pane.display == before
    elif tool in (Tool.PROBE, Tool.MAGNIFIER):
        assert not np.array_equal(film.pixels(viewer.active), pixels)


def test_the_keyboard_leaves_a_single_pane_by_tab(film: Sitting) -> None:
    film.room.viewer.set_layout("1x1")
    canvas = film.room.grid.panes[0].canvas
    canvas.setFocus()
    film.key(Qt.Key.Key_Tab)
    QApplication.processEvents()
    assert isinstance(film.window.focusWidget(), QWidget)
    assert film.window.focusWidget() is not canvas


def test_a_name_is_typed_into_its_field_whatever_is_opened_meanwhile(
    sit_down: Callable[..., Sitting], folder: Callable[..., Path]
) -> None:
    sitting = sit_down(reader="", paths=[folder("RG1_UNCR.dcm")])
    sitting.wait(lambda: sitting.room.viewer.active_pane.shown is not None)
    sitting.settle()
    tool = sitting.room.viewer.tool
    sitting.type("Vale")
    sitting.key(Qt.Key.Key_Return)
    sitting.settle()
    assert sitting.room.reader.name == "Vale"
    assert sitting.room.viewer.tool is tool
    assert sitting.window.focusWidget() is sitting.room.grid.panes[0].canvas
