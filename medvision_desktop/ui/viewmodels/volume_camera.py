"""From where a volume is seen: directions, enlargement and shift, and what that means for a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from medvision_desktop.domain.geometry import (
    EdgeLetters,
    PixelSpacing,
    PlaneGeometry,
    SpacingSource,
    Vector3,
    edge_letters,
)
from medvision_desktop.pixels.oblique import rotated, upright
from medvision_desktop.services.volume_view import StagedVolume, ViewFrom
from medvision_desktop.ui.viewmodels.gestures import Size

# How much wider than the volume's longest side a picture is at zoom 1.
ROOM: Final = 1.02
_MILLIMETRE: Final = PixelSpacing(1.0, 1.0, SpacingSource.PATIENT)

# Directions to the right and down on screen, by the side of the patient that is looked at.
SIDES: Final[dict[str, tuple[Vector3, Vector3]]] = {
    "front": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "back": ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "left": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "right": ((0.0, -1.0, 0.0), (0.0, 0.0, -1.0)),
    "head": ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "feet": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}


@dataclass(frozen=True)
class Camera:
    """From where: unit directions on screen, enlargement, and the shift on screen in millimetres."""

    right: Vector3 = SIDES["front"][0]
    down: Vector3 = SIDES["front"][1]
    zoom: float = 1.0
    pan_mm: tuple[float, float] = (0.0, 0.0)

    @property
    def letters(self) -> EdgeLetters | None:
        """The patient's letters at the four sides of the picture."""
        return edge_letters(PlaneGeometry((0.0, 0.0, 0.0), self.right, self.down, _MILLIMETRE))

    def turned(self, dx: float, dy: float) -> Camera:
        """The volume turned by the hand: what is in front goes with it, by radians right and down."""
        right = rotated(self.right, self.down, dx)
        down = rotated(self.down, right, -dy)
        return replace(self, right=upright(right, down)[0], down=upright(right, down)[1])


def seen_from(camera: Camera, staged: StagedVolume, size: Size, band: tuple[int, int]) -> ViewFrom:
    """Where the rows `band` of a picture of `size` look at: the whole volume fits at zoom 1."""
    width, height = size
    scale = staged.longest_mm * ROOM / min(size) / camera.zoom
    down_px = (band[0] + band[1] - height) / 2
    middle = (
        np.asarray(staged.middle_lps_mm)
        - camera.pan_mm[0] * np.asarray(camera.right)
        + (down_px * scale - camera.pan_mm[1]) * np.asarray(camera.down)
    )
    at = (float(middle[0]), float(middle[1]), float(middle[2]))
    return ViewFrom(camera.right, camera.down, at, scale, width, band[1] - band[0])
