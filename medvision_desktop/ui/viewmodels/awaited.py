"""An image that is asked for and not here: what stands in its place until it comes, or for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from medvision_desktop.domain.frame_shelf import FrameShelf, faces_of
from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused


@dataclass(frozen=True)
class Refusal:
    """Why a pane shows nothing: what happened, why, what to do now."""

    what: str
    why: str = ""
    now: str = ""


def found(frames: Sequence[Frame], index: int) -> tuple[Frame, bool, Refusal | None]:
    """A frame; whether it is still being read; why it cannot be. Never reads one itself."""
    if not isinstance(frames, FrameShelf):
        return frames[index], False, None
    outcome = frames.at(index)
    if isinstance(outcome, Frame):
        return outcome, False, None
    if isinstance(outcome, InputRefused):
        return stand_in(frames, index), False, Refusal(outcome.what, outcome.why, outcome.now)
    return stand_in(frames, index), True, None


def stand_in(frames: FrameShelf, index: int) -> Frame:
    """A frame of the size of its neighbours in which everything is padding: nothing can be read off it."""
    known = dict(faces_of(frames))
    if not known:
        return Frame(np.zeros((1, 1), np.uint8), padding=(0, 0), frame_number=index + 1)
    nearest = known[min(known, key=lambda at: abs(at - index))]
    return replace(
        nearest,
        stored=np.broadcast_to(np.zeros((), nearest.stored.dtype), nearest.stored.shape),
        padding=(0, 0),
        geometry=known[index].geometry if index in known else None,
        sop_instance_uid="",
        frame_number=index + 1,
        overlays=(),
        annotations=(),
        shutter=None,
        corner=MappingProxyType({}),
    )
