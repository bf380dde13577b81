"""The volumes of a series that has several at the same place, each a stack and a grid of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from medvision_desktop.domain import phases
from medvision_desktop.domain.image import Frame, Phase, Stack
from medvision_desktop.domain.phases import PhaseFrames
from medvision_desktop.domain.study import SeriesRef
from medvision_desktop.io import dicom_phase, volume
from medvision_desktop.work import CancelToken

_PARALLEL: Final = 0.9999
_SAME_PLACE_MM: Final = 0.01


def of_dicom(
    series: SeriesRef,
    frames: Sequence[Frame],
    value_range: tuple[float, float] | None,
    cancel: CancelToken,
) -> tuple[Phase, ...]:
    """The volumes of a DICOM series; () where no two frames share a place, or nothing tells them apart.

    Raises `InputRefused` when a file is gone, and `Cancelled`.
    """
    places = places_mm(frames)
    if places is None or not _has_shared(places):
        return ()
    facts = dicom_phase.facts_of_frames(series, frames, cancel)
    return built(frames, phases.split(places, facts), value_range)


def built(
    frames: Sequence[Frame], groups: Sequence[PhaseFrames], value_range: tuple[float, float] | None
) -> tuple[Phase, ...]:
    """Groups of frames as phases, with their volumes where their grids are regular."""
    found = []
    for group in groups:
        members = tuple(frames[number] for number in group.numbers)
        fault = volume.grid_fault(members) if len(members) > 1 else "One slice is no volume."
        grid = None if fault else volume.build_volume(members, value_range)
        found.append(Phase(group.label, Stack(members, value_range), grid, fault, group.time_ms))
    return tuple(found)


def places_mm(frames: Sequence[Frame]) -> list[float] | None:
    """Where frames lie along the normal that they share; None where they do not, or do not say so."""
    planes = [frame.geometry for frame in frames if frame.geometry is not None]
    if len(planes) != len(frames) or len(planes) < 2:
        return None
    normals = np.asarray([plane.normal_lps for plane in planes])
    if np.any(normals @ normals[0] < _PARALLEL):
        return None
    origins = np.asarray([plane.origin_lps_mm for plane in planes])
    return [float(place) for place in origins @ normals[0]]


def _has_shared(places: Sequence[float]) -> bool:
    return bool(np.any(np.diff(np.sort(np.asarray(places))) <= _SAME_PLACE_MM))
