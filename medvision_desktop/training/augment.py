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
    """Ranges. `gamma` and `contrast` are relative: 0.2 draws from 0.8 to 1.2.

    `blanks` is the share of pictures that get one to three flat white or black rectangles near an
    edge, as where a name was painted over: where one class has them, no class may be told by them.
    """

    degrees: float = 10.0
    zoom: float = 0.1
    shift: float = 0.04
    flip: bool = True
    gamma: float = 0.0
    contrast: float = 0.0
    blanks: float = 0.0


@dataclass(frozen=True)
class Blank:
    """A flat rectangle: its edges as shares of the side, and its level 0 or 1."""

    top: float
    left: float
    bottom: float
    right: float
    level: float


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
    blanks: tuple[Blank, ...] = ()


def drawn(ranges: Augmentation, seed: int, epoch: int, index: int) -> Change:
    """The change of one picture in one epoch."""
    random = np.random.default_rng((seed, epoch, index))
    u = random.uniform(-1, 1, 6)
    flip = bool(ranges.flip and random.random() < 0.5)
    return Change(
        degrees=float(u[0] * ranges.degrees),
        zoom=float(1 + u[1] * ranges.zoom),
        shift_x=float(u[2] * ranges.shift),
        shift_y=float(u[3] * ranges.shift),
        flip=flip,
        gamma=float(1 + u[4] * ranges.gamma),
        contrast=float(1 + u[5] * ranges.contrast),
        blanks=_blanks(random) if ranges.blanks and random.random() < ranges.blanks else (),
    )


def _blanks(random: np.random.Generator) -> tuple[Blank, ...]:
    found = []
    for _ in range(int(random.integers(1, 4))):
        height, width = random.uniform(0.04, 0.14), random.uniform(0.08, 0.6)
        # Most lie along the lower edge, where names are usually printed.
        place = random.random()
        top = 1 - height - random.uniform(0, 0.08) if place < 0.7 else random.uniform(0, 0.08)
        left = random.uniform(0, 1 - width)
        level = 1.0 if random.random() < 0.7 else 0.0
        found.append(Blank(float(top), float(left), float(top + height), float(left + width), level))
    return tuple(found)


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
    found = np.ascontiguousarray(
        np.clip((changed - 0.5) * np.float32(change.contrast) + 0.5, 0, 1), dtype=np.float32
    )
    for blank in change.blanks:
        rows = slice(round(blank.top * height), round(blank.bottom * height))
        found[rows, round(blank.left * width) : round(blank.right * width)] = blank.level
    return found
