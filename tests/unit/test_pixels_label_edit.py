"""Editing of labels, against plain geometry and SimpleITK."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medvision_desktop.domain.image import Rescale, Volume
from medvision_desktop.domain.labelmap import LabelMap, Segment
from medvision_desktop.pixels import label_edit, label_statistics
from medvision_desktop.pixels.label_edit import Brush

AXES = {"axial": (0, (0.0, 0.0, 1.0)), "coronal": (1, (0.0, 1.0, 0.0)), "sagittal": (2, (1.0, 0.0, 0.0))}


def applied(values: NDArray[np.uint8], patch: label_edit.Patch) -> NDArray[np.uint8]:
    """A copy with the patch on it."""
    fresh = values.copy()
    label_edit.apply(fresh, patch)
    return fresh


def grid(spacing: tuple[float, float, float] = (2.0, 0.5, 0.75)) -> np.ndarray:
    found = np.eye(4)[:, [2, 1, 0, 3]].copy() @ np.diag([*spacing, 1.0])
    found[:3, 3] = (-3.0, 4.0, 10.0)
    return found


def at(index: tuple[float, float, float]) -> tuple[float, float, float]:
    found = grid() @ np.asarray([*index, 1.0])
    return float(found[0]), float(found[1]), float(found[2])


@pytest.mark.parametrize("plane", list(AXES))
@given(radius=st.floats(0.1, 6.0))
def test_a_dab_is_a_disc_in_one_slice_of_its_plane(plane: str, radius: float) -> None:
    axis, normal = AXES[plane]
    shape = (12, 30, 25)
    middle = (5, 14, 11)
    found = label_edit.touched(shape, grid(), Brush(radius, normal), at(middle), at(middle))
    assert found is not None
    drawn = np.zeros(shape, np.bool_)
    drawn[found[0]] = found[1]
    wanted = np.zeros(shape, np.bool_)
    spacing = (2.0, 0.5, 0.75)
    for index in np.ndindex(shape):
        away = [(index[one] - middle[one]) * spacing[one] for one in range(3)]
        wanted[index] = index[axis] == middle[axis] and sum(one * one for one in away) <= radius**2
    assert np.array_equal(drawn, wanted)


def test_a_stroke_leaves_no_gaps_however_fast_the_hand_is() -> None:
    found = label_edit.touched(
        (3, 40, 40), grid((1, 1, 1)), Brush(1.5, (0, 0, 1.0)), (2.0, 9.0, 11.0), (25.0, 33.0, 11.0)
    )
    assert found is not None
    drawn = np.zeros((3, 40, 40), np.bool_)
    drawn[found[0]] = found[1]
    parts = SimpleITK.ConnectedComponent(SimpleITK.GetImageFromArray(drawn.astype(np.uint8)))
    assert SimpleITK.GetArrayFromImage(parts).max() == 1
    assert not drawn[0].any()
    assert not drawn[2].any()


def test_a_position_half_way_between_two_slices_touches_one_of_them() -> None:
    found = label_edit.touched((4, 9, 9), grid(), Brush(1.0, (0, 0, 1.0)), at((1.5, 4, 4)), at((1.5, 4, 4)))
    assert found is not None
    drawn = np.zeros((4, 9, 9), np.bool_)
    drawn[found[0]] = found[1]
    assert len(np.flatnonzero(drawn.any(axis=(1, 2)))) == 1


def test_a_dab_outside_of_the_map_touches_nothing() -> None:
    found = label_edit.touched((4, 9, 9), grid(), Brush(1.0, (0, 0, 1.0)), at((1, 90, 4)), at((1, 90, 4)))
    assert found is None or not found[1].any()


def ring() -> np.ndarray:
    labels = np.zeros((9, 9), np.uint8)
    labels[2:7, 2:7] = 1
    labels[3:6, 3:6] = 0
    return labels


def test_an_outline_is_filled_and_an_open_one_is_not() -> None:
    filled = label_edit.filled(ring(), (4, 4), 1)
    assert filled is not None
    assert np.count_nonzero(filled) == 25
    leaking = ring()
    leaking[2, 4] = 0
    assert label_edit.filled(leaking, (4, 4), 1) is None
    assert label_edit.filled(ring(), (0, 0), 1) is None


def test_filling_on_a_label_gives_the_whole_region_the_new_label() -> None:
    filled = label_edit.filled(ring(), (2, 2), 3)
    assert filled is not None
    assert np.array_equal(filled == 3, ring() == 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_sphere_whose_middle_slices_are_missing_comes_back_nearly_whole(axis: int) -> None:
    k, j, i = np.mgrid[0:21, 0:21, 0:21] - 10
    whole = (k**2 + j**2 + i**2 <= 64).astype(np.uint8)
    sparse = whole.copy()
    moved = np.moveaxis(sparse, axis, 0)
    moved[[n for n in range(21) if n % 3]] = 0
    patch = label_edit.between_slices(sparse, 1, axis)
    assert patch is not None
    found = applied(sparse, patch)
    ends = np.flatnonzero(np.moveaxis(sparse, axis, 0).any(axis=(1, 2)))
    part = np.moveaxis(found, axis, 0)[ends[0] : ends[-1] + 1]
    truth = np.moveaxis(whole, axis, 0)[ends[0] : ends[-1] + 1]
    dice = 2 * np.count_nonzero(part & truth) / (np.count_nonzero(part) + np.count_nonzero(truth))
    assert dice > 0.95
    kept = np.moveaxis(sparse, axis, 0) > 0
    assert np.all(np.moveaxis(found, axis, 0)[kept] == 1)


def test_interpolation_leaves_other_labels_alone_and_says_when_there_is_nothing_to_do() -> None:
    values = np.zeros((5, 8, 8), np.uint8)
    values[0, 2:6, 2:6] = values[4, 2:6, 2:6] = 1
    values[2, 3, 3] = 2
    patch = label_edit.between_slices(values, 1, 0)
    assert patch is not None
    found = applied(values, patch)
    assert found[2, 3, 3] == 2
    assert np.count_nonzero(found[2] == 1) == 15
    assert label_edit.between_slices(found, 1, 0) is None


@given(seed=st.integers(0, 50))
def test_a_change_taken_back_and_done_again_is_the_same_change(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 3, (4, 5, 6)).astype(np.uint8)
    box = (slice(1, 3), slice(0, 4), slice(2, 6))
    patch = label_edit.Patch(box, values[box].copy(), rng.integers(0, 3, (2, 4, 4)).astype(np.uint8))
    after = applied(values, patch)
    assert np.array_equal(applied(after, patch.back), values)
    assert np.array_equal(applied(applied(after, patch.back), patch), after)


# Statistics.


def layer(values: np.ndarray, affine: np.ndarray) -> LabelMap:
    numbers = sorted(set(values.ravel().tolist()) - {0})
    return LabelMap(values, affine, tuple(Segment(n, f"Label {n}", (255, 0, 0)) for n in numbers), "uid")


def test_statistics_are_those_of_simpleitk() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 3, (6, 7, 8)).astype(np.uint8)
    stored = rng.integers(0, 1000, (6, 7, 8)).astype(np.int16)
    volume = Volume(stored, grid(), modality=Rescale(2.0, -100.0), units="HU")
    found = label_statistics.statistics_of(layer(values, grid()), volume)
    image = SimpleITK.GetImageFromArray(stored * 2.0 - 100.0)
    image.SetSpacing((0.75, 0.5, 2.0))
    labels = SimpleITK.GetImageFromArray(values)
    labels.CopyInformation(image)
    theirs = SimpleITK.LabelStatisticsImageFilter()
    theirs.Execute(image, labels)
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.Execute(labels)
    for number in (1, 2):
        assert found[number].mean == pytest.approx(theirs.GetMean(number))
        assert found[number].sd == pytest.approx(theirs.GetSigma(number))
        assert found[number].ml == pytest.approx(shape.GetPhysicalSize(number) / 1000)
        assert (found[number].smallest, found[number].largest) == (
            theirs.GetMinimum(number),
            theirs.GetMaximum(number),
        )


def test_values_come_from_where_the_label_lies_also_on_another_grid() -> None:
    fine = np.zeros((4, 20, 20), np.uint8)
    fine[1, 4:8, 4:8] = 1
    half = grid().copy()
    half[:3, 1:3] /= 2
    half[:3, 3] -= (half[:3, 1] + half[:3, 2]) / 2
    image = np.arange(4 * 10 * 10, dtype=np.float32).reshape(4, 10, 10)
    found = label_statistics.statistics_of(layer(fine, half), Volume(image, grid()))[1]
    assert found.counted == 16
    assert found.mean == pytest.approx(image[1, 2:4, 2:4].mean())


def test_padding_and_what_lies_outside_of_the_image_do_not_count() -> None:
    values = np.ones((2, 3, 3), np.uint8)
    stored = np.full((2, 3, 3), -2000, np.int16)
    stored[0] = 40
    found = label_statistics.statistics_of(
        layer(values, grid()), Volume(stored, grid(), padding=(-2000, -2000))
    )
    assert found[1].voxels == 18
    assert found[1].counted == 9
    assert found[1].mean == 40
