"""Colour maps for grey images: the well-known palettes of PS3.6 annex B, and others that are in use.

A channel is a broken line through (index, value) nodes; between nodes values are rounded as the
standard's own tables were, so that every entry is the standard's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Rounding = Literal["floor", "round", "ceil"]
Nodes = tuple[tuple[int, int], ...]
Channel = tuple[Rounding, Nodes]

SIZE: Final = 256
INVERSE_GREY: Final = "inverse_grey"


@dataclass(frozen=True)
class ColourMap:
    """A colour map by its id and name; `uid` where it is one of PS3.6."""

    id: str
    name: str
    uid: str = ""
    channels: tuple[Channel, Channel, Channel] | None = None
    steps: tuple[tuple[int, int, int, int], ...] = ()

    def entries(self) -> NDArray[np.uint8]:
        """256x3 uint8 RGB, from the lowest to the highest level."""
        if self.steps:
            counts = [step[0] for step in self.steps]
            colours = np.asarray([step[1:] for step in self.steps], np.uint8)
            return np.asarray(np.repeat(colours, counts, axis=0), np.uint8)
        if self.channels is None:
            return np.repeat(np.arange(SIZE, dtype=np.uint8)[:, None], 3, axis=1)
        return np.stack([_line(channel) for channel in self.channels], axis=1)


def _line(channel: Channel) -> NDArray[np.uint8]:
    rounding, nodes = channel
    places, values = zip(*nodes, strict=True)
    exact = np.interp(np.arange(SIZE), places, values)
    # A node is exact; the tolerance keeps what floats make of one from falling to the next integer.
    whole = {
        "floor": np.floor(exact + 1e-9),
        "round": np.floor(exact + 0.5),
        "ceil": np.ceil(exact - 1e-9),
    }[rounding]
    return np.asarray(np.clip(whole, 0, 255), np.uint8)


_INVERSE: Final[Channel] = ("round", ((0, 255), (255, 0)))
_HOT_IRON: Final = (
    ("ceil", ((0, 0), (128, 255), (255, 255))),
    ("floor", ((0, 0), (128, 0), (255, 255))),
    ("ceil", ((0, 0), (191, 0), (255, 255))),
)
_PET: Final = (
    ("floor", ((0, 0), (63, 0), (64, 1), (106, 85), (192, 255), (255, 255))),
    ("floor", ((0, 0), (63, 128), (128, 0), (255, 255))),
    ("floor", ((0, 0), (128, 255), (129, 252), (192, 0), (255, 255))),
)
_HOT_METAL_BLUE_BLUE: Final[Nodes] = (
    *((0, 0), (17, 33), (42, 83), (43, 84), (76, 149), (93, 183), (94, 184)),
    *((102, 200), (119, 150), (136, 50), (153, 0), (170, 0), (238, 200), (255, 255)),
)
_HOT_METAL_BLUE: Final = (
    ("round", ((0, 0), (85, 0), (102, 50), (119, 90), (153, 190), (170, 255), (255, 255))),
    ("round", ((0, 0), (119, 0), (238, 224), (255, 255))),
    ("round", _HOT_METAL_BLUE_BLUE),
)
_PET_20_STEP: Final = (
    *((13, 0, 0, 0), (13, 96, 0, 80), (13, 48, 48, 80), (12, 48, 48, 112), (13, 80, 80, 128)),
    *((13, 96, 96, 176), (13, 112, 112, 192), (12, 128, 128, 224), (13, 48, 96, 48), (13, 48, 144, 48)),
    *((13, 80, 192, 80), (12, 64, 224, 64), (13, 224, 224, 80), (13, 208, 208, 96), (13, 208, 176, 64)),
    *((12, 208, 144, 0), (13, 192, 96, 0), (13, 176, 48, 0), (13, 255, 0, 0), (13, 255, 255, 255)),
)
# Hue from blue over green to red at full saturation, with black at the lowest level.
_RAINBOW: Final = (
    ("round", ((0, 0), (1, 0), (128, 0), (191, 255), (255, 255))),
    ("round", ((0, 0), (1, 0), (64, 255), (191, 255), (255, 0))),
    ("round", ((0, 0), (1, 255), (64, 255), (128, 0), (255, 0))),
)

COLOUR_MAPS: Final[tuple[ColourMap, ...]] = (
    ColourMap("", "Grey"),
    ColourMap(INVERSE_GREY, "Inverse grey", channels=(_INVERSE, _INVERSE, _INVERSE)),
    ColourMap("hot_iron", "Hot iron", "1.2.840.10008.1.5.1", _HOT_IRON),
    ColourMap("pet", "PET", "1.2.840.10008.1.5.2", _PET),
    ColourMap("hot_metal_blue", "Hot metal blue", "1.2.840.10008.1.5.3", _HOT_METAL_BLUE),
    ColourMap("pet_20_step", "PET 20 step", "1.2.840.10008.1.5.4", steps=_PET_20_STEP),
    ColourMap("rainbow", "Rainbow", channels=_RAINBOW),
)
BY_ID: Final[Mapping[str, ColourMap]] = {each.id: each for each in COLOUR_MAPS}


@cache
def table(name: str) -> NDArray[np.uint8]:
    """256x3 uint8 RGB of a colour map by its id, read-only. Raises `KeyError` for another id."""
    entries = BY_ID[name].entries()
    entries.setflags(write=False)
    return entries


def coloured(levels: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """HxWx3 of grey levels HxW; "" is grey as three equal channels."""
    import cv2

    if levels.ndim == 2 and levels.shape[0] and levels.shape[1]:
        tight = np.ascontiguousarray(levels)
        return np.asarray(cv2.applyColorMap(tight, np.ascontiguousarray(table(name)[:, None, :])), np.uint8)
    return np.asarray(table(name)[levels], np.uint8)
