"""Planes of a volume whose voxels know where they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.geometry import EdgeLetters, Plane, Vector3, edge_letters
from medvision_desktop.domain.image import Volume
from medvision_desktop.pixels import reslice
from medvision_desktop.pixels.reslice import PlaneStack, Slab, SlabMode, planes_of

SHAPE = (4, 5, 6)
STEPS_MM = (3.0, 0.9, 0.7)
ORIENTATIONS = list(
    itertools.product(itertools.permutations(range(3)), itertools.product((-1, 1), repeat=3))
)


def affine_of(axes: tuple[int, ...], senses: tuple[int, ...]) -> NDArray[np.float64]:
    """Array axis n runs along LPS axis `axes[n]` in sense `senses[n]`."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (axis, sense) in enumerate(zip(axes, senses, strict=True)):
        affine[axis, column] = sense * STEPS_MM[column]
    affine[:3, 3] = (11.0, -7.0, 30.0)
    return affine


def numbered(affine: NDArray[np.float64]) -> Volume:
    """Every voxel holds its own number."""
    values = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    return Volume(values, affine, frame_of_reference="1.2.3", units="HU", voi=(VoiWindow(40, 400),))


def position_of(volume: Volume, number: int) -> NDArray[np.float64]:
    """Where the voxel with this number lies, straight from the affine."""
    index = np.unravel_index(number, SHAPE)
    return (volume.affine_kji_to_lps @ np.asarray([*index, 1.0]))[:3]


@pytest.mark.parametrize(("axes", "senses"), ORIENTATIONS)
@pytest.mark.parametrize("plane", list(Plane))
def test_every_pixel_of_every_plane_is_the_voxel_at_that_position(
    plane: Plane, axes: tuple[int, ...], senses: tuple[int, ...]
) -> None:
    volume = numbered(affine_of(axes, senses))
    stack = PlaneStack(volume, plane)
    seen = set()
    for index in range(stack.count):
        frame = stack.frame(index)
        assert frame.geometry is not None
        for row, column in itertools.product(range(frame.rows), range(frame.columns)):
            number = int(frame.stored[row, column])
            seen.add(number)
            expected = position_of(volume, number)
            assert np.allclose(frame.geometry.point_lps_mm(row, column), expected)
            assert np.allclose(stack.point_lps_mm(index, row, column), expected)
    assert len(seen) == np.prod(SHAPE)


@pytest.mark.parametrize(("axes", "senses"), ORIENTATIONS)
def test_planes_are_shown_in_the_radiological_convention(
    axes: tuple[int, ...], senses: tuple[int, ...]
) -> None:
    stacks = planes_of(numbered(affine_of(axes, senses)))
    letters = {plane: edge_letters(stack.frame(0).orientation) for plane, stack in stacks.items()}
    assert letters[Plane.AXIAL] == EdgeLetters(left="R", right="L", top="A", bottom="P")
    assert letters[Plane.CORONAL] == EdgeLetters(left="R", right="L", top="H", bottom="F")
    assert letters[Plane.SAGITTAL] == EdgeLetters(left="A", right="P", top="H", bottom="F")


@pytest.mark.parametrize(("axes", "senses"), ORIENTATIONS[::7])
@pytest.mark.parametrize("plane", list(Plane))
def test_a_patient_position_finds_its_plane(
    plane: Plane, axes: tuple[int, ...], senses: tuple[int, ...]
) -> None:
    stack = PlaneStack(numbered(affine_of(axes, senses)), plane)
    for index in range(stack.count):
        assert stack.index_at(stack.point_lps_mm(index + 0.4, 2, 1)) == index
    far: Vector3 = stack.point_lps_mm(1e4, 0, 0)
    assert stack.index_at(far) == stack.count - 1


@pytest.mark.parametrize("plane", list(Plane))
def test_planes_are_stepped_along_their_normal(plane: Plane) -> None:
    stack = PlaneStack(numbered(affine_of((2, 1, 0), (-1, 1, -1))), plane)
    positions = [stack.position_mm(index) for index in range(stack.count)]
    assert np.allclose(np.diff(positions), stack.spacing_mm)
    geometries = [stack.frame(index).geometry for index in range(stack.count)]
    assert np.allclose(positions, [geometry.position_mm for geometry in geometries if geometry])


def test_axial_begins_at_the_feet_and_coronal_at_the_front() -> None:
    volume = numbered(affine_of((2, 1, 0), (-1, 1, 1)))
    axial, coronal = PlaneStack(volume, Plane.AXIAL), PlaneStack(volume, Plane.CORONAL)
    assert axial.point_lps_mm(0, 0, 0)[2] < axial.point_lps_mm(1, 0, 0)[2]
    assert coronal.point_lps_mm(0, 0, 0)[1] < coronal.point_lps_mm(1, 0, 0)[1]


