"""What a network may be reading instead of the disease: the film's edges, its format, its brightness.

Plain numbers of a file that tell the classes apart are a warning, whatever the network does; how
much of its attention lies outside the lungs says what the network does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medvision_desktop.training import metrics

Box = tuple[float, float, float, float]  # top, left, bottom, right as shares of the picture

# Where the lungs of an upright frontal film usually are: the same box for every film, because where
# lungs are white, which is what is looked for, finding them by their darkness fails.
_LUNGS: Final[Box] = (0.12, 0.08, 0.80, 0.92)
INSIDE: Final[Mapping[str, Box]] = MappingProxyType({"lungs": _LUNGS})


def outside(grid: NDArray[np.float32], box: Box) -> float:
    """The share of a map's positive part (h, w) that lies outside a box; nan for an empty map."""
    side = 128
    drawn = cv2.resize(np.clip(grid, 0, None), (side, side), interpolation=cv2.INTER_LINEAR)
    total = float(drawn.sum())
    if total <= 0:
        return float("nan")
    top, left, bottom, right = (round(edge * side) for edge in box)
    return 1 - float(drawn[top:bottom, left:right].sum()) / total


def area(box: Box) -> float:
    """The share of the picture that lies inside a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def apart(values: Sequence[float], truth: NDArray[np.bool_]) -> float:
    """How well one plain number tells with from without: AUROC, whichever way round; 0.5 is not at all."""
    found = metrics.auroc(np.asarray(values, dtype=np.float64), truth)
    return max(found, 1 - found)
