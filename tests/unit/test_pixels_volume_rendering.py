"""Rendered volumes against projections by numpy, and against what lies where in the patient."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.image import Rescale, Volume
from medvision_desktop.domain.labelmap import LabelMap, Segment
from medvision_desktop.errors import Cancelled, ChildFailed
from medvision_desktop.pixels import volume_looks
from medvision_desktop.pixels.volume_grid import grid_of
from medvision_desktop.pixels.volume_looks import Look
from medvision_desktop.services.volume_view import LabelsShown, ViewFrom, VolumeView
from medvision_desktop.work import CancelToken

RIGHT_OF_VIEW: Vector3 = (1.0, 0.0, 0.0)
DOWN_OF_VIEW: Vector3 = (0.0, 0.0, -1.0)
MIP = Look("MIP", ((0.0, 0, 0, 0), (1000.0, 1, 1, 1)), ((0.0, 1.0),), largest=True)
SOLID = Look("Solid", ((0.0, 1, 1, 1), (1000.0, 1, 1, 1)), ((400.0, 0.0), (600.0, 1.0)))


@pytest.fixture
def stage() -> Iterator[VolumeView]:
    found = VolumeView()
    yield found
    found.close()


def along_patient(values: NDArray[Any], spacing: Vector3 = (1.0, 1.0, 1.0), **more: Any) -> Volume:
    """Index (k, j, i) lies at LPS (i, j, k) times the spacing."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = (*spacing, 1.0)
    return Volume(values, affine, **more)


def front(volume: VolumeView, look: Look, side: int, mm_a_pixel: float, staged: Any) -> NDArray[np.uint8]:
    view = ViewFrom(RIGHT_OF_VIEW, DOWN_OF_VIEW, staged.middle_lps_mm, mm_a_pixel, side, side)
    return volume.picture(look, (0.0, 1000.0), 0.0, view)


def smooth() -> NDArray[np.int16]:
    noise = ndimage.gaussian_filter(np.random.default_rng(4).normal(0, 1, (64, 64, 64)), 4)
    return ((noise - noise.min()) / np.ptp(noise) * 1000).astype(np.int16)


def test_the_largest_value_along_each_ray_is_numpys_largest(stage: VolumeView) -> None:
    values = smooth()
    staged = stage.stage(along_patient(values))
    picture = front(stage, MIP, 64, 1.0, staged)
    expected = values.max(axis=1)[::-1] / 1000 * 255
    inner = (slice(4, 60), slice(4, 60))
    assert np.corrcoef(picture[..., 0][inner].ravel(), expected[inner].ravel())[0, 1] > 0.99
    assert np.abs(picture[..., 0].astype(float) - expected)[inner].mean() < 4


def test_left_and_head_are_where_the_letters_say(stage: VolumeView) -> None:
    values = np.zeros((40, 40, 40), np.int16)
    values[28:34, 18:22, 30:36] = 1000  # towards the head and the patient's left
    staged = stage.stage(along_patient(values))
    picture = front(stage, SOLID, 80, 0.5, staged)
    rows, columns = np.nonzero(picture[..., 0] > 40)
    assert rows.mean() < 30  # towards the head is up
    assert columns.mean() > 50  # the patient's left is on the right of who looks at the face
    from_behind = ViewFrom((-1.0, 0.0, 0.0), DOWN_OF_VIEW, staged.middle_lps_mm, 0.5, 80, 80)
    _, columns = np.nonzero(stage.picture(SOLID, (0, 1000), 0.0, from_behind)[..., 0] > 40)
    assert columns.mean() < 30


def test_what_is_in_front_hides_what_is_behind(stage: VolumeView) -> None:
    values = np.zeros((40, 40, 40), np.int16)
    values[10:30, 5:10, 10:30] = 700  # a dim wall in front
    values[10:30, 30:35, 10:30] = 1000  # a bright one behind it
    look = Look("Two", ((700.0, 1, 0, 0), (1000.0, 0, 0, 1)), ((500.0, 0.0), (650.0, 1.0)))
    staged = stage.stage(along_patient(values))
    middle = front(stage, look, 80, 0.5, staged)[35:45, 35:45].mean(axis=(0, 1))
    assert middle[0] > 3 * middle[2]
    behind = ViewFrom((-1.0, 0.0, 0.0), DOWN_OF_VIEW, staged.middle_lps_mm, 0.5, 80, 80)
    middle = stage.picture(look, (0, 1000), 0.0, behind)[35:45, 35:45].mean(axis=(0, 1))
    assert middle[2] > 3 * middle[0]


def test_a_ball_is_as_large_as_millimetres_say_whatever_its_voxels(stage: VolumeView) -> None:
    k, j, i = np.mgrid[:20, :60, :60]
    ball = ((k - 9.5) * 3) ** 2 + (j - 29.5) ** 2 + (i - 29.5) ** 2 < 20**2
    staged = stage.stage(along_patient(ball.astype(np.int16) * 1000, (3.0, 1.0, 1.0)))
    picture = front(stage, SOLID, 120, 0.5, staged)[..., 0] > 10
    assert picture.any(axis=0).sum() * 0.5 == pytest.approx(40, abs=2)
    assert picture.any(axis=1).sum() * 0.5 == pytest.approx(40, abs=4)


