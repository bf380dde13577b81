"""What every pane shows, as a value, and the signals by which views hear that it is another.

State is one frozen `Arrangement` and a few values beside it. What changes them is in the rooms that
build on this one: `viewer_layers`, `viewer_edits`, and `viewer`, which puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.display import OverlayState
from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.measurement import Place
from medvision_desktop.pixels.presets import Preset
from medvision_desktop.pixels.reslice import Slab, SlabMode
from medvision_desktop.services.ai_places import ImagePlace
from medvision_desktop.settings import Settings
from medvision_desktop.ui.viewmodels import arrangement, linking, pane_view, sightlines, snapshot
from medvision_desktop.ui.viewmodels.arrangement import Arrangement
from medvision_desktop.ui.viewmodels.calibration import Calibration
from medvision_desktop.ui.viewmodels.gestures import Size, Tool
from medvision_desktop.ui.viewmodels.history import History, Looks, looks
from medvision_desktop.ui.viewmodels.label_copies import LabelCopies
from medvision_desktop.ui.viewmodels.layers import LayersModel
from medvision_desktop.ui.viewmodels.layouts import ALL_PANES, Layout
from medvision_desktop.ui.viewmodels.links import Links
from medvision_desktop.ui.viewmodels.marks import Mark, Marks
from medvision_desktop.ui.viewmodels.mask_editor import MaskEditor
from medvision_desktop.ui.viewmodels.pane_state import PaneState, PaneStatus, with_slab
from medvision_desktop.ui.viewmodels.pane_view import Attention, PaneView, Scene
from medvision_desktop.ui.viewmodels.planes import Crosshair
from medvision_desktop.ui.viewmodels.snapshot import Snapshot


class ViewerState(QObject):
    """Panes of every window, the main window's first; layouts say how many of them are on screen.

    Signals: `changed` for tool, links, layers and the active pane's window; `layoutChanged` for the
    grid; `paneChanged(n)` for one pane; `activeChanged(n)`; `loaded(n, LoadedSeries)` when a whole
    series is on pane n; `attentionChanged` when the map shown, its opacity or threshold changes;
    `handMoved(n, right, down)` when keys use the tool in hand on pane n.
    """

    changed = Signal()
    layoutChanged = Signal()
    paneChanged = Signal(int)
    activeChanged = Signal(int)
    loaded = Signal(int, object)
    attentionChanged = Signal()
    handMoved = Signal(int, int, int)

    def __init__(self, settings: Settings, unhandled: Callable[[Exception], None]) -> None:
        super().__init__()
        self._now = Arrangement()
        self._sizes: list[tuple[Size, float]] = [((1, 1), 1.0)] * ALL_PANES
        self._tool = Tool.WINDOW
        self._links = Links()
        self._cursor: tuple[int, Vector3] | None = None
        self._notes: dict[int, str] = {}
        self._found: frozenset[ImagePlace] = frozenset()
        self._keys: frozenset[Place] = frozenset()
        self._slab = Slab()
        self._corner_text = True
        self._drag_swapped = False
        self._masked = settings.privacy_mode
        self._overlay = OverlayState(opacity=settings.overlay_opacity, threshold=settings.overlay_threshold)
        self._attention: Attention | None = None
        self.calibration = Calibration()
        self.own_presets: Mapping[str, tuple[Preset, ...]] = {}
        self.marks = Marks()
        self.marks.changed.connect(self._on_marks_changed)
        self._history = History()
        self.layers = LayersModel()
        self.layers.changed.connect(lambda: self._tell(range(ALL_PANES)))
        self.masks = MaskEditor(self.layers, self._history.add, LabelCopies(unhandled))

    @property
    def panes(self) -> tuple[PaneState, ...]:
        """All panes of all windows, also those that no layout shows."""
        return self._now.panes

    @property
    def layout(self) -> Layout:
        """The main window's layout."""
        return self._now.layout

    def layout_of(self, window: int) -> Layout | None:
        """The layout of a window, 0 for the main one; None when it is closed."""
        return self._now.layout_of(window)

    def on_window(self, window: int) -> tuple[int, ...]:
        """Numbers of the panes that a window shows, in the order of its cells."""
        return self._now.on_window(window)

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
    def layered_pane(self) -> PaneState:
        """The active pane; under the rendered volume, which shows no image, the first of its planes."""
        active, first = self.active_pane, self._now.panes[0]
        beside_planes = first.plane is not None and self._now.active in self._now.on_window(0)
        return first if beside_planes and active.status is PaneStatus.EMPTY else active

    @property
    def tool(self) -> Tool:
        """The tool in the reader's hand."""
        return self._tool

    @property
    def links(self) -> Links:
        """What panes do together."""
        return self._links

    @property
    def drag_swapped(self) -> bool:
        """Whether a window drag changes the centre by left-right and the width by up-down."""
        return self._drag_swapped

    @property
    def corner_text(self) -> bool:
        """Whether corner text is on."""
        return self._corner_text

    @property
    def masked(self) -> bool:
        """Whether names are hidden on screen."""
        return self._masked

    @property
    def is_key_image(self) -> bool:
        """Whether the image in the active pane is marked as a key image."""
        return linking.image_of(self.active_pane) in self._keys

    def size_of(self, pane: int) -> Size:
        """Width and height of a pane in device pixels."""
        return self._sizes[pane][0]

    def ratio_of(self, pane: int) -> float:
        """Device pixels a logical pixel of a pane."""
        return self._sizes[pane][1]

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

    @property
    def overlay(self) -> OverlayState:
        """All layers on or off, and the attention map's numbers."""
        return self._overlay

    @property
    def slab(self) -> Slab:
        """The slab through which planes of a volume are seen."""
        return self._slab

    def attention_of(self, pane: int) -> Attention | None:
        """The attention map that belongs to the image on a pane, shown or not."""
        shown, found = self.panes[pane].shown, self._attention
        if shown is None or found is None or shown.plane is not None:
            return None
        here = found.series_uid == shown.loaded.series.uid and found.image_index == shown.index
        return found if here and not shown.loaded.phase else None

    def crosshair(self, pane: int) -> Crosshair | None:
        """The lines of the other planes on a pane; with the crosshair in hand they can be turned."""
        size, ratio = self._sizes[pane]
        held = ratio if self._tool is Tool.CROSSHAIR else 0.0
        return sightlines.crosshair(self._now, pane, size, grip_ratio=held)

    def view(self, pane: int) -> PaneView:
        """What a pane paints now."""
        size, ratio = self._sizes[pane]
        carries = self._overlay.attention_label is not None and linking.layer_pane(self._now, pane)
        shown = self.panes[pane].shown
        scene = Scene(
            size=size,
            ratio=ratio,
            active=pane == self.active,
            band=linking.band(self._now, pane),
            overlay=self._overlay,
            attention=self.attention_of(pane) if carries else None,
            marks=self.marks_on(pane),
            crosshair=self.crosshair(pane),
            reference=sightlines.reference(self._now, pane, size),
            cursor=sightlines.cursor(self._now, pane, size, self._cursor),
            note=self._notes.get(pane, ""),
            prior=linking.prior_words(self._now, pane),
            keys=self._keys,
            is_key=linking.image_of(self.panes[pane]) in self._keys,
            found=self._found if self._overlay.visible else frozenset(),
            corner_text=self._corner_text,
            masked=self._masked,
            layers=self.layers.drawn(shown) if shown is not None else (),
            layer_words=self.layers.words(shown) if shown is not None else (),
            runs=self.layers.runs(shown) if shown is not None else (),
        )
        return pane_view.build(self.panes[pane], scene)

    def snapshot(self, pane: int | None = None) -> Snapshot | None:
        """What a key image of a pane (else of the active one) is drawn from; None for no image."""
        number = self.active if pane is None else pane
        shown = self.panes[number].shown
        return snapshot.taken(
            self.panes[number],
            self.size_of(number),
            marks=self.marks_on(number),
            attention=self.attention_of(number),
            overlay=self._overlay,
            layers=self.layers.drawn(shown) if shown is not None and self._overlay.visible else (),
            layer_words=self.layers.words(shown) if shown is not None else (),
        )

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
        laid = (fresh.visible, fresh.layout, fresh.others) == (before.visible, before.layout, before.others)
        if not laid:
            self.layoutChanged.emit()
            self._tell(range(ALL_PANES))
        else:
            self._tell(arrangement.touched(before, fresh))
        if fresh.active != before.active:
            self.activeChanged.emit(fresh.active)
        self.changed.emit()

    def _through_slab(self, now: Arrangement) -> Arrangement:
        panes = {number: with_slab(pane, self._slab) for number, pane in enumerate(now.panes)}
        return arrangement.with_panes(now, panes)

    def _on_marks_changed(self, place: Place) -> None:
        self._tell(n for n in range(ALL_PANES) if linking.place_of(self.panes[n]) == place)

    def _tell(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.paneChanged.emit(number)
