"""Measurements as values: what was drawn on one image, and what its geometry amounts to.

Points are (row, column) indices of one frame; 0 is a pixel's centre. A `Ruler` turns steps of an index
into lengths and knows where its unit comes from. Values of pixels are the business of `pixels.region`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from medvision_desktop.domain.geometry import PlaneGeometry, SpacingSource
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.quantities import region_of

Point = tuple[float, float]

MOST_POINTS: Final = 512
LONGEST_TEXT: Final = 200


class MeasurementKind(Enum):
    """What a measurement is; the value is what the record holds."""

    LENGTH = "length"
    ANGLE = "angle"
    COBB = "Cobb angle"
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"
    CARDIOTHORACIC = "cardiothoracic ratio"
    ARROW = "arrow"
    TEXT = "text"


# How many points a finished drawing has: angle is (end, corner, end), Cobb two lines, the
# cardiothoracic ratio the heart's line and the chest's. A rectangle and an ellipse have two
# opposite corners, an arrow its tip first. None: three or more.
POINTS_OF: Final = {
    MeasurementKind.LENGTH: 2,
    MeasurementKind.ANGLE: 3,
    MeasurementKind.COBB: 4,
    MeasurementKind.RECTANGLE: 2,
    MeasurementKind.ELLIPSE: 2,
    MeasurementKind.POLYGON: None,
    MeasurementKind.CARDIOTHORACIC: 4,
    MeasurementKind.ARROW: 2,
    MeasurementKind.TEXT: 1,
}
REGIONS: Final = frozenset({MeasurementKind.RECTANGLE, MeasurementKind.ELLIPSE, MeasurementKind.POLYGON})
WORDED: Final = frozenset({MeasurementKind.ARROW, MeasurementKind.TEXT})


@dataclass(frozen=True)
class Place:
    """What a measurement belongs to: one frame of a series, or one plane of its volume by number.

    `slab`: the slab that the plane was seen through, as the corner of the image says it ("MIP 10.0 mm"),
    because values in a region are those of the slab. `cut`: where an oblique plane lies, exactly.
    `phase`: which of a series' volumes at the same place it is a plane of, from 0.
    """

    study_key: str
    series_uid: str
    sop_instance_uid: str = ""
    frame_number: int = 1
    plane: str = ""
    index: int = 0
    slab: str = ""
    cut: PlaneGeometry | None = None
    phase: int = 0


@dataclass(frozen=True)
class Measurement:
    """One drawing. `words` are the reader's own, for arrows and texts. `id` is random and stays."""

    id: str
    kind: MeasurementKind
    points: tuple[Point, ...]
    place: Place
    words: str = ""

    def __post_init__(self) -> None:
        """Refuse a number of points that does not fit the kind, and points that are nowhere."""
        wanted = POINTS_OF[self.kind]
        fits = 3 <= len(self.points) <= MOST_POINTS if wanted is None else len(self.points) == wanted
        if not fits:
            raise ValueError(f"{self.kind.value} with {len(self.points)} points")
        if not all(math.isfinite(value) for point in self.points for value in point):
            raise ValueError("a measurement is finite")
        if len(self.words) > LONGEST_TEXT:
            raise ValueError("the words of a measurement are too long")

    def moved(self, number: int, point: Point) -> Measurement:
        """The measurement with one of its points elsewhere."""
        return replace(self, points=(*self.points[:number], point, *self.points[number + 1 :]))

    def shifted(self, rows: float, columns: float) -> Measurement:
        """The measurement as a whole elsewhere."""
        return replace(self, points=tuple((row + rows, column + columns) for row, column in self.points))


@dataclass(frozen=True)
class Ruler:
    """Lengths of one step down and one step to the right, in `unit`; `source` is "" for patient space."""

    down: float
    right: float
    unit: str
    source: str = ""

    @property
    def is_metric(self) -> bool:
        """Whether lengths are millimetres."""
        return self.unit == "mm"


def ruler_of(frame: Frame, points: Sequence[Point] = ()) -> Ruler:
    """Millimetres where the header gives a spacing, else widths of a pixel with its aspect.

    In an ultrasound image the region that holds all `points` counts, if its axes are lengths; without
    points, or across regions, there is only the pixel.
    """
    if frame.regions:
        region = region_of(frame.regions, *points) if points else None
        if region is None or not region.is_spatial:
            return Ruler(frame.pixel_aspect, 1.0, "px")
        return Ruler(abs(region.down) * 10, abs(region.right_step) * 10, "mm", "ultrasound region")
    spacing = frame.spacing
    if spacing is None:
        return Ruler(frame.pixel_aspect, 1.0, "px")
    source = "" if spacing.source is SpacingSource.PATIENT else spacing.source.value
    return Ruler(spacing.row_mm, spacing.column_mm, "mm", source)


