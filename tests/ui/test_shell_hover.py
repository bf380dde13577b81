"""Hover and press fade, and stand still where the reader wants no transitions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QStyle
from pytestqt.qtbot import QtBot

from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.hover import STILL, HoverFade

HOT, COLD = QStyle.StateFlag.State_MouseOver, QStyle.StateFlag.State_Enabled


@pytest.fixture
def app(qapp: QApplication) -> Iterator[QApplication]:
    stylesheet.apply(qapp)
    before = qapp.property(STILL)
    qapp.setProperty(STILL, False)
    yield qapp
    qapp.setProperty(STILL, before)


def test_a_look_fades_in_over_the_one_before_and_then_stands(app: QApplication, qtbot: QtBot) -> None:
    button = Button("Press")
    qtbot.addWidget(button)
    fade = HoverFade(button)
    assert fade.looks(COLD) == ((COLD, 1.0),)
    below, above = fade.looks(COLD | HOT)
    assert below == (COLD, 1.0)
    assert (above[0], above[1] < 1.0) == (COLD | HOT, True)
    QTest.qWait(2 * M.hover_ms + 50)
    assert fade.looks(COLD | HOT) == ((COLD | HOT, 1.0),)


def test_with_reduced_motion_a_look_is_there_at_once(app: QApplication, qtbot: QtBot) -> None:
    app.setProperty(STILL, True)
    button = Button("Press")
    qtbot.addWidget(button)
    fade = HoverFade(button)
    fade.looks(COLD)
    assert fade.looks(COLD | HOT) == ((COLD | HOT, 1.0),)


def test_a_button_that_was_pressed_and_let_go_looks_as_before(app: QApplication, qtbot: QtBot) -> None:
    button = Button("Press")
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    qtbot.addWidget(button)
    button.show()
    QTest.qWait(50)
    looks = []
    for down in (False, True, False):
        button.setDown(down)
        button.grab()
        QTest.qWait(2 * M.hover_ms + 50)
        looks.append(button.grab().toImage())
    assert looks[0] != looks[1]
    assert looks[0] == looks[2]
