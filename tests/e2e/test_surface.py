"""The whole surface of the window: every action does something, every control says what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

from medvision_desktop.ui.actions import ACTIONS
from medvision_desktop.ui.viewmodels import viewer_actions
from medvision_desktop.ui.widgets.sheet import Sheet
from tests.helpers.sitting import CTRL, Sitting

Sit = Callable[..., Sitting]
Folder = Callable[..., Path]

_SPEAKING = (QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit)


@pytest.fixture
def read(sit_down: Sit, folder: Folder) -> Sitting:
    """A film that was read by a model, with its report open."""
    sitting = sit_down(size=(1920, 1080))
    sitting.open(folder("RG1_UNCR.dcm"))
    sitting.run_ai()
    return sitting


def test_every_action_of_the_table_is_performed_by_somebody(sit_down: Sit) -> None:
    known = sit_down().room.commands.known()
    viewers = viewer_actions.action_ids()
    assert known | viewers == {row.id for row in ACTIONS}, "a dead or a hidden entry"


def test_every_key_belongs_to_one_action(sit_down: Sit) -> None:
    keys = [key for row in ACTIONS for key in row.shortcuts]
    assert sorted(keys) == sorted(set(keys))
    window = sit_down().window
    shortcuts = [one for action in window.actions() for one in action.shortcuts()]
    assert all(not shortcut.isEmpty() for shortcut in shortcuts), "a key that Qt does not understand"


_LEFT_OUT = {"file.quit", "view.full_screen"}


@pytest.mark.parametrize("empty", [True, False])
def test_every_action_can_be_triggered_with_and_without_a_study(
    sit_down: Sit, folder: Folder, empty: bool
) -> None:
    """None may fail, open a dialog that blocks, or leave the window unusable."""
    sitting = sit_down(samples=not empty)
    if not empty:
        sitting.open(folder("RG1_UNCR.dcm"))
    for row in ACTIONS:
        if row.id in _LEFT_OUT:
            continue
        action = sitting.room.actions[row.id]
        assert isinstance(action, QAction)
        action.trigger()
        QApplication.processEvents()
        for sheet in sitting.window.findChildren(Sheet):
            sheet.close()
        for dialog in QApplication.topLevelWidgets():
            if dialog is not sitting.window and dialog.isVisible():
                dialog.close()
    sitting.settle()
    assert sitting.crashes == []
    assert sitting.errors == []
    if not empty:
        assert sitting.names() == ["Patient 1"], "one of the actions masks names"
        sitting.room.actions["privacy.mask"].trigger()
        sitting.click_study("CompressedSamples, RG1")
        assert sitting.pixels(sitting.room.viewer.active).std() > 10


@pytest.mark.parametrize(
    "place", ["first start", "read", "report", "override", "add", "sign", "keys", "palette"]
)
def test_every_control_has_a_name_and_one_without_words_a_tool_tip(
    sit_down: Sit, folder: Folder, place: str
) -> None:
    sitting = sit_down(reader="" if place == "first start" else "Dr Vale", samples=place == "first start")
    if place != "first start":
        sitting.open(folder("RG1_UNCR.dcm"))
        _go(sitting, place)
    controls = list(_controls(sitting.window))
    assert len(controls) > 20
    nameless = [_describe(one) for one in controls if not _name(one)]
    silent = [
        _describe(one)
        for one in controls
        if isinstance(one, QAbstractButton) and not one.text() and not one.toolTip()
    ]
    assert (nameless, silent) == ([], [])


def test_no_words_of_a_file_are_taken_for_markup(read: Sitting) -> None:
    read.key(Qt.Key.Key_P, CTRL)
    read.settle()
    labels = [label for label in read.window.findChildren(QLabel) if label.text()]
    assert len(labels) > 40
    rich = [label.text() for label in labels if label.textFormat() is not Qt.TextFormat.PlainText]
    assert rich == []


def test_news_stands_over_no_image_no_field_and_no_sheet(read: Sitting) -> None:
    room = read.room
    read.key(Qt.Key.Key_P, CTRL)
    read.key(Qt.Key.Key_S, CTRL)
    (card,) = [one for one in room.toasts.cards if one.news.text == "Not signed yet"]
    over = (room.report_pane.editor, *(pane for pane in room.grid.panes if pane.isVisible()))
    assert [one for one in over if _area(one, read.window).intersects(card.geometry())] == []
    room.actions["help.keys"].trigger()
    room.notifier.toast("News", "while a sheet is open")
    QApplication.processEvents()
    (sheet,) = read.window.findChildren(Sheet)
    shared = [one.geometry() & sheet.geometry() for one in room.toasts.cards]
    for area in (area for area in shared if not area.isEmpty()):
        under = read.window.childAt(area.center())
        assert under is sheet or sheet.isAncestorOf(under)


def _area(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def test_masked_names_stand_nowhere_on_the_window(read: Sitting) -> None:
    assert any("CompressedSamples" in text for text in _texts(read.window))
    read.key(Qt.Key.Key_M, CTRL)
    read.settle()
    assert [text for text in _texts(read.window) if "CompressedSamples" in text or "9RG1" in text] == []
    assert read.names() == ["Patient 1"]


def _texts(window: QWidget) -> Iterator[str]:
    """All that is written or spoken on the window, but for the pictures and the report."""
    yield window.windowTitle()
    for widget in window.findChildren(QWidget):
        yield from (widget.accessibleName(), widget.accessibleDescription(), widget.toolTip())
        if isinstance(widget, QLabel | QAbstractButton | QLineEdit):
            yield widget.text()
        if isinstance(widget, QAbstractItemView):
            items = widget.model()
            for row in range(items.rowCount()):
                index = items.index(row, 0)
                for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
                    yield str(index.data(role) or "")


def _go(sitting: Sitting, place: str) -> None:
    if place in ("read", "override", "sign"):
        sitting.run_ai()
    if place == "override":
        sitting.room.findings_pane.focus_list()
        sitting.key(Qt.Key.Key_F2)
    elif place == "add":
        sitting.key("+")
    elif place == "report":
        sitting.key(Qt.Key.Key_P, CTRL)
    elif place == "sign":
        sitting.room.findings_pane.focus_list()
        sitting.key(Qt.Key.Key_Return)
        sitting.settle()
        sitting.key(Qt.Key.Key_S, CTRL)
        assert sitting.room.sheets.sheet is not None
    elif place == "keys":
        sitting.room.actions["help.keys"].trigger()
    elif place == "palette":
        sitting.key(Qt.Key.Key_K, CTRL)
    sitting.settle()


def _controls(window: QWidget) -> Iterator[QWidget]:
    for kind in _SPEAKING:
        for control in window.findChildren(kind):
            # Parts that Qt puts into its own controls speak through these.
            if control.isVisible() and not control.objectName().startswith("qt_"):
                yield control


def _name(control: QWidget) -> str:
    text = control.text() if isinstance(control, QAbstractButton) else ""
    return control.accessibleName() or text.replace("&", "")


def _describe(control: QWidget) -> str:
    above, names = control.parentWidget(), [type(control).__name__]
    while above is not None:
        names.append(type(above).__name__)
        above = above.parentWidget()
    return " in ".join(names)
