"""Source and screen undo each other under every turn, zoom and pan."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import Frame
from medvision_desktop.pixels import viewport
from medvision_desktop.pixels.viewport import Viewport

turns = st.builds(ViewTurn, st.integers(0, 3), st.booleans(), st.booleans())
zooms = st.one_of(st.none(), st.floats(0.02, 40))
pans = st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000))
panes = st.builds(Viewport, st.integers(1, 3000), st.integers(1, 3000), zooms, pans, turns)
frames = st.builds(
    lambda rows, columns, aspect: Frame(np.zeros((rows, columns), np.uint8), pixel_aspect=aspect),
    st.integers(1, 200),
    st.integers(1, 200),
    st.floats(0.2, 5),
)


@given(frames, panes, st.floats(-50, 300), st.floats(-50, 300))
def test_a_source_index_comes_back_from_the_screen(
    frame: Frame, pane: Viewport, row: float, column: float
) -> None:
    view = viewport.transform(frame, pane)
    assert np.allclose(view.to_source(*view.to_screen(row, column)), (row, column), atol=1e-6)


@given(frames, panes, st.floats(-100, 3000), st.floats(-100, 3000))
def test_a_screen_position_comes_back_from_the_source(
    frame: Frame, pane: Viewport, x: float, y: float
) -> None:
    view = viewport.transform(frame, pane)
    assert np.allclose(view.to_screen(*view.to_source(x, y)), (x, y), atol=1e-5)


@given(frames, panes)
def test_the_outer_edges_of_the_image_are_whole_pane_pixels(frame: Frame, pane: Viewport) -> None:
    view = viewport.transform(frame, pane)
    corners = [view.to_screen(r, c) for r in (-0.5, frame.rows - 0.5) for c in (-0.5, frame.columns - 0.5)]
    xs, ys = sorted({round(x, 6) for x, _ in corners}), sorted({round(y, 6) for _, y in corners})
    assert np.allclose(xs, [view.left, view.left + view.drawn_width], atol=1e-5)
    assert np.allclose(ys, [view.top, view.top + view.drawn_height], atol=1e-5)


@given(frames, st.integers(1, 3000), st.integers(1, 3000), turns)
def test_a_fitted_image_lies_inside_its_pane(frame: Frame, width: int, height: int, turn: ViewTurn) -> None:
    view = viewport.transform(frame, Viewport(width, height, turn=turn))
    assert view.left >= 0
    assert view.top >= 0
    assert view.left + view.drawn_width <= width
    assert view.top + view.drawn_height <= height
    assert view.drawn_width == width or view.drawn_height == height


@given(frames, panes, st.integers(0, 199), st.integers(0, 199))
def test_the_centre_of_a_pixel_is_in_that_pixel(
    frame: Frame, pane: Viewport, row: int, column: int
) -> None:
    view = viewport.transform(frame, pane)
    row, column = row % frame.rows, column % frame.columns
    assert view.pixel_at(*view.to_screen(row, column)) == (row, column)


@given(frames, panes)
def test_turning_keeps_area_and_handedness_only_changes_with_one_flip(frame: Frame, pane: Viewport) -> None:
    view = viewport.transform(frame, pane)
    determinant = float(np.linalg.det(view.matrix[:, :2]))
    mirrored = pane.turn.flip_horizontal != pane.turn.flip_vertical
    assert np.isclose(abs(determinant), view.scale_row * view.scale_column)
    assert (determinant < 0) is mirrored
