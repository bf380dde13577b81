"""Panes that go to further windows and come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.ui.viewmodels import arrangement, windows
from medvision_desktop.ui.viewmodels.arrangement import Arrangement
from medvision_desktop.ui.viewmodels.layouts import PANES, WINDOWS, window_of
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from tests.helpers import viewer_cases as cases


def with_scans(count: int) -> Arrangement:
    """The main window with so many series side by side."""
    now = Arrangement()
    layouts = {1: "1x1", 2: "1x2", 3: "1+2", 4: "2x2"}
    for number in range(count):
        scan = cases.scan(f"s{number}")
        now = arrangement.opened(now, scan.study, scan.series, number)
    chosen = arrangement.chosen(now, layouts[count])
    assert isinstance(chosen, Arrangement)
    return chosen


def held(now: Arrangement) -> list[str]:
    """Series in panes that a layout has room for."""
    return sorted(series.uid for cell in now.cells if (series := now.panes[cell].series) is not None)


def opened(now: Arrangement) -> tuple[Arrangement, int]:
    fresh = windows.opened(now)
    assert isinstance(fresh, tuple)
    return fresh


def moved(now: Arrangement, pane: int, window: int) -> Arrangement:
    fresh = windows.moved(now, pane, window)
    assert isinstance(fresh, Arrangement), fresh
    return fresh


def test_a_moved_pane_is_in_the_other_window_and_the_gap_is_closed() -> None:
    now, window = opened(with_scans(2))
    now = moved(now, 0, window)
    assert (now.layout.name, now.panes[0].series.uid) == ("1x1", "s1")
    assert now.panes[window * PANES].series.uid == "s0"
    assert now.active == window * PANES
    assert now.visible == (0, window * PANES)


def test_a_window_grows_with_its_panes_until_it_is_full() -> None:
    now, window = opened(with_scans(4))
    names = []
    for _ in range(4):
        now = moved(now, 0, window)
        layout = now.layout_of(window)
        assert layout is not None
        names.append(layout.name)
    assert names == ["1x1", "1x2", "1+2", "2x2"]
    assert now.panes[0].status is PaneStatus.EMPTY
    scan = cases.scan("more")
    now = arrangement.opened(now, scan.study, scan.series, 0)
    assert windows.moved(now, 0, window) == "That window has no room for another pane."


def test_closing_a_window_gives_its_panes_back() -> None:
    now, window = opened(with_scans(3))
    now = moved(now, 1, window)
    now, homeless = windows.closed(now, window)
    assert (homeless, now.layout.name, held(now)) == (0, "1+2", ["s0", "s1", "s2"])
    assert now.layout_of(window) is None
    assert window_of(now.active) == 0


def test_only_so_many_windows_can_be_open() -> None:
    now = with_scans(1)
    for _ in range(WINDOWS - 1):
        now, _ = opened(now)
    assert windows.opened(now) == f"{WINDOWS} windows are the most."


def test_three_planes_stay_together() -> None:
    brain = cases.brain()
    now = arrangement.opened(Arrangement(), brain.study, brain.series, None)
    key = (brain.study.key, brain.series.uid)
    now = arrangement.arrived(now, key, brain, complete=True)
    now, window = opened(now)
    assert windows.moved(now, 1, window) == "Three planes stay together in the main window."


@given(st.lists(st.tuples(st.integers(0, WINDOWS * PANES - 1), st.integers(0, WINDOWS - 1)), max_size=12))
def test_no_series_is_ever_lost_by_moving(steps: list[tuple[int, int]]) -> None:
    now = with_scans(3)
    now, _ = opened(now)
    now, _ = opened(now)
    for pane, window in steps:
        if pane in now.cells and window != window_of(pane):
            fresh = windows.moved(now, pane, window)
            now = now if isinstance(fresh, str) else fresh
        assert held(now) == ["s0", "s1", "s2"]
        assert now.active in now.cells
    for window in range(1, WINDOWS):
        now, homeless = windows.closed(now, window)
        assert homeless == 0
    assert held(now) == ["s0", "s1", "s2"]


@pytest.mark.parametrize("name", ["1x2", "2x2"])
def test_a_layout_is_chosen_for_the_window_of_the_active_pane(name: str) -> None:
    now, window = opened(with_scans(2))
    now = moved(now, 0, window)
    fresh = arrangement.chosen(now, name)
    assert isinstance(fresh, Arrangement)
    layout = fresh.layout_of(window)
    assert layout is not None
    assert (layout.name, fresh.layout.name) == (name, "1x1")
    assert arrangement.chosen(now, "mpr") == "Three planes are shown in the main window."
