"""In which order the frames of one object are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medvision_desktop.domain.geometry import PlaneGeometry

Place = tuple[PlaneGeometry | None, tuple[int, ...]]


def order_of(places: Sequence[Place]) -> tuple[int, ...]:
    """Numbers of frames along their normal, in the direction that their dimension indices count.

    A place is a frame's plane and its dimension index. In the direction in which they are stored where
    the indices do not follow the normal. By dimension index where two share a position (several
    phases) or any does not say where it is; as stored where there is none either.
    """
    along = _along_normal([plane for plane, _ in places])
    counted = _by_dimensions([index for _, index in places])
    if along is None or (_tell_apart([index for _, index in places]) and counted == along[::-1]):
        return counted
    return along


def _by_dimensions(places: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """By Dimension Index Values (PS3.3 C.7.6.17), if every frame has its own."""
    as_stored = tuple(range(len(places)))
    if not _tell_apart(places):
        return as_stored
    return tuple(sorted(as_stored, key=lambda number: places[number]))


def _tell_apart(indices: Sequence[tuple[int, ...]]) -> bool:
    one_length = len({len(index) for index in indices}) == 1
    return one_length and bool(indices[0]) and len(set(indices)) == len(indices)


def _along_normal(geometries: Sequence[PlaneGeometry | None]) -> tuple[int, ...] | None:
    planes = [geometry for geometry in geometries if geometry is not None]
    if len(planes) != len(geometries) or len(planes) < 2:
        return None
    normal = np.asarray(planes[0].normal_lps)
    if any(float(normal @ np.asarray(plane.normal_lps)) < 0.9999 for plane in planes):
        return None
    positions = np.asarray([plane.origin_lps_mm for plane in planes]) @ normal
    order = np.argsort(positions, kind="stable")
    if np.min(np.diff(positions[order])) < 1e-3:
        return None
    if np.sum(np.diff(positions) < 0) * 2 > len(planes) - 1:
        order = order[::-1]
    return tuple(int(number) for number in order)
