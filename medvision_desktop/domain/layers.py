"""What lies over an image and is not the image: shutters, overlay planes, drawn marks.

Positions are (row, column) of source pixels; whole numbers are pixel centres, counted from 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
_CURVE: Final = 64


@dataclass(frozen=True, eq=False)
class Shutter:
    """A display shutter (PS3.3 C.7.6.11, C.7.6.15): what lies outside of any of its shapes is covered.

    `rectangle`: first and last row, first and last column that stay visible. `circle`: row and
    column of the centre, and the radius in columns. `polygon`: at least three vertices. `bitmap`:
    HxW, True where covered. `level`: the grey shown instead, 0 (black) to 1. `automatic`: found by
    this program at the bright border of a radiograph, not said by the header.
    """

    rectangle: tuple[float, float, float, float] | None = None
    circle: tuple[float, float, float] | None = None
    polygon: tuple[Point, ...] = ()
    bitmap: NDArray[np.bool_] | None = None
    level: float = 0.0
    automatic: bool = False


@dataclass(frozen=True, eq=False)
class OverlayPlane:
    """A 60xx overlay plane: `bits` HxW, its first pixel at `row`, `column` of the image (may be < 0).

    `is_region`: a region of interest, otherwise graphics.
    """

    bits: NDArray[np.bool_]
    row: int = 0
    column: int = 0
    is_region: bool = False
    label: str = ""
    group: int = 0x6000


@dataclass(frozen=True)
class Annotation:
    """A drawn mark of a presentation state: a line through points, closed or not, and words at its place.

    Curves arrive as lines. `in_display`: points are shares (0..1) of the displayed area as it is turned,
    not pixels; `circle`: they are the middle and the edge of one, which is round only in pixels.
    """

    points: tuple[Point, ...]
    closed: bool = False
    words: tuple[str, ...] = ()
    in_display: bool = False
    circle: bool = False
    filled: bool = False


def circle_through(middle: Point, edge: Point) -> tuple[Point, ...]:
    """A circle about `middle` through `edge`, as a closed line."""
    radius = math.dist(middle, edge)
    turns = np.linspace(0, 2 * math.pi, _CURVE, endpoint=False)
    return tuple(
        (middle[0] + radius * math.sin(angle), middle[1] + radius * math.cos(angle)) for angle in turns
    )
