"""What pixels and places mean beyond modality values: real-world values, ultrasound regions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

CENTIMETRES: Final = "cm"


@dataclass(frozen=True, eq=False)
class RealValue:
    """Stored values as a quantity (PS3.3 C.7.6.16.2.11), such as SUVbw in g/ml.

    `first`, `last`: the stored values for which it holds, inclusive. `entries`: the quantity of each
    of them where it is a table, else it is stored * slope + intercept.
    """

    label: str
    units: str
    slope: float = 1.0
    intercept: float = 0.0
    first: float = -math.inf
    last: float = math.inf
    entries: NDArray[np.float64] | None = None

    def of(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """The quantity of stored values, same shape; not a number where it does not hold."""
        values = stored.astype(np.float64)
        held = (values >= self.first) & (values <= self.last)
        if self.entries is not None and self.entries.size:
            position = np.clip(np.nan_to_num(values - self.first), 0, self.entries.size - 1)
            return np.where(held, self.entries[position.astype(np.int64)], np.nan)
        return np.where(held, values * self.slope + self.intercept, np.nan)


@dataclass(frozen=True)
class UltrasoundRegion:
    """A part of an ultrasound image with axes of its own (PS3.3 C.8.5.5).

    `top`, `bottom`, `left`, `right`: first and last row and column, from 0. `down` and `right_step`:
    what one pixel is along the axes, in `unit_down` and `unit_right` ("cm", "s", "Hz", "cm/s" or "").
    `zero_row`, `zero_column`: the pixel at which the axes read `value_down` and `value_right`.
    """

    top: int
    bottom: int
    left: int
    right: int
    down: float
    right_step: float
    unit_down: str
    unit_right: str
    zero_row: float = 0.0
    zero_column: float = 0.0
    value_down: float | None = None
    value_right: float | None = None
    kind: str = ""

    @property
    def is_spatial(self) -> bool:
        """Whether both axes are lengths, so that distances and areas mean something."""
        return self.unit_down == self.unit_right == CENTIMETRES

    def holds(self, point: Point) -> bool:
        """Whether a point (row, column) lies in the region."""
        row, column = point
        return self.top <= row <= self.bottom and self.left <= column <= self.right

    def read(self, point: Point) -> tuple[str, ...]:
        """What the axes read at a point, down first; an axis without unit or origin says nothing."""
        down = _reading(self.value_down, point[0] - self.zero_row, self.down, self.unit_down)
        right = _reading(self.value_right, point[1] - self.zero_column, self.right_step, self.unit_right)
        return tuple(text for text in (down, right) if text)

    def apart(self, start: Point, end: Point) -> tuple[str, ...]:
        """How far two points lie apart along each axis, down first, with units."""
        steps = (
            (end[0] - start[0], self.down, self.unit_down),
            (end[1] - start[1], self.right_step, self.unit_right),
        )
        return tuple(f"{abs(pixels * step):.4g} {unit}" for pixels, step, unit in steps if unit)


def region_of(regions: tuple[UltrasoundRegion, ...], *points: Point) -> UltrasoundRegion | None:
    """The smallest region that holds all points; None where no single one does.

    Regions overlap where a trace lies over an image; the smaller one is the one on top.
    """
    holding = [region for region in regions if all(region.holds(point) for point in points)]
    return min(holding, key=_size, default=None)


def _size(region: UltrasoundRegion) -> int:
    return (region.bottom - region.top + 1) * (region.right - region.left + 1)


def _reading(value: float | None, pixels: float, step: float, unit: str) -> str:
    return f"{value + pixels * step:.4g} {unit}" if value is not None and unit else ""
