"""The viewer: what every pane shows, which is active, and the tool in the reader's hand.

State is one frozen `Arrangement` and a few values beside it. Setters apply; signals ask the views to
look again, and a view looks by asking for its `PaneView`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.display import DisplayState, OverlayState
from medvision_desktop.domain.findings import HeatMap
from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.image import Frame, LoadedSeries
from medvision_desktop.domain.measurement import Measurement, Place, Point
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.errors import MedVisionError
from medvision_desktop.pixels import region
from medvision_desktop.pixels.presets import Preset
from medvision_desktop.pixels.reslice import Slab, SlabMode
from medvision_desktop.services.ai_places import ImagePlace
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import (
    arrangement,
    history,
    linking,
    pane_view,
    sightlines,
    snapshot,
    viewer_actions,
)
from medvision_desktop.ui.viewmodels import links as links_of
from medvision_desktop.ui.viewmodels.arrangement import Arrangement
from medvision_desktop.ui.viewmodels.gestures import Size, Tool
from medvision_desktop.ui.viewmodels.history import History, Looks, MarkStep, Step, ViewStep, looks
from medvision_desktop.ui.viewmodels.layouts import PANES, Layout
from medvision_desktop.ui.viewmodels.links import Links
from medvision_desktop.ui.viewmodels.marks import Mark, Marks
from medvision_desktop.ui.viewmodels.pane_state import (
    PaneState,
    PaneStatus,
    Refusal,
    with_slab,
)
from medvision_desktop.ui.viewmodels.pane_view import Attention, PaneView, Scene
from medvision_desktop.ui.viewmodels.series_cache import SeriesCache, SeriesKey, key_of
from medvision_desktop.ui.viewmodels.series_loads import OpenSeries, SeriesLoads, reader_of
from medvision_desktop.ui.viewmodels.snapshot import Snapshot
from medvision_desktop.ui.workers.lane import Lanes

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench


class ViewerModel(QObject):
    """Panes 0 to 3; the layout says how many of them are on screen.

    Signals: `changed` for tool, links, layers and the active pane's window; `layoutChanged` for the
    grid; `paneChanged(n)` for one pane; `activeChanged(n)`; `loaded(n, LoadedSeries)` when a whole
    series is on pane n; `attentionChanged` when the map shown, its opacity or threshold changes.
    """

    changed = Signal()
    layoutChanged = Signal()
    paneChanged = Signal(int)
    activeChanged = Signal(int)
    loaded = Signal(int, object)
    attentionChanged = Signal()

    def __init__(
        self, bench: Workbench, lanes: Lanes, notifier: Notifier, *, read: OpenSeries | None = None
    ) -> None:
        super().__init__()
        settings = bench.settings
        self._notifier = notifier
        cache = SeriesCache(settings.image_memory_mb << 20)
        self._loads = SeriesLoads(lanes.io, read or reader_of(bench), cache)
        self._loads.arrived.connect(self._on_arrived)
        self._loads.failed.connect(self._on_failed)
        self._now = Arrangement()
        self._sizes: list[tuple[Size, float]] = [((1, 1), 1.0)] * PANES
        self._tool = Tool.WINDOW
        self._links = Links()
        self._cursor: tuple[int, Vector3] | None = None
        self._notes: dict[int, str] = {}
        self._found: frozenset[ImagePlace] = frozenset()
        self._slab = Slab()
        self._corner_text = True
        self._masked = settings.privacy_mode
        self._overlay = OverlayState(opacity=settings.overlay_opacity, threshold=settings.overlay_threshold)
        self._attention: Attention | None = None
        self.own_presets: Mapping[str, tuple[Preset, ...]] = {}
        self.marks = Marks()
        self.marks.changed.connect(self._on_marks_changed)
        self._history = History()

    # What is.

    @property
    def panes(self) -> tuple[PaneState, ...]:
        """All four panes, also those that the layout does not show."""
        return self._now.panes

    @property
    def layout(self) -> Layout:
        """The layout in use."""
        return self._now.layout

    @property
    def visible(self) -> tuple[int, ...]:
        """Numbers of the panes on screen, in the order of the layout's cells."""
        return self._now.visible

    @property
    def is_maximised(self) -> bool:
        """Whether one pane fills the grid for now."""
        return self._now.maximised is not None

    @property
    def active(self) -> int:
        """Number of the active pane."""
        return self._now.active

    @property
    def active_pane(self) -> PaneState:
        """The active pane."""
        return self._now.panes[self._now.active]

    @property
    def tool(self) -> Tool:
        """The tool in the reader's hand."""
        return self._tool

    @property
    def links(self) -> Links:
        """What panes do together."""
        return self._links

    @property
    def overlay(self) -> OverlayState:
        """All layers on or off, and the attention map's numbers."""
        return self._overlay

    @property
    def corner_text(self) -> bool:
        """Whether corner text is on."""
        return self._corner_text

    @property
    def masked(self) -> bool:
        """Whether names are hidden on screen."""
        return self._masked

    def size_of(self, pane: int) -> Size:
        """Width and height of a pane in device pixels."""
        return self._sizes[pane][0]

    def ratio_of(self, pane: int) -> float:
        """Device pixels a logical pixel of a pane."""
        return self._sizes[pane][1]

    def attention_of(self, pane: int) -> Attention | None:
        """The attention map that belongs to the image on a pane, shown or not."""
        shown, found = self.panes[pane].shown, self._attention
        if shown is None or found is None or shown.plane is not None:
            return None
        here = found.series_uid == shown.loaded.series.uid and found.image_index == shown.index
        return found if here else None

    def marks_on(self, pane: int) -> tuple[Mark, ...]:
        """Measurements on the image of a pane, as they are drawn."""
        shown = self.panes[pane].shown
        return self.marks.shown(linking.place_of(self.panes[pane]), shown.frame if shown else None)

    def frame_at(self, place: Place) -> Frame | None:
        """The frame of a place, where a pane shows it."""
        for pane in self.panes:
            if pane.shown is not None and linking.place_of(pane) == place:
                return pane.shown.frame
        return None

    @property
    def looks(self) -> Looks:
        """How every pane is looked at now; what `looked` compares with."""
        return looks(self.panes)

    def view(self, pane: int) -> PaneView:
        """What a pane paints now."""
        size, ratio = self._sizes[pane]
        carries = self._overlay.attention_label is not None and linking.layer_pane(self._now, pane)
        scene = Scene(
            size=size,
            ratio=ratio,
            active=pane == self.active,
            band=linking.band(self._now, pane),
            overlay=self._overlay,
            attention=self.attention_of(pane) if carries else None,
            marks=self.marks_on(pane),
            crosshair=sightlines.crosshair(self._now, pane, size),
            reference=sightlines.reference(self._now, pane, size),
            cursor=sightlines.cursor(self._now, pane, size, self._cursor),
            note=self._notes.get(pane, ""),
            found=self._found if self._overlay.visible else frozenset(),
            corner_text=self._corner_text,
            masked=self._masked,
        )
        return pane_view.build(self.panes[pane], scene)

    def snapshot(self, pane: int | None = None) -> Snapshot | None:
        """What a key image of a pane (else of the active one) is drawn from; None for no image."""
        number = self.active if pane is None else pane
        return snapshot.taken(
            self.panes[number],
            self.size_of(number),
            marks=self.marks_on(number),
            attention=self.attention_of(number),
            overlay=self._overlay,
        )

    # Opening and laying out.

    def open(self, study: StudyRef, series: SeriesRef, *, pane: int | None = None) -> None:
        """Show a series on `pane`, or where its kind is hung (a chest film twice: plain and layered)."""
        self._set(arrangement.opened(self._now, study, series, pane))
        self._loads.keep_only(self._now.wanted())
        kept = self._loads.fetch(study, series)
        if kept is not None:
            self._on_arrived(key_of(study.key, series.uid), kept, True)

    def close_study(self, study_key: str) -> None:
        """Empty every pane of a study and let go of its images."""
        self._set(arrangement.closed(self._now, study_key))
        self._loads.forget(study_key)

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
            self._tell(range(PANES))

    def set_links(self, links: Links) -> None:
        """What panes do together from now on."""
        self._links = links
        if not links.cursor:
            self._cursor = None
        self.changed.emit()
        self._tell(range(PANES))

    def lay_beside(self) -> bool:
        """The images on screen belong together: scroll them from here. False with fewer than two series."""
        fresh = links_of.anchored(self._now, self._links)
        if fresh.anchors == self._links.anchors:
            return False
        self.set_links(fresh)
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

    @property
    def slab(self) -> Slab:
        """The slab through which planes of a volume are seen."""
        return self._slab

    def set_slab(self, slab: Slab) -> None:
        """See the planes of volumes through a slab."""
        self._slab = slab
        self._set(self._through_slab(self._now))
        self.changed.emit()

    def _through_slab(self, now: Arrangement) -> Arrangement:
        panes = {number: with_slab(pane, self._slab) for number, pane in enumerate(now.panes)}
        return arrangement.with_panes(now, panes)

    def point_at(self, pane: int, point_lps_mm: Vector3) -> None:
        """Take panes of the same space to a patient position, with a cursor there in each of them."""
        if not self._links.cursor:
            return
        self._cursor = (pane, point_lps_mm)
        self._set(links_of.at_point(self._now, pane, point_lps_mm))
        self._tell(range(PANES))

    # Drawing, and undoing.

    def keep_mark(self, measurement: Measurement) -> None:
        """Keep a new or a changed measurement, and give it to the keys."""
        before = next((one for one in self.marks.on(measurement.place) if one.id == measurement.id), None)
        if before == measurement:
            self.marks.hold(None)
            return
        self._history.add(MarkStep(before, measurement))
        self.marks.put(measurement)
        point = self.marks.selected[1] if self.marks.selected[0] == measurement.id else 0
        self.marks.select(measurement.id, point)

    def remove_mark(self, measurement: Measurement) -> None:
        """Take a measurement away."""
        self._history.add(MarkStep(measurement, None))
        self.marks.take(measurement)

    def window_from(self, pane: int, points: tuple[Point, ...]) -> None:
        """Window a pane by the values inside a rectangle."""
        shown, before = self.panes[pane].shown, self.looks
        window = region.window_of(shown.frame, points) if shown is not None else None
        if window is None:
            self._notifier.toast("No values to window by there.", "Draw the rectangle on the image.")
            return
        self.set_display(pane, replace(self.panes[pane].display, voi=window))
        self.looked(before)

    def looked(self, before: Looks, run: str = "") -> None:
        """The reader has changed how panes are looked at: it can be undone. `run` joins like with like."""
        self._history.add(ViewStep(before, self.looks, run))

    def undo(self) -> bool:
        """Take back the last change of a view or a drawing; False where there is none."""
        step = self._history.undo()
        return step is not None and self._go(step, forward=False)

    def redo(self) -> bool:
        """Do again what was taken back; False where there is nothing."""
        step = self._history.redo()
        return step is not None and self._go(step, forward=True)

    def set_corner_text(self, shown: bool) -> None:
        """Corner text on or off, in every pane."""
        self._corner_text = shown
        self._tell(range(PANES))

    def set_masked(self, masked: bool) -> None:
        """Names hidden or shown, in every pane."""
        self._masked = masked
        self._tell(range(PANES))

    # Layers.

    def show_found(self, found: frozenset[ImagePlace]) -> None:
        """Mark images on the slice rails: those on which a model found something."""
        if found != self._found:
            self._found = found
            self._tell(range(PANES))

    def show_attention(
        self, label: str | None, heat: HeatMap | None, *, series_uid: str = "", image_index: int = 0
    ) -> None:
        """Show the map of one finding over its image, or with None no map at all.

        Without `series_uid` it belongs to the active pane's series. Nothing else of the view moves.
        """
        uid = series_uid or (self.active_pane.series.uid if self.active_pane.series else "")
        if label is None or heat is None:
            self._attention = None
            self.set_overlay(replace(self._overlay, attention_label=None))
            return
        self._attention = Attention(label, heat, uid, image_index)
        self.set_overlay(replace(self._overlay, attention_label=label, visible=True))

    def toggle_attention(self) -> bool:
        """The map of the active pane's image on or off; False where no model has made one."""
        found = self.attention_of(self.active)
        if found is None:
            return False
        is_on = self._overlay.attention_label is not None and self._overlay.visible
        label = None if is_on else found.label
        self.set_overlay(replace(self._overlay, attention_label=label, visible=True))
        return True

    def set_overlay(self, overlay: OverlayState) -> None:
        """Layers on or off, and the map's opacity and threshold."""
        self._overlay = overlay
        self._tell(range(PANES))
        self.changed.emit()
        self.attentionChanged.emit()

    def perform(self, action_id: str) -> bool:
        """Do what an action of the table asks; False when it is not ours or cannot be done now."""
        return viewer_actions.perform(self, action_id)

    # Inside.

    def _set(self, fresh: Arrangement) -> None:
        """Take the next arrangement and tell the views what is different."""
        if self._slab.mode is not SlabMode.THIN and fresh.has_planes:
            fresh = self._through_slab(fresh)
        before, self._now = self._now, fresh
        if fresh is before:
            return
        if fresh.layout is not before.layout and (fresh.has_planes or before.has_planes):
            swap = (Tool.WINDOW, Tool.CROSSHAIR) if fresh.has_planes else (Tool.CROSSHAIR, Tool.WINDOW)
            self._tool = swap[1] if self._tool is swap[0] else self._tool
        if fresh.visible != before.visible or fresh.layout is not before.layout:
            self.layoutChanged.emit()
            self._tell(range(PANES))
        else:
            self._tell(arrangement.touched(before, fresh))
        if fresh.active != before.active:
            self.activeChanged.emit(fresh.active)
        self.changed.emit()

    def _go(self, step: Step, *, forward: bool) -> bool:
        if isinstance(step, ViewStep):
            fresh = history.looked_at(self.panes, step.after if forward else step.before)
            self._set(arrangement.with_panes(self._now, fresh))
            return True
        before, after = (step.before, step.after) if forward else (step.after, step.before)
        if after is not None:
            self.marks.put(after)
        elif before is not None:
            self.marks.take(before)
        return True

    def _on_marks_changed(self, place: Place) -> None:
        self._tell(n for n in range(PANES) if linking.place_of(self.panes[n]) == place)

    def _tell(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.paneChanged.emit(number)

    def _on_arrived(self, key: SeriesKey, loaded: LoadedSeries, complete: bool) -> None:
        before = self._now
        self._set(arrangement.arrived(before, key, loaded, complete=complete))
        for number, pane in enumerate(self.panes):
            if complete and pane is not before.panes[number] and pane.status is PaneStatus.SHOWN:
                self.loaded.emit(number, loaded)

    def _on_failed(self, key: SeriesKey, error: Exception) -> None:
        if isinstance(error, MedVisionError):
            refusal = Refusal(error.what, error.why, error.now)
        else:
            refusal = Refusal("The series could not be shown.", "This is a fault of ours.")
            self._notifier.error(error)
        self._set(arrangement.failed(self._now, key, refusal))
