"""The Grayscale Standard Display Function (PS3.14): what a measured display is to be driven with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVELS: Final = 256
# The digital driving levels of TG18-LN: 18 of them, from black to white.
MEASURED_LEVELS: Final = tuple(range(0, 256, 15))
FIRST_JND: Final = 1.0
LAST_JND: Final = 1023.0
# PS3.14 equation 7-1: log10 of luminance (cd/m2), a rational function of the natural log of the index.
_NUMERATOR: Final = (-1.3011877, 8.0242636e-2, 1.3646699e-1, -2.5468404e-2, 1.3635334e-3)
_DENOMINATOR: Final = (
    *(1.0, -2.5840191e-2, -1.0320229e-1, 2.8745620e-2),
    *(-3.1978977e-3, 1.2992634e-4),
)
# PS3.14 equation 7-2: JND index as a polynomial of log10 of luminance.
_INVERSE: Final = (
    *(71.498068, 94.593053, 41.912053, 9.8247004, 0.28175407),
    *(-1.1878455, -0.18014349, 0.14710899, -0.017046845),
)


@dataclass(frozen=True)
class Characteristic:
    """What a display was measured to give: cd/m2 (with ambient light) at digital driving levels 0..255.

    Both rise strictly; the first level is 0 and the last 255. Raises `ValueError` in words for a reader.
    """

    levels: tuple[int, ...]
    luminance: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that a curve goes through the points."""
        if len(self.levels) != len(self.luminance) or not 2 <= len(self.levels) <= LEVELS:
            raise ValueError("There is one luminance for each level, and at least two levels.")
        if self.levels[0] != 0 or self.levels[-1] != LEVELS - 1:
            raise ValueError("The first level is 0 and the last is 255.")
        if any(low >= high for low, high in zip(self.levels, self.levels[1:], strict=False)):
            raise ValueError("Each level is higher than the one before.")
        if not all(np.isfinite(value) for value in self.luminance):
            raise ValueError("A luminance is a number.")
        if any(low >= high for low, high in zip(self.luminance, self.luminance[1:], strict=False)):
            raise ValueError("Each luminance is higher than the one before; measure those again.")
        low, high = luminance(FIRST_JND), luminance(LAST_JND)
        if not low <= self.luminance[0] < self.luminance[-1] <= high:
            raise ValueError(f"Luminances lie between {float(low):.2f} and {float(high):.0f} cd/m2.")

    @property
    def ratio(self) -> float:
        """Luminance ratio: white over black."""
        return self.luminance[-1] / self.luminance[0]

    def at_levels(self) -> NDArray[np.float64]:
        """cd/m2 at each of the 256 levels: a monotone cubic through the measured points."""
        from scipy.interpolate import PchipInterpolator

        curve = PchipInterpolator(self.levels, np.log10(self.luminance))
        return np.asarray(10.0 ** curve(np.arange(LEVELS)), np.float64)


def luminance(jnd: ArrayLike) -> NDArray[np.float64]:
    """cd/m2 of JND indices 1..1023 (PS3.14 equation 7-1)."""
    log = np.log(np.asarray(jnd, np.float64))
    top = np.polynomial.polynomial.polyval(log, _NUMERATOR)
    bottom = np.polynomial.polynomial.polyval(log, _DENOMINATOR)
    return np.asarray(10.0 ** (top / bottom), np.float64)


def jnd_index(cd_per_m2: ArrayLike) -> NDArray[np.float64]:
    """JND indices of luminances from 0.05 to 3994 cd/m2 (PS3.14 equation 7-2)."""
    log = np.log10(np.asarray(cd_per_m2, np.float64))
    return np.asarray(np.polynomial.polynomial.polyval(log, _INVERSE), np.float64)


def wanted(measured: Characteristic) -> NDArray[np.float64]:
    """cd/m2 that each of 256 P-Values is to have on this display: equal steps of the JND index."""
    ends = jnd_index([measured.luminance[0], measured.luminance[-1]])
    return luminance(np.linspace(ends[0], ends[1], LEVELS))


def correction(measured: Characteristic) -> NDArray[np.uint8]:
    """The driving level, 256 uint8, for each P-Value: the one whose luminance is nearest in JNDs."""
    reached = jnd_index(measured.at_levels())
    asked = jnd_index(wanted(measured))
    above = np.clip(np.searchsorted(reached, asked), 1, LEVELS - 1)
    nearer_below = asked - reached[above - 1] < reached[above] - asked
    return np.asarray(np.where(nearer_below, above - 1, above), np.uint8)


def worst_step(measured: Characteristic, table: Sequence[int] | NDArray[np.uint8]) -> float:
    """How far the driven display is from the standard at worst: relative error of the contrast of a step.

    AAPM TG18 4.3.3.2: dL/L a JND over 17 intervals compared with that of the GSDF; 0.1 is its limit for
    primary displays.
    """
    at = np.linspace(0, LEVELS - 1, len(MEASURED_LEVELS)).round().astype(int)
    given, due = measured.at_levels()[np.asarray(table)][at], wanted(measured)[at]
    found, right = (2 * np.diff(curve) / (curve[1:] + curve[:-1]) for curve in (given, due))
    return float(np.max(np.abs(found - right) / right))
