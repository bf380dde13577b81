"""From a frame to what a network eats: one function, used by training and inference alike.

Stored values go through the display pipeline with the default window, so that photometric
interpretation, bit depth and header windows are dealt with once; then the picture is resized to
the network's side, stretched between two of its own percentiles (which makes any linear window
give the same input) and shifted to the data set's mean and deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame

VERSION: Final = "1"


@dataclass(frozen=True)
class Preprocessing:
    """The numbers of a manifest's [preprocessing] table.

    `size`: side of the network's square input in pixels; the whole frame is resized to it.
    `stretch`: lower and upper percentile of the resized picture that become 0 and 1.
    `mean`, `std`: of the training images after stretching. `channels`: copies of the gray plane.
    """

    size: int
    stretch: tuple[float, float] = (0.5, 99.5)
    mean: float = 0.0
    std: float = 1.0
    channels: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be computed."""
        low, high = self.stretch
        if not 16 <= self.size <= 2048 or not 0 <= low < high <= 100:
            raise ValueError("preprocessing: size must be 16..2048 and percentiles ascending")
        if not self.std > 0 or self.channels not in (1, 3):
            raise ValueError("preprocessing: std must be positive and channels 1 or 3")


def display_gray(frame: Frame) -> NDArray[np.float32]:
    """HxW float32 in 0..1: the frame as shown by default, bright is dense, colours to luma."""
    from medvision_desktop.domain.display import DisplayState
    from medvision_desktop.pixels import pipeline

    plan = pipeline.without_layers(pipeline.resolve(DisplayState(), frame))
    if not frame.is_colour and pipeline.has_table(frame.stored):
        table = pipeline.display_values(plan, pipeline.table_values(frame.stored.dtype))
        return np.take(table.astype(np.float32), pipeline.as_table_index(frame.stored))
    shown = pipeline.render_float(plan)
    if shown.ndim == 3:  # ITU-R BT.601 luma
        shown = shown @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.ascontiguousarray(shown, dtype=np.float32)


def squared(gray: NDArray[np.float32], size: int, stretch: tuple[float, float]) -> NDArray[np.float32]:
    """Resize to size x size (area average, antialiased) and stretch percentiles to 0..1, clipped."""
    small = cv2.resize(gray, (size, size), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, stretch)
    if high - low < 1e-6:
        return np.zeros((size, size), dtype=np.float32)
    scaled: NDArray[np.float32] = np.clip((small - low) / (high - low), 0, 1).astype(np.float32)
    return scaled


def normalised(square: NDArray[np.float32], spec: Preprocessing) -> NDArray[np.float32]:
    """(channels, size, size) float32 from a stretched picture: the last step, after augmentation."""
    plane = (square - np.float32(spec.mean)) / np.float32(spec.std)
    return np.repeat(plane[np.newaxis].astype(np.float32), spec.channels, axis=0)


def network_input(frame: Frame, spec: Preprocessing) -> NDArray[np.float32]:
    """(channels, size, size) float32: everything above in order."""
    return normalised(squared(display_gray(frame), spec.size, spec.stretch), spec)
