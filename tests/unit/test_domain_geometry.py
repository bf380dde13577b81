"""Directions, planes and edge letters, against pictures that are really turned."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import (
    EdgeLetters,
    PatientOrientation,
    PixelSpacing,
    PlaneGeometry,
    SpacingSource,
    ViewTurn,
    direction_letters,
    edge_letters,
    opposite_letters,
)

SPACING = PixelSpacing(0.5, 0.25, SpacingSource.PATIENT)
TURNS = [ViewTurn(q, h, v) for q, h, v in itertools.product(range(4), (False, True), (False, True))]


def plane(row: tuple[float, float, float], column: tuple[float, float, float]) -> PlaneGeometry:
    return PlaneGeometry((10.0, -20.0, 30.0), row, column, SPACING)


AXIAL = plane((1, 0, 0), (0, 1, 0))
CORONAL = plane((1, 0, 0), (0, 0, -1))
SAGITTAL = plane((0, 1, 0), (0, 0, -1))
HALF = float(np.sqrt(0.5))
TILTED = plane((1, 0, 0), (0, HALF, -HALF))


def positions(geometry: PlaneGeometry, turn: ViewTurn) -> NDArray[np.float64]:
    """Patient position of every pixel of a small picture after the array itself is turned."""
    grid = np.asarray([[geometry.point_lps_mm(r, c) for c in range(4)] for r in range(3)])
    grid = np.rot90(grid, k=-turn.quarters, axes=(0, 1))  # rot90 counts counter-clockwise
    if turn.flip_horizontal:
        grid = np.flip(grid, axis=1)
    return np.flip(grid, axis=0) if turn.flip_vertical else grid


def letters_towards(difference: NDArray[np.float64]) -> str:
    """Letters of a direction by another route: sort the named components that are large."""
    unit = difference / np.sqrt((difference**2).sum())
    named = zip(unit.tolist() + (-unit).tolist(), "LPHRAF", strict=True)
    return "".join(name for size, name in sorted(named, key=lambda entry: -entry[0]) if size > 0.25)[:2]


@pytest.mark.parametrize("turn", TURNS, ids=str)
@pytest.mark.parametrize("geometry", [AXIAL, CORONAL, SAGITTAL], ids=["axial", "coronal", "sagittal"])
def test_letters_agree_with_a_picture_whose_pixels_know_where_they_are(
    geometry: PlaneGeometry, turn: ViewTurn
) -> None:
    shown = positions(geometry, turn)
    letters = edge_letters(geometry, turn)
    assert letters == EdgeLetters(
        left=letters_towards(shown[0, 0] - shown[0, -1]),
        right=letters_towards(shown[0, -1] - shown[0, 0]),
        top=letters_towards(shown[0, 0] - shown[-1, 0]),
        bottom=letters_towards(shown[-1, 0] - shown[0, 0]),
    )


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_letters_of_an_oblique_plane_have_two_letters_where_two_count(turn: ViewTurn) -> None:
    shown = positions(TILTED, turn)
    letters = edge_letters(TILTED, turn)
    assert letters is not None
    assert set(letters.right) == set(letters_towards(shown[0, -1] - shown[0, 0]))
    assert set(letters.bottom) == set(letters_towards(shown[-1, 0] - shown[0, 0]))
    assert sorted(len(side) for side in (letters.left, letters.right, letters.top, letters.bottom)) == [
        1,
        1,
        2,
        2,
    ]


def test_the_strongest_direction_is_named_first() -> None:
    assert direction_letters((0.3, 0.0, 0.95)) == "HL"
    assert direction_letters((0.95, 0.0, -0.3)) == "LF"
    assert direction_letters((0.99, 0.1, 0.0)) == "L"


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_patient_orientation_letters_turn_like_the_plane_they_name(turn: ViewTurn) -> None:
    assert edge_letters(PatientOrientation("L", "P"), turn) == edge_letters(AXIAL, turn)


def test_a_frontal_chest_film_shows_the_right_side_on_the_left() -> None:
    assert edge_letters(PatientOrientation("L", "F")) == EdgeLetters(
        left="R", right="L", top="H", bottom="F"
    )


def test_a_silent_header_gives_no_letters() -> None:
    assert edge_letters(None, ViewTurn(1)) is None


def test_a_null_or_endless_direction_has_no_letters() -> None:
    assert direction_letters((0, 0, 0)) == ""
    assert direction_letters((float("nan"), 0, 0)) == ""


def test_opposite_letters_swap_every_pair() -> None:
    assert opposite_letters("LPH") == "RAF"
    assert opposite_letters(opposite_letters("RAF")) == "RAF"


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_turning_once_more_is_a_quarter_clockwise_of_what_is_on_screen(turn: ViewTurn) -> None:
    before = positions(AXIAL, turn)
    after = positions(AXIAL, turn.rotated(1))
    assert np.array_equal(after, np.rot90(before, k=-1, axes=(0, 1)))


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_flipping_mirrors_what_is_on_screen(turn: ViewTurn) -> None:
    before = positions(AXIAL, turn)
    assert np.array_equal(positions(AXIAL, turn.flipped(horizontal=True)), before[:, ::-1])
    assert np.array_equal(positions(AXIAL, turn.flipped(vertical=True)), before[::-1])


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_spacing_that_measures_nothing_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        PixelSpacing(bad, 1.0, SpacingSource.PATIENT)


def test_directions_that_are_not_orthogonal_units_are_refused() -> None:
    with pytest.raises(ValueError, match="orthogonal"):
        plane((1, 0, 0), (0.1, 0.9, 0))
    with pytest.raises(ValueError, match="orthogonal"):
        plane((2, 0, 0), (0, 1, 0))
    with pytest.raises(ValueError, match="finite"):
        plane((float("nan"), 0, 0), (0, 1, 0))


def test_an_orientation_of_other_letters_is_refused() -> None:
    with pytest.raises(ValueError, match="not a patient orientation"):
        PatientOrientation("X", "P")


def test_index_zero_is_the_centre_of_the_first_pixel() -> None:
    assert AXIAL.point_lps_mm(0, 0) == (10.0, -20.0, 30.0)
    assert AXIAL.point_lps_mm(2, 4) == (11.0, -19.0, 30.0)
    assert AXIAL.position_mm == 30.0
    assert CORONAL.normal_lps == (0.0, 1.0, 0.0)
