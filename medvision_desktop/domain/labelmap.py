"""Label maps and parametric maps: what lies over a volume voxel by voxel, in the patient's space.

A layer has a grid of its own; it is drawn on whichever plane is on screen by patient position.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Affine

RgbColour = tuple[int, int, int]
ImageKey = tuple[str, int]

# (k, j, i) to (column, row, slice): where a map lies over single images and not in the patient.
PIXELS: Final = np.array([[0.0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
PIXELS.setflags(write=False)

# Colours for labels that bring none: told apart by readers with any colour vision (after Okabe and Ito
# 2008), the ones that differ most on grey first, in names that people say.
LABEL_COLOURS: Final[tuple[tuple[str, RgbColour], ...]] = (
    ("Coral", (231, 120, 90)),
    ("Teal", (84, 178, 168)),
    ("Yellow", (240, 196, 84)),
    ("Sky blue", (86, 160, 233)),
    ("Pink", (204, 121, 167)),
    ("Green", (0, 158, 115)),
    ("Vermilion", (213, 94, 0)),
    ("Lemon", (240, 228, 66)),
)


def label_colour(place: int) -> RgbColour:
    """The colour of the label at a place of a list, from 0; they begin anew when they are used up."""
    return LABEL_COLOURS[place % len(LABEL_COLOURS)][1]


class LayerOrigin(Enum):
    """Who made a layer."""

    FILE = "file"
    MODEL = "model"
    READER = "reader"


@dataclass(frozen=True)
class Segment:
    """One label of a label map.

    `number`: its value in the map, 1 to 255. `code`: value, coding scheme and meaning of the
    segmented property type (PS3.3 C.8.20.2), or None. `algorithm`: MANUAL, SEMIAUTOMATIC, AUTOMATIC
    or "".
    """

    number: int
    label: str
    colour: RgbColour
    code: tuple[str, str, str] | None = None
    algorithm: str = ""

    def __post_init__(self) -> None:
        """A number that a byte can hold, and not that of the background."""
        if not 1 <= self.number <= 255:
            raise ValueError(f"segment number {self.number} is not in 1..255")


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels on a regular grid: `values_kji` uint8 (slices, rows, columns), 0 is background.

    `affine_kji_to_lps`: 4x4, homogeneous (k, j, i, 1) to LPS millimetres. `uid`: identity of the
    layer. `source`: in words, such as "DICOM SEG" or "hippocampus 0.1.0". `badges`: short words on
    what the layer is not, such as "Fractional, cut at 0.5".
    `images`: the image over which each slice lies pixel for pixel (SOP Instance UID, frame from 1), where
    nobody says where these images lie in the patient; then `affine_kji_to_lps` is `PIXELS` and no place.
    """

    values_kji: NDArray[np.uint8]
    affine_kji_to_lps: Affine
    segments: tuple[Segment, ...]
    uid: str
    title: str = ""
    source: str = ""
    origin: LayerOrigin = LayerOrigin.FILE
    frame_of_reference: str = ""
    badges: tuple[str, ...] = ()
    images: tuple[ImageKey, ...] = ()

    def __post_init__(self) -> None:
        """Check grid and labels, and lock the values."""
        if self.images and len(self.images) != len(self.values_kji):
            raise ValueError("every slice lies over one image")
        _check_grid(self.values_kji, self.affine_kji_to_lps)
        if self.values_kji.dtype != np.uint8:
            raise ValueError("a label map holds bytes")
        numbers = [segment.number for segment in self.segments]
        if len(set(numbers)) != len(numbers):
            raise ValueError("every segment has a number of its own")
        self.values_kji.setflags(write=False)
        self.affine_kji_to_lps.setflags(write=False)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return abs(float(np.linalg.det(self.affine_kji_to_lps[:3, :3]))) / 1000.0

    def volume_ml(self, number: int) -> float:
        """Volume of a segment in millilitres: its voxels times the volume of one."""
        return int(np.count_nonzero(self.values_kji == number)) * self.voxel_ml


@dataclass(frozen=True, eq=False)
class ParametricMap:
    """Real values on a regular grid: `values_kji` float32 (slices, rows, columns), NaN where none.

    `shown`: the values that the ends of the colours stand for.
    """

    values_kji: NDArray[np.float32]
    affine_kji_to_lps: Affine
    uid: str
    shown: tuple[float, float]
    title: str = ""
    units: str = ""
    source: str = ""
    origin: LayerOrigin = LayerOrigin.FILE
    frame_of_reference: str = ""
    badges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the grid, and lock the values."""
        _check_grid(self.values_kji, self.affine_kji_to_lps)
        if self.values_kji.dtype != np.float32:
            raise ValueError("a parametric map holds float32")
        self.values_kji.setflags(write=False)
        self.affine_kji_to_lps.setflags(write=False)


VoxelLayer = LabelMap | ParametricMap


def _check_grid(values: NDArray[np.generic], affine: Affine) -> None:
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"a layer has three axes, not shape {values.shape}")
    if affine.shape != (4, 4) or not np.all(np.isfinite(affine)):
        raise ValueError("a layer's affine is a finite 4x4 matrix")
    if abs(float(np.linalg.det(affine[:3, :3]))) < 1e-12:
        raise ValueError("a layer's affine must be invertible")
