"""Grey images in which the highest stored values are colours (PS3.3 C.7.6.19), such as flow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame
from medvision_desktop.pixels import palette
from medvision_desktop.pixels.modality import lookup


def with_colours(frame: Frame, grey: NDArray[Any]) -> NDArray[Any]:
    """HxWx3 of drawn grey levels HxW: uint8, or float32 in 0..1; the frame's own colours in it."""
    three = np.repeat(grey[..., None], 3, axis=2)
    supplement = frame.supplement
    if supplement is None:
        return three
    coloured = frame.stored >= supplement.first_mapped
    entries: NDArray[Any] = palette.eight_bits(supplement)
    if grey.dtype.kind == "f":
        entries = entries.astype(grey.dtype) / grey.dtype.type(255)
    three[coloured] = lookup(entries, supplement.first_mapped, frame.stored[coloured])
    return three
