"""The theme as Qt sees it: faces, icons, style sheet."""

from __future__ import annotations

import os
import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFontInfo, QIcon, QImage
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from medvision_desktop.ui.theme import fonts, icons, stylesheet
from medvision_desktop.ui.theme.tokens import T


@pytest.fixture
def dressed(qapp: QApplication) -> QApplication:
    stylesheet.apply(qapp)
    return qapp


def colours_of(image: QImage) -> set[str]:
    return {
        image.pixelColor(x, y).name().upper()
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() == 255
    }


def test_the_bundled_faces_are_the_ones_in_use(dressed: QApplication) -> None:
    assert dressed.font().families()[0] == "Inter"
    assert QFontInfo(fonts.font("body")).family() == "Inter"
    assert QFontInfo(fonts.font("display")).family() == "Inter Display"


@pytest.mark.parametrize("style", fonts.STYLES)
def test_no_style_is_below_twelve_pixels_and_all_have_tabular_figures(
    dressed: QApplication, style: str
) -> None:
    font = fonts.font(style)
    assert font.pixelSize() >= 12
    assert font.featureValue(fonts._TABULAR) == 1
    assert font.letterSpacing() == 0


def test_an_icon_is_drawn_in_the_colour_asked_for(dressed: QApplication) -> None:
    drawn = icons.pixmap("square", T.accent, 32, 4.0).toImage()
    assert colours_of(drawn) == {T.accent}


def test_an_icon_is_sharp_on_a_screen_of_double_density(dressed: QApplication) -> None:
    pixmap = icons.pixmap("eye", T.t2, 16, 2.0, 2.0)
    assert (pixmap.width(), pixmap.height()) == (32, 32)
    assert pixmap.deviceIndependentSize().toSize() == QSize(16, 16)


def test_a_disabled_icon_and_a_switched_on_icon_look_different(dressed: QApplication) -> None:
    icon = icons.icon("eye", T.t2, 16, on=T.ai)
    rest = icon.pixmap(QSize(16, 16), 1.0).toImage()
    off = icon.pixmap(QSize(16, 16), 1.0, QIcon.Mode.Disabled).toImage()
    on = icon.pixmap(QSize(16, 16), 1.0, QIcon.Mode.Normal, QIcon.State.On).toImage()
    assert rest != off
    assert rest != on


def test_an_icon_that_does_not_ship_is_an_error(dressed: QApplication) -> None:
    with pytest.raises(KeyError):
        icons.icon("no-such-icon")


def test_the_style_sheet_grows_with_the_scale_but_hairlines_stay(dressed: QApplication) -> None:
    plain, large = stylesheet.stylesheet(), stylesheet.stylesheet(1.5)
    assert "$" not in plain
    assert "min-height: 30px" in plain
    assert "min-height: 45px" in large
    assert re.findall(r"border: 1px", plain) == re.findall(r"border: 1px", large)


@pytest.mark.parametrize(("percent", "factor"), [(100, None), (90, "0.9"), (125, "1.25"), (150, "1.5")])
def test_the_screen_is_scaled_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, percent: int, factor: str | None
) -> None:
    monkeypatch.setenv("QT_SCALE_FACTOR", "")
    monkeypatch.delenv("QT_SCALE_FACTOR")
    stylesheet.scale_screen(percent)
    assert os.environ.get("QT_SCALE_FACTOR") == factor


def test_a_primary_button_has_the_accent_for_its_ground(dressed: QApplication, qtbot: QtBot) -> None:
    button = QPushButton("Sign report")
    button.setProperty("kind", "primary")
    qtbot.addWidget(button)
    button.show()
    image = button.grab().toImage()
    assert image.pixelColor(8, image.height() // 2) == QColor(T.accent)


def test_a_focused_button_has_a_ring_of_two_pixels(dressed: QApplication, qtbot: QtBot) -> None:
    button = QPushButton("Accept")
    qtbot.addWidget(button)
    with qtbot.waitActive(button):
        button.show()
    button.setFocus()
    image = button.grab().toImage()
    middle = image.height() // 2
    assert [image.pixelColor(x, middle).name().upper() for x in (0, 1)] == [T.t1, T.t1]
    assert image.pixelColor(3, middle) == QColor(T.bg3)


def test_a_label_takes_the_tone_of_its_property(dressed: QApplication, qtbot: QtBot) -> None:
    label = QLabel("x")
    label.setProperty("tone", "warn")
    qtbot.addWidget(label)
    label.show()
    assert label.palette().color(label.foregroundRole()) == QColor(T.warn)
