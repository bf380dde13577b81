"""Volumes for networks: every voxel keeps its place in the patient on the way in and on the way back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine
from medvision_desktop.domain.image import Rescale, Volume
from medvision_desktop.modelkit import volumes
from medvision_desktop.modelkit.volumes import VolumeSpec

SPEC = VolumeSpec(("T1",), (1.0, 1.0, 1.0), (32, 32, 32))


def affine_of(steps: NDArray[np.float64], origin: tuple[float, float, float] = (7.0, -3.0, 11.0)) -> Affine:
    """Columns of `steps` are the steps along k, j and i in LPS millimetres."""
    found = np.eye(4)
    found[:3, :3], found[:3, 3] = steps, origin
    return found


def turned_about(degrees: float, axis: tuple[float, float, float]) -> NDArray[np.float64]:
    """Rodrigues' rotation."""
    unit = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -unit[2], unit[1]], [unit[2], 0, -unit[0]], [-unit[1], unit[0], 0]])
    angle = np.deg2rad(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def position(affine: Affine, index: tuple[int, ...]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (affine @ np.array([*index, 1.0]))[:3]
    return found


signed_orders = st.tuples(
    st.sampled_from(list(itertools.permutations(range(3)))),
    st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3),
    st.floats(0, 40),
)


@given(signed_orders)
def test_turning_to_canonical_axes_moves_no_voxel_in_the_patient(
    drawn: tuple[tuple[int, ...], tuple[float, ...], float],
) -> None:
    order, signs, degrees = drawn
    steps = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        steps[axis, column] = sign * (1.0 + 0.5 * column)
    affine = affine_of(turned_about(degrees, (1, 2, 3)) @ steps)
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    turned, grid = volumes.canonical(values, affine)
    for index in np.ndindex(turned.shape):
        (place,) = np.argwhere(values == turned[index])
        np.testing.assert_allclose(position(grid, index), position(affine, tuple(place)), atol=1e-9)
    if degrees < 30:  # head, back and left lie along the axes
        unit = grid[:3, :3] / np.linalg.norm(grid[:3, :3], axis=0)
        assert unit[2, 0] > 0.5
        assert unit[1, 1] > 0.5
        assert unit[0, 2] > 0.5


def _sphere(
    affine: Affine, shape: tuple[int, int, int], centre: NDArray[np.float64], radius: float
) -> Volume:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")).reshape(3, -1)
    place = affine[:3, :3] @ index + affine[:3, 3:]
    inside = (np.linalg.norm(place - centre[:, None], axis=0) <= radius).reshape(shape)
    noise = np.random.default_rng(9).integers(-9, 10, shape)
    return Volume((np.where(inside, 900, 100) + noise).astype(np.int16), affine)


@pytest.mark.parametrize(
    "steps",
    [
        np.diag([1.0, 1.0, 1.0])[:, [2, 1, 0]],
        turned_about(25, (1, 1, 0)) @ np.diag([-0.8, 0.8, 2.0])[:, [2, 1, 0]],  # oblique, left-handed
        turned_about(-17, (0, 1, 1)) @ np.diag([1.2, 0.9, 0.9])[:, [0, 2, 1]],  # sagittal, oblique
    ],
)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)])
def test_a_phantom_found_on_the_models_grid_lies_where_it_was_in_the_source(
    steps: NDArray[np.float64], spacing: tuple[float, float, float]
) -> None:
    affine = affine_of(steps)
    shape = (30, 34, 28)
    centre = position(affine, (13, 19, 11))
    source = _sphere(affine, shape, centre, 8.0)
    spec = VolumeSpec(("T1",), spacing, (32, 32, 32))
    ready = volumes.network_input({"T1": source}, spec)
    inside = ready.channels[0] > 0.5 * (ready.channels[0].max() + ready.channels[0].min())
    shares = np.stack([~inside, inside]).astype(np.float32)
    back = volumes.most_probable(shares, ready.affine_kji_to_lps, shape, affine)
    truth = source.stored_kji > 500
    overlap = 2 * np.count_nonzero(truth & (back == 1)) / (truth.sum() + (back == 1).sum())
    assert overlap > (0.999 if spacing[0] <= 1 and np.allclose(np.abs(steps).max(), 1) else 0.85)
    found = np.argwhere(back == 1).mean(axis=0)
    np.testing.assert_allclose(position(affine, tuple(found)), centre, atol=0.6)


