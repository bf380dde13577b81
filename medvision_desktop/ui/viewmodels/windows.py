"""Panes in further windows: opened, moved from one to another, and given back when one closes.

Pure: every function takes an arrangement and gives the next one, or the reason why there is none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from medvision_desktop.ui.viewmodels.arrangement import Arrangement, laid_out, with_panes
from medvision_desktop.ui.viewmodels.layouts import BY_NAME, PANES, WINDOWS, Layout, window_of
from medvision_desktop.ui.viewmodels.pane_state import PaneState, PaneStatus

# The layout that has room for so many panes.
_FOR_COUNT: Final = {1: "1x1", 2: "1x2", 3: "1+2", 4: "2x2"}
_FULL: Final = "That window has no room for another pane."


def open_windows(now: Arrangement) -> tuple[int, ...]:
    """Numbers of the windows that are open, the main one first."""
    return tuple(window for window in range(WINDOWS) if now.layout_of(window) is not None)


def opened(now: Arrangement) -> tuple[Arrangement, int] | str:
    """One more window with one empty pane."""
    free = next((window for window in range(1, WINDOWS) if now.layout_of(window) is None), None)
    if free is None:
        return f"{WINDOWS} windows are the most."
    active = now.active
    return replace(laid_out(now, free, BY_NAME["1x1"]), active=active), free


def moved(now: Arrangement, pane: int, window: int) -> Arrangement | str:
    """What a pane shows, in another window; the window that it leaves closes the gap."""
    state = now.panes[pane]
    if state.status is PaneStatus.EMPTY:
        return "The pane is empty."
    if now.has_planes and pane < PANES - 1:
        return "Three planes stay together in the main window."
    target = _room_in(now, window)
    if target is None:
        return _FULL
    now, place = target
    now = with_panes(now, {pane: PaneState(), place: replace(state, companion=False)})
    now = _closed_up(now, window_of(pane))
    return replace(now, active=place, maximised=None)


def closed(now: Arrangement, window: int) -> tuple[Arrangement, int]:
    """A window closed and its panes given back to the main one; how many found no room there."""
    held = [now.panes[pane] for pane in now.cells_of(window)]
    fresh = with_panes(now, dict.fromkeys(_panes_of(window), PaneState()))
    fresh = laid_out(fresh, window, None)
    homeless = 0
    for state in held:
        if state.status is PaneStatus.EMPTY:
            continue
        target = _room_in(fresh, 0)
        if target is None:
            homeless += 1
            continue
        fresh, place = target
        fresh = with_panes(fresh, {place: state})
    active = now.active if window_of(now.active) != window else 0
    return replace(fresh, active=active if active in fresh.cells else 0), homeless


def _room_in(now: Arrangement, window: int) -> tuple[Arrangement, int] | None:
    """An empty pane of a window, with one more cell in its layout where none is empty."""
    cells = now.cells_of(window)
    empty = next((cell for cell in cells if now.panes[cell].status is PaneStatus.EMPTY), None)
    if empty is not None and not (window == 0 and now.has_planes and empty < PANES - 1):
        return now, empty
    layout = None if len(cells) >= PANES else BY_NAME[_FOR_COUNT[len(cells) + 1]]
    if layout is None or (window == 0 and now.has_planes):
        return None
    return _with_layout(now, window, layout), window * PANES + len(cells)


def _closed_up(now: Arrangement, window: int) -> Arrangement:
    """A window's panes moved together and its layout made as small as they need."""
    if window == 0 and now.has_planes:
        return now
    held = [
        now.panes[cell] for cell in now.cells_of(window) if now.panes[cell].status is not PaneStatus.EMPTY
    ]
    rest = [PaneState()] * (PANES - len(held))
    now = with_panes(now, dict(zip(_panes_of(window), (*held, *rest), strict=True)))
    return _with_layout(now, window, BY_NAME[_FOR_COUNT[max(1, len(held))]])


def _with_layout(now: Arrangement, window: int, layout: Layout) -> Arrangement:
    if window:
        return laid_out(now, window, layout)
    return replace(now, layout=layout, chosen=True, maximised=None)


def _panes_of(window: int) -> range:
    return range(window * PANES, (window + 1) * PANES)
