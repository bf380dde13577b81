"""Where pixels lie in the patient: directions, spacing and planes.

Coordinates are DICOM's LPS: +x to the patient's Left, +y Posterior, +z towards the Head
(PS3.3 C.7.6.2.1.1), in millimetres. Array indices are (slice k, row j, column i).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector3 = tuple[float, float, float]
Affine = NDArray[np.float64]

_LETTERS: Final = (("L", "R"), ("P", "A"), ("H", "F"))
_OPPOSITE: Final = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}


class SpacingSource(Enum):
    """Where a pixel spacing comes from, in the words shown beside a measurement."""

    PATIENT = "patient"
    DETECTOR = "detector"
    ERMF = "ERMF-corrected"
    CALIBRATED = "calibrated"


@dataclass(frozen=True)
class PixelSpacing:
    """Distance between pixel centres in millimetres: down a column, along a row, and its source."""

    row_mm: float
    column_mm: float
    source: SpacingSource

    def __post_init__(self) -> None:
        """Refuse what is not a positive, finite distance: silence is better than a wrong ruler."""
        for value in (self.row_mm, self.column_mm):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"pixel spacing must be positive and finite, not {value!r}")


@dataclass(frozen=True)
class PlaneGeometry:
    """The plane of one frame in the patient (PS3.3 C.7.6.2).

    `row_lps` is the unit vector along a row (increasing column index), `column_lps` down a column.
    """

    origin_lps_mm: Vector3
    row_lps: Vector3
    column_lps: Vector3
    spacing: PixelSpacing
    frame_of_reference: str = ""

    def __post_init__(self) -> None:
        """Refuse directions that are not orthogonal unit vectors (tolerance 1e-3)."""
        row, column = self.row_lps, self.column_lps
        if not all(map(math.isfinite, (*row, *column, *self.origin_lps_mm))):
            raise ValueError("plane geometry must be finite")
        unit = abs(_dot(row, row) - 1) < 1e-3 and abs(_dot(column, column) - 1) < 1e-3
        if not unit or abs(_dot(row, column)) > 1e-3:
            raise ValueError("plane directions must be orthogonal unit vectors")

    @property
    def normal_lps(self) -> Vector3:
        """Unit vector row x column."""
        (a, b, c), (d, e, f) = self.row_lps, self.column_lps
        return (b * f - c * e, c * d - a * f, a * e - b * d)

    @property
    def position_mm(self) -> float:
        """Signed distance of the plane from the origin along its normal."""
        return _dot(self.origin_lps_mm, self.normal_lps)

    def point_lps_mm(self, row: float, column: float) -> Vector3:
        """Patient position of a (fractional) pixel index; index 0 is a pixel's centre."""
        step_row = np.asarray(self.column_lps) * (row * self.spacing.row_mm)
        step_column = np.asarray(self.row_lps) * (column * self.spacing.column_mm)
        return _vector(np.asarray(self.origin_lps_mm) + step_row + step_column)

    def index_of(self, point_lps_mm: Vector3) -> tuple[float, float]:
        """(row, column) of the orthogonal projection of a patient position onto the plane."""
        delta = np.asarray(point_lps_mm) - np.asarray(self.origin_lps_mm)
        return (
            float(delta @ np.asarray(self.column_lps)) / self.spacing.row_mm,
            float(delta @ np.asarray(self.row_lps)) / self.spacing.column_mm,
        )


@dataclass(frozen=True)
class PatientOrientation:
    """Patient Orientation (0020,0020): letters of the row direction and of the column direction.

    Used where a projection image has no Image Orientation (Patient); each is one to three of
    A P R L H F.
    """

    row: str
    column: str

    def __post_init__(self) -> None:
        """Refuse anything that is not made of the standard's letters."""
        for letters in (self.row, self.column):
            if not letters or any(letter not in _OPPOSITE for letter in letters):
                raise ValueError(f"not a patient orientation: {letters!r}")


@dataclass(frozen=True)
class EdgeLetters:
    """The letters at the four sides of a drawn image."""

    left: str
    right: str
    top: str
    bottom: str


@dataclass(frozen=True)
class ViewTurn:
    """How a frame is turned for viewing: quarter turns clockwise first, then flips on screen."""

    quarters: int = 0
    flip_horizontal: bool = False
    flip_vertical: bool = False

    def __post_init__(self) -> None:
        """Keep quarters in 0..3 so that equal turns compare equal."""
        object.__setattr__(self, "quarters", self.quarters % 4)

    def rotated(self, quarters: int) -> ViewTurn:
        """The view turned by quarter turns clockwise as the reader sees it."""
        mirrored = self.flip_horizontal != self.flip_vertical
        step = -quarters if mirrored else quarters
        return ViewTurn(self.quarters + step, self.flip_horizontal, self.flip_vertical)

    def flipped(self, *, horizontal: bool = False, vertical: bool = False) -> ViewTurn:
        """The view mirrored on screen."""
        return ViewTurn(
            self.quarters,
            self.flip_horizontal != horizontal,
            self.flip_vertical != vertical,
        )


class Plane(Enum):
    """The three orthogonal planes of a patient."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


def direction_letters(direction_lps: Vector3, *, threshold: float = 0.25) -> str:
    """One or two patient letters of a direction, the strongest first; empty for a null vector.

    A second letter is given when its component exceeds `threshold` of the unit vector, so an
    oblique plane shows two.
    """
    vector = np.asarray(direction_lps, dtype=np.float64)
    norm = float(np.linalg.norm(vector))
    if not math.isfinite(norm) or norm == 0:
        return ""
    unit = vector / norm
    order = np.argsort(-np.abs(unit), kind="stable")
    letters = [_LETTERS[axis][0 if unit[axis] > 0 else 1] for axis in order if abs(unit[axis]) > threshold]
    return "".join(letters[:2])


def opposite_letters(letters: str) -> str:
    """The letters of the opposite direction: `LP` gives `RA`."""
    return "".join(_OPPOSITE[letter] for letter in letters)


def edge_letters(
    orientation: PlaneGeometry | PatientOrientation | None, turn: ViewTurn = ViewTurn()
) -> EdgeLetters | None:
    """Letters for the four sides of an image drawn with `turn`; None where the header is silent."""
    if orientation is None:
        return None
    if isinstance(orientation, PlaneGeometry):
        right, bottom = direction_letters(orientation.row_lps), direction_letters(orientation.column_lps)
    else:
        right, bottom = orientation.row, orientation.column
    left, top = opposite_letters(right), opposite_letters(bottom)
    for _ in range(turn.quarters):  # one quarter clockwise: left goes to top, top to right
        left, top, right, bottom = bottom, left, top, right
    if turn.flip_horizontal:
        left, right = right, left
    if turn.flip_vertical:
        top, bottom = bottom, top
    return EdgeLetters(left=left, right=right, top=top, bottom=bottom)


def _dot(one: Vector3, other: Vector3) -> float:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def _vector(values: NDArray[np.float64]) -> Vector3:
    return (float(values[0]), float(values[1]), float(values[2]))
