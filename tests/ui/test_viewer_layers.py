"""Shutters, overlay planes and presentation states in the viewer: keys, menu, what a pane paints."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from medvision_desktop.domain.display import FittedArea, VoiWindow, WindowSource
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import LoadedSeries, Stack
from medvision_desktop.domain.layers import Annotation, OverlayPlane, Shutter
from medvision_desktop.domain.measurement import MeasurementKind
from medvision_desktop.domain.presentation import DisplayedArea, ImageRef, PresentationState
from medvision_desktop.pixels import viewport
from medvision_desktop.pixels.viewport import Viewport
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels import pane_state, pane_view
from medvision_desktop.ui.viewmodels.pane_state import PaneState
from medvision_desktop.ui.viewmodels.pane_view import DrawnMark
from medvision_desktop.ui.widgets import mark_layer
from medvision_desktop.ui.widgets.edged_text import EdgedText
from tests.helpers import viewer_cases as cases


def covered_film() -> LoadedSeries:
    loaded = cases.film()
    frame = dataclasses.replace(
        loaded.stack.frames[0],
        sop_instance_uid="1.2.3",
        shutter=Shutter(rectangle=(0, 99, 0, 39), automatic=True),
        overlays=(OverlayPlane(np.ones((5, 5), np.bool_)),),
    )
    state = PresentationState(
        uid="9.9",
        label="Bone",
        images=(ImageRef("1.2.3"),),
        vois=(((), VoiWindow(300, 200)),),
        turn=ViewTurn(1),
        annotations=(
            ((), Annotation(((10.0, 10.0), (20.0, 10.0), (20.0, 30.0)))),
            ((), Annotation(((50.0, 50.0),), words=("here",))),
            ((), Annotation(((50.0, 50.0),), closed=True)),
        ),
    )
    return dataclasses.replace(loaded, stack=Stack((frame,)), states=(state,))


def shown_pane(loaded: LoadedSeries) -> PaneState:
    return pane_state.with_loaded(pane_state.asked(loaded.study, loaded.series), loaded, complete=True)


def test_lifting_the_shutter_makes_a_new_plan() -> None:
    pane = pane_state.presented(shown_pane(covered_film()), "")
    assert pane.shown is not None
    assert pane.shown.plan.shutter is not None
    lifted = pane_state.with_display(pane, dataclasses.replace(pane.display, shutter=False))
    assert lifted.shown is not None
    assert lifted.shown.plan.shutter is None
    assert lifted.shown.plan.overlays == pane.shown.plan.overlays


def test_hiding_layers_shows_the_image_alone_and_keeps_its_plan() -> None:
    pane = pane_state.presented(shown_pane(covered_film()), "")
    assert pane.shown is not None
    bare = pane.shown.bare
    assert bare is pane.shown.bare
    assert bare.plan.shutter is None
    assert bare.plan.overlays == ()
    assert "Shutter on" in pane.shown.plan.badges
    assert "Shutter on" not in bare.plan.badges
    assert bare.bare is bare


def test_a_presentation_state_is_the_default_and_none_is_the_images_own_look() -> None:
    pane = shown_pane(covered_film())
    assert pane.shown is not None
    assert pane.shown.plan.voi == VoiWindow(300, 200)
    assert pane.shown.plan.source is WindowSource.PRESENTATION
    assert pane.display.turn == ViewTurn(1)
    own = pane_state.presented(pane, "")
    assert own.shown is not None
    assert own.shown.plan.voi == VoiWindow(500, 1000)
    assert own.display.turn == ViewTurn()
    back = pane_state.presented(own, "9.9")
    assert back.shown is not None
    assert back.shown.plan.voi == VoiWindow(300, 200)
    assert back.display.turn == ViewTurn(1)


def test_annotations_lie_where_the_image_lies() -> None:
    pane = shown_pane(covered_film())
    assert pane.shown is not None
    view = viewport.transform(pane.shown.frame, Viewport(400, 300, turn=pane.display.turn))
    line, words, point = pane_view.annotated(view, pane.shown)
    assert line.points[:3] == tuple(view.to_screen(*at) for at in ((10, 10), (20, 10), (20, 30)))
    assert line.points[3:] == (view.to_screen(20, 10),)
    assert words.lines == ("here",)
    assert words.points == (view.to_screen(50, 50),)
    middle = np.mean(point.points, axis=0)
    assert middle == pytest.approx(view.to_screen(50, 50))


@pytest.mark.parametrize("filled", [False, True])
def test_a_shape_that_a_state_fills_is_filled_on_the_pane(filled: bool, qapp: QApplication) -> None:
    mark = DrawnMark(MeasurementKind.POLYGON, ((10, 10), (50, 10), (50, 40), (10, 40)), filled=filled)
    image = QImage(60, 50, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    mark_layer.paint(painter, EdgedText(), [mark], QRectF(image.rect()), 1.0)
    painter.end()
    assert (image.pixelColor(30, 25) == QColor(T.onimage)) is filled
    assert image.pixelColor(30, 10).red() > 127  # an edge either way
    assert image.pixelColor(5, 5) == QColor(0, 0, 0)


def three_films() -> LoadedSeries:
    """Three images, of which a state turns the second and shows a part of it."""
    loaded = covered_film()
    frames = tuple(
        dataclasses.replace(loaded.stack.frames[0], sop_instance_uid=uid) for uid in ("1.1", "1.2.3", "1.3")
    )
    area = ((), DisplayedArea(10, 20, 49, 39))
    state = dataclasses.replace(loaded.states[0], areas=(area,))
    return dataclasses.replace(loaded, stack=Stack(frames), states=(state,))


def test_each_image_is_turned_as_its_own_state_says_while_scrolling() -> None:
    pane = shown_pane(three_films())
    looks = [(pane.display.turn, pane.display.area)]
    for index in (1, 2, 1):
        pane = pane_state.with_index(pane, index)
        looks.append((pane.display.turn, pane.display.area))
    plain, turned = (ViewTurn(), None), (ViewTurn(1), FittedArea(10, 49, 20, 39))
    assert looks == [plain, turned, plain, turned]


def test_a_readers_own_turn_stays_while_scrolling() -> None:
    pane = shown_pane(three_films())
    own = dataclasses.replace(pane.display, turn=ViewTurn(2))
    pane = pane_state.with_index(pane_state.with_display(pane, own), 1)
    assert pane.display.turn == ViewTurn(2)
