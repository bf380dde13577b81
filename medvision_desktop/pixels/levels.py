"""A frame as levels of at most 16 bits, and the table that says what stands for each of them.

Values of more than 16 bits and floats are reduced to 16 bits for drawing on a screen and only for
that: `pipeline.render` works on the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import RenderPlan, Voi
from medvision_desktop.domain.image import Frame, ModalityLut
from medvision_desktop.pixels import modality, pipeline, presentation, voi

# Levels 1 to 65535; 0 is kept for what is not a number.
_LEVELS: Final = 65534
# A window must span at least this many of the 65536 steps, or the range is drawn closer around it.
_STEPS_IN_WINDOW: Final = 1024
_REACH: Final = 16.0
LEVELS_THEMSELVES: Final = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Levels:
    """A frame as it is resampled, and what its levels mean.

    `values`: modality values (float64) of the levels from `lowest` up, None for colour. What
    interpolation makes beyond them takes the end's value.
    """

    frame: Frame
    image: NDArray[Any]
    values: NDArray[np.float64] | None
    lowest: int = 0
    is_reduced: bool = False  # to 16 bits
    is_whole: bool = True  # whether the levels reach over all the frame has
    of: RenderPlan | None = None  # for grey with colours in it, whose picture holds for one plan alone


def levels_of(plan: RenderPlan) -> Levels:
    """The plan's frame as drawing takes it; its plan's window says how finely what is wider is reduced."""
    frame, stored = plan.frame, plan.frame.stored
    if frame.is_colour:
        return Levels(frame, pipeline.render_colour(frame), None)
    if not pipeline.has_table(stored):
        return _quantised(plan)
    if stored.dtype.kind == "i" and stored.dtype.itemsize == 1:
        stored = stored.astype(np.int16)  # cv2 resamples no signed bytes
    if not stored.dtype.isnative:
        stored = stored.astype(stored.dtype.newbyteorder("="))
    low, high = int(stored.min()), int(stored.max())
    values = modality.apply(frame.modality, np.arange(low, high + 1, dtype=np.int32))
    return Levels(frame, stored, values, low)


def screen_tones(driving: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Every grey level as a pixel of a screen."""
    return np.asarray(driving.astype(np.uint32) * 0x010101 | 0xFF000000, np.uint32)


TONES: Final = screen_tones(LEVELS_THEMSELVES)


class LevelTable:
    """The table of the plan asked for last; it is filled again for another one. Not thread-safe."""

    def __init__(self) -> None:
        self._of: tuple[RenderPlan, Levels, NDArray[Any]] | None = None
        self._room = self._in_order = np.empty(0, np.uint8)
        self._ends: tuple[object, ...] = ()

    def of(self, plan: RenderPlan, source: Levels, tones: NDArray[Any] = LEVELS_THEMSELVES) -> NDArray[Any]:
        """What of `tones` (256, any dtype) stands for every unsigned reading of the source's bytes.

        Fresh memory would take longer than filling it. Raises `ValueError` for colour.
        """
        wanted = (plan, source, tones)
        if self._of is None or any(old is not new for old, new in zip(self._of, wanted, strict=True)):
            self._of = None
            self._fill(plan, source, tones)
            self._of = wanted
        return self._room

    def clear(self) -> None:
        """Let go of the frame."""
        self._of = None

    def _fill(self, plan: RenderPlan, source: Levels, tones: NDArray[Any]) -> None:
        if source.values is None:
            raise ValueError("Colour has no levels.")
        grey = presentation.quantise(pipeline.display_of_modality(plan, source.values))
        if source.is_reduced:
            grey[np.isnan(source.values)] = 0
        half = 1 << (8 * source.image.dtype.itemsize - 1)
        zero = half if source.image.dtype.kind == "i" else 0
        if self._in_order.dtype != tones.dtype or len(self._in_order) != 2 * half:
            self._in_order, self._ends = np.empty(2 * half, tones.dtype), ()
        first, count = zero + source.lowest, len(grey)
        in_order = self._in_order
        ends = (first, count, tones[grey[0]], tones[grey[-1]])
        if ends != self._ends:  # far more than what lies between them, and mostly black and white
            self._ends = ends
            in_order[:first] = ends[2]
            in_order[first + count :] = ends[3]
        np.take(tones, grey, out=in_order[first : first + count], mode="clip")
        self._room = np.roll(in_order, -zero) if zero else in_order


def serves(source: Levels, wanted: Voi | None) -> bool:
    """Whether a frame reduced to 16 bits is still fine enough for this window."""
    if not source.is_reduced or source.values is None or wanted is None:
        return True
    low, high = sorted((float(source.values[1]), float(source.values[-1])))
    window_low, window_high = voi.window_span(wanted)
    if source.is_whole:
        return _fine_enough(high - low, window_high - window_low)
    inside = window_low >= low and window_high <= high
    return inside and _fine_enough(high - low, window_high - window_low)


def _fine_enough(range_width: float, window_width: float) -> bool:
    return window_width * _LEVELS >= range_width * _STEPS_IN_WINDOW


def _quantised(plan: RenderPlan) -> Levels:
    """Floats and wide integers as 16 bits: over their whole range, or over the window's surroundings."""
    frame = plan.frame
    low, high = _stored_ends(frame)
    near = _near_window(plan, low, high)
    if near is not None:
        low, high = near
    span = high - low if high > low else 1.0
    image = np.empty(frame.stored.shape, np.uint16)
    for start in range(0, frame.rows, 512):
        rows = slice(start, start + 512)
        part = (frame.stored[rows].astype(np.float64) - low) * (_LEVELS / span)
        finite = np.isfinite(part)
        part = np.rint(np.clip(part, 0, _LEVELS)) + 1
        part[~finite] = 0  # no image, as padding is none
        image[rows] = part.astype(np.uint16)
    steps = low + (np.arange(_LEVELS + 2, dtype=np.float64) - 1) * (span / _LEVELS)
    steps[0] = np.nan
    return Levels(frame, image, modality.apply(frame.modality, steps), 0, True, near is None)


def _near_window(plan: RenderPlan, low: float, high: float) -> tuple[float, float] | None:
    """Stored values around the window where `low` to `high` would be too coarse for it; else None."""
    rescale = plan.frame.modality
    if plan.voi is None or isinstance(rescale, ModalityLut) or rescale.slope == 0:
        return None
    window_low, window_high = voi.window_span(plan.voi)
    if _fine_enough((high - low) * abs(rescale.slope), window_high - window_low):
        return None
    reach = max((window_high - window_low) * _REACH, 1e-300)
    near = [(end - rescale.intercept) / rescale.slope for end in (window_low - reach, window_high + reach)]
    return min(near), max(near)


def _stored_ends(frame: Frame) -> tuple[float, float]:
    if frame.stored.dtype.kind == "f":
        return modality.stored_range(frame)
    return float(frame.stored.min()), float(frame.stored.max())
