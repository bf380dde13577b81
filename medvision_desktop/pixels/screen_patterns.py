"""Test patterns for a display, computed for its own pixels: after SMPTE RP 133, AAPM TG18 and TG270.

Every pattern is HxW uint8 of exactly the size asked for, to be shown one image pixel to one screen pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.pixels.gsdf import MEASURED_LEVELS

Image = NDArray[np.uint8]

LEAST_SIDE: Final = 240
_MIDDLE: Final = 128


@dataclass(frozen=True)
class Pattern:
    """One page: its name, what to look for, how it is made; `raw` is driven without a correction."""

    id: str
    name: str
    look_for: str
    make: Callable[[int, int], Image]
    raw: bool = False


def smpte(height: int, width: int) -> Image:
    """Eleven steps of grey, 5 % in black and 95 % in white, line pairs, bars, a grid and an edge."""
    image, unit = _ground(height, width, _MIDDLE)
    _grid(image, unit, 180)
    cell = 1.5 * unit
    for number, (row, column) in enumerate(_RING):
        level = round(255 * number / (len(_RING) - 1))
        _box(image, _spot(image, row * cell, column * cell), 0.94 * cell, level)
    for column, ground, inner in ((-0.5, 0, 13), (0.5, 255, 242)):
        _box(image, _spot(image, -0.5 * cell, column * cell), 0.94 * cell, ground)
        _box(image, _spot(image, -0.5 * cell, column * cell), 0.42 * cell, inner)
    for row, column in ((-4.2, -4.2), (-4.2, 4.2), (4.2, -4.2), (4.2, 4.2), (0.75, -0.75), (0.75, 0.75)):
        _line_pairs(image, _spot(image, row * unit, column * unit), 0.9 * unit)
    _bars(image, unit, (-3.75, 3.75))
    _edge(image)
    return image


# Steps of grey from black, as (row, column) in cells around the middle, clockwise from the lower left.
_RING: Final = (
    *((1.5, -1.5), (0.5, -1.5), (-0.5, -1.5), (-1.5, -1.5), (-1.5, -0.5), (-1.5, 0.5)),
    *((-1.5, 1.5), (-0.5, 1.5), (0.5, 1.5), (1.5, 1.5), (1.5, 0.5)),
)


def quality(height: int, width: int) -> Image:
    """Eighteen patches with four faint corners each, ramps, line pairs, squares in black and white."""
    image, unit = _ground(height, width, _MIDDLE)
    _grid(image, unit, 160)
    size = 1.02 * unit
    places = [(row, column) for row in (-1.6, -0.55, 0.55, 1.6) for column in (-1.9, -0.9, 0.9, 1.9)]
    for number, (row, column) in enumerate([*places, (-2.7, -0.55), (-2.7, 0.55)]):
        level = MEASURED_LEVELS[number]
        _patch(image, _spot(image, row * unit * 1.05, column * unit * 1.1), 0.96 * size, level)
    for column, ground, inner in ((-2.2, 0, 13), (2.2, 255, 242)):
        _box(image, _spot(image, -2.7 * unit, column * unit), size, ground)
        _box(image, _spot(image, -2.7 * unit, column * unit), 0.45 * size, inner)
    for row, column in ((0, 0), (-4.3, -4.3), (-4.3, 4.3), (4.3, -4.3), (4.3, 4.3)):
        _line_pairs(image, _spot(image, row * unit, column * unit), 0.8 * unit)
    middle = width // 2
    reach = round(4.0 * unit)
    ramp = np.linspace(0, 255, max(2, 2 * reach)).round().astype(np.uint8)
    for place in (-3.6, 3.6):
        top = round(height / 2 + place * unit)
        image[
            max(0, top - round(0.22 * unit)) : top + round(0.22 * unit), middle - reach : middle + reach
        ] = ramp[: image[0, middle - reach : middle + reach].size]
    _bars(image, unit, (-4.35, 2.75))
    _edge(image)
    return image


def contrast(height: int, width: int) -> Image:
    """Eighteen patches from black to white, each with eight faint steps of 1 to 8 levels inside."""
    image, _ = _ground(height, width, 0)
    rows, columns = 3, 6
    for number, level in enumerate(MEASURED_LEVELS):
        row, column = divmod(number, columns)
        top, bottom = height * row // rows, height * (row + 1) // rows
        left, right = width * column // columns, width * (column + 1) // columns
        image[top:bottom, left:right] = level
        _faint(image[top:bottom, left:right], level)
    return image


def flat(level: int, height: int, width: int) -> Image:
    """A patch of a tenth of the area at a driving level on a fifth of full drive (TG18-LN, for a meter)."""
    image, _ = _ground(height, width, round(0.2 * 255))
    side = round(float(np.sqrt(0.1 * height * width)))
    _box(image, (height / 2, width / 2), min(side, height, width), level)
    return image


def ramp(height: int, width: int) -> Image:
    """A ramp from black to white; the lower half in 256 steps from the other side."""
    image, _ = _ground(height, width, 0)
    image[:] = np.linspace(0, 255, width).round().astype(np.uint8)
    image[height // 2 :] = image[height // 2 :, ::-1]
    return image


def uniform(height: int, width: int) -> Image:
    """One grey over the whole screen, for seeing stains and dead pixels."""
    return _ground(height, width, 204)[0]


def resolution(height: int, width: int) -> Image:
    """Upright and level line pairs of one and two pixels, in full and in low contrast."""
    image, _ = _ground(height, width, _MIDDLE)
    rows, columns = np.mgrid[0:height, 0:width]
    high = height // 2
    for number, (low_level, high_level, pixels) in enumerate(
        ((0, 255, 1), (0, 255, 2), (122, 134, 1), (122, 134, 2))
    ):
        left, right = width * number // 4, width * (number + 1) // 4
        upright = (columns[:high, left:right] // pixels) % 2
        level = (rows[high:, left:right] // pixels) % 2
        image[:high, left:right] = np.where(upright, high_level, low_level)
        image[high:, left:right] = np.where(level, high_level, low_level)
    return image


PATTERNS: Final[tuple[Pattern, ...]] = (
    Pattern(
        "smpte",
        "Steps of grey (after SMPTE RP 133)",
        "Both small squares are seen: 5 % in black, 95 % in white.",
        smpte,
    ),
    Pattern(
        "quality",
        "Quality control (after TG18-QC)",
        "All patches and their faint corners are seen; lines are sharp.",
        quality,
    ),
    Pattern(
        "contrast", "Low contrast", "In every patch the faintest steps are seen equally well.", contrast
    ),
    Pattern("ramp", "Ramp", "It rises without bands.", ramp),
    Pattern("resolution", "Line pairs", "Single lines are told apart in every field.", resolution),
    Pattern("uniform", "Uniformity", "No stain, no dead pixel.", uniform),
    *(
        Pattern(
            f"level_{level}",
            f"Luminance at level {level} ({number} of {len(MEASURED_LEVELS)})",
            "Hold the meter to the middle and note cd/m2.",
            partial(flat, level),
            raw=True,
        )
        for number, level in enumerate(MEASURED_LEVELS, start=1)
    ),
)


def _ground(height: int, width: int, level: int) -> tuple[Image, float]:
    """A ground of one level, and a tenth of the shorter side. Raises `ValueError` for a small screen."""
    if min(height, width) < LEAST_SIDE:
        raise ValueError(f"a pattern needs {LEAST_SIDE} pixels on its shorter side")
    return np.full((height, width), level, np.uint8), min(height, width) / 10


def _spot(image: Image, down: float, right: float) -> tuple[float, float]:
    return image.shape[0] / 2 + down, image.shape[1] / 2 + right


def _box(image: Image, middle: tuple[float, float], side: float, level: int) -> None:
    part = _window(image, middle, side)
    part[...] = level


def _window(image: Image, middle: tuple[float, float], side: float) -> Image:
    top, left = (max(0, round(place - side / 2)) for place in middle)
    bottom, right = (round(place + side / 2) for place in middle)
    return image[top:bottom, left:right]


def _patch(image: Image, middle: tuple[float, float], side: float, level: int) -> None:
    """A patch with a small square 4 levels brighter or darker in each corner."""
    part = _window(image, middle, side)
    part[...] = level
    corner = max(4, round(side / 6))
    brighter, darker = (level + 4 if level < 252 else level - 4), (level - 4 if level >= 4 else level + 4)
    for rows in (slice(2, 2 + corner), slice(-2 - corner, -2)):
        part[rows, 2 : 2 + corner] = brighter
        part[rows, -2 - corner : -2] = darker


def _faint(part: Image, level: int) -> None:
    """Eight bars that differ by 1 to 8 levels from the patch around them."""
    height, width = part.shape
    way = 1 if level < _MIDDLE else -1
    for step in range(1, 9):
        left = round(width * (0.1 + 0.1 * (step - 1)))
        right = round(width * (0.1 + 0.1 * (step - 1) + 0.06))
        part[round(height * 0.3) : round(height * 0.7), left:right] = level + way * step


def _line_pairs(image: Image, middle: tuple[float, float], side: float) -> None:
    """Four fields of line pairs, of one and two pixels, upright and level."""
    part = _window(image, middle, side)
    rows, columns = np.mgrid[0 : part.shape[0], 0 : part.shape[1]]
    upper, left = rows < part.shape[0] // 2, columns < part.shape[1] // 2
    pixels = np.where(upper, 1, 2)
    along = np.where(left, columns, rows)
    part[...] = np.where((along // pixels) % 2, 255, 0)


def _bars(image: Image, unit: float, places: tuple[float, float]) -> None:
    """A black bar in white and a white bar in black: what smears along a line is seen beside them."""
    height, width = image.shape
    tall, long = round(0.22 * unit), round(3.2 * unit)
    left = width // 2 - long // 2
    for place, ground, inner in zip(places, (0, 255), (255, 0), strict=True):
        top = round(height / 2 + place * unit)
        image[max(0, top - tall) : top + tall, left : left + long] = ground
        image[max(0, top - tall // 3) : top + tall // 3, left + long // 4 : left + 3 * long // 4] = inner


def _grid(image: Image, unit: float, level: int) -> None:
    """A grid of a unit's pitch through the middle, lines of one pixel."""
    pitch = max(8, round(unit))
    image[image.shape[0] // 2 % pitch :: pitch] = level
    image[:, image.shape[1] // 2 % pitch :: pitch] = level


def _edge(image: Image) -> None:
    """A white line on the outermost pixels: what the screen cuts off is missing."""
    image[[0, -1], :] = 255
    image[:, [0, -1]] = 255