def test_a_picture_of_nothing_is_black(stage: VolumeView) -> None:
    staged = stage.stage(along_patient(smooth()))
    aside = ViewFrom(RIGHT_OF_VIEW, DOWN_OF_VIEW, (9000.0, 0.0, 0.0), 1.0, 32, 24)
    picture = stage.picture(SOLID, (0, 1000), 0.0, aside)
    assert picture.shape == (24, 32, 3)
    assert not picture.any()
    assert staged.longest_mm == 64


def test_a_shift_moves_what_is_seen_by_so_many_units(stage: VolumeView) -> None:
    values = np.zeros((20, 20, 20), np.int16)
    values[5:15, 5:15, 5:15] = 450
    stage.stage(along_patient(values))
    view = ViewFrom(RIGHT_OF_VIEW, DOWN_OF_VIEW, (9.5, 9.5, 9.5), 0.5, 40, 40)
    seen = [int(stage.picture(SOLID, (0, 1000), shift, view)[20, 20, 0]) for shift in (60.0, 0.0, -300.0)]
    assert seen[0] == 0
    assert 0 < seen[1] < seen[2]


def test_looks_are_in_modality_values_of_a_rescaled_volume(stage: VolumeView) -> None:
    values = smooth()
    plain = front(stage, MIP, 64, 1.0, stage.stage(along_patient(values)))
    stored = along_patient((values + 2000).astype(np.int16), modality=Rescale(1.0, -2000.0))
    rescaled = front(stage, MIP, 64, 1.0, stage.stage(stored))
    assert np.abs(plain.astype(int) - rescaled)[4:60, 4:60].max() <= 2


def test_labels_are_seen_in_their_colours_through_the_matter_they_lie_in(stage: VolumeView) -> None:
    values = np.zeros((40, 40, 40), np.int16)
    values[3:37, 3:37, 3:37] = 1000
    volume = along_patient(values)
    marked = np.zeros((20, 20, 20), np.uint8)
    marked[7:13, 7:13, 7:13] = 3
    affine = volume.affine_kji_to_lps @ np.diag([2.0, 2.0, 2.0, 1.0])
    labels = LabelMap(marked, affine, (Segment(3, "Core", (20, 230, 40)),), "1.2")
    staged = stage.stage(volume)
    plain = front(stage, SOLID, 80, 0.5, staged)[40, 40].astype(int)
    stage.show_labels((LabelsShown(labels, {3: 1.0}),))
    shown = front(stage, SOLID, 80, 0.5, staged)[40, 40].astype(int)
    assert abs(plain[1] - plain[0]) < 10
    assert shown[1] > shown[0] + 40
    stage.show_labels((LabelsShown(labels, {3: 0.0}),))
    assert np.abs(front(stage, SOLID, 80, 0.5, staged)[40, 40].astype(int) - plain).max() < 10


def test_a_child_that_dies_costs_one_picture(stage: VolumeView) -> None:
    volume = along_patient(smooth())
    staged = stage.stage(volume)
    before = front(stage, MIP, 64, 1.0, staged)
    pid = stage._child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ChildFailed):
        front(stage, MIP, 64, 1.0, staged)
    staged = stage.stage(volume)
    assert np.array_equal(front(stage, MIP, 64, 1.0, staged), before)


