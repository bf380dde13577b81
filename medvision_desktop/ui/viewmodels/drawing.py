"""A drawing under way, point by point: pure steps, in (row, column) indices of the frame.

A line, a rectangle, an ellipse and an arrow are one drag. An angle is a drag and a click for its second
arm. A Cobb angle and a cardiothoracic ratio are two drags. A polygon is a click for each corner; it is
closed by a click on the first one, a double click or Return.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from medvision_desktop.domain.measurement import POINTS_OF, MeasurementKind, Place, Point

_TWO_LINES: Final = (MeasurementKind.COBB, MeasurementKind.CARDIOTHORACIC)


class Step(Enum):
    """What a release of the button did to a drawing."""

    GOES_ON = auto()
    DONE = auto()
    DROPPED = auto()


@dataclass(frozen=True)
class Draft:
    """Points that stand, and the one that still follows the mouse."""

    kind: MeasurementKind
    place: Place
    fixed: tuple[Point, ...]
    floating: Point | None

    @property
    def points(self) -> tuple[Point, ...]:
        """All points as they are drawn now."""
        return self.fixed if self.floating is None else (*self.fixed, self.floating)

    def floated(self, point: Point) -> Draft:
        """The draft with its loose point under the mouse."""
        return self if self.floating is None else replace(self, floating=point)


def begun(kind: MeasurementKind, place: Place, point: Point) -> Draft:
    """The button goes down for the first time."""
    if kind is MeasurementKind.TEXT:
        return Draft(kind, place, (point,), None)
    return Draft(kind, place, (point,), point)


def pressed(draft: Draft, point: Point) -> Draft:
    """The button goes down again: on with the drawing."""
    if draft.floating is None and draft.kind in _TWO_LINES:
        return replace(draft, fixed=(*draft.fixed, point), floating=point)
    return draft.floated(point)


def released(draft: Draft, *, is_far: bool) -> tuple[Draft, Step]:
    """The button goes up; `is_far`: the loose point is far enough from the one before to be meant."""
    if draft.floating is None:
        return draft, Step.DONE if draft.kind is MeasurementKind.TEXT else Step.GOES_ON
    polygon = draft.kind is MeasurementKind.POLYGON
    if not is_far:
        if polygon or (draft.kind is MeasurementKind.ANGLE and len(draft.fixed) == 2):
            return draft, Step.GOES_ON
        if draft.kind in _TWO_LINES and len(draft.fixed) == 3:
            return replace(draft, fixed=draft.fixed[:2], floating=None), Step.GOES_ON
        return draft, Step.DROPPED
    fixed = (*draft.fixed, draft.floating)
    if len(fixed) == POINTS_OF[draft.kind]:
        return replace(draft, fixed=fixed, floating=None), Step.DONE
    floating = None if draft.kind in _TWO_LINES else draft.floating
    return replace(draft, fixed=fixed, floating=floating), Step.GOES_ON


def closed(draft: Draft) -> Draft | None:
    """A polygon brought to its end; None where it has not three corners yet, or is something else."""
    if draft.kind is not MeasurementKind.POLYGON or len(draft.fixed) < 3:
        return None
    return replace(draft, floating=None)


def standard(kind: MeasurementKind, middle: Point, down: float, right: float) -> tuple[Point, ...]:
    """The points of a drawing placed by key: around `middle`, reaching `down` and `right` of it."""
    row, column = middle
    left, end = column - right, column + right
    top, bottom = row - down, row + down
    match kind:
        case MeasurementKind.TEXT:
            return (middle,)
        case MeasurementKind.ANGLE:
            return ((top, left), (row, column), (row, end))
        case MeasurementKind.COBB:
            return ((top, left), (top, end), (bottom, left), (bottom, end))
        case MeasurementKind.CARDIOTHORACIC:
            half = right / 2
            return ((row, column - half), (row, column + half), (bottom, left), (bottom, end))
        case MeasurementKind.POLYGON:
            return ((top, left), (top, end), (bottom, end), (bottom, left))
        case MeasurementKind.LENGTH | MeasurementKind.ARROW:
            return ((row, left), (row, end))
        case _:
            return ((top, left), (bottom, end))
