"""The viewer: series on panes, how they are looked at, and the tool in the reader's hand.

Setters apply; signals ask the views to look again, and a view looks by asking for its `PaneView`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.measurement import Point
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.errors import MedVisionError
from medvision_desktop.pixels import region
from medvision_desktop.pixels.reslice import Slab
from medvision_desktop.services.hanging import HungStage
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import arrangement, linking, pane_state, viewer_actions
from medvision_desktop.ui.viewmodels import links as links_of
from medvision_desktop.ui.viewmodels.awaited import Refusal
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.layouts import ALL_PANES
from medvision_desktop.ui.viewmodels.links import Links
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.series_cache import SeriesCache, SeriesKey, key_of
from medvision_desktop.ui.viewmodels.series_loads import OpenSeries, SeriesLoads, reader_of
from medvision_desktop.ui.viewmodels.viewer_edits import ViewerEdits
from medvision_desktop.ui.viewmodels.viewer_layers import ViewerLayers
from medvision_desktop.ui.viewmodels.viewer_windows import ViewerWindows
from medvision_desktop.ui.workers.lane import Lanes

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench


class ViewerModel(ViewerLayers, ViewerEdits, ViewerWindows):
    """What the reading room talks to: `ViewerState` and everything that changes it."""

    def __init__(
        self, bench: Workbench, lanes: Lanes, notifier: Notifier, *, read: OpenSeries | None = None
    ) -> None:
        super().__init__(bench.settings, notifier.error)
        self._notifier = notifier
        cache = SeriesCache(bench.settings.image_memory_mb << 20)
        self._loads = SeriesLoads(lanes.io, read or reader_of(bench), cache)
        self._loads.arrived.connect(self._on_arrived)
        self._loads.failed.connect(self._on_failed)
        self._loads.filled.connect(self._on_filled)
        self.changed.connect(self._look)
        self.layers.listed.connect(lambda _key: cache.reserve(self.layers.nbytes))

    # Opening and laying out.

    def open(self, study: StudyRef, series: SeriesRef, *, pane: int | None = None) -> None:
        """Show a series on `pane`, or where its kind is hung (a chest film twice: plain and layered)."""
        self._set(arrangement.opened(self._now, study, series, pane))
        self._loads.keep_only(self._now.wanted())
        self._fetch(study, series)

    def hang(self, stage: HungStage) -> None:
        """Lay out the main window by a stage of a protocol and read what is not here yet."""
        self.put_stage(stage)
        wanted = self._now.wanted()
        self._loads.keep_only(wanted)
        asked = {key_of(one.study.key, one.series.uid): one for one in stage.panes if one is not None}
        for key, one in asked.items():
            if key in wanted:
                self._fetch(one.study, one.series)

    def take_series(self, before: LoadedSeries, fresh: LoadedSeries) -> bool:
        """A series with a volume that was made on request: kept, and used where it is on screen.

        Says whether the active pane shows it.
        """
        key = key_of(fresh.study.key, fresh.series.uid)
        self._loads.keep(key, fresh)
        panes = {
            number: replace(pane, shown=replace(pane.shown, loaded=fresh))
            for number, pane in enumerate(self.panes)
            if pane.shown is not None and pane.shown.loaded is before
        }
        self.put_panes(panes)
        return self.active in panes

    def close_study(self, study_key: str) -> None:
        """Empty every pane of a study and let go of its images."""
        self._set(arrangement.closed(self._now, study_key))
        self._loads.forget(study_key)
        self.layers.forget(study_key)

    def set_layout(self, name: str) -> bool:
        """Use the layout that the reader chose; False, and said why, when it cannot be used."""
        fresh = arrangement.chosen(self._now, name)
        if isinstance(fresh, str):
            self._notifier.toast("Three planes need a volume.", fresh)
            return False
        self._set(fresh)
        return True

    def set_size(self, pane: int, width: int, height: int, ratio: float) -> None:
        """The view tells how large a pane is: device pixels, and device pixels a logical one."""
        fresh = ((max(1, width), max(1, height)), ratio)
        if self._sizes[pane] != fresh:
            self._sizes[pane] = fresh
            self.paneChanged.emit(pane)

    def set_active(self, pane: int) -> None:
        """Make a pane the one that keys and menus act on."""
        if pane != self.active:
            self._set(arrangement.activated(self._now, pane))

    def toggle_maximised(self, pane: int) -> bool:
        """Fill the grid with one pane, or go back; False where there is only one."""
        fresh = arrangement.maximised(self._now, pane)
        changed = fresh is not self._now
        self._set(fresh)
        return changed

    # Looking.

    def set_tool(self, tool: Tool) -> None:
        """Take a tool in hand."""
        if tool is not self._tool:
            self._tool = tool
            self.marks.draw(None)
            self.changed.emit()
            self._tell(range(ALL_PANES))

    def set_links(self, links: Links) -> None:
        """What panes do together from now on."""
        self._links = links
        if not links.cursor:
            self._cursor = None
        self.changed.emit()
        self._tell(range(ALL_PANES))

    def lay_beside(self) -> bool:
        """The images on screen belong together: scroll them from here. False with fewer than two series."""
        fresh = links_of.anchored(self._now, self._links)
        if fresh.anchors == self._links.anchors:
            return False
        self.set_links(fresh)
        if linking.people(self._now) > 1:
            self._notifier.toast("Two patients scroll together", "From these images on.", "warn")
        return True

    def set_note(self, pane: int, words: str) -> None:
        """Words in a pane's lower right corner, or none: what is playing there."""
        if self._notes.get(pane, "") != words:
            self._notes[pane] = words
            self.paneChanged.emit(pane)

    def set_display(self, pane: int, display: DisplayState) -> None:
        """Change how a pane is looked at, and its linked panes with it."""
        sizes = [size for size, _ in self._sizes]
        self._set(links_of.displayed(self._now, pane, display, self._links, sizes))

    def set_index(self, pane: int, index: int) -> None:
        """Show another image or slice on a pane, and that at the same place on linked panes."""
        self._set(links_of.indexed(self._now, pane, index, self._links))

    def set_point(self, point_lps_mm: Vector3) -> None:
        """Take every plane to a patient position."""
        self._set(arrangement.at_point(self._now, point_lps_mm))

    def set_slab(self, slab: Slab) -> None:
        """See the planes of volumes through a slab."""
        self._slab = slab
        self._set(self._through_slab(self._now))
        self.changed.emit()

    def point_at(self, pane: int, point_lps_mm: Vector3) -> None:
        """Take panes of the same space to a patient position, with a cursor there in each of them."""
        if not self._links.cursor:
            return
        self._cursor = (pane, point_lps_mm)
        self._set(links_of.at_point(self._now, pane, point_lps_mm))
        self._tell(range(ALL_PANES))

    def window_from(self, pane: int, points: tuple[Point, ...]) -> None:
        """Window a pane by the values inside a rectangle."""
        shown, before = self.panes[pane].shown, self.looks
        window = region.window_of(shown.frame, points) if shown is not None else None
        if window is None:
            self._notifier.toast("No values to window by there.", "Draw the rectangle on the image.")
            return
        self.set_display(pane, replace(self.panes[pane].display, voi=window))
        self.looked(before)

    def set_corner_text(self, shown: bool) -> None:
        """Corner text on or off, in every pane."""
        self._corner_text = shown
        self._tell(range(ALL_PANES))

    def swap_drag(self) -> None:
        """Let the two directions of a window drag change places, and say what they do now."""
        self._drag_swapped = not self._drag_swapped
        across, down = ("centre", "width") if self._drag_swapped else ("width", "centre")
        self._notifier.toast("Window drag", f"Left-right {across}, up-down {down}.", "info")

    def set_masked(self, masked: bool) -> None:
        """Names hidden or shown, in every pane."""
        self._masked = masked
        self._tell(range(ALL_PANES))

    def perform(self, action_id: str) -> bool:
        """Do what an action of the table asks; False when it is not ours or cannot be done now."""
        return viewer_actions.perform(self, action_id)

    # Inside.

    def _fetch(self, study: StudyRef, series: SeriesRef) -> None:
        kept = self._loads.fetch(study, series)
        if kept is not None:
            self._on_arrived(key_of(study.key, series.uid), kept, True)

    def _on_arrived(self, key: SeriesKey, loaded: LoadedSeries, complete: bool) -> None:
        before = self._now
        self._set(arrangement.arrived(before, key, loaded, complete=complete))
        for number, pane in enumerate(self.panes):
            if complete and pane is not before.panes[number] and pane.status is PaneStatus.SHOWN:
                self.loaded.emit(number, loaded)
        if complete:
            self._expect_next(key)

    def _on_filled(self, key: SeriesKey) -> None:
        """Images of a series have come: the ones that panes wait for, and others for their rails."""
        here = {number: pane for number, pane in enumerate(self.panes) if pane.series_key == key}
        self._set(
            arrangement.with_panes(self._now, {n: pane_state.arrived(pane) for n, pane in here.items()})
        )
        self._tell(number for number, pane in here.items() if self.panes[number] is pane)

    def _look(self) -> None:
        """What is near to the images on screen is read next; the active pane has the last word."""
        looked_at = {
            pane.series_key: pane.shown
            for pane in (*self.panes, self.active_pane)
            if pane.shown is not None and pane.shown.planes is None
        }
        for key, shown in looked_at.items():
            if key is not None:
                self._loads.look(key, shown.loaded.stack.frames, shown.index)

    def _expect_next(self, key: SeriesKey) -> None:
        """The series behind the one that is here is probably the next to be asked for."""
        study = next((pane.study for pane in self.panes if pane.series_key == key), None)
        if study is None:
            return
        images = [series for series in study.series if not series.is_layer]
        uids = [series.uid for series in images]
        after = uids.index(key[1]) + 1 if key[1] in uids else len(uids)
        if after < len(uids):
            self._loads.expect(study, images[after])

    def _on_failed(self, key: SeriesKey, error: Exception) -> None:
        if isinstance(error, MedVisionError):
            refusal = Refusal(error.what, error.why, error.now)
        else:
            refusal = Refusal("The series could not be shown.", "This is a fault of ours.")
            self._notifier.error(error)
        self._set(arrangement.failed(self._now, key, refusal))
