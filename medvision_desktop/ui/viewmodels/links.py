"""Panes that move together: by patient position, never by slice number, each kind of link on its own.

Two panes are in the same space when they show the same series, or series of one frame of reference.
Where there is no common frame, the reader says which images belong together; from then on both step
by the same distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.prior import same_patient
from medvision_desktop.pixels import viewport
from medvision_desktop.ui.viewmodels.arrangement import Arrangement, with_panes
from medvision_desktop.ui.viewmodels.gestures import Size, viewport_of
from medvision_desktop.ui.viewmodels.pane_state import (
    PaneState,
    Shown,
    point_lps_mm,
    with_display,
    with_index,
)
from medvision_desktop.ui.viewmodels.series_cache import SeriesKey

# Planes whose normals agree to about 18 degrees are the same view of the patient.
_PARALLEL: Final = 0.95
# Modality units that mean the same in every series, so that one window fits all.
_ABSOLUTE_UNITS: Final = frozenset({"HU"})


@dataclass(frozen=True)
class Anchor:
    """Images of two series that the reader laid beside each other: index and position of each."""

    one: SeriesKey
    other: SeriesKey
    at_one: tuple[int, float | None]
    at_other: tuple[int, float | None]


@dataclass(frozen=True)
class Links:
    """Which kinds of link are on. `anchors` hold what the reader laid beside each other.

    `apart` are panes that a stage of a protocol gave a window of their own: they keep it.
    """

    scroll: bool = True
    window: bool = True
    view: bool = True
    cursor: bool = True
    anchors: tuple[Anchor, ...] = field(default=())
    apart: frozenset[int] = frozenset()

    @property
    def any(self) -> bool:
        """Whether any link is on."""
        return self.scroll or self.window or self.view or self.cursor

    def all_set(self, on: bool) -> Links:
        """Every link on or off."""
        return replace(self, scroll=on, window=on, view=on, cursor=on, apart=frozenset())


def same_space(one: PaneState, other: PaneState) -> bool:
    """Whether positions in one pane mean the same in the other."""
    if one.shown is None or other.shown is None:
        return False
    if one.series_key == other.series_key:
        return True
    frames = [_frame_of_reference(pane.shown) for pane in (one, other) if pane.shown is not None]
    return one_person(one, other) and bool(frames[0]) and frames[0] == frames[1]


def one_person(one: PaneState, other: PaneState) -> bool:
    """Whether two panes show the same patient: what is linked without being asked to."""
    if one.study is None or other.study is None:
        return False
    here, there = one.study.patient, other.study.patient
    known = any((here.name, here.id, here.birth_date))
    return one.study.key == other.study.key or (known and here == there) or same_patient(here, there)


def displayed(
    now: Arrangement, pane: int, display: DisplayState, links: Links, sizes: Sequence[Size]
) -> Arrangement:
    """A pane looked at in another way, and its linked panes with it."""
    before = now.panes[pane]
    here = with_display(before, display)
    fresh = {pane: here}
    for number, other in enumerate(now.panes):
        if number == pane or other.shown is None or not one_person(before, other):
            continue
        wanted = other.display
        if links.window and not {pane, number} & links.apart and _same_values(before, other):
            wanted = replace(wanted, voi=display.voi, invert=display.invert)
        if links.view:
            wanted = _same_view(before, here, other, wanted, sizes[pane], sizes[number])
        fresh[number] = with_display(other, wanted)
    return with_panes(now, fresh)


def indexed(now: Arrangement, pane: int, index: int, links: Links) -> Arrangement:
    """Another image on a pane, and the image at the same place on its linked panes."""
    before = now.panes[pane]
    here = with_index(before, index)
    fresh = {pane: here}
    if links.scroll and here.shown is not None:
        for number, other in enumerate(now.panes):
            if number != pane and other.shown is not None:
                wanted = _index_beside(here, here.shown, other, other.shown, links.anchors)
                fresh[number] = other if wanted is None else with_index(other, wanted)
    return with_panes(now, fresh)


def anchored(now: Arrangement, links: Links) -> Links:
    """The images on screen belong together: series without a common space step together from here."""
    shown = [now.panes[number] for number in now.visible if now.panes[number].shown is not None]
    fresh = list(links.anchors)
    for at, one in enumerate(shown):
        for other in shown[at + 1 :]:
            if one.series_key is None or other.series_key is None or one.series_key == other.series_key:
                continue
            both = {one.series_key, other.series_key}
            fresh = [kept for kept in fresh if {kept.one, kept.other} != both]
            fresh.append(Anchor(one.series_key, other.series_key, _standing(one), _standing(other)))
    return replace(links, scroll=True, anchors=tuple(fresh))


def at_point(now: Arrangement, pane: int, point_lps: Vector3) -> Arrangement:
    """Every pane in the space of `pane` at the image nearest to a patient position."""
    source, fresh = now.panes[pane], {}
    for number, other in enumerate(now.panes):
        if number != pane and other.shown is not None and same_space(source, other):
            fresh[number] = with_index(other, nearest(other.shown, point_lps))
    return with_panes(now, fresh)


def nearest(shown: Shown, point_lps: Vector3) -> int:
    """The image whose plane is nearest to a patient position; the one on screen without geometry."""
    if shown.planes is not None:
        return shown.planes.index_at(point_lps)
    found = shown.index, float("inf")
    for index, frame in faces_of(shown.loaded.stack.frames):
        if frame.geometry is None:
            return shown.index
        normal = np.asarray(frame.geometry.normal_lps)
        away = abs(float(normal @ np.asarray(point_lps)) - frame.geometry.position_mm)
        found = min(found, (index, away), key=lambda entry: entry[1])
    return found[0]


def _index_beside(
    here: PaneState, shown: Shown, other: PaneState, target: Shown, anchors: tuple[Anchor, ...]
) -> int | None:
    if here.series_key == other.series_key:
        return shown.index if here.plane is other.plane else None
    for anchor in anchors:
        if {anchor.one, anchor.other} == {here.series_key, other.series_key}:
            return _index_from(anchor, here, target)
    middle = point_lps_mm(shown)
    if middle is None or not same_space(here, other) or not _parallel(shown, target):
        return None
    return nearest(target, middle)


def _index_from(anchor: Anchor, here: PaneState, target: Shown) -> int:
    """As far from the anchor as the other pane is from its own: in millimetres, else in images."""
    mine, theirs = anchor.at_one, anchor.at_other
    if anchor.one != here.series_key:
        mine, theirs = theirs, mine
    index, position = _standing(here)
    if position is None or mine[1] is None or theirs[1] is None:
        return theirs[0] + index - mine[0]
    wanted = theirs[1] + position - mine[1]
    return _index_at_position(target, wanted)


def _index_at_position(shown: Shown, position_mm: float) -> int:
    if shown.planes is not None:
        places = [(index, shown.planes.position_mm(index)) for index in range(shown.planes.count)]
    else:
        known = ((index, frame.geometry) for index, frame in faces_of(shown.loaded.stack.frames))
        places = [(index, geometry.position_mm) for index, geometry in known if geometry is not None]
    nearest = min(places, key=lambda place: abs(place[1] - position_mm), default=(shown.index, 0.0))
    return nearest[0]


def _standing(pane: PaneState) -> tuple[int, float | None]:
    shown = pane.shown
    if shown is None:
        return 0, None
    geometry = shown.frame.geometry
    return shown.index, None if geometry is None else geometry.position_mm


def _same_values(one: PaneState, other: PaneState) -> bool:
    """Whether a window of one pane means the same in the other."""
    if one.series_key == other.series_key:
        return True
    if one.shown is None or other.shown is None:
        return False
    units = {one.shown.frame.units, other.shown.frame.units}
    return len(units) == 1 and units <= _ABSOLUTE_UNITS


def _same_view(
    before: PaneState, here: PaneState, other: PaneState, wanted: DisplayState, size: Size, room: Size
) -> DisplayState:
    """Zoom, pan and turn as in the other pane: alike for one stack, by patient position elsewhere."""
    look, shown, target = here.display, here.shown, other.shown
    if before.series_key == other.series_key and before.plane is other.plane:
        return replace(wanted, zoom=look.zoom, pan=look.pan, turn=look.turn)
    if shown is None or target is None or before.series_key == other.series_key:
        return wanted
    if not same_space(here, other) or not _parallel(shown, target):
        return wanted
    mine, theirs = shown.frame.geometry, target.frame.geometry
    if mine is None or theirs is None:
        return wanted
    if look.zoom is None and look.pan == (0.0, 0.0):
        return replace(wanted, zoom=None, pan=(0.0, 0.0), turn=look.turn)
    view = viewport.transform(shown.frame, viewport_of(look, size))
    middle = mine.point_lps_mm(*view.to_source(size[0] / 2, size[1] / 2))
    zoom = view.scale * theirs.spacing.column_mm / mine.spacing.column_mm
    zoom = min(viewport.MAX_ZOOM, zoom)
    centred = replace(wanted, zoom=zoom, pan=(0.0, 0.0), turn=look.turn)
    x, y = viewport.transform(target.frame, viewport_of(centred, room)).to_screen(*theirs.index_of(middle))
    return replace(centred, pan=(room[0] / 2 - x, room[1] / 2 - y))


def _parallel(one: Shown, other: Shown) -> bool:
    if one.frame.geometry is None or other.frame.geometry is None:
        return False
    pairs = (
        (one.frame.geometry.normal_lps, other.frame.geometry.normal_lps),
        (one.frame.geometry.row_lps, other.frame.geometry.row_lps),
    )
    return all(float(np.dot(a, b)) > _PARALLEL for a, b in pairs)


def _frame_of_reference(shown: Shown | None) -> str:
    if shown is None or shown.frame.geometry is None:
        return ""
    return shown.frame.geometry.frame_of_reference or shown.loaded.series.frame_of_reference
