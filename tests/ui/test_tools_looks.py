"""Curves and colour maps by action and menu, what PET opens with, and the scale that explains colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMenu

from medvision_desktop.domain.display import DisplayState, LutCurve, VoiFunction, VoiLut, VoiWindow
from medvision_desktop.domain.image import Frame, LoadedSeries, Rescale, Stack
from medvision_desktop.domain.quantities import RealValue
from medvision_desktop.pixels import pipeline
from medvision_desktop.pixels.colour_maps import table
from medvision_desktop.ui.actions import BY_ID
from medvision_desktop.ui.panes.tool_bar import ToolBar
from medvision_desktop.ui.viewmodels.corner_lines import caption, window_text
from medvision_desktop.ui.viewmodels.first_look import COLOURS, CURVES, colour_scale
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen

Show = Callable[[LoadedSeries], Screen]


def uptake() -> LoadedSeries:
    """A PET series of one image, brighter to the right, in Bq/mL and SUV."""
    series = cases.series("pet", modality="PT")
    frame = Frame(
        np.tile(np.arange(64, dtype=np.uint16) * 100, (64, 1)),
        modality=Rescale(2.0, 10.0),
        units="Bq/mL",
        voi=(VoiWindow(6300, 12600),),
        real=(RealValue("SUVbw", "g/ml", 0.001, 0.005),),
    )
    return LoadedSeries(cases.study(series), series, Stack((frame,), (10.0, 12610.0)))


@pytest.fixture
def opened(qtbot: Any) -> Iterator[Callable[[LoadedSeries], Screen]]:
    """Shows a series in a viewer of its own."""
    screens: list[Screen] = []

    def show(loaded: LoadedSeries) -> Screen:
        screens.append(Screen(qtbot, loaded))
        screens[-1].open(loaded)
        return screens[-1]

    yield show
    for screen in screens:
        screen.lanes.close()


def pixel(screen: Screen, row: float, column: float) -> tuple[int, int, int]:
    """The colour on screen over a pixel of the image."""
    at = screen.at(row, column)
    image: QImage = screen.canvas().grab().toImage()
    colour = image.pixelColor(at)
    return colour.red(), colour.green(), colour.blue()


def test_pet_opens_dark_on_white_and_other_images_do_not(opened: Show) -> None:
    screen = opened(uptake())
    assert screen.viewer.active_pane.display.colours == "inverse_grey"
    assert pixel(screen, 32, 1)[0] > 230 > 30 > pixel(screen, 32, 62)[0]

    other = opened(cases.film())
    assert other.viewer.active_pane.display.colours == ""


@pytest.mark.parametrize("name", ["hot_iron", "pet_20_step", "rainbow"])
def test_a_colour_map_is_on_screen_at_once_and_can_be_undone(opened: Show, name: str) -> None:
    screen = opened(uptake())
    assert screen.viewer.perform(f"colours.{name}")
    plan = screen.viewer.active_pane.shown.plan  # type: ignore[union-attr]
    wanted = {tuple(int(part) for part in colour) for colour in table(name)}
    drawn = pipeline.render(plan)
    assert {tuple(int(part) for part in colour) for colour in drawn.reshape(-1, 3)} <= wanted
    red, green, blue = pixel(screen, 40, 40)
    assert len({red, green, blue}) > 1
    assert screen.viewer.perform("edit.undo")
    assert screen.viewer.active_pane.display.colours == "inverse_grey"


def test_resetting_the_view_goes_back_to_what_the_series_opened_with(opened: Show) -> None:
    screen = opened(uptake())
    screen.viewer.perform("colours.rainbow")
    screen.viewer.perform("curve.sigmoid")
    screen.viewer.perform("view.reset")
    assert screen.viewer.active_pane.display.brightness == DisplayState(colours="inverse_grey")


def test_a_curve_bends_the_window_in_use(opened: Show) -> None:
    screen = opened(cases.scan())
    assert screen.viewer.perform("curve.sigmoid")
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    assert isinstance(shown.plan.voi, VoiWindow)
    assert shown.plan.voi.function is VoiFunction.SIGMOID
    assert screen.viewer.perform("curve.logarithmic")
    assert screen.viewer.active_pane.display.curve is LutCurve.LOGARITHMIC
    assert screen.viewer.active_pane.shown is not None
    assert screen.viewer.active_pane.shown.plan.logarithmic


def test_a_lut_of_the_header_is_not_bent(opened: Show) -> None:
    loaded = cases.film()
    lut = VoiLut(0, np.arange(4096, dtype=np.uint16), 12)
    frame = replace(loaded.stack.frames[0], voi=(lut,))
    screen = opened(replace(loaded, stack=Stack((frame,))))
    assert not screen.viewer.perform("curve.sigmoid")


def test_every_alternative_of_the_header_is_on_the_menu_with_curves_and_colours(
    qtbot: Any, opened: Show
) -> None:
    loaded = cases.film()
    twice = VoiWindow(700, 300)
    own = (VoiWindow(500, 900, explanation="Soft"), twice, VoiLut(0, np.arange(9), 4, "Bone"), twice)
    frame = replace(loaded.stack.frames[0], voi=own)
    screen = opened(replace(loaded, stack=Stack((frame,))))
    bar = ToolBar(screen.viewer)
    qtbot.addWidget(bar)
    bar._presets.choices.aboutToShow.emit()
    texts = [action.text() for action in bar._presets.choices.actions()]
    assert {"Soft", "W 300  L 700", "Bone", "Curve", "Colours"} <= set(texts)
    assert texts.count("W 300  L 700") == 1
    inner = bar._presets.choices.findChildren(QMenu)
    named = {action.text().split("\t")[0] for menu in inner for action in menu.actions()}
    assert named == {BY_ID[name].text for name in (*CURVES, *COLOURS)}


def test_the_scale_names_the_windows_ends_in_suv_where_the_header_allows_it(opened: Show) -> None:
    screen = opened(uptake())
    screen.viewer.perform("colours.hot_iron")
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    scale = colour_scale(shown.plan)
    assert scale is not None
    # stored = (value - 10) / 2 and SUV = stored * 0.001 + 0.005, so SUV is value / 2000.
    assert scale.title == "SUVbw g/ml"
    assert float(scale.high) == pytest.approx(12599 / 2000, rel=5e-3)
    assert float(scale.low) == pytest.approx(0, abs=1e-3)
    assert np.array_equal(scale.entries, table("hot_iron"))
    screen.viewer.perform("view.invert")
    inverted = screen.viewer.active_pane.shown
    assert inverted is not None
    turned = colour_scale(inverted.plan)
    assert turned is not None
    assert np.array_equal(turned.entries, table("hot_iron")[::-1])


def test_curve_and_colours_are_named_beside_the_window_and_in_a_caption(opened: Show) -> None:
    screen = opened(uptake())
    screen.viewer.perform("colours.hot_iron")
    screen.viewer.perform("curve.logarithmic")
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    assert window_text(shown.plan).endswith("logarithmic  ·  Hot iron")
    assert "colours from 0 to 6.3 SUVbw g/ml" in caption(shown)
    screen.viewer.perform("colours.inverse_grey")
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    assert "colours" not in caption(shown)


def test_grey_needs_no_scale(opened: Show) -> None:
    screen = opened(uptake())
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    assert colour_scale(shown.plan) is None
