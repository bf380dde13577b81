"""All panes together as one frozen value: what each shows, the layout, and which is active.

Every function takes an arrangement and gives the next one; the viewer compares the two and tells
the views what changed. Nothing here knows Qt, threads or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.image import Frame, LoadedSeries
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.pixels import regular
from medvision_desktop.ui.viewmodels import layouts, pane_state, planes
from medvision_desktop.ui.viewmodels.awaited import Refusal
from medvision_desktop.ui.viewmodels.layouts import (
    ALL_PANES,
    BY_NAME,
    MPR,
    PANES,
    WINDOWS,
    Layout,
    window_of,
)
from medvision_desktop.ui.viewmodels.pane_state import PaneState, PaneStatus
from medvision_desktop.ui.viewmodels.series_cache import SeriesKey

Panes = tuple[PaneState, ...]
_PLANES = len(planes.ORDER)


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Four panes of each window, of which the window's layout shows the first ones.

    `layout` is the main window's, `others` those of further windows, None for one that is closed.
    `chosen`: the reader picked this layout for what is on screen. `hung`: the layout the reader
    picked last for each kind of series. `by_rule`: a hanging protocol has laid out what is on screen.
    `aside`: panes put away while planes are shown.
    """

    panes: Panes = field(default_factory=lambda: (PaneState(),) * ALL_PANES)
    layout: Layout = BY_NAME["1x1"]
    others: tuple[Layout | None, ...] = (None,) * (WINDOWS - 1)
    active: int = 0
    maximised: int | None = None
    chosen: bool = False
    by_rule: bool = False
    hung: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    aside: Panes | None = None

    @cached_property
    def visible(self) -> tuple[int, ...]:
        """Numbers of the panes on screen, the main window's first."""
        return tuple(pane for window in range(WINDOWS) for pane in self.on_window(window))

    @property
    def cells(self) -> tuple[int, ...]:
        """Numbers of the panes that layouts have room for, also behind a maximised one."""
        return tuple(pane for window in range(WINDOWS) for pane in self.cells_of(window))

    def layout_of(self, window: int) -> Layout | None:
        """The layout of a window; None when it is closed."""
        return self.others[window - 1] if window else self.layout

    def cells_of(self, window: int) -> tuple[int, ...]:
        """Numbers of the panes that the layout of a window has room for."""
        layout = self.layout_of(window)
        return () if layout is None else tuple(range(window * PANES, window * PANES + len(layout.cells)))

    def on_window(self, window: int) -> tuple[int, ...]:
        """Numbers of the panes that a window shows."""
        if self.maximised is not None and window_of(self.maximised) == window:
            return (self.maximised,)
        return self.cells_of(window)

    @property
    def has_planes(self) -> bool:
        """Whether the layout is the one of three planes."""
        return self.layout.name == MPR

    def wanted(self) -> frozenset[SeriesKey]:
        """Series that panes wait for."""
        waiting = (PaneStatus.LOADING, PaneStatus.PARTIAL)
        return frozenset(
            pane.series_key for pane in self.panes if pane.series_key and pane.status in waiting
        )


def opened(now: Arrangement, study: StudyRef, series: SeriesRef, pane: int | None) -> Arrangement:
    """A series asked for: on one pane, or where its kind is hung."""
    if pane is not None and not (now.has_planes and pane < _PLANES):
        return _activated(_asked(now, study, series, (pane,)), pane)
    if window_of(now.active):  # another window is the reader's own arrangement
        return _activated(_asked(now, study, series, (now.active,)), now.active)
    now = _hanging(now, study, series)
    if now.has_planes:
        return _activated(_asked(now, study, series, tuple(range(_PLANES))), 0)
    target = 0 if now.panes[now.active].companion else now.active
    companions = _companions(now, target) if series.frame_count == 1 else ()
    return _activated(_asked(now, study, series, (target, *companions)), target)


def arrived(now: Arrangement, key: SeriesKey, loaded: LoadedSeries, *, complete: bool) -> Arrangement:
    """Pixels for every pane that waits for them. Panes that moved on are left alone."""
    waiting = [
        number
        for number, pane in enumerate(now.panes)
        if pane.series_key == key and pane.status in (PaneStatus.LOADING, PaneStatus.PARTIAL)
    ]
    if not waiting:
        return now
    if now.has_planes and waiting[0] == 0:
        now = _planes_arrived(now, loaded, complete=complete)
        waiting = [number for number in waiting if number >= _PLANES]
    panes = {n: pane_state.with_loaded(now.panes[n], loaded, complete=complete) for n in waiting}
    return with_panes(now, panes)