def test_labels_go_to_the_models_grid_and_come_back_unchanged_where_voxels_are_the_same() -> None:
    random = np.random.default_rng(1)
    affine = affine_of(np.diag([-1.0, 1.0, -1.0])[:, [1, 2, 0]])
    labels = random.integers(0, 3, (9, 11, 13)).astype(np.uint8)
    turned, own = volumes.canonical(labels, affine)
    shape, grid = volumes.target_grid(volumes.shape_of(turned), own, (1.0, 1.0, 1.0))
    there = volumes.onto(turned, own, shape, grid, nearest=True)
    shares = np.stack([there == number for number in range(3)]).astype(np.float32)
    back = volumes.most_probable(shares, grid, (9, 11, 13), affine)
    np.testing.assert_array_equal(back, labels)


def _as_itk(values: NDArray[np.float32], affine: Affine) -> object:
    """SimpleITK's image of a grid: its axes are i, j, k."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(values)
    steps = affine[:3, [2, 1, 0]]
    lengths = np.linalg.norm(steps, axis=0)
    image.SetSpacing([float(length) for length in lengths])
    image.SetDirection((steps / lengths).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


@pytest.mark.parametrize("nearest", [False, True])
def test_sampling_on_another_grid_agrees_with_simpleitk(nearest: bool) -> None:
    import SimpleITK

    random = np.random.default_rng(2)
    values = random.normal(size=(14, 12, 16)).astype(np.float32)
    own = affine_of(turned_about(12, (0, 0, 1)) @ np.diag([1.1, 1.0, 1.2])[:, [2, 1, 0]])
    other = affine_of(
        turned_about(20, (0, 1, 0)) @ np.diag([1.0, 0.9, 1.0])[:, [2, 1, 0]], (8.0, -1.0, 12.0)
    )
    shape = (10, 11, 12)
    found = volumes.onto(values, own, shape, other, nearest=nearest)
    kind = SimpleITK.sitkNearestNeighbor if nearest else SimpleITK.sitkLinear
    reference = _as_itk(np.zeros(shape, np.float32), other)
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(_as_itk(values, own), reference, SimpleITK.Transform(), kind, -99.0)
    )
    # Within half a voxel of the border the two extrapolate differently.
    inverse = np.linalg.inv(own) @ other
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")).reshape(3, -1)
    place = inverse[:3, :3] @ index + inverse[:3, 3:]
    limits = np.asarray(values.shape).reshape(3, 1) - 1
    within = np.all((place > 0.01) & (place < limits - 0.01), axis=0).reshape(shape)
    assert within.sum() > 200
    np.testing.assert_allclose(found[within], theirs[within], atol=1e-4)


def test_a_z_score_counts_only_what_is_not_background() -> None:
    random = np.random.default_rng(3)
    values = np.full((20, 20, 20), -7.5, np.float32)
    values[4:16, 4:16, 4:16] = random.normal(50, 9, (12, 12, 12))
    found = volumes.z_scored(values)
    assert not found[values == -7.5].any()
    inner = found[4:16, 4:16, 4:16]
    assert inner.mean() == pytest.approx(0, abs=1e-4)
    assert inner.std() == pytest.approx(1, abs=1e-3)


def test_a_flat_image_and_one_without_background_are_taken_as_they_are() -> None:
    assert not volumes.z_scored(np.full((4, 4, 4), 3.0)).any()
    crop = np.random.default_rng(4).normal(size=(8, 8, 8))
    assert volumes.inside(crop).all()


def test_the_rescale_of_a_volume_does_not_matter() -> None:
    random = np.random.default_rng(5)
    stored = random.integers(0, 900, (8, 9, 10)).astype(np.int16)
    affine = affine_of(np.diag([1.0, 1.0, 1.0])[:, [2, 1, 0]])
    plain = volumes.network_input({"T1": Volume(stored, affine)}, SPEC)
    scaled = volumes.network_input({"T1": Volume(stored, affine, modality=Rescale(2.5, -1000.0))}, SPEC)
    np.testing.assert_array_equal(plain.channels, scaled.channels)


def test_a_channel_that_is_missing_is_zero_and_the_network_is_told() -> None:
    spec = VolumeSpec(("T1", "FLAIR"), (1.0, 1.0, 1.0), (32, 32, 32), presence=True)
    random = np.random.default_rng(6)
    volume = Volume(random.normal(size=(8, 8, 8)).astype(np.float32), affine_of(np.eye(3)[:, [2, 1, 0]]))
    ready = volumes.network_input({"FLAIR": volume}, spec)
    planes = ready.planes(spec)
    assert ready.present == (False, True)
    assert planes.shape == (4, 8, 8, 8)
    assert not planes[0].any()
    assert planes[1].any()
    assert not planes[2].any()
    assert (planes[3] == 1).all()


def test_channels_of_other_grids_meet_by_patient_position() -> None:
    first = affine_of(np.diag([1.0, 1.0, 1.0])[:, [2, 1, 0]], (0.0, 0.0, 0.0))
    second = affine_of(np.diag([2.0, 2.0, 2.0])[:, [2, 1, 0]], (0.5, 0.5, 0.5))
    centre = np.array([10.0, 12.0, 9.0])
    spec = VolumeSpec(("T1", "FLAIR"), (1.0, 1.0, 1.0), (32, 32, 32))
    given = {
        "T1": _sphere(first, (24, 24, 24), centre, 6.0),
        "FLAIR": _sphere(second, (12, 12, 12), centre, 6.0),
    }
    ready = volumes.network_input(given, spec)
    for channel in ready.channels:
        weight = np.argwhere(channel > 0.5 * (channel.max() + channel.min())).mean(axis=0)
        np.testing.assert_allclose(position(ready.affine_kji_to_lps, tuple(weight)), centre, atol=0.7)


def test_the_box_stays_the_same_when_the_spacing_changes() -> None:
    affine = affine_of(np.diag([1.0, 1.0, 1.0])[:, [2, 1, 0]], (0.0, 0.0, 0.0))
    shape, grid = volumes.target_grid((20, 30, 40), affine, (2.0, 2.0, 2.0))
    assert shape == (10, 15, 20)
    # Outer faces: half a voxel before the first centre.
    np.testing.assert_allclose(position(grid, (0, 0, 0)) - 1.0, position(affine, (0, 0, 0)) - 0.5)


@pytest.mark.parametrize(
    "change",
    [
        {"channels": ()},
        {"channels": ("T1", "T1")},
        {"spacing_mm": (0.0, 1.0, 1.0)},
        {"patch": (30, 32, 32)},
        {"overlap": 1.0},
        {"multiple": 0},
    ],
)
def test_a_specification_that_cannot_be_computed_with_is_refused(change: dict[str, object]) -> None:
    plain: dict[str, object] = {"channels": ("T1",), "spacing_mm": (1.0,) * 3, "patch": (32,) * 3}
    with pytest.raises(ValueError, match=r"\w"):
        VolumeSpec(**{**plain, **change})  # type: ignore[arg-type]  # wrong on purpose


def test_without_any_channel_there_is_no_input() -> None:
    with pytest.raises(ValueError, match="none of the model's channels"):
        volumes.network_input({}, SPEC)
