"""The reader's pen on one pane: draws new measurements, and takes hold of those that are there.

Positions are (x, y) in device pixels from the pane's top left corner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from medvision_desktop.domain.measurement import WORDED, Measurement, MeasurementKind, Place, Point
from medvision_desktop.pixels.viewport import ViewTransform
from medvision_desktop.ui.viewmodels import drawing, linking
from medvision_desktop.ui.viewmodels.drawing import Draft, Step
from medvision_desktop.ui.viewmodels.gestures import Position, Tool
from medvision_desktop.ui.viewmodels.marks import new_id
from medvision_desktop.ui.viewmodels.viewer import ViewerModel

# How near to a point or an edge the hand must be to take hold of it, and the shortest line kept.
_REACH_PX: Final = 9.0
_EDGE_REACH_PX: Final = 5.0
_SHORTEST_PX: Final = 4.0

DRAWS: Final = {
    Tool.LENGTH: MeasurementKind.LENGTH,
    Tool.ANGLE: MeasurementKind.ANGLE,
    Tool.COBB: MeasurementKind.COBB,
    Tool.RECTANGLE: MeasurementKind.RECTANGLE,
    Tool.ELLIPSE: MeasurementKind.ELLIPSE,
    Tool.POLYGON: MeasurementKind.POLYGON,
    Tool.CARDIOTHORACIC: MeasurementKind.CARDIOTHORACIC,
    Tool.ARROW: MeasurementKind.ARROW,
    Tool.TEXT: MeasurementKind.TEXT,
    Tool.WINDOW_REGION: MeasurementKind.RECTANGLE,
}


@dataclass
class _Held:
    """A measurement in the hand: one of its points, or the whole of it by an edge."""

    measurement: Measurement
    point: int | None
    origin: Point


class Pen:
    """`transform` gives source to screen for what the pane shows now; None without an image."""

    def __init__(
        self, viewer: ViewerModel, pane: int, transform: Callable[[], ViewTransform | None]
    ) -> None:
        self._viewer, self._pane = viewer, pane
        self._transform = transform
        self._held: _Held | None = None
        self._down = False
        self.asking: Measurement | None = None  # an arrow or a text that waits for its words

    @property
    def is_drawing(self) -> bool:
        """Whether a drawing of several steps is under way here."""
        draft = self._viewer.marks.draft
        return draft is not None and draft.place == self._place

    def press(self, tool: Tool, at: Position) -> None:
        """The button goes down: go on drawing, take hold, or begin."""
        view, place = self._transform(), self._place
        if view is None or place is None:
            return
        marks, point = self._viewer.marks, view.to_source(*at)
        self._down = True
        draft = marks.draft
        if draft is not None and draft.place == place:
            if len(draft.fixed) >= 3 and self._is_near(view, draft.fixed[0], at) and self.close():
                return
            marks.draw(drawing.pressed(draft, point))
            return
        held = self._under(view, at) if tool is not Tool.WINDOW_REGION else None
        if held is not None:
            self._held = held
            marks.select(held.measurement.id, held.point or 0)
            return
        marks.draw(drawing.begun(DRAWS[tool], place, point))

    def move(self, at: Position) -> None:
        """The mouse moves, with a button down or, in a drawing of several steps, without."""
        view, marks = self._transform(), self._viewer.marks
        if view is None:
            return
        point = view.to_source(*at)
        if self._held is not None:
            marks.hold(_dragged(self._held, point))
        elif self.is_drawing and marks.draft is not None:
            marks.draw(marks.draft.floated(point))

    def release(self, tool: Tool, at: Position) -> None:
        """The button goes up."""
        view, marks = self._transform(), self._viewer.marks
        was_down, self._down = self._down, False
        held, self._held = self._held, None
        if view is None or not was_down:
            return
        if held is not None:
            self._viewer.keep_mark(_dragged(held, view.to_source(*at)))
            return
        draft = marks.draft
        if draft is None or not self.is_drawing:
            return
        far = draft.floating is not None and self._is_far(view, draft.fixed[-1], draft.floating)
        draft, step = drawing.released(draft, is_far=far)
        if step is Step.GOES_ON:
            marks.draw(draft)
        elif step is Step.DROPPED:
            marks.draw(None)
        else:
            self._finish(tool, draft)

    def close(self) -> bool:
        """A double click or Return: bring a polygon to its end; False where there is none."""
        draft = self._viewer.marks.draft
        whole = drawing.closed(draft) if draft is not None and self.is_drawing else None
        if whole is None:
            return False
        self._down = False
        self._finish(Tool.POLYGON, whole)
        return True

    def cancel(self) -> bool:
        """Escape: what is being drawn or dragged was never there; False where nothing is."""
        held, self._held = self._held, None
        self._down = False
        if held is not None:
            self._viewer.marks.hold(None)
            return True
        if self.is_drawing:
            self._viewer.marks.draw(None)
            return True
        return False

    def place(self, tool: Tool) -> bool:
        """By key: a drawing in the middle of the pane, whose points the arrow keys then move."""
        view, place = self._transform(), self._place
        if view is None or place is None:
            return False
        width, height = self._viewer.size_of(self._pane)
        middle = view.to_source(width / 2, height / 2)
        reach = min(width, height) / 8
        down, right = reach / view.scale_row, reach / view.scale_column
        points = drawing.standard(DRAWS[tool], middle, down, right)
        self._finish(tool, Draft(DRAWS[tool], place, points, None))
        return True

    def answer(self, words: str | None) -> None:
        """The reader's words for an arrow or a text; None or nothing drops a text, not an arrow."""
        asked, self.asking = self.asking, None
        if asked is None:
            return
        words = (words or "").strip()
        if words or asked.kind is MeasurementKind.ARROW:
            self._viewer.keep_mark(replace(asked, words=words))
        self._viewer.marks.draw(None)

    @property
    def _place(self) -> Place | None:
        return linking.place_of(self._viewer.panes[self._pane])

    def _finish(self, tool: Tool, draft: Draft) -> None:
        marks = self._viewer.marks
        if tool is Tool.WINDOW_REGION:
            marks.draw(None)
            self._viewer.window_from(self._pane, draft.points)
            return
        found = Measurement(new_id(), draft.kind, draft.points, draft.place)
        if draft.kind in WORDED:
            marks.draw(draft)
            self.asking = found
            return
        marks.draw(None)
        self._viewer.keep_mark(found)

    def _under(self, view: ViewTransform, at: Position) -> _Held | None:
        """The point under the hand, newest drawing first; else the edge."""
        here = tuple(reversed(self._viewer.marks.on(self._place)))
        for one in here:
            for number, point in enumerate(one.points):
                if self._is_near(view, point, at):
                    return _Held(one, number, view.to_source(*at))
        reach = _EDGE_REACH_PX * self._viewer.ratio_of(self._pane)
        for one in here:
            for start, end in _edges(one):
                if _away(at, view.to_screen(*start), view.to_screen(*end)) <= reach:
                    return _Held(one, None, view.to_source(*at))
        return None

    def _is_near(self, view: ViewTransform, point: Point, at: Position) -> bool:
        x, y = view.to_screen(*point)
        return max(abs(x - at[0]), abs(y - at[1])) <= _REACH_PX * self._viewer.ratio_of(self._pane)

    def _is_far(self, view: ViewTransform, one: Point, other: Point) -> bool:
        (x0, y0), (x1, y1) = view.to_screen(*one), view.to_screen(*other)
        return max(abs(x1 - x0), abs(y1 - y0)) >= _SHORTEST_PX


