"""Patient positions and indices undo each other on any plane."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.geometry import (
    PixelSpacing,
    PlaneGeometry,
    SpacingSource,
    ViewTurn,
    direction_letters,
    edge_letters,
    opposite_letters,
)

numbers = st.floats(-500, 500)
spacings = st.floats(0.05, 10)
angles = st.floats(-np.pi, np.pi)


@st.composite
def planes(draw: st.DrawFn) -> PlaneGeometry:
    a, b, c = draw(angles), draw(angles), draw(angles)
    around_z = np.asarray([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    around_y = np.asarray([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    around_x = np.asarray([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    turned = around_z @ around_y @ around_x
    spacing = PixelSpacing(draw(spacings), draw(spacings), SpacingSource.PATIENT)
    origin = (draw(numbers), draw(numbers), draw(numbers))
    return PlaneGeometry(origin, tuple(turned[:, 0].tolist()), tuple(turned[:, 1].tolist()), spacing)


@given(planes(), st.floats(-10, 1000), st.floats(-10, 1000))
def test_an_index_comes_back_from_its_patient_position(
    plane: PlaneGeometry, row: float, column: float
) -> None:
    back = plane.index_of(plane.point_lps_mm(row, column))
    assert np.allclose(back, (row, column), atol=1e-6)


@given(planes(), numbers, numbers)
def test_moving_along_the_normal_does_not_move_the_projection(
    plane: PlaneGeometry, row: float, lift_mm: float
) -> None:
    point = np.asarray(plane.point_lps_mm(row, 3)) + lift_mm * np.asarray(plane.normal_lps)
    assert np.allclose(plane.index_of(tuple(point.tolist())), (row, 3), atol=1e-5)


@given(planes(), st.integers(0, 3), st.booleans(), st.booleans())
def test_opposite_sides_carry_opposite_letters(
    plane: PlaneGeometry, quarters: int, horizontal: bool, vertical: bool
) -> None:
    letters = edge_letters(plane, ViewTurn(quarters, horizontal, vertical))
    assert letters is not None
    assert letters.left == opposite_letters(letters.right) != ""
    assert letters.top == opposite_letters(letters.bottom) != ""


@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(-500, 500))
def test_letters_depend_on_direction_and_not_on_length(x: int, y: int, z: int) -> None:
    # Doubling is exact in binary, so no component crosses the threshold by rounding.
    assert direction_letters((x, y, z)) == direction_letters((2 * x, 2 * y, 2 * z))


@given(st.integers(0, 3), st.booleans(), st.booleans(), st.integers(-5, 5))
def test_turning_there_and_back_changes_nothing(
    quarters: int, horizontal: bool, vertical: bool, turns: int
) -> None:
    turn = ViewTurn(quarters, horizontal, vertical)
    assert turn.rotated(turns).rotated(-turns) == turn
    assert turn.rotated(4) == turn
    assert turn.flipped(horizontal=True).flipped(horizontal=True) == turn