def failed(now: Arrangement, key: SeriesKey, refusal: Refusal) -> Arrangement:
    """The reason on every pane that waited for the series."""
    waiting = (PaneStatus.LOADING, PaneStatus.PARTIAL)
    panes = {
        number: pane_state.refused(pane, refusal)
        for number, pane in enumerate(now.panes)
        if pane.series_key == key and pane.status in waiting
    }
    return with_panes(now, panes)


def closed(now: Arrangement, study_key: str) -> Arrangement:
    """Every pane of a study emptied; one pane is left when none shows anything."""
    panes = {
        n: PaneState() for n, pane in enumerate(now.panes) if pane.study and pane.study.key == study_key
    }
    now = replace(with_panes(now, panes), aside=None)
    if any(pane.status is not PaneStatus.EMPTY for pane in now.panes):
        return now
    return Arrangement(hung=now.hung, others=now.others)


def chosen(now: Arrangement, name: str) -> Arrangement | str:
    """The layout that the reader picks, or the reason why it cannot be used."""
    pane, window = now.panes[now.active], window_of(now.active)
    if window:
        if name == MPR:
            return "Three planes are shown in the main window."
        now = laid_out(now, window, BY_NAME[name])
    elif name == MPR and not now.has_planes:
        spread = _spread(now)
        if isinstance(spread, str):
            return spread
        now = spread
    else:
        now = _laid_out(now, BY_NAME[name])
    hung = dict(now.hung)
    if pane.study is not None and pane.series is not None:
        hung[layouts.kind_of(pane.study, pane.series)] = name
    if window:
        return now
    return replace(now, chosen=True, by_rule=False, hung=MappingProxyType(hung))


def laid_out(now: Arrangement, window: int, layout: Layout | None) -> Arrangement:
    """A further window in a layout, or with None closed; its panes stay as they are."""
    others = tuple(layout if at == window - 1 else other for at, other in enumerate(now.others))
    fresh = replace(now, others=others, maximised=None)
    active = fresh.active if fresh.active in fresh.cells else next(iter(fresh.cells_of(window)), 0)
    return replace(fresh, active=active)


def activated(now: Arrangement, pane: int) -> Arrangement:
    """Another pane for keys and menus to act on."""
    return _activated(now, pane)


def maximised(now: Arrangement, pane: int) -> Arrangement:
    """One pane over the whole grid, or all of them again."""
    if len(now.cells_of(window_of(pane))) == 1:
        return now
    return replace(now, maximised=pane if now.maximised is None else None, active=pane)


def with_panes(now: Arrangement, fresh: Mapping[int, PaneState]) -> Arrangement:
    """Some panes replaced. The same arrangement when nothing is."""
    if all(now.panes[number] is pane for number, pane in fresh.items()):
        return now
    return replace(now, panes=tuple(fresh.get(n, pane) for n, pane in enumerate(now.panes)))


def at_point(now: Arrangement, point_lps_mm: Vector3) -> Arrangement:
    """Every plane at a patient position."""
    return with_panes(now, dict(enumerate(planes.moved_to(now.panes, point_lps_mm))))


def touched(before: Arrangement, fresh: Arrangement) -> list[int]:
    """Panes whose picture may differ: their own state, the active edge, the lines of other planes."""
    changed = {n for n in range(len(fresh.panes)) if fresh.panes[n] is not before.panes[n]}
    if any(before.panes[n].series_key != fresh.panes[n].series_key for n in changed):
        return list(range(len(fresh.panes)))  # bands and layers depend on who else is on screen
    if any(fresh.panes[n].plane is not None for n in changed):
        changed |= {n for n in range(len(fresh.panes)) if fresh.panes[n].plane is not None}
    if fresh.active != before.active or _frame(before) is not _frame(fresh):
        changed |= set(fresh.visible)  # the line of the active image moves
        changed |= {before.active, fresh.active}
    return sorted(changed)


def _frame(now: Arrangement) -> Frame | None:
    shown = now.panes[now.active].shown
    return shown.frame if shown is not None else None


