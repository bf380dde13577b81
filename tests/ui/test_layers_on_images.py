"""Labels over images that have no place in the patient: drawn on those images and on no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import LoadedSeries, Stack
from medvision_desktop.domain.labelmap import PIXELS, LabelMap, Segment
from medvision_desktop.pixels.labels import labels_on, places_of
from medvision_desktop.pixels.patient_grid import grid_in_pane
from medvision_desktop.pixels.viewport import Viewport, transform
from medvision_desktop.ui.viewmodels.layer_facts import LayerFacts
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen


def films() -> LoadedSeries:
    """Four films in one series."""
    plain = cases.film()
    frame = plain.stack.frames[0]
    frames = tuple(replace(frame, sop_instance_uid=f"film.{number}") for number in range(4))
    return replace(plain, stack=Stack(frames, plain.stack.modality_range))


def labels() -> LabelMap:
    """Of the fourth film and of the second, in this order."""
    values = np.zeros((2, 100, 80), np.uint8)
    values[0, 10:20, 10:40] = 1
    values[1, 50:90, 5:15] = 2
    segments = (Segment(1, "Lung", (200, 0, 0)), Segment(2, "Heart", (0, 200, 0)))
    images = (("film.3", 1), ("film.1", 1))
    return LabelMap(values, PIXELS.copy(), segments, "seg", "By hand", images=images)


@pytest.fixture
def screen(qtbot: Any) -> Iterator[Screen]:
    loaded = films()
    made = Screen(qtbot, loaded)
    made.open(loaded)
    made.viewer.layers.put(loaded.study.key, labels(), series_uid=loaded.series.uid)
    yield made
    made.lanes.close()


def on_film(screen: Screen, number: int) -> np.ndarray | None:
    """The labels that are drawn on the pixels of a film, as source pixels."""
    screen.viewer.set_index(screen.viewer.active, number)
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    drawn = screen.viewer.layers.drawn(shown)
    if not drawn:
        return None
    layer = drawn[0].layer
    assert isinstance(layer, LabelMap)
    return labels_on(layer.values_kji, layer.affine_kji_to_lps, drawn[0].picture)


def test_each_image_shows_its_own_labels_and_the_others_none(screen: Screen) -> None:
    values = labels().values_kji
    assert on_film(screen, 0) is None
    assert on_film(screen, 2) is None
    assert np.array_equal(on_film(screen, 3), values[0])  # type: ignore[arg-type]
    assert np.array_equal(on_film(screen, 1), values[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("turn", [ViewTurn(), ViewTurn(1), ViewTurn(3, True), ViewTurn(2, False, True)])
def test_labels_turn_with_the_image(turn: ViewTurn, screen: Screen) -> None:
    screen.viewer.set_index(screen.viewer.active, 3)
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    (drawn,) = screen.viewer.layers.drawn(shown)
    pane = Viewport(320, 300, turn=turn)
    view = transform(shown.frame, pane)
    found = grid_in_pane(drawn.picture, view, pane)
    assert found is not None
    picture, (left, top) = found
    pixels = labels_on(labels().values_kji, PIXELS, picture)
    for y, x in np.random.default_rng(1).integers(0, min(pixels.shape), (200, 2)):
        row, column = view.to_source(left + x + 0.5, top + y + 0.5)
        at = int(np.floor(row + 0.5)), int(np.floor(column + 0.5))
        if 0 <= at[0] < 100 and 0 <= at[1] < 80:
            assert pixels[y, x] == labels().values_kji[0][at]


def test_the_rail_marks_their_images(screen: Screen) -> None:
    screen.viewer.layers.show_places("seg", places_of(labels().values_kji))
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    runs = {(run.first, run.last, run.colour) for run in screen.viewer.layers.runs(shown)}
    assert runs == {(3, 3, (200, 0, 0)), (1, 1, (0, 200, 0))}


def test_they_have_no_volume_and_are_not_drawn_on(screen: Screen) -> None:
    facts = LayerFacts(screen.lanes, screen.viewer)
    screen.viewer.layers.changed.emit()
    screen.settle()
    assert facts.of("seg") is None
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    assert screen.viewer.layers.label_maps(shown.loaded) == ()
    assert screen.viewer.masks.target(shown.loaded) is None
