"""Letters with a dark edge, from how much of each pixel they cover: readable on any image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.labelmap import RgbColour


def edged(
    ink: NDArray[np.uint8], colour: RgbColour, rings: Sequence[tuple[float, float]]
) -> NDArray[np.uint32]:
    """Letters in a colour over black edges: premultiplied 0xAARRGGBB, HxW as `ink`.

    `ink`: how much of each pixel the letters cover, 0 to 255. `rings`: how far an edge reaches, in pixels,
    and its opacity.
    """
    cover = ink.astype(np.float32) / np.float32(255)
    clear = 1 - cover
    for reach, opacity in rings:
        clear *= 1 - np.float32(opacity / 255) * _widened(ink, reach)
    found: NDArray[np.uint32] = np.rint(255 - 255 * clear).astype(np.uint32)
    for level in colour:
        found = found << 8 | np.rint(cover * np.float32(level)).astype(np.uint32)
    return found


def _widened(ink: NDArray[np.uint8], reach: float) -> NDArray[np.float32]:
    """The ink with everything within reach of it; a reach between two whole pixels is mixed of both."""
    import cv2

    whole = math.floor(reach)
    wide = cv2.dilate(ink, _disc(whole)).astype(np.float32)
    if reach > whole:
        wide += np.float32(reach - whole) * (cv2.dilate(ink, _disc(whole + 1)) - wide)
    return np.asarray(wide, np.float32)


@cache
def _disc(radius: int) -> NDArray[np.uint8]:
    away = np.arange(-radius, radius + 1) ** 2
    # A little more than the radius, so that small ones are round.
    return (away[:, None] + away[None, :] <= (radius + 0.3) ** 2).astype(np.uint8)
