"""Parallel slices that are no regular grid (uneven, sheared, some missing), resampled to one on request.

Between two slices values are interpolated linearly, and within a slice bilinearly, at the patient position
of each voxel of the grid: its foot on either slice along their normal. Where no slice lies to one side,
and outside of the slices, there is no value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import PlaneGeometry
from medvision_desktop.domain.image import Frame, Photometric, Rescale, Volume
from medvision_desktop.pixels import modality, sampling
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

BADGE: Final = "Resampled"
MOST_VOXELS: Final = 400_000_000
_LEAST_SLICES: Final = 3
_APART_MM: Final = 1e-3


@dataclass(frozen=True, eq=False)
class _Grid:
    """The regular grid: its first voxel and unit directions (normal, down, right), steps, and shape."""

    origin_lps_mm: NDArray[np.float64]
    axes: NDArray[np.float64]
    steps_mm: NDArray[np.float64]
    shape: tuple[int, int, int]


def fault(frames: Sequence[Frame]) -> str:
    """Why slices cannot be resampled to a grid, in one sentence; "" when they can."""
    planes = [frame.geometry for frame in frames if frame.geometry is not None]
    if len(planes) != len(frames):
        return "The header does not say where every slice lies."
    if any(frame.photometric is not Photometric.MONOCHROME2 for frame in frames):
        return "Only plain grey images make a volume."
    if len(frames) < _LEAST_SLICES:
        return f"Planes need at least {_LEAST_SLICES} slices; there are {len(frames)}."
    if len({frame.stored.shape for frame in frames}) > 1 or len({frame.units for frame in frames}) > 1:
        return "The slices differ in size or in what their values mean."
    first = planes[0]
    same = all(
        np.allclose(one.row_lps, first.row_lps, atol=2e-3)
        and np.allclose(one.column_lps, first.column_lps, atol=2e-3)
        and one.frame_of_reference == first.frame_of_reference
        for one in planes
    )
    if not same:
        return "The slices are not parallel."
    spacings = np.asarray([(one.spacing.row_mm, one.spacing.column_mm) for one in planes])
    if not np.allclose(spacings, spacings[0], rtol=1e-3):
        return "The slices differ in pixel spacing."
    places = np.sort(_places(planes))
    if np.any(np.diff(places) < _APART_MM):
        return "Several images share one position."
    grid = _grid(planes, frames[0].stored.shape)
    return "The regular grid would be too large." if math.prod(grid.shape) > MOST_VOXELS else ""


def resampled(
    frames: Sequence[Frame],
    value_range: tuple[float, float] | None,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Volume:
    """The regular grid of frames for which `fault` is "". Raises `Cancelled`.

    Its slices are as far apart as the slices mostly are. Values are stored values where all frames share a
    rising rescale, rounded to whole ones where they have many steps; else modality values in float32.
    """
    token = cancel or CancelToken()
    ordered = sorted(frames, key=lambda frame: _plane(frame).position_mm)
    planes = [_plane(frame) for frame in ordered]
    grid = _grid(planes, ordered[0].stored.shape)
    rescale = _shared_rescale(ordered)
    slices = [_values(frame, rescale) for frame in ordered]
    kind, outside = _room(slices)
    places = _places(planes)
    found = np.empty(grid.shape, kind)
    for k in range(grid.shape[0]):
        token.check()
        found[k] = _slice(k, grid, planes, slices, places, ordered, kind, outside)
        progress(Progress(k + 1, grid.shape[0], "Resampling"))
    affine = np.eye(4)
    affine[:3, :3] = (grid.axes * grid.steps_mm[:, None]).T
    affine[:3, 3] = grid.origin_lps_mm
    first = ordered[0]
    end = (outside - 0.0) * rescale.slope + rescale.intercept if rescale is not None else outside
    return Volume(
        stored_kji=found,
        affine_kji_to_lps=affine,
        frame_of_reference=planes[0].frame_of_reference,
        units=first.units,
        voi=ordered[len(ordered) // 2].voi,
        modality_range=value_range,
        badges=(*first.badges, BADGE, _from_words(places)),
        corner={"series_description": first.corner.get("series_description", "")},
        padding=(end, end) if math.isfinite(outside) else None,
        modality=rescale or Rescale(),
        not_faithful=tuple(dict.fromkeys(why for frame in ordered for why in frame.not_faithful)),
    )


def _slice(
    k: int,
    grid: _Grid,
    planes: Sequence[PlaneGeometry],
    slices: Sequence[NDArray[Any]],
    places: NDArray[np.float64],
    frames: Sequence[Frame],
    kind: np.dtype[Any],
    outside: float,
) -> NDArray[Any]:
    """Slice `k` of the grid, between the slices on either side of it."""
    origin = grid.origin_lps_mm + k * grid.steps_mm[0] * grid.axes[0]
    place = float(origin @ grid.axes[0])
    after = min(max(int(np.searchsorted(places, place - _APART_MM)), 0), len(places) - 1)
    before = after if abs(places[after] - place) <= _APART_MM or after == 0 else after - 1
    share = 0.0 if after == before else (place - places[before]) / (places[after] - places[before])

    def foot(number: int) -> NDArray[np.float32]:
        row, column = planes[number].index_of(_vector(origin))
        steps = (np.zeros(3), np.asarray([0.0, 1.0, 0.0]), np.asarray([0.0, 0.0, 1.0]))
        corner = np.asarray([0.0, row, column])
        padding = frames[number].padding
        return sampling.sampled(slices[number][None], corner, steps, (1, *grid.shape[1:]), padding=padding)

    near = foot(before)
    if share > 0:
        near = near * np.float32(1 - share) + foot(after) * np.float32(share)
    if kind.kind == "i":
        return np.rint(np.nan_to_num(near, nan=outside)).astype(kind)
    return near


def _grid(planes: Sequence[PlaneGeometry], shape: tuple[int, ...]) -> _Grid:
    first = planes[0]
    axes = np.asarray([first.normal_lps, first.column_lps, first.row_lps])
    places = np.sort(_places(planes))
    gaps = np.diff(places)
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    steps = np.asarray([usual, first.spacing.row_mm, first.spacing.column_mm])
    origins = np.asarray([plane.origin_lps_mm for plane in planes]) @ axes.T
    low = origins.min(axis=0)
    high = origins.max(axis=0) + steps * np.asarray([0, shape[0] - 1, shape[1] - 1])
    counts = np.floor((high - low) / steps + 1e-6).astype(int) + 1
    return _Grid(low @ axes, axes, steps, (int(counts[0]), int(counts[1]), int(counts[2])))


def _values(frame: Frame, rescale: Rescale | None) -> NDArray[Any]:
    if rescale is None:
        return np.ascontiguousarray(modality.to_modality(frame), dtype=np.float32)
    stored = frame.stored
    return np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("="))


def _shared_rescale(frames: Sequence[Frame]) -> Rescale | None:
    """The rising rescale that all frames have, with one type of stored values and one padding."""
    rescale = frames[0].modality
    if not isinstance(rescale, Rescale) or not rescale.slope > 0:
        return None
    alike = {(frame.modality, frame.stored.dtype.str, frame.padding) for frame in frames}
    return rescale if len(alike) == 1 else None


def _room(slices: Sequence[NDArray[Any]]) -> tuple[np.dtype[Any], float]:
    ends = np.asarray([(one.min(), one.max()) for one in slices])
    return sampling.room_for_outside(ends)


def _from_words(places: NDArray[np.float64]) -> str:
    gaps = np.diff(np.sort(places))
    if np.ptp(gaps) < 0.05:
        return f"from slices {gaps.mean():.1f} mm apart"
    return f"from slices {gaps.min():.1f} to {gaps.max():.1f} mm apart"


def _places(planes: Sequence[PlaneGeometry]) -> NDArray[np.float64]:
    normal = np.asarray(planes[0].normal_lps)
    return np.asarray([np.asarray(plane.origin_lps_mm) @ normal for plane in planes], dtype=np.float64)


def _plane(frame: Frame) -> PlaneGeometry:
    if frame.geometry is None:
        raise ValueError("slices that are resampled lie somewhere")
    return frame.geometry


def _vector(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
