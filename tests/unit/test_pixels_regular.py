"""Slices without a regular grid, resampled to one: what is linear in space stays as it was."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from scipy.interpolate import RegularGridInterpolator

from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource
from medvision_desktop.domain.image import Frame, Photometric, Rescale, Volume
from medvision_desktop.errors import Cancelled
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.volume import grid_fault
from medvision_desktop.pixels import regular
from medvision_desktop.services import open_study
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken

SPACING = PixelSpacing(0.7, 0.9, SpacingSource.PATIENT)


def field(x: Any, y: Any, z: Any) -> Any:
    return 3.0 * x - 2.0 * y + 5.0 * z + 40.0


def slices(
    places: list[float], *, tilt: float = 0.0, shape: tuple[int, int] = (24, 20), **more: Any
) -> list[Frame]:
    """Slices of a linear field along the normal of planes tilted about the x axis, gantry kept upright."""
    turn = math.radians(tilt)
    down = (0.0, math.cos(turn), math.sin(turn))
    found = []
    for place in places:
        geometry = PlaneGeometry((-5.0, 4.0, place), (1.0, 0.0, 0.0), down, SPACING, "1.2")
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        points = (
            np.asarray(geometry.origin_lps_mm)[:, None, None]
            + np.asarray(down)[:, None, None] * rows * 0.7
            + np.asarray([1.0, 0, 0])[:, None, None] * columns * 0.9
        )
        found.append(
            Frame(field(*points).astype(np.float32), geometry=geometry, spacing=SPACING, units="HU", **more)
        )
    return found


def expected(volume: Volume) -> Any:
    k, j, i = np.indices(volume.stored_kji.shape)
    points = volume.affine_kji_to_lps @ np.stack([k.ravel(), j.ravel(), i.ravel(), np.ones(k.size)])
    return field(*points[:3]).reshape(volume.stored_kji.shape)


@pytest.mark.parametrize(
    ("places", "tilt"),
    [
        ([0.0, 2.0, 4.0, 7.0, 12.0, 14.0], 0.0),
        ([0.0, 3.0, 6.0, 9.0], 18.0),
        ([0.0, 3.0, 5.0, 9.0, 14.0], -12.0),
        ([9.0, 6.0, 0.0, 3.0], 0.0),
    ],
)
def test_a_field_that_is_linear_in_space_is_resampled_exactly(places: list[float], tilt: float) -> None:
    frames = slices(places, tilt=tilt)
    assert regular.fault(frames) == ""
    volume = regular.resampled(frames, (0.0, 100.0))
    known = np.isfinite(volume.stored_kji)
    assert known.mean() > 0.6
    # Half a pixel around each slice has the value of its edge, so the rim of the grid is not linear.
    inner = ndimage.binary_erosion(known, border_value=1)
    inner[:, [0, -1]] = inner[:, :, [0, -1]] = False
    assert np.allclose(volume.stored_kji[inner], expected(volume)[inner], atol=2e-3)
    assert volume.modality_range == (0.0, 100.0)


def test_the_axes_of_the_grid_are_at_right_angles_and_its_steps_those_of_the_slices() -> None:
    volume = regular.resampled(slices([0.0, 3.0, 6.0, 9.0], tilt=20.0), None)
    axes = volume.affine_kji_to_lps[:3, :3]
    assert np.allclose(axes.T @ axes, np.diag(np.linalg.norm(axes, axis=0) ** 2), atol=1e-9)
    assert np.linalg.norm(axes[:, 0]) == pytest.approx(3.0 * math.cos(math.radians(20.0)))
    assert np.linalg.norm(axes[:, 1]) == pytest.approx(0.7)


def test_uneven_slices_are_what_scipy_interpolates_between_them() -> None:
    rng = np.random.default_rng(8)
    places = [0.0, 2.0, 4.0, 5.0, 9.0, 11.0]
    values = rng.normal(0, 300, (6, 24, 20)).astype(np.float32)
    frames = [
        Frame(values[n], geometry=frame.geometry, spacing=SPACING) for n, frame in enumerate(slices(places))
    ]
    volume = regular.resampled(frames, None)
    oracle = RegularGridInterpolator((places, np.arange(24), np.arange(20)), values.astype(np.float64))
    for k in range(volume.stored_kji.shape[0]):
        place = float(volume.affine_kji_to_lps[2] @ [k, 0, 0, 1])
        grid = np.stack(np.meshgrid([place], np.arange(24), np.arange(20), indexing="ij"), -1)
        assert np.allclose(volume.stored_kji[k], oracle(grid)[0], atol=1e-2)


def test_whole_values_stay_whole_and_what_is_outside_is_padding() -> None:
    frames = [
        Frame(
            np.clip(frame.stored, -3000, 3000).astype(np.int16) * 3,
            geometry=frame.geometry,
            spacing=SPACING,
            signed=True,
            modality=Rescale(2.0, -1024.0),
        )
        for frame in slices([0.0, 3.0, 6.0, 9.0, 12.0], tilt=25.0)
    ]
    volume = regular.resampled(frames, None)
    assert volume.stored_kji.dtype == np.int16
    assert volume.modality == Rescale(2.0, -1024.0)
    assert volume.padding is not None
    outside = (volume.padding[0] + 1024.0) / 2.0
    assert (volume.stored_kji == outside).any()
    assert all(not np.any(frame.stored == outside) for frame in frames)


def test_padding_of_the_slices_has_no_part_in_the_grid() -> None:
    frames = []
    for frame in slices([0.0, 2.0, 5.0, 7.0]):
        stored = frame.stored.copy()
        stored[:6] = -2000.0
        frames.append(Frame(stored, geometry=frame.geometry, spacing=SPACING, padding=(-2000.0, -2000.0)))
    volume = regular.resampled(frames, None)
    known = np.isfinite(volume.stored_kji)
    assert np.allclose(volume.stored_kji[known], expected(volume)[known], atol=2e-3)
    assert not known[:, :6].any()


def test_it_says_that_it_is_resampled_and_from_what() -> None:
    badges = regular.resampled(slices([0.0, 2.0, 5.0, 7.0]), None).badges
    assert badges == ("Resampled", "from slices 2.0 to 3.0 mm apart")


def test_what_is_no_stack_of_parallel_slices_is_refused_in_words() -> None:
    plain = slices([0.0, 2.0, 5.0])
    turned = slices([8.0], tilt=15.0)
    assert "parallel" in regular.fault([*plain, *turned])
    assert "share one position" in regular.fault([*plain, *slices([2.0])])
    assert "at least 3" in regular.fault(plain[:2])
    assert "where every slice lies" in regular.fault([*plain, Frame(plain[0].stored.copy())])
    assert "size" in regular.fault([*plain, *slices([9.0], shape=(10, 10))])
    colour = Frame(np.zeros((24, 20, 3), np.uint8), Photometric.RGB, geometry=plain[0].geometry)
    assert "grey" in regular.fault([*plain, colour])
    far = slices([0.0, 0.01, 0.02, 50_000.0])
    assert "too large" in regular.fault(far)


def test_it_can_be_stopped() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        regular.resampled(slices([0.0, 2.0, 5.0]), None, cancel=token)


@pytest.mark.data
def test_a_real_head_under_a_tilted_gantry_becomes_a_volume(data_dir: Path, tmp_path: Path) -> None:
    decoder = Decoder(Settings())
    study = open_study.index([data_dir / "dicom" / "ct-head-ge-tilted"], scratch=tmp_path).studies[0]
    series = max(study.series, key=lambda one: one.frame_count)
    loaded = open_study.open_series(study, series, decoder=decoder)
    decoder.close()
    assert loaded.volume is None
    assert grid_fault(tuple(loaded.stack.frames)) == loaded.not_a_volume != ""
    frames = loaded.stack.frames
    assert regular.fault(frames) == ""
    volume = regular.resampled(frames, loaded.stack.modality_range)
    # The voxel nearest to the middle of every slice has the value of that slice there.
    inverse = np.linalg.inv(volume.affine_kji_to_lps)
    hits = 0
    for frame in frames:
        assert frame.geometry is not None
        index = inverse @ [*frame.geometry.point_lps_mm(256, 256), 1.0]
        k, j, i = (round(float(value)) for value in index[:3])
        if 0 <= k < volume.stored_kji.shape[0] and abs(index[0] - k) < 0.02:
            hits += 1
            around = frame.stored[254:259, 254:259]
            assert around.min() - 1 <= volume.stored_kji[k, j, i] <= around.max() + 1
    assert hits >= 2
