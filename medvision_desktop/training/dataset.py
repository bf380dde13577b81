"""Training images in memory: each decoded once through the shared preprocessing, kept as uint8."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused, MedVisionError
from medvision_desktop.modelkit.preprocess import display_gray, squared
from medvision_desktop.training.pictures import framed
from medvision_desktop.training.sources import Item
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

# As much of the memory may be filled with pictures.
_SHARE: Final = 0.8


@dataclass(frozen=True, eq=False)
class Images:
    """`pictures`: (n, size, size) uint8, stretched; `sha256`: of each file, in item order.

    `shapes`: (n, 2) rows and columns of the files. `unreadable` names items that were left out.
    """

    items: tuple[Item, ...]
    pictures: NDArray[np.uint8]
    sha256: tuple[str, ...]
    shapes: NDArray[np.int64]
    unreadable: tuple[str, ...] = ()


def load(
    items: Sequence[Item],
    size: int,
    stretch: tuple[float, float],
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Images:
    """Decode, preprocess and keep every item that can be read.

    Raises `InputRefused` if none can, and before anything is read if they cannot all be kept.
    """
    _check_room(len(items), size)
    pictures = np.empty((len(items), size, size), dtype=np.uint8)
    digests, shapes = [], []
    kept: list[Item] = []
    unreadable: list[str] = []
    for index, item in enumerate(items):
        if cancel is not None:
            cancel.check()
        try:
            frame, digest = framed(item)
        except (MedVisionError, OSError):
            unreadable.append(item.path.name)
            continue
        pictures[len(kept)] = np.rint(squared(display_gray(frame), size, stretch) * 255).astype(np.uint8)
        digests.append(digest)
        shapes.append((frame.rows, frame.columns))
        kept.append(item)
        if index % 100 == 0:
            progress(Progress(index, len(items), "Reading images"))
    if not kept:
        raise InputRefused("There are no training images.", "None of the files can be read.")
    sizes = np.array(shapes, dtype=np.int64)
    return Images(tuple(kept), pictures[: len(kept)], tuple(digests), sizes, tuple(unreadable))


def _check_room(images: int, size: int) -> None:
    """Refuse more pictures than this machine can hold: all of them, and once more those of a fold."""
    needed, there = 2 * images * size * size, _memory_bytes()
    if there and needed > _SHARE * there:
        least = f"{needed / 2**30:.0f} GB for {images} pictures of {size} pixels"
        raise InputRefused(
            "There are more images than fit in the memory of this machine.",
            f"They need {least}; it has {there / 2**30:.0f} GB.",
            "Take fewer with at_most, or a smaller size.",
        )


def _memory_bytes() -> int:
    """Physical memory; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0
