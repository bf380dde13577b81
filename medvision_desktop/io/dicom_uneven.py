"""Slices of a layer that are not evenly spaced, put on a fine grid on which each keeps its place.

A layer holds labels or values of its own slices and of nothing between them, so nothing is interpolated:
a slice of the grid is a copy of the nearest slice of the file, as far as that one is thick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

UNEVEN: Final = "Uneven slices"
# Grid slices in the smallest gap: the one nearest to any slice of the file is then a copy of it.
_FINE: Final = 4


@dataclass(frozen=True, eq=False)
class FineSlices:
    """A fine grid along the normal: where its first slice lies, its step, and which slice each copies.

    `source`: number of the file's slice by slice of the grid, in the order of positions; -1 for none.
    """

    first_mm: float
    step_mm: float
    source: NDArray[np.intp]

    def spread(self, values: NDArray[Any], empty: float) -> NDArray[Any]:
        """Values (slices of the file, rows, columns) on the grid; `empty` between slices."""
        found = np.full((len(self.source), *values.shape[1:]), empty, values.dtype)
        held = self.source >= 0
        found[held] = values[self.source[held]]
        return found


def fine_slices(places_mm: NDArray[np.float64], thickness_mm: float | None, most: int) -> FineSlices | None:
    """The grid for slices at rising places; None where it would need more than `most` slices.

    Each slice reaches as far as it is thick, at most to the middle between two; without a thickness as
    far as half the smallest gap, because slices that hold nothing may have been left out of the file.
    """
    gaps = np.diff(places_mm)
    smallest = float(gaps.min())
    thick = thickness_mm if thickness_mm and thickness_mm > 0 else smallest
    step = min(smallest, thick) / _FINE
    around = thick / 2
    count = int(np.ceil((places_mm[-1] - places_mm[0] + 2 * around) / step))
    if count > most:
        return None
    first = float(places_mm[0]) - around + step / 2
    centres = first + step * np.arange(count)
    after = np.clip(np.searchsorted(places_mm, centres), 1, len(places_mm) - 1)
    nearer = np.abs(centres - places_mm[after - 1]) <= np.abs(centres - places_mm[after])
    source = np.where(nearer, after - 1, after)
    reached = np.abs(centres - places_mm[source]) <= around + step / 2 * 1e-6
    return FineSlices(first, step, np.where(reached, source, -1).astype(np.intp))