def _dragged(held: _Held, point: Point) -> Measurement:
    if held.point is not None:
        return held.measurement.moved(held.point, point)
    return held.measurement.shifted(point[0] - held.origin[0], point[1] - held.origin[1])


def _edges(one: Measurement) -> Iterator[tuple[Point, Point]]:
    points = one.points
    match one.kind:
        case MeasurementKind.TEXT:
            return
        case MeasurementKind.COBB | MeasurementKind.CARDIOTHORACIC:
            yield from ((points[0], points[1]), (points[2], points[3]))
        case MeasurementKind.RECTANGLE | MeasurementKind.ELLIPSE:
            (top, left), (bottom, right) = points
            corners = ((top, left), (top, right), (bottom, right), (bottom, left))
            yield from zip(corners, (*corners[1:], corners[0]), strict=True)
        case MeasurementKind.POLYGON:
            yield from zip(points, (*points[1:], points[0]), strict=True)
        case _:
            yield from itertools.pairwise(points)


def _away(at: Position, start: Position, end: Position) -> float:
    """Distance of a position from a line between two others."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    long = dx * dx + dy * dy
    share = 0.0 if long == 0 else ((at[0] - start[0]) * dx + (at[1] - start[1]) * dy) / long
    share = min(1.0, max(0.0, share))
    return math.hypot(at[0] - start[0] - share * dx, at[1] - start[1] - share * dy)
