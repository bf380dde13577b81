"""Oblique planes against scipy's and SimpleITK's interpolation, and against the planes they start from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage

from medvision_desktop.domain.geometry import EdgeLetters, Plane, Vector3, edge_letters
from medvision_desktop.domain.image import Rescale, Volume
from medvision_desktop.pixels import modality, oblique, reslice, sampling
from medvision_desktop.pixels.oblique import ObliqueStack, rotated
from medvision_desktop.pixels.reslice import PlaneStack, Slab, SlabMode

MIDDLE: Vector3 = (9.0, 12.0, 21.0)


def volume_of(kind: Any = np.int16, *, padding: tuple[float, float] | None = None) -> Volume:
    """A smooth, uneven volume of 15 x 21 x 19 voxels of 3 x 1.2 x 0.9 mm, its index 0 at LPS zero."""
    values = np.random.default_rng(5).normal(0, 300, (15, 21, 19))
    values = ndimage.gaussian_filter(values, 1.2) * 6
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = 3.0, 1.2, 0.9, 1.0
    return Volume(values.astype(kind), affine, units="HU", frame_of_reference="1.2", padding=padding)


def turned(volume: Volume, slab: Slab = Slab(), *, degrees: float = 27.0) -> ObliqueStack:
    about = (0.48, 0.6, 0.64)
    right, down = (rotated(way, about, math.radians(degrees)) for way in ((1, 0, 0), (0, 1, 0)))
    return ObliqueStack(volume, Plane.AXIAL, right, down, MIDDLE, slab)


def indices(volume: Volume, stack: ObliqueStack, index: float, shape: tuple[int, int]) -> NDArray[Any]:
    """(3, rows, columns) array indices of the pixels of a plane, from their patient positions."""
    inverse = np.linalg.inv(volume.affine_kji_to_lps)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    points = [stack.point_lps_mm(index, r, c) for r, c in zip(rows.flat, columns.flat, strict=True)]
    found = inverse @ np.column_stack([np.asarray(points), np.ones(len(points))]).T
    return np.asarray(found[:3].reshape(3, *shape))


def is_inside(at: NDArray[Any], shape: tuple[int, ...], margin: float) -> NDArray[np.bool_]:
    ends = np.asarray(shape)[:, None, None] - 1
    return np.all((at >= -margin) & (at <= ends + margin), axis=0)


def test_an_oblique_plane_is_scipys_linear_interpolation() -> None:
    volume = volume_of(np.float32)
    stack = turned(volume)
    for index in (1, stack.count // 2, stack.count - 2):
        frame = stack.frame(index)
        at = indices(volume, stack, index, frame.stored.shape)
        expected = ndimage.map_coordinates(volume.values_kji, at, order=1, mode="nearest")
        inside = is_inside(at, volume.values_kji.shape, 0.49)
        assert inside.sum() > 50
        assert np.allclose(frame.stored[inside], expected[inside], rtol=1e-5, atol=1e-3)
        outside = ~is_inside(at, volume.values_kji.shape, 0.51)
        assert np.all(np.isnan(frame.stored[outside]))


def test_an_oblique_plane_is_what_simpleitk_resamples() -> None:
    volume = volume_of(np.float32)
    stack = turned(volume)
    index = stack.count // 2
    frame = stack.frame(index)
    image = SimpleITK.GetImageFromArray(volume.values_kji)
    image.SetSpacing((0.9, 1.2, 3.0))
    geometry = frame.geometry
    assert geometry is not None
    directions = np.column_stack([geometry.row_lps, geometry.column_lps, geometry.normal_lps])
    found = SimpleITK.Resample(
        image,
        [frame.columns, frame.rows, 1],
        SimpleITK.Transform(),
        SimpleITK.sitkLinear,
        geometry.origin_lps_mm,
        [geometry.spacing.column_mm, geometry.spacing.row_mm, 1.0],
        directions.ravel().tolist(),
        float("nan"),
    )
    expected = SimpleITK.GetArrayFromImage(found)[0]
    both = np.isfinite(expected) & np.isfinite(frame.stored)
    assert both.sum() > 0.9 * max(np.isfinite(expected).sum(), np.isfinite(frame.stored).sum())
    assert np.allclose(frame.stored[both], expected[both], rtol=1e-4, atol=1e-2)


def test_whole_values_are_rounded_and_the_outside_is_padding_that_no_voxel_has() -> None:
    volume = volume_of(np.int16)
    frame, exact = turned(volume).frame(6), turned(volume_of(np.float32)).frame(6)
    assert frame.stored.dtype == np.int16
    assert frame.padding is not None
    outside = frame.padding[0]
    assert not np.any(volume.values_kji == outside)
    empty = frame.stored == outside
    assert np.array_equal(empty, np.isnan(exact.stored))
    # The float volume was not rounded before it was interpolated, so whole steps may differ by one.
    assert np.max(np.abs(frame.stored[~empty] - exact.stored[~empty])) <= 1.5


@pytest.mark.parametrize(
    ("mode", "gather"),
    [(SlabMode.MEAN, np.nanmean), (SlabMode.MIP, np.nanmax), (SlabMode.MINIP, np.nanmin)],
)
def test_an_oblique_slab_gathers_the_planes_around(mode: SlabMode, gather: Any) -> None:
    volume = volume_of(np.float32)
    thin = turned(volume)
    step = thin.spacing_mm
    seen = thin.with_slab(Slab(mode, 5 * step))
    assert seen.slab_mm == pytest.approx(5 * step)
    middle = thin.count // 2
    planes = np.stack([thin.frame(index).stored for index in range(middle - 2, middle + 3)])
    frame = seen.frame(middle)
    assert frame.geometry == thin.frame(middle).geometry
    assert frame.corner["slab"] == f"{mode.value} {5 * step:.1f} mm"
    known = np.isfinite(planes).any(axis=0)
    assert np.array_equal(np.isfinite(frame.stored), known)
    assert np.allclose(frame.stored[known], gather(planes[:, known], axis=0), rtol=1e-4, atol=1e-3)


def test_an_unturned_oblique_plane_has_the_values_of_the_plane_of_the_grid() -> None:
    volume = volume_of(np.float32)
    straight = PlaneStack(volume, Plane.AXIAL)
    stack = ObliqueStack(volume, Plane.AXIAL, (1, 0, 0), (0, 1, 0), straight.point_lps_mm(7, 0, 0))
    assert stack.count == straight.count
    assert stack.spacing_mm == pytest.approx(straight.spacing_mm)
    frame, expected = stack.frame(7), straight.frame(7)
    for row in range(expected.rows):
        point = straight.point_lps_mm(7, row, 4)
        index, at_row, at_column = stack.indices_at(point)
        assert index == pytest.approx(7)
        if abs(at_row - round(at_row)) < 1e-9:
            assert frame.stored[round(at_row), round(at_column)] == pytest.approx(expected.stored[row, 4])
    assert stack.turned_degrees == pytest.approx(0.0, abs=1e-4)


def test_an_oblique_plane_says_that_it_is_interpolated_and_by_how_much_it_is_turned() -> None:
    stack = turned(volume_of(), degrees=30)
    frame = stack.frame(3)
    assert oblique.BADGE in frame.badges
    assert frame.corner["oblique"].endswith("°")
    assert frame.corner["plane"] == "axial"
    assert frame.pixel_aspect == 1.0


def test_an_oblique_plane_has_two_letters() -> None:
    right, down = (
        rotated((1, 0, 0), (1, 0, 0), math.radians(35)),
        rotated((0, 1, 0), (1, 0, 0), math.radians(35)),
    )
    frame = ObliqueStack(volume_of(), Plane.AXIAL, right, down, MIDDLE).frame(2)
    assert edge_letters(frame.orientation) == EdgeLetters(left="R", right="L", top="AF", bottom="PH")


def test_padding_has_no_part_in_what_is_interpolated() -> None:
    plain = volume_of(np.float32)
    values = plain.values_kji.copy()
    values[:, :7, :] = -5000.0
    volume = Volume(values, plain.affine_kji_to_lps.copy(), padding=(-5000.0, -5000.0))
    for mode in SlabMode:
        frame = turned(volume, Slab(mode, 9.0)).frame(6)
        known = frame.stored[np.isfinite(frame.stored)]
        assert known.size > 50
        assert known.min() >= plain.values_kji.min()


def test_a_quick_plane_has_the_grid_of_the_careful_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oblique, "_QUICK_SAMPLES", 2000)
    volume = volume_of(np.float32)
    oblique.warm(volume)
    right = rotated((1, 0, 0), (0, 0, 1), 0.4)
    quick = ObliqueStack(
        volume, Plane.CORONAL, right, (0, 0, -1), MIDDLE, Slab(SlabMode.MIP, 20), is_quick=True
    )
    careful = quick.with_care()
    rough, fine = quick.frame(6), careful.frame(6)
    assert quick.stride > careful.stride == 1
    assert rough.geometry == fine.geometry
    assert rough.stored.shape == fine.stored.shape
    assert reslice.ROUGH_BADGE in rough.badges
    assert reslice.ROUGH_BADGE not in fine.badges


def test_a_rescale_is_applied_after_the_interpolation_as_if_it_were_before() -> None:
    plain = volume_of(np.int16)
    rescale = Rescale(2.0, -1024.0)
    stored = Volume(plain.stored_kji.copy(), plain.affine_kji_to_lps.copy(), modality=rescale)
    values = Volume(stored.values_kji.astype(np.float32), plain.affine_kji_to_lps.copy())
    frame, expected = turned(stored).frame(6), turned(values).frame(6).stored
    inside = np.isfinite(expected)
    assert np.max(np.abs(modality.apply(frame.modality, frame.stored)[inside] - expected[inside])) <= 1.01


def test_bytes_in_the_other_order_are_the_same_volume() -> None:
    plain = volume_of(np.int16)
    other = Volume(plain.stored_kji.astype(">i2"), plain.affine_kji_to_lps.copy())
    assert np.array_equal(turned(other).frame(5).stored, turned(plain).frame(5).stored)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.float32])
def test_every_kind_of_volume_is_sampled(kind: Any) -> None:
    values = np.full((4, 5, 6), 200, kind)
    nothing = np.zeros(3)
    found = sampling.sampled(values, np.ones(3), (nothing, np.eye(3)[1], np.eye(3)[2]), (1, 2, 3))
    assert np.all(found == 200)


def test_outside_is_a_value_below_all_others_where_there_is_room() -> None:
    many = np.arange(-1000, 3000, dtype=np.int16).reshape(10, 20, 20)
    assert sampling.room_for_outside(many) == (np.dtype(np.int16), -1001.0)
    few = np.arange(0, 120, dtype=np.uint8).reshape(4, 5, 6)
    assert sampling.room_for_outside(few)[0] == np.dtype(np.float32)
    large = np.full((2, 2, 2), 60000, np.uint16)
    large[0] = 0
    assert sampling.room_for_outside(large)[0] == np.dtype(np.float32)


@pytest.mark.parametrize("mode", list(SlabMode))
@pytest.mark.parametrize("padding", [None, (-120.0, 40.0)])
def test_what_is_sampled_before_the_code_is_compiled_is_the_same(
    mode: SlabMode, padding: tuple[float, float] | None
) -> None:
    volume = volume_of(np.float32, padding=padding)
    right = rotated((1, 0, 0), (0, 0, 1), 0.4)
    slab = Slab(mode, 7.0)
    quick = ObliqueStack(volume, Plane.CORONAL, right, (0, 0, -1), MIDDLE, slab, is_quick=True)
    plain, compiled = quick.frame(9).stored, quick.with_care().frame(9).stored
    assert quick.stride == 1
    assert np.array_equal(np.isnan(plain), np.isnan(compiled))
    assert np.allclose(plain, compiled, atol=1e-3, equal_nan=True)


def test_a_large_plane_is_coarse_until_the_code_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oblique, "_PLAIN_SAMPLES", 300)
    volume = volume_of()
    right = rotated((1, 0, 0), (0, 0, 1), 0.4)
    stack = ObliqueStack(volume, Plane.CORONAL, right, (0, 0, -1), MIDDLE, is_quick=True)
    assert reslice.ROUGH_BADGE in stack.frame(5).badges
    oblique.warm(volume)
    assert reslice.ROUGH_BADGE not in stack.frame(5).badges