def _asked(now: Arrangement, study: StudyRef, series: SeriesRef, targets: tuple[int, ...]) -> Arrangement:
    fresh = {number: pane_state.asked(study, series, companion=number != targets[0]) for number in targets}
    return with_panes(now, fresh)


def _activated(now: Arrangement, pane: int) -> Arrangement:
    beside = now.maximised is None or window_of(now.maximised) != window_of(pane)
    shown = now.maximised if beside else pane
    return replace(now, active=pane, maximised=shown)


def _hanging(now: Arrangement, study: StudyRef, series: SeriesRef) -> Arrangement:
    """The layout for a kind of series, unless several panes are arranged for comparing."""
    if (now.chosen or now.by_rule) and len(now.layout.cells) > 1 and not now.has_planes:
        return now
    kind = layouts.kind_of(study, series)
    layout = BY_NAME[now.hung.get(kind, layouts.HANGING[kind])]
    if layout.name == MPR:
        aside = now.aside if now.has_planes else now.panes
        return replace(now, layout=layout, active=0, maximised=None, aside=aside, by_rule=False)
    return replace(_laid_out(now, layout), active=0, chosen=False, by_rule=False)


def _companions(now: Arrangement, target: int) -> tuple[int, ...]:
    """The pane beside a film that is free to carry its layers."""
    if len(now.layout.cells) != 2:
        return ()
    other = 1 - target
    pane = now.panes[other]
    laid_out_by = now.chosen or now.by_rule
    free = pane.companion or pane.status is PaneStatus.EMPTY or not laid_out_by
    return (other,) if free else ()


def _laid_out(now: Arrangement, layout: Layout) -> Arrangement:
    if now.has_planes and layout.name != MPR:
        now = _gathered(now)
    active = now.active if now.active < len(layout.cells) else 0
    return replace(now, layout=layout, active=active, maximised=None)


def _gathered(now: Arrangement) -> Arrangement:
    """Planes back to a stack on the first pane, near the point they shared; the others as before."""
    first = now.panes[0]
    restored = now.aside if now.aside is not None else (PaneState(),) * ALL_PANES
    if first.shown is not None and first.shown.planes is not None:
        point = planes.common_point(now.panes) or pane_state.point_lps_mm(first.shown)
        first = pane_state.as_stack(first, point)
    # What was put away while it was still being read is not waited for any more.
    rest = tuple(
        pane if pane.series_key != first.series_key and pane.status is PaneStatus.SHOWN else PaneState()
        for pane in restored[1:_PLANES]
    )
    panes = (first, *rest, *now.panes[_PLANES:])
    return replace(now, panes=panes, aside=None, active=0)


def _spread(now: Arrangement) -> Arrangement | str:
    pane = now.panes[now.active]
    if pane.shown is None:
        return "Open a series first."
    loaded = pane.shown.loaded
    if pane.status is not PaneStatus.SHOWN:
        return "The series is still being read."
    if loaded.volume is None:
        return _no_volume_words(loaded)
    base = replace(now, layout=BY_NAME[MPR], active=0, maximised=None, aside=now.panes)
    source = (pane, *now.panes[1:])
    return replace(base, panes=planes.spread(source, loaded, pane_state.point_lps_mm(pane.shown)))


def _no_volume_words(loaded: LoadedSeries) -> str:
    """Why there are no planes, and what may be asked for instead."""
    why = loaded.not_a_volume or "This series is not a volume."
    if isinstance(loaded.stack.frames, tuple) and regular.fault(loaded.stack.frames) == "":
        return f"{why} “Resample to a regular grid” makes one on request."
    return why


def _planes_arrived(now: Arrangement, loaded: LoadedSeries, *, complete: bool) -> Arrangement:
    first = pane_state.with_loaded(now.panes[0], loaded, complete=complete)
    if not complete:
        return with_panes(now, {0: first})
    if loaded.volume is None or not (now.chosen or layouts.has_fine_planes(loaded)):
        # No planes after all: the series is read as the stack it is.
        alone = with_panes(now, {0: first, 1: PaneState(), 2: PaneState()})
        return replace(alone, layout=BY_NAME["1x1"], active=0, aside=None)
    return replace(now, panes=planes.spread(now.panes, loaded.at_phase(0), None))
