"""Frames to a regular grid, or one sentence that says why they are none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import Voi
from medvision_desktop.domain.geometry import PlaneGeometry
from medvision_desktop.domain.image import Frame, Photometric, Rescale, Volume
from medvision_desktop.io.volume_real import real_of_volume
from medvision_desktop.pixels.modality import apply, to_modality

_GREY: Final = (Photometric.MONOCHROME1, Photometric.MONOCHROME2)
_MIN_SLICES: Final = 3
_SAMPLE: Final = 1 << 20
_SAMPLE_FRAMES: Final = 64
_PERCENTILES: Final = (0.5, 99.5)


def grid_fault(frames: Sequence[Frame]) -> str:
    """Why frames in order are no regular grid, in one sentence; "" when they are one."""
    geometries = [frame.geometry for frame in frames]
    planes = [geometry for geometry in geometries if geometry is not None]
    if any(frame.photometric is not Photometric.MONOCHROME2 for frame in frames):
        return "Only plain grey images make a volume."
    if len(planes) != len(frames):
        return _unplaced(frames)
    odd = _first_odd([frame.stored.shape for frame in frames])
    if odd:
        return f"The slices differ in size, first at image {odd}."
    if len({frame.units for frame in frames}) > 1 or len({frame.photometric for frame in frames}) > 1:
        return "The slices differ in what their values mean."
    if any(
        isinstance(frame.modality, Rescale) != isinstance(frames[0].modality, Rescale) for frame in frames
    ):
        return "The slices differ in what their values mean."
    return _plane_fault(planes) or _spacing_fault(planes)


def _unplaced(frames: Sequence[Frame]) -> str:
    """Why frames are not placed, some of which are."""
    without = [number for number, frame in enumerate(frames, 1) if frame.geometry is None]
    if all(frames[number - 1].spacing is None for number in without):
        which = "" if len(without) == len(frames) else f" of image {without[0]}"
        return f"The header does not say how large the pixels{which} are."
    if len(without) == len(frames):
        return "The header does not say where every slice lies."
    if len(without) == 1:
        return f"The header does not say where image {without[0]} lies."
    return f"The header does not say where {len(without)} of the slices lie, first image {without[0]}."


def _plane_fault(planes: Sequence[PlaneGeometry]) -> str:
    first = planes[0]
    rows = np.asarray([plane.row_lps for plane in planes])
    columns = np.asarray([plane.column_lps for plane in planes])
    turned = np.maximum(np.abs(rows - rows[0]).max(axis=1), np.abs(columns - columns[0]).max(axis=1)) > 2e-3
    if turned.any():
        return f"The slices are not parallel, first at image {int(np.argmax(turned)) + 1}."
    odd = _first_odd([plane.frame_of_reference for plane in planes])
    if odd:
        return f"The slices do not share a frame of reference, first at image {odd}."
    for number, plane in enumerate(planes, 1):
        same_row = math.isclose(plane.spacing.row_mm, first.spacing.row_mm, rel_tol=1e-3)
        if not (same_row and math.isclose(plane.spacing.column_mm, first.spacing.column_mm, rel_tol=1e-3)):
            return f"The slices differ in pixel spacing, first at image {number}."
    return ""


def _first_odd(values: Sequence[object]) -> int:
    """Number, from 1, of the first that is not as the first one is; 0 without."""
    return next((number for number, value in enumerate(values, 1) if value != values[0]), 0)


def _spacing_fault(planes: Sequence[PlaneGeometry]) -> str:
    if len(planes) < _MIN_SLICES:
        return f"Planes need at least {_MIN_SLICES} slices; there are {len(planes)}."
    normal = np.asarray(planes[0].normal_lps)
    origins = np.asarray([plane.origin_lps_mm for plane in planes])
    positions = origins @ normal
    steps = np.diff(positions)
    along = np.argsort(positions, kind="stable")
    shared = np.diff(positions[along]) < 1e-3
    if shared.any():
        place = int(np.argmax(shared))
        one, other = sorted((int(along[place]) + 1, int(along[place + 1]) + 1))
        return f"Several images share one position, first images {one} and {other}."
    gaps = np.abs(steps)
    typical = float(np.sort(gaps)[(len(gaps) - 1) // 2])  # of two middle gaps the smaller one
    tolerance = max(0.02, 0.02 * typical)
    if np.any(np.sign(steps) != np.sign(steps[0])):
        return "The slices are not in one direction."
    if np.any(np.abs(gaps - typical) > tolerance):
        return _uneven(gaps, typical, tolerance)
    # Single steps within tolerance may still add up to a drift.
    even = np.linspace(positions[0], positions[-1], len(positions))
    if np.max(np.abs(positions - even)) > max(0.05, 0.1 * typical):
        return f"Slice spacing varies: {gaps.min():.2f} to {gaps.max():.2f} mm."
    return _tilt_fault(planes[0], origins)


def _uneven(gaps: NDArray[np.float64], typical: float, tolerance: float) -> str:
    multiples = np.rint(gaps / typical)
    whole = np.all(np.abs(gaps - multiples * typical) <= tolerance * np.maximum(multiples, 1))
    missing = int(np.sum(multiples - 1))
    if whole and np.all(multiples >= 1) and missing > 0:
        where = int(np.argmax(multiples)) + 1
        noun = "A slice is" if missing == 1 else f"{missing} slices are"
        return f"{noun} missing, first after slice {where}."
    first = int(np.argmax(np.abs(gaps - typical) > tolerance)) + 1
    return f"Slice spacing varies: {gaps.min():.1f} to {gaps.max():.1f} mm, first after slice {first}."


def _tilt_fault(plane: PlaneGeometry, origins: NDArray[np.float64]) -> str:
    """A gantry tilt shows as a step between origins that does not run along the normal."""
    travel = origins[-1] - origins[0]
    along = float(travel @ np.asarray(plane.normal_lps))
    across = float(np.linalg.norm(travel - along * np.asarray(plane.normal_lps)))
    pixel = min(plane.spacing.row_mm, plane.spacing.column_mm)
    if across <= max(0.5 * pixel, 1e-3 * abs(along)):
        return ""
    degrees = math.degrees(math.atan2(across, abs(along)))
    return f"The slices are sheared by {degrees:.1f} degrees, as with a tilted gantry."


def build_volume(frames: Sequence[Frame], modality_range: tuple[float, float] | None) -> Volume:
    """The grid of frames for which `grid_fault` is "": slice k is frame k.

    Where all frames lie one after another in one array and share a rescale, that array is the volume's.
    """
    first, last = frames[0].geometry, frames[-1].geometry
    if first is None or last is None:
        raise ValueError("frames of a volume have a geometry")
    rescale = _shared_rescale(frames)
    stored = _stored_grid(frames) if rescale is not None else _value_grid(frames)
    step = (np.asarray(last.origin_lps_mm) - np.asarray(first.origin_lps_mm)) / (len(frames) - 1)
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = np.asarray(first.column_lps) * first.spacing.row_mm
    affine[:3, 2] = np.asarray(first.row_lps) * first.spacing.column_mm
    affine[:3, 3] = first.origin_lps_mm
    voi: tuple[Voi, ...] = frames[len(frames) // 2].voi
    corner = {key: text for key, text in frames[0].corner.items() if key not in _PER_SLICE}
    return Volume(
        stored_kji=stored,
        affine_kji_to_lps=affine,
        frame_of_reference=first.frame_of_reference,
        units=frames[0].units,
        voi=voi,
        modality_range=modality_range,
        badges=frames[0].badges,
        corner=corner,
        padding=_padding(frames),
        modality=rescale or Rescale(),
        real=real_of_volume(frames, rescale or Rescale()),
        not_faithful=tuple(dict.fromkeys(why for frame in frames for why in frame.not_faithful)),
    )


def _shared_rescale(frames: Sequence[Frame]) -> Rescale | None:
    """The rising rescale that all frames have, with one type of stored values; None where they differ."""
    rescale = frames[0].modality
    if not isinstance(rescale, Rescale) or not rescale.slope > 0:
        return None
    kind = frames[0].stored.dtype
    if any(frame.modality != rescale or frame.stored.dtype != kind for frame in frames):
        return None
    return rescale


def _stored_grid(frames: Sequence[Frame]) -> NDArray[Any]:
    shared = _one_array(frames)
    return shared if shared is not None else np.stack([frame.stored for frame in frames])


def _one_array(frames: Sequence[Frame]) -> NDArray[Any] | None:
    """The part of one array whose slices are the frames in order, forwards or backwards; None without."""
    owner = frames[0].stored.base
    if not isinstance(owner, np.ndarray) or owner.ndim != 3 or owner.shape[1:] != frames[0].stored.shape:
        return None
    if owner.dtype != frames[0].stored.dtype or not owner.flags.c_contiguous:
        return None
    start, step = _address(owner), owner.strides[0]
    places = []
    for frame in frames:
        place, beside = divmod(_address(frame.stored) - start, step)
        if frame.stored.base is not owner or beside or not frame.stored.flags.c_contiguous:
            return None
        places.append(place)
    stride = places[1] - places[0]
    if stride == 0 or places != list(range(places[0], places[0] + stride * len(places), stride)):
        return None
    end = places[-1] + stride
    return owner[places[0] : (end if end >= 0 else None) : stride]


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _value_grid(frames: Sequence[Frame]) -> NDArray[Any]:
    """Modality values of frames that do not share a rescale."""
    values = np.empty((len(frames), *frames[0].stored.shape), _value_type(frames))
    for k, frame in enumerate(frames):
        _fill(values[k], frame)
    return values


def _padding(frames: Sequence[Frame]) -> tuple[float, float] | None:
    """Padding as modality values, if it is the same in every slice; else the planes show it as values."""
    ranges = {(frame.padding, frame.modality) for frame in frames}
    if len(ranges) != 1:
        return None
    ends, rescale = ranges.pop()
    if ends is None or not isinstance(rescale, Rescale):
        return None
    low, high = sorted(end * rescale.slope + rescale.intercept for end in ends)
    return low, high


_PER_SLICE: Final = frozenset({"slice_location_mm", "instance_number", "acquisition_time"})


def _fill(target: NDArray[Any], frame: Frame) -> None:
    """Modality values of a grey frame into a slice of the type that `_value_type` chose."""
    rescale = frame.modality
    if not isinstance(rescale, Rescale):
        target[...] = to_modality(frame)
    elif target.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # beyond what a float holds is infinite
            np.multiply(frame.stored, rescale.slope, out=target, dtype=target.dtype, casting="unsafe")
            target += np.asarray(rescale.intercept).astype(target.dtype)
    else:
        # Every result fits, so arithmetic modulo 2^16 is exact and needs no wider array.
        np.copyto(target, frame.stored, casting="unsafe")
        if rescale.slope != 1:
            target *= np.asarray(int(rescale.slope)).astype(target.dtype)
        if rescale.intercept != 0:
            target += np.asarray(int(rescale.intercept)).astype(target.dtype)


def _value_type(frames: Sequence[Frame]) -> np.dtype[Any]:
    """int16, else uint16, where every value fits; float32 otherwise."""
    lows, highs = [], []
    for frame in frames:
        rescale = frame.modality
        if frame.stored.dtype.kind == "f" or not isinstance(rescale, Rescale):
            return np.dtype(np.float32)
        if not (rescale.slope.is_integer() and rescale.intercept.is_integer()):
            return np.dtype(np.float32)
        ends = [
            int(end) * rescale.slope + rescale.intercept for end in (frame.stored.min(), frame.stored.max())
        ]
        lows.append(min(ends))
        highs.append(max(ends))
    for kind in (np.int16, np.uint16):
        limits = np.iinfo(kind)
        if min(lows) >= limits.min and max(highs) <= limits.max:
            return np.dtype(kind)
    return np.dtype(np.float32)


def modality_range(frames: Sequence[Frame]) -> tuple[float, float] | None:
    """0.5 and 99.5 percentiles of the modality values of grey frames, padding left out.

    Of an even sample of about a million pixels of at most 64 frames; None for colour or where nothing is
    left.
    """
    if not frames or any(frame.photometric not in _GREY for frame in frames):
        return None
    some = frames[:: max(1, -(-len(frames) // _SAMPLE_FRAMES))]
    stride = max(1, sum(frame.stored.size for frame in some) // _SAMPLE)
    samples = [_sampled(frame, stride) for frame in some]
    rescale = some[0].modality
    if isinstance(rescale, Rescale) and all(frame.modality == rescale for frame in some):
        ends = _ends(np.concatenate(samples))
        return None if ends is None else _sorted(end * rescale.slope + rescale.intercept for end in ends)
    return _ends(
        np.concatenate([apply(frame.modality, sample) for frame, sample in zip(some, samples, strict=True)])
    )


def _sampled(frame: Frame, stride: int) -> NDArray[Any]:
    stored = frame.stored.reshape(-1)[::stride]
    if frame.padding is not None:
        stored = stored[(stored < frame.padding[0]) | (stored > frame.padding[1])]
    return stored[np.isfinite(stored)] if stored.dtype.kind == "f" else stored


def _sorted(ends: Iterable[float]) -> tuple[float, float]:
    low, high = sorted(ends)
    return low, high


def _ends(values: NDArray[Any]) -> tuple[float, float] | None:
    """0.5 and 99.5 percentiles, between two values linearly; None of nothing."""
    if values.size == 0:
        return None
    if values.dtype.kind not in "iu" or values.dtype.itemsize > 2:
        low, high = np.percentile(values, _PERCENTILES)
        return float(low), float(high)
    # Few different values: counting them takes a tenth of the time of sorting.
    lowest = int(values.min())
    up_to = np.cumsum(np.bincount(values.astype(np.int64) - lowest))
    places = np.asarray(_PERCENTILES) / 100 * (values.size - 1)
    below = np.searchsorted(up_to, np.floor(places), side="right") + lowest
    above = np.searchsorted(up_to, np.ceil(places), side="right") + lowest
    low, high = below + (above - below) * (places - np.floor(places))
    return float(low), float(high)
