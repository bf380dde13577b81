"""Layers of voxels over the images: label maps and parametric maps, which of them are on, and where.

One object holds all that is shown, whoever made it: files, a model, the reader. Views of any plane and
the volume rendering ask it what lies over a series.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, VoxelLayer
from medvision_desktop.pixels.labels import Box, LabelLook, LabelPlaces
from medvision_desktop.pixels.patient_grid import PatientGrid
from medvision_desktop.ui.viewmodels.layer_rail import LayerRail, RailRun, picture_under, runs_of
from medvision_desktop.ui.viewmodels.layer_style import LayerStyle, kept_style, style_of
from medvision_desktop.ui.viewmodels.pane_state import Shown

SLAB_NOTE: Final = "outlines of the middle slice"
# A corner has room for so many layers, and so much of a name.
_MOST_WORDS: Final = 2
_LONGEST: Final = 28
_NAMES: Final = {"DICOM SEG": "SEG", "DICOM parametric map": "Map"}


@dataclass(frozen=True, eq=False)
class LayerEntry:
    """One layer of a study.

    `series_uids`: image series that it lies over though it may not share their frame of reference.
    `made_from`: uid of the layer that a reader's map was copied from.
    `is_saved`: False for a reader's map of which the record does not have the newest state.
    """

    study_key: str
    layer: VoxelLayer
    style: LayerStyle
    series_uids: frozenset[str] = frozenset()
    made_from: str = ""
    is_saved: bool = True

    @property
    def uid(self) -> str:
        """The layer's identity."""
        return self.layer.uid

    @property
    def word(self) -> str:
        """What is laid over an image, for its corner: "SEG: Liver by hand"."""
        layer = self.layer
        if layer.origin is LayerOrigin.READER:
            kind = "Your labels"
        elif layer.origin is LayerOrigin.MODEL:
            kind = "AI labels" if isinstance(layer, LabelMap) else "AI map"
        else:
            kind = _NAMES.get(layer.source, "Labels" if isinstance(layer, LabelMap) else "Map")
        notes = [*layer.badges, *(() if self.is_saved else ("not saved",))]
        title = layer.title if len(layer.title) <= _LONGEST else layer.title[: _LONGEST - 1] + "…"
        return f"{kind}: {title}" + (f" ({', '.join(notes)})" if notes else "")

    def lies_over(self, loaded: LoadedSeries) -> bool:
        """Whether the layer belongs over a series: attached to it, or of the same frame of reference."""
        if loaded.study.key != self.study_key:
            return False
        if loaded.series.uid in self.series_uids:
            return True
        space = loaded.series.frame_of_reference or _space_of(loaded)
        return bool(space) and space == self.layer.frame_of_reference


@dataclass(frozen=True, eq=False)
class DrawnLayer:
    """One layer as a pane paints it: over `picture`, the grid of the image's own pixels.

    `looks` of labels that are on; a parametric map has none and uses `style`. `revision` grows while a
    stroke changes the voxels of the same layer. `box`: where all its labels are, as far as that is known.
    """

    layer: VoxelLayer
    style: LayerStyle
    looks: Mapping[int, LabelLook]
    picture: PatientGrid
    revision: int = 0
    box: Box | None = None