def test_pixels_carry_the_spacing_of_their_own_two_axes() -> None:
    stack = PlaneStack(numbered(affine_of((2, 1, 0), (1, 1, 1))), Plane.CORONAL)
    frame = stack.frame(0)
    assert frame.spacing is not None
    assert (frame.spacing.row_mm, frame.spacing.column_mm) == pytest.approx((3.0, 0.7))
    assert frame.pixel_aspect == pytest.approx(3.0 / 0.7)
    assert stack.spacing_mm == pytest.approx(0.9)


def test_a_plane_keeps_what_the_volume_says_of_its_values() -> None:
    frame = PlaneStack(numbered(affine_of((2, 1, 0), (1, 1, 1))), Plane.AXIAL).frame(2)
    assert frame.units == "HU"
    assert frame.voi == (VoiWindow(40, 400),)
    assert frame.geometry is not None
    assert frame.geometry.frame_of_reference == "1.2.3"
    assert frame.frame_number == 3
    assert frame.signed


def test_an_oblique_grid_gives_oblique_planes_with_two_letters() -> None:
    turn = np.deg2rad(35)
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    stack = PlaneStack(numbered(rotation @ affine_of((2, 1, 0), (1, 1, 1))), Plane.AXIAL)
    letters = edge_letters(stack.frame(0).orientation)
    assert letters == EdgeLetters(left="R", right="L", top="AF", bottom="PH")


def test_a_sheared_grid_has_no_letters_and_says_that_it_is_not_faithful() -> None:
    shear = np.eye(4)
    shear[0, 1] = 0.3
    stack = PlaneStack(numbered(shear @ affine_of((2, 1, 0), (1, 1, 1))), Plane.AXIAL)
    frame = stack.frame(0)
    assert frame.geometry is None
    assert frame.not_faithful


@pytest.mark.parametrize("index", [-1, 4])
def test_a_plane_that_is_not_there_is_an_index_error(index: int) -> None:
    stack = PlaneStack(numbered(affine_of((2, 1, 0), (1, 1, 1))), Plane.AXIAL)
    with pytest.raises(IndexError):
        stack.frame(index)


@pytest.mark.parametrize("plane", list(Plane))
def test_a_slab_is_numpys_mean_largest_and_smallest_of_the_planes_around(plane: Plane) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(-1000, 2000, (9, 10, 11)).astype(np.int16)
    stack = PlaneStack(Volume(values, np.diag([2.0, 2.0, 2.0, 1.0])[:, [2, 1, 0, 3]].copy()), plane)
    thin = np.stack([stack.frame(index).stored for index in range(stack.count)])
    for mode, take in ((SlabMode.MEAN, np.mean), (SlabMode.MIP, np.max), (SlabMode.MINIP, np.min)):
        seen = stack.with_slab(Slab(mode, 10.0))
        assert seen.slab_mm == 10.0
        for index in range(stack.count):
            around = thin[max(0, index - 2) : index + 3]
            frame = seen.frame(index)
            assert np.allclose(frame.stored, take(around, axis=0), atol=1e-3)
            assert frame.geometry == stack.frame(index).geometry
            assert frame.corner["slab"] == f"{mode.value} 10.0 mm"
    assert np.array_equal(stack.with_slab(Slab(SlabMode.THIN, 10.0)).frame(4).stored, thin[4])


def test_a_slab_is_a_whole_odd_number_of_planes() -> None:
    taken = [Slab(SlabMode.MIP, thickness).planes(2.0) for thickness in (0, 2, 4.9, 6, 9, 10, 100)]
    assert taken == [1, 1, 3, 3, 5, 5, 51] or all(count % 2 for count in taken)
    assert taken[0] == taken[1] == 1
    assert taken[3] == 3
    assert taken[5] == 5


@pytest.mark.parametrize(("axes", "senses"), ORIENTATIONS[::5])
@pytest.mark.parametrize("mode", [SlabMode.MEAN, SlabMode.MIP, SlabMode.MINIP])
def test_a_quick_slab_has_pixels_of_the_careful_one_where_they_stand_and_says_that_it_is_coarse(
    axes: tuple[int, ...], senses: tuple[int, ...], mode: SlabMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reslice, "_QUICK_VOXELS", 16)
    monkeypatch.setattr(reslice, "_QUICK_VOXELS_ALONG_ROWS", 16)
    volume = numbered(affine_of(axes, senses))
    for plane in Plane:
        thin = PlaneStack(volume, plane, is_quick=True)
        assert thin.stride == 1
        quick = thin.with_slab(Slab(mode, 3 * thin.spacing_mm))
        rough, fine = quick.frame(1), quick.with_care().frame(1)
        assert quick.stride > 1 == quick.with_care().stride
        assert rough.stored.shape == fine.stored.shape
        assert rough.geometry == fine.geometry
        assert reslice.ROUGH_BADGE in rough.badges
        assert reslice.ROUGH_BADGE not in fine.badges
        at = (quick.stride - 1) // 2
        step = slice(at, None, quick.stride)
        assert np.array_equal(rough.stored[step, step], fine.stored[step, step])
