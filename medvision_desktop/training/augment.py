"""Random changes of a training picture: the randomness is drawn apart from the arithmetic.

Everything follows from (seed, epoch, index), so a resumed run sees what the first one saw.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Augmentation:
    """Ranges. `gamma` and `contrast` are relative: 0.2 draws from 0.8 to 1.2."""

    degrees: float = 10.0
    zoom: float = 0.1
    shift: float = 0.04
    flip: bool = True
    gamma: float = 0.0
    contrast: float = 0.0


@dataclass(frozen=True)
class Change:
    """One drawn change."""

    degrees: float
    zoom: float
    shift_x: float
    shift_y: float
    flip: bool
    gamma: float
    contrast: float


def drawn(ranges: Augmentation, seed: int, epoch: int, index: int) -> Change:
    """The change of one picture in one epoch."""
    random = np.random.default_rng((seed, epoch, index))
    u = random.uniform(-1, 1, 6)
    return Change(
        degrees=float(u[0] * ranges.degrees),
        zoom=float(1 + u[1] * ranges.zoom),
        shift_x=float(u[2] * ranges.shift),
        shift_y=float(u[3] * ranges.shift),
        flip=bool(ranges.flip and random.random() < 0.5),
        gamma=float(1 + u[4] * ranges.gamma),
        contrast=float(1 + u[5] * ranges.contrast),
    )


def applied(picture: NDArray[np.float32], change: Change) -> NDArray[np.float32]:
    """The changed picture, HxW float32 in 0..1; the border repeats the edge."""
    height, width = picture.shape
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, change.degrees, change.zoom)
    matrix[:, 2] += (change.shift_x * width, change.shift_y * height)
    turned = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if change.flip:
        turned = turned[:, ::-1]
    changed = np.power(np.clip(turned, 0, 1), np.float32(change.gamma))
    return np.ascontiguousarray(
        np.clip((changed - 0.5) * np.float32(change.contrast) + 0.5, 0, 1), dtype=np.float32
    )
