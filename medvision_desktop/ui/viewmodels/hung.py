"""A stage of a hanging protocol put on the panes of the main window."""

from __future__ import annotations

from dataclasses import replace

from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.services.hanging import HungPane, HungStage
from medvision_desktop.ui.viewmodels import arrangement, pane_state, planes
from medvision_desktop.ui.viewmodels.arrangement import Arrangement
from medvision_desktop.ui.viewmodels.layouts import BY_NAME, MPR, PANES
from medvision_desktop.ui.viewmodels.pane_state import PaneState, PaneStatus
from medvision_desktop.ui.viewmodels.series_cache import key_of

_PLANES = len(planes.ORDER)


def hung(now: Arrangement, stage: HungStage) -> Arrangement:
    """The panes of a stage. A series that is on screen keeps its image and how it is looked at."""
    fresh: dict[int, PaneState] = dict.fromkeys(range(PANES), PaneState())
    for number, wish in wished(stage).items():
        fresh[number] = _pane(now, wish)
    base = replace(
        arrangement.with_panes(now, fresh),
        layout=BY_NAME[stage.layout],
        active=stage.active,
        maximised=None,
        chosen=False,
        by_rule=True,
        aside=None,
    )
    first = base.panes[0]
    if base.has_planes and first.shown is not None:
        return _spread(base, pane_state.point_lps_mm(first.shown))
    return base


def wished(stage: HungStage) -> dict[int, HungPane]:
    """What goes into which pane. Three planes are of the first series; the second goes beside them."""
    told = {number: wish for number, wish in enumerate(stage.panes) if wish is not None}
    if stage.layout != MPR:
        return told
    panes = dict.fromkeys(range(_PLANES), told[0]) if 0 in told else {}
    return panes | ({_PLANES: told[1]} if 1 in told else {})


def in_plane(pane: PaneState, wish: HungPane) -> PaneState:
    """A pane showing the plane of its volume that a stage asks for; the stack where there is none."""
    shown = pane.shown
    if wish.plane is None or shown is None or shown.plane is not None or shown.loaded.volume is None:
        return pane
    stack = PlaneStack(shown.loaded.volume, wish.plane, is_quick=True)
    base = replace(pane, display=pane.display.brightness)
    return pane_state.with_planes(base, shown.loaded, stack, stack.count // 2)


def _pane(now: Arrangement, wish: HungPane) -> PaneState:
    key = key_of(wish.study.key, wish.series.uid)
    for pane in now.panes[:PANES]:
        if pane.series_key == key and pane.status is PaneStatus.SHOWN and pane.shown is not None:
            near = pane_state.point_lps_mm(pane.shown)
            stack = pane if pane.plane is None else pane_state.as_stack(pane, near)
            return replace(stack, companion=wish.companion)
    return pane_state.asked(wish.study, wish.series, companion=wish.companion)


def _spread(now: Arrangement, near: tuple[float, float, float] | None) -> Arrangement:
    """Three planes at once where the series is here already; one stack where it is no volume."""
    shown = now.panes[0].shown
    if shown is None or shown.loaded.volume is None:
        alone = arrangement.with_panes(now, {1: PaneState(), 2: PaneState()})
        return replace(alone, layout=BY_NAME["1x1"], active=0)
    return replace(now, panes=planes.spread(now.panes, shown.loaded, near))