class LayersModel(QObject):
    """`changed`: something is drawn in another way. `listed(study key)`: other layers are there.

    `edited(study key, uid)`: voxels or labels of a reader's map are other ones and belong into the record.
    `styled(uid)`: the reader looks at a layer in another way. `recall`: what a new layer looks like, from
    its first style.
    """

    changed = Signal()
    edited = Signal(str, str)
    listed = Signal(str)
    styled = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._entries: OrderedDict[str, LayerEntry] = OrderedDict()
        self._places: dict[str, LabelPlaces] = {}
        self._boxes: dict[str, Box] = {}
        self._revision = 0
        self._rail = LayerRail()
        self.recall: Callable[[VoxelLayer, LayerStyle], LayerStyle] = _as_at_first

    # What there is.

    def of_study(self, study_key: str) -> tuple[LayerEntry, ...]:
        """Layers of a study, in the order in which they are drawn."""
        return tuple(entry for entry in self._entries.values() if entry.study_key == study_key)

    def entry(self, uid: str) -> LayerEntry | None:
        """A layer by its uid."""
        return self._entries.get(uid)

    @property
    def nbytes(self) -> int:
        """Bytes of all voxels here."""
        return sum(entry.layer.values_kji.nbytes for entry in self._entries.values())

    def over(self, loaded: LoadedSeries) -> tuple[LayerEntry, ...]:
        """Layers that belong over a series, shown or not."""
        return tuple(entry for entry in self._entries.values() if entry.lies_over(loaded))

    def label_maps(self, loaded: LoadedSeries) -> tuple[LabelMap, ...]:
        """The label maps that are on over a series, each with its visible labels in their colours.

        For whoever draws them in another way, such as the volume rendering. Voxels are shared.
        """
        return self.label_maps_of(self.over(loaded))

    @staticmethod
    def label_maps_of(entries: tuple[LayerEntry, ...]) -> tuple[LabelMap, ...]:
        """The same for some layers."""
        found = []
        for entry in entries:
            if not entry.style.visible or not isinstance(entry.layer, LabelMap) or entry.layer.images:
                continue
            styles = entry.style.segments
            segments = tuple(
                replace(one, colour=styles[one.number].colour)
                for one in entry.layer.segments
                if one.number in styles and styles[one.number].visible
            )
            if segments:
                found.append(replace(entry.layer, segments=segments))
        return tuple(found)

    def drawn(self, shown: Shown) -> tuple[DrawnLayer, ...]:
        """What lies over an image and is on. Through a slab labels are outlines of its middle."""
        slab = "slab" in shown.frame.corner
        shown_now = [entry for entry in self.over(shown.loaded) if entry.style.visible]
        # Maps cover whole images: labels lie over them.
        shown_now.sort(key=lambda entry: isinstance(entry.layer, LabelMap))
        return tuple(
            DrawnLayer(
                entry.layer,
                entry.style,
                entry.style.looks(outlines=slab),
                picture,
                self._revision,
                self._boxes.get(entry.uid),
            )
            for entry in shown_now
            if (picture := picture_under(entry.layer, shown)) is not None
        )

    def words(self, shown: Shown) -> tuple[str, ...]:
        """What is laid over an image, for its corner."""
        found = tuple(entry.word for entry in self.over(shown.loaded) if entry.style.visible)
        if len(found) > _MOST_WORDS:
            found = (*found[:_MOST_WORDS], f"{len(found) - _MOST_WORDS} more layers")
        if found and "slab" in shown.frame.corner:
            return (*found, SLAB_NOTE)
        return found

    # Putting and taking.

    def put(
        self,
        study_key: str,
        layer: VoxelLayer,
        *,
        series_uid: str = "",
        made_from: str = "",
        visible: bool = True,
    ) -> LayerEntry:
        """Add a layer, or replace the one with its uid, which keeps its look.

        `series_uid`: an image series that it lies over even without a shared frame of reference.
        """
        before = self._entries.get(layer.uid)
        over = frozenset({series_uid}) if series_uid else frozenset()
        if before is None:
            style = self.recall(layer, replace(style_of(layer), visible=visible))
            entry = LayerEntry(study_key, layer, style, over, made_from)
        else:
            style = kept_style(layer, before.style) if isinstance(layer, LabelMap) else before.style
            entry = replace(before, layer=layer, style=style, series_uids=before.series_uids | over)
        self._entries[layer.uid] = entry
        self._boxes.pop(layer.uid, None)
        self.listed.emit(study_key)
        self.changed.emit()
        return entry

    def take(self, uid: str) -> LayerEntry | None:
        """Take a layer off the list; files and record stay as they are."""
        entry = self._entries.pop(uid, None)
        self._places.pop(uid, None)
        self._boxes.pop(uid, None)
        if entry is not None:
            self.listed.emit(entry.study_key)
            self.changed.emit()
        return entry

    def forget(self, study_key: str) -> None:
        """Let go of those layers of a study that can be had again, from files or from the record of a run.

        The reader's own maps stay, because only here is it known whether the record has them.
        """
        for entry in self.of_study(study_key):
            if entry.layer.origin is not LayerOrigin.READER:
                self.take(entry.uid)

    def attach(self, uid: str, series_uid: str) -> None:
        """Lay a layer over one more series."""
        entry = self._entries.get(uid)
        if entry is not None:
            self._entries[uid] = replace(entry, series_uids=entry.series_uids | {series_uid})
            self.changed.emit()

    # Looking.

    def set_style(self, uid: str, style: LayerStyle) -> None:
        """Look at a layer in another way."""
        entry = self._entries.get(uid)
        if entry is not None and style != entry.style:
            self._entries[uid] = replace(entry, style=style)
            self.changed.emit()
            self.styled.emit(uid)

    def toggle_labels(self, study_key: str) -> bool:
        """All label maps of a study off, or on again; False where there are none."""
        maps = [entry for entry in self.of_study(study_key) if isinstance(entry.layer, LabelMap)]
        shown = any(entry.style.visible for entry in maps)
        for entry in maps:
            self._entries[entry.uid] = replace(entry, style=replace(entry.style, visible=not shown))
        if maps:
            self.changed.emit()
        return bool(maps)

    # Editing.

    def hold(self, uid: str, layer: LabelMap) -> None:
        """Show a map as a stroke leaves it; nothing is kept in the record yet."""
        entry = self._entries.get(uid)
        if entry is not None:
            self._revision += 1
            self._boxes.pop(uid, None)
            self._entries[uid] = replace(entry, layer=layer)
            self.changed.emit()

    def keep(self, uid: str, layer: LabelMap) -> None:
        """The map is another one now, and the record shall have it."""
        entry = self._entries.get(uid)
        if entry is not None:
            self._revision += 1
            self._boxes.pop(uid, None)
            self._entries[uid] = replace(entry, layer=layer, style=kept_style(layer, entry.style))
            self.changed.emit()
            self.edited.emit(entry.study_key, uid)

    def mark_saved(self, uid: str, *, saved: bool) -> None:
        """Whether the record has the newest state of a map."""
        entry = self._entries.get(uid)
        if entry is not None and entry.is_saved is not saved:
            self._entries[uid] = replace(entry, is_saved=saved)
            self.changed.emit()

    # The slice rail.

    def show_places(self, uid: str, places: LabelPlaces) -> None:
        """Where the labels of a map are, worked out by whoever has the time."""
        if uid in self._entries:
            self._places[uid], self._boxes[uid] = places, places.box
            self.changed.emit()

    def runs(self, shown: Shown) -> tuple[RailRun, ...]:
        """Marks for the slice rail: the images on which each visible label lies, small labels on top."""
        runs: list[RailRun] = []
        for entry in self.over(shown.loaded):
            places = self._places.get(entry.uid)
            if places is not None and entry.style.visible:
                table = self._rail.in_images(places, entry.layer, shown)
                colours = {n: one.colour for n, one in entry.style.segments.items() if one.visible}
                runs += runs_of(table, colours)
        return tuple(runs)


def _as_at_first(_layer: VoxelLayer, style: LayerStyle) -> LayerStyle:
    return style


def _space_of(loaded: LoadedSeries) -> str:
    known = next((frame for _, frame in faces_of(loaded.stack.frames)), None)
    geometry = None if known is None else known.geometry
    return geometry.frame_of_reference if geometry is not None else ""
