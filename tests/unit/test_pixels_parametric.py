"""Values of parametric maps on any plane, against scipy's linear interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from medvision_desktop.pixels import parametric
from medvision_desktop.pixels.patient_grid import PatientGrid


def grid() -> np.ndarray:
    found = np.eye(4)[:, [2, 1, 0, 3]].copy()
    return found @ np.diag([2.0, 0.5, 0.75, 1.0])


def by_scipy(values: np.ndarray, picture: PatientGrid) -> np.ndarray:
    rows, columns = np.mgrid[0 : picture.rows, 0 : picture.columns]
    points = (
        np.asarray(picture.origin_lps_mm)[:, None, None]
        + np.asarray(picture.down_mm)[:, None, None] * rows
        + np.asarray(picture.right_mm)[:, None, None] * columns
    )
    homogeneous = np.concatenate([points, np.ones((1, *rows.shape))])
    places = np.einsum("ab,bij->aij", np.linalg.inv(grid()), homogeneous)[:3]
    found = ndimage.map_coordinates(values.astype(np.float64), places, order=1, mode="nearest")
    ends = np.asarray(values.shape)[:, None, None] - 0.5
    return np.where(np.all((places >= -0.5) & (places <= ends), axis=0), found, np.nan)


@given(
    origin=st.tuples(st.floats(-1, 3), st.floats(-1, 3), st.floats(-1, 9)),
    turn=st.sampled_from([0.0, 0.3, -0.8]),
    which=st.sampled_from(["axial", "coronal", "sagittal"]),
)
def test_values_lie_between_those_of_the_voxels_around(
    origin: tuple[float, float, float], turn: float, which: str
) -> None:
    values = np.random.default_rng(0).normal(size=(5, 7, 6)).astype(np.float32)
    right, down = {
        "axial": ((1.0, turn, 0.0), (-turn, 1.0, 0.0)),
        "coronal": ((1.0, 0.0, turn), (turn, 0.0, -1.0)),
        "sagittal": ((0.0, 1.0, turn), (turn, 0.0, -1.0)),
    }[which]
    picture = PatientGrid(origin, tuple(0.3 * v for v in down), tuple(0.4 * v for v in right), 9, 8)
    ours, theirs = parametric.values_on(values, grid(), picture), by_scipy(values, picture)
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert np.mean(np.isfinite(ours) != np.isfinite(theirs)) <= 0.05  # the very edge may go either way
    assert np.allclose(ours[both], theirs[both], atol=1e-4)


def test_a_missing_voxel_stays_a_hole_and_does_not_eat_its_neighbours() -> None:
    values = np.full((1, 5, 5), 3.0, np.float32)
    values[0, 2, 2] = np.nan
    picture = PatientGrid((0.0, 0.0, 0.0), (0, 0.25, 0), (0.375, 0, 0), 9, 9)
    found = parametric.values_on(values, grid(), picture)
    assert np.isnan(found[4, 4])
    assert np.allclose(found[np.isfinite(found)], 3.0)
    assert np.count_nonzero(np.isnan(found)) <= 9


def test_ends_of_the_range_have_the_ends_of_the_colours() -> None:
    values = np.asarray([[-5.0, 0.0, 1.0, 9.0, np.nan]], np.float32)
    picture = parametric.argb_of(values, (0.0, 1.0), "Viridis", 1.0)
    bar = parametric.colour_bar("Viridis", 2)
    ends = [(0xFF << 24) | (int(r) << 16) | (int(g) << 8) | int(b) for r, g, b in bar]
    assert picture[0].tolist() == [ends[0], ends[0], ends[1], ends[1], 0]


@pytest.mark.parametrize("name", parametric.COLOUR_MAPS)
def test_every_colour_map_has_colours_that_can_be_told_apart(name: str) -> None:
    bar = parametric.colour_bar(name, 64)
    assert bar.shape == (64, 3)
    assert len({tuple(colour) for colour in bar.tolist()}) >= 20
