"""Polarity and eight bits: the last grayscale stage (PS3.3 C.7.6.3.1.2, C.11.6).

ICC profiles are not applied: this display is uncalibrated and says so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import VoiLut
from medvision_desktop.domain.image import Frame, Photometric


def shows_low_as_white(frame: Frame) -> bool:
    """Whether the lowest VOI output is white, before the reader inverts anything.

    MONOCHROME1 and Presentation LUT Shape INVERSE say the same thing in two places (the DX module
    requires both together, PS3.3 C.8.11.3.1.2), so having both inverts once. Colour has no polarity.
    """
    return frame.photometric is Photometric.MONOCHROME1 or (
        frame.photometric is Photometric.MONOCHROME2 and frame.presentation_inverse
    )


def apply_polarity(values: NDArray[np.float64], *, inverted: bool) -> NDArray[np.float64]:
    """Display values 0 (black) to 1 (white) of VOI output 0..1."""
    return np.subtract(1.0, values) if inverted else values


def apply_lut(lut: VoiLut, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-Values 0..1 of VOI output 0..1, spread over the entries of a Presentation LUT (C.11.6.1.1)."""
    positions = np.rint(np.clip(values, 0.0, 1.0) * (len(lut.entries) - 1)).astype(np.int64)
    return np.clip(lut.entries[positions] / float((1 << lut.bits) - 1), 0.0, 1.0)


def quantise(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """0..1 to 0..255, rounded half up."""
    levels = values * 255.0
    levels += 0.5
    return levels.astype(np.uint8)
