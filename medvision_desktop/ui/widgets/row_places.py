"""Where the rows of the worklist stand: arithmetic instead of a layout, whatever the number of studies.

At most one study is expanded, so every place follows from the row's number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from medvision_desktop.ui.theme.tokens import M

SERIES_STEP: Final = M.series_row + 4
EXPANDED_FOOT: Final = 5  # below the last series of an expanded study
RAIL_ROW: Final = 56
RAIL_STEP: Final = 44  # a series on the rail: a smaller picture


@dataclass(frozen=True)
class RowPlaces:
    """`count` rows, of which the `series` rows after row `expanded` are series; -1 when none is."""

    count: int
    expanded: int = -1
    series: int = 0
    rail: bool = False

    @property
    def total(self) -> int:
        """Height of all rows in pixels."""
        return self.top(self.count)

    def top(self, row: int) -> int:
        """Upper edge of a row; of the row after the last one, the lower edge of all."""
        inside = min(max(0, row - self.expanded - 1), self.series) if self.expanded >= 0 else 0
        below = EXPANDED_FOOT if self.series and inside == self.series and self.expanded >= 0 else 0
        study, step = (RAIL_ROW, RAIL_STEP) if self.rail else (M.study_row, SERIES_STEP)
        return (row - inside) * study + inside * step + below

    def height(self, row: int) -> int:
        """Height of a row in pixels."""
        return self.top(row + 1) - self.top(row)

    def at(self, y: int) -> int:
        """The row that holds this line of pixels, -1 when none does."""
        if y < 0 or y >= self.total:
            return -1
        low, high = 0, self.count - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.top(middle) <= y:
                low = middle
            else:
                high = middle - 1
        return low
