"""Everything that is drawn on images: what stands, what is being drawn, and which one is selected."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.measurement import (
    POINTS_OF,
    REGIONS,
    WORDED,
    Measurement,
    MeasurementKind,
    Place,
    Point,
    shape_lines,
)
from medvision_desktop.pixels import region
from medvision_desktop.ui.viewmodels.drawing import Draft

_ID_BYTES: Final = 8
_NOT_SAVED: Final = "not saved"
# Values of a larger region take longer than a pane may wait.
_MOST_AT_ONCE_PX: Final = 1 << 21
_LATER: Final = "Mean and SD when it is done"
_SOON: Final = "Mean and SD: working"


Drawn = tuple[MeasurementKind, tuple[Point, ...]]


@dataclass(frozen=True)
class Mark:
    """One drawing as a pane shows it: points in source pixels and the lines of its text."""

    kind: MeasurementKind
    points: tuple[Point, ...]
    lines: tuple[str, ...] = ()
    selected: int | None = None  # which point has the keys; None: not selected
    is_draft: bool = False


class Marks(QObject):
    """`changed(Place)`: other drawings there; `kept` and `taken` carry a Measurement for the record.

    What comes back from the record is `restored`, which tells nobody to record it again. `reckon` is called
    with frame, kind and points of a large region whose lines are to be worked out elsewhere by `said_by`,
    and given to `learn`; without it they are worked out at once.
    """

    changed = Signal(object)
    kept = Signal(object)
    taken = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._by_place: dict[Place, tuple[Measurement, ...]] = {}
        self._held: Measurement | None = None
        self._draft: Draft | None = None
        self._selected = ("", 0)
        self._unsaved: set[str] = set()
        # None for those that are being worked out.
        self._lines: WeakKeyDictionary[Frame, dict[Drawn, tuple[str, ...] | None]] = WeakKeyDictionary()
        self.reckon: Callable[[Frame, MeasurementKind, tuple[Point, ...]], None] | None = None

    @property
    def draft(self) -> Draft | None:
        """What is being drawn."""
        return self._draft

    @property
    def selected(self) -> tuple[str, int]:
        """Id of the measurement that Delete and the arrow keys act on, and which of its points."""
        return self._selected

    def on(self, place: Place | None) -> tuple[Measurement, ...]:
        """Measurements of one image, in the order they were drawn."""
        return self._by_place.get(place, ()) if place is not None else ()

    def of_study(self, study_key: str) -> tuple[Measurement, ...]:
        """All measurements of a study."""
        return tuple(
            one for place, here in self._by_place.items() if place.study_key == study_key for one in here
        )

    def shown(self, place: Place | None, frame: Frame | None) -> tuple[Mark, ...]:
        """What a pane with this image draws, the draft last."""
        if place is None or frame is None:
            return ()
        found = [self._mark(one, frame) for one in self.on(place)]
        draft = self._draft
        if draft is not None and draft.place == place:
            lines = self.lines(frame, draft.kind, draft.points, moving=True)
            found.append(Mark(draft.kind, draft.points, lines, is_draft=True))
        return tuple(found)

    def lines(
        self, frame: Frame, kind: MeasurementKind, points: Sequence[Point], *, moving: bool = False
    ) -> tuple[str, ...]:
        """What a drawing says on a frame; worked out once for each. While it is `moving`, not all of it."""
        if moving and _is_large(frame, kind, points):
            return (_LATER, *shape_lines(frame, kind, points))
        kept = self._lines.setdefault(frame, {})
        key = (kind, tuple(points))
        if key not in kept and self.reckon is not None and _is_large(frame, kind, points):
            kept[key] = None
            self.reckon(frame, *key)
        elif key not in kept:
            kept[key] = said_by(frame, kind, points)
        found = kept[key]
        return (_SOON, *shape_lines(frame, kind, points)) if found is None else found

    def expect(self, frame: Frame, measurement: Measurement) -> bool:
        """Whether the lines of a measurement are not known and take long; then whoever asks brings them."""
        kept, key = self._lines.setdefault(frame, {}), (measurement.kind, measurement.points)
        if kept.get(key) is not None or not _is_large(frame, *key):
            return False
        kept[key] = None
        return True

    def learn(
        self, frame: Frame, kind: MeasurementKind, points: tuple[Point, ...], lines: tuple[str, ...]
    ) -> None:
        """Take what a drawing says on a frame, and show it."""
        self._lines.setdefault(frame, {})[kind, points] = lines
        for place, here in self._by_place.items():
            if any((one.kind, one.points) == (kind, points) for one in here):
                self.changed.emit(place)

    def said(self, measurement: Measurement, frame: Frame, *, moving: bool = False) -> tuple[str, ...]:
        """What a measurement says, the reader's words first."""
        words = (measurement.words,) if measurement.words else ()
        return (*words, *self.lines(frame, measurement.kind, measurement.points, moving=moving))

    # Drawing.

    def draw(self, draft: Draft | None) -> None:
        """Show a drawing under way, or none."""
        before, self._draft = self._draft, draft
        for place in {one.place for one in (before, draft) if one is not None}:
            self.changed.emit(place)

    def hold(self, measurement: Measurement | None) -> None:
        """Show a measurement where it is dragged to, without keeping it there."""
        before, self._held = self._held, measurement
        shown = measurement or before
        if shown is not None:
            self.changed.emit(shown.place)

    def select(self, measurement_id: str, point: int = 0) -> None:
        """Give a point of a measurement to the keys; "" selects nothing."""
        self._selected = (measurement_id, point)
        for place, here in self._by_place.items():
            if here:
                self.changed.emit(place)

    def put(self, measurement: Measurement) -> None:
        """Keep a measurement, new or changed."""
        here = self.on(measurement.place)
        if any(one.id == measurement.id for one in here):
            fresh = tuple(measurement if one.id == measurement.id else one for one in here)
        else:
            fresh = (*here, measurement)
        self._held = None
        self._by_place[measurement.place] = fresh
        self._unsaved.discard(measurement.id)
        self.kept.emit(measurement)
        self.changed.emit(measurement.place)

    def take(self, measurement: Measurement) -> None:
        """Take a measurement away."""
        here = self.on(measurement.place)
        self._by_place[measurement.place] = tuple(one for one in here if one.id != measurement.id)
        if self._selected[0] == measurement.id:
            self._selected = ("", 0)
        self.taken.emit(measurement)
        self.changed.emit(measurement.place)

    def restored(self, measurements: Iterable[Measurement]) -> None:
        """Add what the record holds; what is here already stays as it is."""
        places = set()
        for one in measurements:
            here = self.on(one.place)
            if all(one.id != other.id for other in here):
                self._by_place[one.place] = (*here, one)
                places.add(one.place)
        for place in places:
            self.changed.emit(place)

    @property
    def unsaved(self) -> tuple[Measurement, ...]:
        """What stands on images and not in the record."""
        return tuple(one for here in self._by_place.values() for one in here if one.id in self._unsaved)

    def mark_unsaved(self, measurement: Measurement) -> None:
        """Say on the image that the record does not have it."""
        self._unsaved.add(measurement.id)
        self.changed.emit(measurement.place)

    def _mark(self, measurement: Measurement, frame: Frame) -> Mark:
        held = self._held
        moving = held is not None and held.id == measurement.id
        if held is not None and moving:
            measurement = held
        lines = self.said(measurement, frame, moving=moving)
        if measurement.id in self._unsaved:
            lines = (*lines, _NOT_SAVED)
        selected = self._selected[1] if self._selected[0] == measurement.id else None
        return Mark(measurement.kind, measurement.points, lines, selected)


def new_id() -> str:
    """A name that no other measurement has."""
    return secrets.token_hex(_ID_BYTES)


def said_by(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> tuple[str, ...]:
    """What a drawing says on a frame, without the reader's own words."""
    if not _is_whole(kind, points):
        return ()
    lines = shape_lines(frame, kind, points) if kind not in WORDED else ()
    if kind not in REGIONS:
        return lines
    found = region.statistics(frame, kind, points)
    return (*region.statistics_lines(found), *lines) if found is not None else lines


def _is_large(frame: Frame, kind: MeasurementKind, points: Sequence[Point]) -> bool:
    if kind not in REGIONS or not _is_whole(kind, points):
        return False
    return region.size_px(frame, points) > _MOST_AT_ONCE_PX


def _is_whole(kind: MeasurementKind, points: Sequence[Point]) -> bool:
    wanted = POINTS_OF[kind]
    return len(points) >= 3 if wanted is None else len(points) == wanted
