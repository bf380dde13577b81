"""Quantities of a volume's values, such as SUVbw, where all its slices mean the same by them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from medvision_desktop.domain.image import Frame, Rescale
from medvision_desktop.domain.quantities import RealValue

# Slopes of slices that differ by less say the same with other digits.
_SAME: Final = 1e-5


@dataclass(frozen=True)
class _Line:
    """A quantity as slope and intercept of modality values, and between which of them it holds."""

    slope: float
    intercept: float
    low: float
    high: float


def real_of_volume(frames: Sequence[Frame], rescale: Rescale) -> tuple[RealValue, ...]:
    """Linear quantities that every frame has alike, of the stored values of a volume with this rescale."""
    kept = []
    for number, first in enumerate(frames[0].real):
        lines = [_line(frame, number, first) for frame in frames]
        begin, known = lines[0], [line for line in lines if line is not None]
        if begin is None or len(known) < len(lines) or not all(_alike(line, begin) for line in known):
            continue
        a, b = rescale.slope, rescale.intercept
        # It holds where it holds in every slice.
        low, high = max(line.low for line in known), min(line.high for line in known)
        kept.append(
            RealValue(
                first.label,
                first.units,
                begin.slope * a,
                begin.slope * b + begin.intercept,
                (low - b) / a,
                (high - b) / a,
            )
        )
    return tuple(kept)


def _line(frame: Frame, number: int, first: RealValue) -> _Line | None:
    """A frame's quantity in terms of its modality values; None where it is another one, or a table."""
    rescale = frame.modality
    if number >= len(frame.real) or not isinstance(rescale, Rescale) or rescale.slope == 0:
        return None
    real = frame.real[number]
    if real.entries is not None or (real.label, real.units) != (first.label, first.units):
        return None
    a, b = rescale.slope, rescale.intercept
    ends = sorted((real.first * a + b, real.last * a + b))
    return _Line(real.slope / a, real.intercept - real.slope * b / a, ends[0], ends[1])


def _alike(one: _Line, other: _Line) -> bool:
    scale = abs(other.slope) or 1.0
    same_slope = math.isclose(one.slope, other.slope, rel_tol=_SAME)
    return same_slope and math.isclose(one.intercept, other.intercept, rel_tol=_SAME, abs_tol=_SAME * scale)
