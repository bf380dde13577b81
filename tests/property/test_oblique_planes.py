"""Patient positions and indices undo each other on any plane through any volume."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medvision_desktop.domain.geometry import Plane, Vector3
from medvision_desktop.domain.image import Volume
from medvision_desktop.pixels.oblique import ObliqueStack, rotated, upright

angles = st.floats(-3.2, 3.2)
steps = st.floats(0.2, 5)
shares = st.floats(0, 1)
VALUES = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)


def direction(a: float, b: float) -> Vector3:
    return (float(np.cos(a) * np.cos(b)), float(np.sin(a) * np.cos(b)), float(np.sin(b)))


@st.composite
def stacks(draw: st.DrawFn) -> tuple[ObliqueStack, Vector3]:
    """Oblique planes through a volume that itself lies obliquely, through a point inside of it."""
    tilt, about = draw(angles), direction(draw(angles), draw(angles))
    sides = [np.asarray(rotated(side, about, tilt)) for side in ((0, 0, 1), (0, 1, 0), (1, 0, 0))]
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([side * draw(steps) for side in sides])
    affine[:3, 3] = [draw(st.floats(-300, 300)) for _ in range(3)]
    index = np.asarray([draw(shares) * (count - 1) for count in VALUES.shape])
    through = affine[:3, :3] @ index + affine[:3, 3]
    way, turn = direction(draw(angles), draw(angles)), draw(angles)
    right, down = upright(rotated((1, 0, 0), way, turn), rotated((0, 1, 0), way, turn))
    point = (float(through[0]), float(through[1]), float(through[2]))
    return ObliqueStack(Volume(VALUES.copy(), affine), Plane.AXIAL, right, down, point), point


@settings(deadline=None)
@given(stacks(), st.floats(-5, 60), st.floats(-5, 60))
def test_an_index_comes_back_from_its_patient_position(
    found: tuple[ObliqueStack, Vector3], row: float, column: float
) -> None:
    stack, _ = found
    index = stack.count // 2
    point = stack.point_lps_mm(index, row, column)
    assert np.allclose(stack.indices_at(point), (index, row, column), atol=1e-6)
    geometry = stack.frame(index).geometry
    assert geometry is not None
    assert np.allclose(geometry.point_lps_mm(row, column), point, atol=1e-6)
    assert np.allclose(geometry.index_of(point), (row, column), atol=1e-6)


@settings(deadline=None)
@given(stacks())
def test_the_point_that_was_turned_about_is_the_centre_of_a_pixel_of_a_plane(
    found: tuple[ObliqueStack, Vector3],
) -> None:
    stack, point = found
    at = stack.indices_at(point)
    assert np.allclose(at, np.rint(at), atol=1e-6)
    assert stack.index_at(point) == round(at[0])
    geometry = stack.frame(stack.index_at(point)).geometry
    assert geometry is not None
    assert abs(geometry.position_mm - float(np.dot(geometry.normal_lps, point))) < 1e-6


@settings(deadline=None)
@given(stacks())
def test_planes_are_stepped_along_their_normal(found: tuple[ObliqueStack, Vector3]) -> None:
    stack, _ = found
    places = [stack.position_mm(index) for index in range(min(stack.count, 4))]
    assert np.allclose(np.diff(places), stack.spacing_mm)
    geometries = [stack.frame(index).geometry for index in range(len(places))]
    assert np.allclose(places, [geometry.position_mm for geometry in geometries if geometry], atol=1e-6)


@settings(deadline=None)
@given(stacks())
def test_every_voxel_lies_within_the_planes(found: tuple[ObliqueStack, Vector3]) -> None:
    stack, _ = found
    affine = stack.volume.affine_kji_to_lps
    frame = stack.frame(0)
    ends = [(0, count - 1) for count in VALUES.shape]
    for k in ends[0]:
        for j in ends[1]:
            for i in ends[2]:
                x, y, z, _one = affine @ np.asarray([k, j, i, 1.0])
                at = np.asarray(stack.indices_at((float(x), float(y), float(z))))
                assert np.all(at >= -1.0001)
                assert np.all(at <= np.asarray([stack.count, frame.rows, frame.columns]) + 0.0001)
