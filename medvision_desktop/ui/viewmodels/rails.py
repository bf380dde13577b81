"""What the slice rail says: which image of how many, and which of them are marked by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medvision_desktop.domain.frame_shelf import FrameShelf, faces_of
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.measurement import Place
from medvision_desktop.services.ai_places import ImagePlace
from medvision_desktop.ui.viewmodels.layer_rail import RailRun
from medvision_desktop.ui.viewmodels.pane_state import PaneState, PaneStatus, Shown


@dataclass(frozen=True)
class Rail:
    """Which image of how many, on which ones a model found something, and which are key images.

    `runs` are images that hold a label. `came`: first and last image of every run that has been read;
    None where all of them are here.
    """

    index: int
    count: int
    marks: tuple[int, ...] = ()
    keys: tuple[int, ...] = ()
    runs: tuple[RailRun, ...] = ()
    came: tuple[tuple[int, int], ...] | None = None


def rail_of(
    pane: PaneState,
    shown: Shown,
    found: frozenset[ImagePlace],
    keys: frozenset[Place],
    runs: tuple[RailRun, ...] = (),
) -> Rail | None:
    """The rail of a pane; None for a single image, and until it is known how many there are."""
    if shown.count < 2 or pane.status not in (PaneStatus.SHOWN, PaneStatus.PARTIAL):
        return None
    came = came_of(shown.loaded.stack.frames) if shown.planes is None else None
    here = [key for key in keys if (key.study_key, key.series_uid) == pane.series_key]
    if shown.plane is not None:
        marked = sorted(key.index for key in here if key.plane == shown.plane.value)
        return Rail(shown.index, shown.count, keys=tuple(marked), runs=runs, came=came)
    if not found and not here:
        return Rail(shown.index, shown.count, runs=runs, came=came)
    series = shown.loaded.series.uid
    images = {(key.sop_instance_uid, key.frame_number) for key in here if not key.plane}
    marks, marked = [], []
    for index, frame in faces_of(shown.loaded.stack.frames):
        name = (frame.sop_instance_uid, frame.frame_number)
        if (series, *name) in found:
            marks.append(index)
        if name in images:
            marked.append(index)
    return Rail(shown.index, shown.count, tuple(marks), tuple(marked), runs, came)


def came_of(frames: Sequence[Frame]) -> tuple[tuple[int, int], ...] | None:
    """First and last image of every run that has been read; None where all of them are here."""
    if not isinstance(frames, FrameShelf):
        return None
    here = np.frombuffer(frames.arrived(), np.uint8)
    edges = np.diff(np.concatenate(([0], here, [0])).astype(np.int8))
    first, behind = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple((int(a), int(b) - 1) for a, b in zip(first, behind, strict=True))