def distance(ruler: Ruler, start: Point, end: Point) -> float:
    """Length of the line between two points, in the ruler's unit."""
    return math.hypot((end[0] - start[0]) * ruler.down, (end[1] - start[1]) * ruler.right)


def angle_deg(ruler: Ruler, one: Point, corner: Point, other: Point) -> float:
    """Angle at `corner`, 0 to 180 degrees, with the pixels' aspect; 0 where an arm has no length."""
    return _between(_arm(ruler, corner, one), _arm(ruler, corner, other))


def cobb_deg(ruler: Ruler, points: Sequence[Point]) -> float:
    """Angle between two lines (points 0-1 and 2-3), 0 to 180 degrees.

    Each line is read from its left end to its right end, so it does not matter from which side it
    was drawn, and a curve of more than 90 degrees is still measured.
    """
    arms = [
        _arm(ruler, *sorted(points[at : at + 2], key=lambda point: (point[1], point[0]))) for at in (0, 2)
    ]
    return _between(arms[0], arms[1])


def area(ruler: Ruler, kind: MeasurementKind, points: Sequence[Point]) -> float:
    """Area of a region in the ruler's unit squared: sides, pi a b / 4, or the shoelace formula."""
    scale = ruler.down * ruler.right
    if kind is MeasurementKind.POLYGON:
        rolled = (*points[1:], points[0])
        twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, rolled, strict=True))
        return abs(twice) / 2 * scale
    sides = abs(points[1][0] - points[0][0]) * abs(points[1][1] - points[0][1]) * scale
    return sides * math.pi / 4 if kind is MeasurementKind.ELLIPSE else sides


def cardiothoracic_ratio(ruler: Ruler, points: Sequence[Point]) -> float | None:
    """Width of the heart (0-1) by width of the chest (2-3); None where the chest has no width."""
    chest = distance(ruler, points[2], points[3])
    return distance(ruler, points[0], points[1]) / chest if chest > 0 else None


def quantity(value: float, ruler: Ruler, *, power: int = 1) -> str:
    """A number with its unit and where that comes from: "42.3 mm (detector)", "120 px", "64.0 mm²"."""
    raised = "²" if power == 2 else ""
    source = f" ({ruler.source})" if ruler.source else ""
    number = f"{value:.1f}" if ruler.is_metric else f"{value:.0f}"
    return f"{number} {ruler.unit}{raised}{source}"


def shape_lines(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> tuple[str, ...]:
    """What the geometry of a drawing says, without the values of pixels."""
    ruler = ruler_of(frame, points)
    region = region_of(frame.regions, *points)
    if kind is MeasurementKind.LENGTH and region is not None and not region.is_spatial:
        return region.apart(points[0], points[1])
    if kind is MeasurementKind.LENGTH:
        return (quantity(distance(ruler, points[0], points[1]), ruler),)
    if kind is MeasurementKind.ANGLE:
        return (f"{angle_deg(ruler, points[0], points[1], points[2]):.1f}°",)
    if kind is MeasurementKind.COBB:
        return (f"Cobb {cobb_deg(ruler, points):.1f}°",)
    if kind is MeasurementKind.CARDIOTHORACIC:
        ratio = cardiothoracic_ratio(ruler, points)
        if ratio is None:
            return ()
        heart, chest = distance(ruler, points[0], points[1]), distance(ruler, points[2], points[3])
        bare = replace(ruler, source="")
        return (f"CTR {ratio:.2f}", f"{quantity(heart, bare)} of {quantity(chest, ruler)}")
    if kind in REGIONS:
        return (f"Area {quantity(area(ruler, kind, points), ruler, power=2)}",)
    return ()


def _arm(ruler: Ruler, start: Point, end: Point) -> Point:
    return ((end[0] - start[0]) * ruler.down, (end[1] - start[1]) * ruler.right)


def _between(one: Point, other: Point) -> float:
    if not (any(one) and any(other)):
        return 0.0
    cross = one[0] * other[1] - one[1] * other[0]
    return math.degrees(math.atan2(abs(cross), one[0] * other[0] + one[1] * other[1]))
