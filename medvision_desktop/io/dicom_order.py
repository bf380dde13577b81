"""In which order the frames of one object are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medvision_desktop.domain.geometry import PlaneGeometry

Place = tuple[PlaneGeometry | None, tuple[int, ...]]


def order_of(places: Sequence[Place]) -> tuple[int, ...]:
    """Numbers of frames along their normal, in the direction in which they are stored.

    A place is a frame's plane and its dimension index. By dimension index where two share a position
    (several phases) or any does not say where it is; as stored where there is none either.
    """
    along = _along_normal([plane for plane, _ in places])
    return along if along is not None else _by_dimensions([index for _, index in places])


def _by_dimensions(places: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """By Dimension Index Values (PS3.3 C.7.6.17), if every frame has its own."""
    as_stored = tuple(range(len(places)))
    if len({len(place) for place in places}) != 1 or not places[0] or len(set(places)) != len(places):
        return as_stored
    return tuple(sorted(as_stored, key=lambda number: places[number]))


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