def test_a_volume_in_any_direction_is_laid_along_the_patient() -> None:
    values = smooth()
    turn = np.deg2rad(30)
    plain = along_patient(values, (1.5, 1.0, 1.0))
    rotation = np.eye(4)
    rotation[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    volume = Volume(values, rotation @ plain.affine_kji_to_lps)
    grid = grid_of(volume)
    k, j, i = (np.asarray(grid.stored_kji.shape) // 2 + (3, -5, 7)).tolist()
    point = np.asarray(grid.origin_lps_mm) + np.asarray([i, j, k]) * np.asarray(grid.spacing_kji_mm)[::-1]
    index = np.linalg.inv(volume.affine_kji_to_lps) @ np.append(point, 1.0)
    expected = ndimage.map_coordinates(values.astype(float), index[:3, None], order=1)[0]
    assert float(grid.stored_kji[k, j, i]) == pytest.approx(expected, abs=0.6)
    assert grid.spacing_kji_mm == pytest.approx((1.5, 1.0, 1.0))


def test_a_large_volume_is_laid_on_no_more_voxels_than_allowed() -> None:
    volume = along_patient(smooth(), (2.0, 1.0, 1.0))
    grid = grid_of(volume, most_voxels=20_000)
    assert grid.stored_kji.size <= 22_000
    ends = np.asarray(grid.middle_lps_mm)
    assert np.allclose(ends, [31.5, 31.5, 63.0], atol=4)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        grid_of(volume, cancel=token)


@pytest.mark.parametrize("look", [*volume_looks.CT, *volume_looks.OTHER], ids=lambda look: look.name)
def test_the_points_of_a_look_rise_and_are_parts_of_one(look: Look) -> None:
    for points in (look.colours, look.opacities):
        values = [point[0] for point in points]
        assert values == sorted(set(values))
        assert all(0 <= part <= 1 for point in points for part in point[1:])


def test_relative_looks_follow_the_range_of_the_series() -> None:
    look = volume_looks.OTHER[0]
    colours, opacities = look.at((100.0, 300.0), 10.0)
    assert colours[0][0] == pytest.approx(110 + 200 * look.colours[0][0])
    assert opacities[-1][0] == pytest.approx(110 + 200 * look.opacities[-1][0])
    assert volume_looks.looks_for("CT") is volume_looks.CT
    assert volume_looks.looks_for("MR") is volume_looks.looks_for("")


def test_labels_are_sent_once_and_go_when_they_are_asked_to(stage: VolumeView) -> None:
    volume = along_patient(smooth())
    marked = np.zeros(volume.stored_kji.shape, np.uint8)
    marked[20:40, 20:40, 20:40] = 1
    labels = LabelMap(marked, volume.affine_kji_to_lps.copy(), (Segment(1, "One", (250, 20, 20)),), "1")
    staged = stage.stage(volume)
    plain = front(stage, SOLID, 64, 1.0, staged)
    asked: list[str] = []
    request = stage._child.request

    def counted(operation: str, *rest: Any, **more: Any) -> Any:
        asked.append(operation)
        return request(operation, *rest, **more)

    stage._child.request = counted  # type: ignore[method-assign]
    shown = LabelsShown(labels, {1: 1.0})
    for share in (1.0, 1.0, 0.5):
        stage.show_labels((LabelsShown(labels, {1: share}),) if share < 1 else (shown,))
        front(stage, SOLID, 64, 1.0, staged)
    for _ in range(3):
        stage.show_labels(())
        last = front(stage, SOLID, 64, 1.0, staged)
    assert asked.count("take") == 1
    assert asked.count("label") == 3
    assert np.array_equal(last, plain)


def test_every_map_is_seen_and_what_is_small_through_what_is_around_it(stage: VolumeView) -> None:
    k, j, i = np.mgrid[:48, :48, :48] - 23.5
    away = np.sqrt(k**2 + j**2 + i**2)
    volume = along_patient(np.where(away < 22, 1000, 0).astype(np.int16))
    affine = volume.affine_kji_to_lps.copy()
    inner = LabelMap((away < 6).astype(np.uint8), affine, (Segment(1, "Core", (230, 30, 30)),), "1")
    outer = LabelMap(
        2 * ((away < 14) & (away >= 6)).astype(np.uint8), affine, (Segment(2, "Rim", (30, 30, 230)),), "2"
    )
    aside = np.zeros(away.shape, np.uint8)
    aside[4:12, 20:28, 4:12] = 3
    third = LabelMap(aside, affine, (Segment(3, "Other", (30, 230, 30)),), "3")
    staged = stage.stage(volume)
    # Whichever map lies on top, and though the core is wrapped in the rim.
    for order in ((inner, outer, third), (third, outer, inner)):
        stage.show_labels(tuple(LabelsShown(one, {one.segments[0].number: 1.0}) for one in order))
        seen = front(stage, SOLID, 48, 1.0, staged).astype(int)
        strongest = seen.argmax(axis=2)
        assert strongest[24, 24] == 0
        assert strongest[24, 34] == 2
        assert strongest[39, 8] == 1


def test_no_part_of_a_labelled_volume_is_left_out(stage: VolumeView) -> None:
    # A hollow shell, the same upside down: so is its picture, but for the light from above.
    k, j, i = np.mgrid[:100, :72, :64]
    away = np.sqrt(((k - 49.5) / 49) ** 2 + ((j - 35.5) / 35) ** 2 + ((i - 31.5) / 31) ** 2)
    marked = ((away < 0.95) & (away > 0.85)).astype(np.uint8)
    volume = along_patient(np.zeros(marked.shape, np.int16))
    labels = LabelMap(marked, volume.affine_kji_to_lps.copy(), (Segment(1, "Shell", (30, 240, 30)),), "1")
    staged = stage.stage(volume)
    stage.show_labels((LabelsShown(labels, {1: 0.2}),))
    seen = front(stage, SOLID, 100, 1.0, staged)[..., 1] > 12
    assert seen.mean() > 0.3
    assert (seen == seen[::-1]).mean() > 0.95


def test_bands_make_the_picture_that_is_drawn_at_once(stage: VolumeView) -> None:
    staged = stage.stage(along_patient(smooth()))
    x, y, z = staged.middle_lps_mm
    bands = []
    for first in range(0, 80, 20):
        middle = (x, y, z - (first + 10 - 40))
        view = ViewFrom(RIGHT_OF_VIEW, DOWN_OF_VIEW, middle, 1.0, 80, 20)
        bands.append(stage.picture(MIP, (0.0, 1000.0), 0.0, view))
    whole = front(stage, MIP, 80, 1.0, staged)
    assert np.abs(np.concatenate(bands).astype(int) - whole).max() <= 1
