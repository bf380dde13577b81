"""Training images in memory: each decoded once through the shared preprocessing, kept as uint8."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.preprocess import display_gray, squared
from medvision_desktop.training.sources import Item
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress


@dataclass(frozen=True, eq=False)
class Images:
    """`pictures`: (n, size, size) uint8, stretched; `sha256`: of each file, in item order."""

    items: tuple[Item, ...]
    pictures: NDArray[np.uint8]
    sha256: tuple[str, ...]

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) label indices."""
        return np.array([item.label for item in self.items], dtype=np.int64)


def raster_frame(path: Path) -> tuple[Frame, str]:
    """A gray picture file as a frame, and the SHA-256 of the file. Raises `InputRefused`."""
    content = path.read_bytes()
    gray = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise InputRefused("A training image cannot be read.", f"{path.name} is not a picture.")
    frame = Frame(np.asarray(gray, dtype=np.uint8), bits_stored=8)
    return frame, hashlib.sha256(content).hexdigest()


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
        frame, digest = raster_frame(item.path)
        pictures[index] = np.rint(squared(display_gray(frame), size, stretch) * 255).astype(np.uint8)
        digests.append(digest)
        if index % 100 == 0:
            progress(Progress(index, len(items), "Reading images"))
    return Images(tuple(items), pictures, tuple(digests))
