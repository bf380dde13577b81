"""Labels on any plane, against SimpleITK's nearest-neighbour resampling and plain counting."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.geometry import PixelSpacing, Plane, SpacingSource
from medvision_desktop.domain.image import Volume
from medvision_desktop.pixels import labels, viewport
from medvision_desktop.pixels.labels import LabelLook
from medvision_desktop.pixels.patient_grid import PatientGrid, grid_in_pane, grid_of_plane
from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.pixels.viewport import Viewport

RED, BLUE = (255, 0, 0), (0, 0, 255)


def affine(spacing: tuple[float, float, float], turn: float = 0.0) -> np.ndarray:
    """(k, j, i) to LPS; `turn` radians about the head-foot axis."""
    found = np.eye(4)
    found[:3, 0] = (0, 0, spacing[0])
    found[:3, 1] = np.asarray((-np.sin(turn), np.cos(turn), 0)) * spacing[1]
    found[:3, 2] = np.asarray((np.cos(turn), np.sin(turn), 0)) * spacing[2]
    found[:3, 3] = (-12.0, 7.0, 30.0)
    return found


def blobs(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint8)


def by_simpleitk(values: np.ndarray, grid: np.ndarray, picture: PatientGrid) -> np.ndarray:
    """Nearest neighbours by another library. Pictures given to it have right angles."""
    image = SimpleITK.GetImageFromArray(values)
    steps = [grid[:3, axis] for axis in (2, 1, 0)]
    image.SetSpacing([float(np.linalg.norm(step)) for step in steps])
    image.SetDirection(np.column_stack([step / np.linalg.norm(step) for step in steps]).ravel().tolist())
    image.SetOrigin(grid[:3, 3].tolist())
    right, down = np.asarray(picture.right_mm), np.asarray(picture.down_mm)
    normal = np.cross(right, down) / np.linalg.norm(np.cross(right, down))
    directions = np.column_stack([right / np.linalg.norm(right), down / np.linalg.norm(down), normal])
    resampler = SimpleITK.ResampleImageFilter()
    resampler.SetSize((picture.columns, picture.rows, 1))
    resampler.SetOutputSpacing((float(np.linalg.norm(right)), float(np.linalg.norm(down)), 1.0))
    resampler.SetOutputDirection(directions.ravel().tolist())
    resampler.SetOutputOrigin(picture.origin_lps_mm)
    resampler.SetInterpolator(SimpleITK.sitkNearestNeighbor)
    return SimpleITK.GetArrayFromImage(resampler.Execute(image))[0]


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, -1), (1, -1, -1)])
def test_on_the_grid_of_the_map_itself_every_pixel_shows_its_own_voxel(
    plane: Plane, flip: tuple[int, int, int]
) -> None:
    values = blobs((5, 7, 6))
    grid = affine((2.5, 0.8, 0.6))
    grid[:3, :3] = grid[:3, :3] * np.asarray(flip)
    stack = PlaneStack(Volume(values, grid.copy()), plane)
    for index in range(stack.count):
        frame = stack.frame(index)
        assert frame.geometry is not None
        picture = grid_of_plane(frame.geometry, frame.rows, frame.columns)
        assert np.array_equal(labels.labels_on(values, grid, picture), frame.stored)


@given(
    turn=st.floats(-1.0, 1.0),
    tilt=st.floats(-1.0, 1.0),
    step=st.floats(0.3, 2.0),
    seed=st.integers(0, 3),
)
def test_an_oblique_picture_shows_what_another_library_finds(
    turn: float, tilt: float, step: float, seed: int
) -> None:
    values = blobs((6, 8, 9), seed)
    grid = affine((2.0, 1.1, 0.7), turn=0.3)
    right = np.asarray((np.cos(turn), np.sin(turn), 0.0))
    down = np.asarray((-np.sin(turn) * np.cos(tilt), np.cos(turn) * np.cos(tilt), np.sin(tilt)))
    picture = PatientGrid(
        (-14.0, 6.0, 32.0), tuple(down * step), tuple(right * step * 1.3), rows=14, columns=12
    )
    ours, theirs = labels.labels_on(values, grid, picture), by_simpleitk(values, grid, picture)
    # Points on the very edge of a voxel may go either way.
    assert np.mean(ours != theirs) <= 0.02
    box = (slice(1, 4), slice(2, 7), slice(3, 5))
    inside = np.zeros_like(values)
    inside[box] = values[box]
    assert np.array_equal(
        labels.labels_on(inside, grid, picture, box), labels.labels_on(inside, grid, picture)
    )


def test_pixels_outside_of_the_map_show_nothing() -> None:
    values = np.ones((3, 3, 3), np.uint8)
    picture = PatientGrid((-3.0, -3.0, 1.0), (0, 1.0, 0), (1.0, 0, 0), 9, 9)
    found = labels.labels_on(values, np.asarray(np.eye(4)[[2, 1, 0, 3]]), picture)
    wanted = np.zeros((9, 9), np.uint8)
    wanted[3:6, 3:6] = 1
    assert np.array_equal(found, wanted)
    above = PatientGrid((-3.0, -3.0, 5.0), (0, 1.0, 0), (1.0, 0, 0), 9, 9)
    assert not labels.labels_on(values, np.asarray(np.eye(4)[[2, 1, 0, 3]]), above).any()


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("flip", [False, True])
def test_in_a_pane_labels_follow_the_image_however_it_is_turned(quarters: int, flip: bool) -> None:
    values = np.zeros((1, 12, 10), np.uint8)
    values[0, 2:5, 6:9] = 1
    grid = affine((1.0, 1.0, 1.0))
    stack = PlaneStack(Volume(np.repeat(values, 3, axis=0), grid.copy()), Plane.AXIAL)
    frame = stack.frame(0)
    assert frame.geometry is not None
    from medvision_desktop.domain.geometry import ViewTurn

    pane = Viewport(120, 144, zoom=7.0, pan=(3.0, -5.0), turn=ViewTurn(quarters, flip))
    view = viewport.transform(frame, pane)
    found = grid_in_pane(grid_of_plane(frame.geometry, frame.rows, frame.columns), view, pane)
    assert found is not None
    picture, (left, top) = found
    drawn = labels.labels_on(np.repeat(values, 3, axis=0), grid, picture)
    for y in range(drawn.shape[0]):
        for x in range(drawn.shape[1]):
            pixel = view.pixel_at(left + x + 0.5, top + y + 0.5)
            assert pixel is not None
            assert drawn[y, x] == frame.stored[pixel]


# Colours.


def alpha(picture: np.ndarray) -> np.ndarray:
    return picture >> 24


def test_an_outline_lies_inside_of_the_label_and_nothing_is_drawn_outside() -> None:
    drawn = np.zeros((20, 20), np.uint8)
    drawn[5:15, 5:15] = 1
    picture = labels.argb_of(drawn, {1: LabelLook(RED, fill=0.3)}, 1.5)
    assert np.array_equal(picture > 0, drawn > 0)
    opacity = alpha(picture) / 255
    assert np.allclose(opacity[5, 5:15], 0.95, atol=0.01)
    assert np.allclose(opacity[6, 6:14], 0.3 + 0.5 * 0.65, atol=0.01)
    assert np.allclose(opacity[7:13, 7:13], 0.3, atol=0.01)


def test_two_labels_that_touch_both_have_an_edge_between_them() -> None:
    drawn = np.full((10, 10), 1, np.uint8)
    drawn[:, 5:] = 2
    picture = labels.argb_of(drawn, {1: LabelLook(RED), 2: LabelLook(BLUE)}, 1.0)
    opacity = alpha(picture) / 255
    assert np.allclose(opacity[:, 4:6], 0.95, atol=0.01)
    assert np.allclose(opacity[:, :4], 0.3, atol=0.01)  # the picture's own edge is no outline


def test_a_hidden_label_is_clear_and_its_neighbour_has_an_outline_there() -> None:
    drawn = np.full((10, 10), 1, np.uint8)
    drawn[:, 5:] = 2
    picture = labels.argb_of(drawn, {1: LabelLook(RED)}, 1.0)
    assert not picture[:, 5:].any()
    assert np.allclose(alpha(picture)[:, 4] / 255, 0.95, atol=0.01)


@given(opacity=st.floats(0, 1))
def test_colours_are_premultiplied(opacity: float) -> None:
    value = labels.argb((200, 100, 0), opacity)
    share = (value >> 24) / 255
    for shift, colour in ((16, 200), (8, 100), (0, 0)):
        assert abs(((value >> shift) & 255) - colour * share) <= 0.51


@pytest.mark.parametrize("plane", list(Plane))
def test_rail_marks_are_on_the_slices_that_hold_a_label(plane: Plane) -> None:
    values = np.zeros((9, 4, 5), np.uint8)
    values[2, 1:3, 2], values[6, 1, 1] = 1, 2
    grid = affine((2.0, 1.0, 1.0))
    stack = PlaneStack(Volume(values, grid.copy()), plane)
    middles, wanted = [], np.zeros((256, stack.count), np.bool_)
    for index in range(stack.count):
        frame = stack.frame(index)
        assert frame.geometry is not None
        middles.append(frame.geometry.point_lps_mm((frame.rows - 1) / 2, (frame.columns - 1) / 2))
        wanted[np.unique(frame.stored), index] = True
    wanted[0] = False
    normal = stack.frame_directions()[2]
    found = labels.in_slices(labels.places_of(values), grid, np.asarray(middles), normal)
    assert np.array_equal(found, wanted)


def test_spacing_of_a_plane_is_that_of_its_frame() -> None:
    stack = PlaneStack(Volume(blobs((4, 5, 6)), affine((2.0, 1.5, 0.5))), Plane.CORONAL)
    frame = stack.frame(0)
    assert frame.geometry is not None
    picture = grid_of_plane(frame.geometry, frame.rows, frame.columns)
    assert frame.spacing == PixelSpacing(2.0, 0.5, SpacingSource.PATIENT)
    assert np.linalg.norm(picture.down_mm) == pytest.approx(2.0)
    assert np.linalg.norm(picture.right_mm) == pytest.approx(0.5)
