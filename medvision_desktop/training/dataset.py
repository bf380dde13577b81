"""Training images in memory: each decoded once through the shared preprocessing, kept as uint8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.modelkit.preprocess import display_gray, squared
from medvision_desktop.training.pictures import framed
from medvision_desktop.training.sources import Item
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress


@dataclass(frozen=True, eq=False)
class Images:
    """`pictures`: (n, size, size) uint8, stretched; `sha256`: of each file, in item order."""

    items: tuple[Item, ...]
    pictures: NDArray[np.uint8]
    sha256: tuple[str, ...]


def load(
    items: Sequence[Item],
    size: int,
    stretch: tuple[float, float],
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Images:
    """Decode, preprocess and keep every item."""
    pictures = np.empty((len(items), size, size), dtype=np.uint8)
    digests = []
    for index, item in enumerate(items):
        if cancel is not None:
            cancel.check()
        frame, digest = framed(item)
        pictures[index] = np.rint(squared(display_gray(frame), size, stretch) * 255).astype(np.uint8)
        digests.append(digest)
        if index % 100 == 0:
            progress(Progress(index, len(items), "Reading images"))
    return Images(tuple(items), pictures, tuple(digests))
