"""The bright border outside of the collimator, found so that it can be covered.

What the beam did not reach is white and dazzles in a dark room. A side is covered only if it is
certain: from the image's edge inward every line is unexposed first, then at most scatter that
falls off evenly along its whole length, and ends at the steep edge of a collimator. A line in which
there is anything else, such as anatomy or a marker in the field, ends the walk.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.domain.layers import Shutter
from medvision_desktop.pixels import presentation

# Brightness is counted from 0 (darkest of the image) to 1 (brightest).
UNEXPOSED: Final = 0.98
SCATTER: Final = 0.6
# How much brightness may differ along one line outside of the field (2nd to 98th percentile).
EVEN: Final = 0.15
# The strip without any exposure, as a share of the image's side; and what must stay visible.
STRIP: Final = 0.02
FIELD: Final = 0.25
# A collimator's edge: this fall of brightness within this share of the side.
FALL: Final = 0.2
EDGE: Final = 0.03
# Scatter reaches this share of the side at most, and never falls faster than this within that share.
REACH: Final = 0.1
STEEP: Final = 0.06
NEAR: Final = 0.005
_SMALLEST: Final = 256
_LINES: Final = 512


def border_of(frame: Frame) -> Shutter | None:
    """A rectangular shutter over the unexposed border of a radiograph; None where none is certain.

    Collimators that are turned against the image are left alone.
    """
    if frame.is_colour or min(frame.rows, frame.columns) < _SMALLEST or frame.stored.dtype.kind not in "iu":
        return None
    step = max(1, -(-max(frame.rows, frame.columns) // _LINES))
    down = _brightness(frame, frame.stored[::step])
    if down is None:
        return None
    left, right = _sides(down)
    # Rows are judged within the columns that stay, else the covered sides would be judged again.
    across = _brightness(frame, frame.stored[:, left : right + 1 : step])
    if across is None:
        return None
    top, bottom = _sides(across.T)
    if (top, bottom, left, right) == (0, frame.rows - 1, 0, frame.columns - 1):
        return None
    if right - left + 1 < FIELD * frame.columns or bottom - top + 1 < FIELD * frame.rows:
        return None
    return Shutter(rectangle=(float(top), float(bottom), float(left), float(right)), automatic=True)


def _brightness(frame: Frame, stored: NDArray[np.generic]) -> NDArray[np.float32] | None:
    values = stored.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return None
    scaled = (values - np.float32(low)) / np.float32(high - low)
    white = presentation.shows_low_as_white(frame) and frame.photometric is not Photometric.RGB
    return np.asarray(1 - scaled if white else scaled, np.float32)


def _sides(bright: NDArray[np.float32]) -> tuple[int, int]:
    """First and last column that stay visible."""
    low, middle, high = np.percentile(bright, (2, 50, 98), axis=0)
    count = bright.shape[1]
    first = _inward(low, middle, high)
    last = count - 1 - _inward(low[::-1], middle[::-1], high[::-1])
    return first, last


def _inward(low: NDArray[np.float64], middle: NDArray[np.float64], high: NDArray[np.float64]) -> int:
    """How many lines from the edge are certainly outside of the field; 0 unless an edge ends them."""
    count = len(low)
    unexposed = _run(low >= UNEXPOSED)
    if unexposed < STRIP * count or unexposed == count:
        return 0
    near = max(1, round(NEAR * count))
    gentle = np.append(middle[:-near] - middle[near:] < STEEP, np.zeros(near, np.bool_))
    outside = max(unexposed, _run((low >= SCATTER) & (high - low <= EVEN) & gentle))
    after = middle[outside : outside + max(2, round(EDGE * count))]
    if outside > unexposed + REACH * count or not after.size:
        return 0
    before, least = float(middle[outside - 1]), float(after.min())
    if before - least < FALL:
        return 0
    # The edge is blurred and may lean: up to where the darkest of a line has half of the fall.
    return outside + _run(low[outside : outside + after.size] > (before + least) / 2)


def _run(kept: NDArray[np.bool_]) -> int:
    """Length of the run of True at the beginning."""
    return len(kept) if kept.all() else int(np.argmin(kept))
