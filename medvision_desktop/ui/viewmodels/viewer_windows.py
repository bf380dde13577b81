"""Panes in several windows, and stages of hanging protocols on the panes of the main one."""

from __future__ import annotations

from dataclasses import replace

from medvision_desktop.domain.display import Voi
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.services.hanging import HungPane, HungStage
from medvision_desktop.ui.viewmodels import arrangement, hung, layouts, pane_state, windows
from medvision_desktop.ui.viewmodels.layouts import window_of
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.viewer_state import ViewerState


class ViewerWindows(ViewerState):
    """Says which windows there are and what goes from one to another."""

    @property
    def windows(self) -> tuple[int, ...]:
        """Numbers of the windows that are open, the main one first."""
        return windows.open_windows(self._now)

    def open_window(self) -> int | str:
        """One more window with an empty pane; its number, or why there is none."""
        fresh = windows.opened(self._now)
        if isinstance(fresh, str):
            return fresh
        self._set(fresh[0])
        return fresh[1]

    def close_window(self, window: int) -> int:
        """Give the panes of a window back to the main one; how many found no room there."""
        if window not in self.windows or not window:
            return 0
        fresh, homeless = windows.closed(self._now, window)
        self._set(fresh)
        return homeless

    def move_pane(self, pane: int, window: int) -> str:
        """Show a pane in another window; why not, or "" when it is done."""
        fresh = windows.moved(self._now, pane, window)
        if isinstance(fresh, str):
            return fresh
        self._set(fresh)
        return ""

    @property
    def is_arranged(self) -> bool:
        """Whether the reader has laid out several panes of the main window by hand."""
        now = self._now
        return now.chosen and len(now.layout.cells) > 1 and not now.has_planes

    def may_hang(self, study: StudyRef, series: SeriesRef) -> bool:
        """Whether a protocol may lay out the main window: the reader's own arrangement wins."""
        now = self._now
        if window_of(now.active) or self.is_arranged:
            return False
        return layouts.kind_of(study, series) not in now.hung

    def put_stage(self, stage: HungStage) -> None:
        """Lay out the main window by a stage; series that are not here yet are waited for."""
        self._links = replace(self._links, apart=frozenset())
        self._set(hung.hung(self._now, stage))

    def put_in_plane(self, pane: int, wish: HungPane) -> None:
        """Show the plane that a stage asks for, where the pane shows the stack of a volume."""
        fresh = hung.in_plane(self.panes[pane], wish)
        self._set(arrangement.with_panes(self._now, {pane: fresh}))

    def set_own_window(self, pane: int, voi: Voi | None) -> None:
        """Window a pane alone; from here on it is apart from linked panes."""
        state = self.panes[pane]
        self._links = replace(self._links, apart=self._links.apart | {pane})
        fresh = pane_state.with_display(state, replace(state.display, voi=voi))
        self._set(arrangement.with_panes(self._now, {pane: fresh}))

    def free_pane(self) -> int | None:
        """A pane of the main window beside the active one, an empty one first; None where there is none."""
        beside = [pane for pane in self.on_window(0) if pane != self.active]
        empty = (pane for pane in beside if self.panes[pane].status is PaneStatus.EMPTY)
        return next(empty, next(iter(beside), None))
