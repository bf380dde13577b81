"""The reader's label maps: which map and label are in work, new ones, and copies of what others made.

A map of a file or a model is never changed: the first stroke makes a copy that is the reader's.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, RgbColour, Segment, label_colour
from medvision_desktop.ui.viewmodels.layers import LayerEntry, LayersModel
from medvision_desktop.ui.viewmodels.pane_state import Shown


class MaskChoice(QObject):
    """`changed`: map, label, brush or limits in work are others. `told(what, why)`: news for the reader."""

    changed = Signal()
    told = Signal(str, str)

    def __init__(self, layers: LayersModel) -> None:
        super().__init__()
        self._layers = layers
        self.uid = ""
        self.number = 0

    def choose(self, uid: str, number: int = 0) -> None:
        """Work on a map and one of its labels, the first when none is named."""
        entry = self._layers.entry(uid)
        if entry is None or not isinstance(entry.layer, LabelMap):
            return
        numbers = [segment.number for segment in entry.layer.segments]
        self.uid = uid
        self.number = number if number in numbers else (numbers[0] if numbers else 0)
        self.changed.emit()

    def next_label(self) -> bool:
        """Work on the next label of the same map; False without one."""
        entry = self._layers.entry(self.uid)
        if entry is None or not isinstance(entry.layer, LabelMap) or not entry.layer.segments:
            return False
        numbers = [segment.number for segment in entry.layer.segments]
        place = numbers.index(self.number) + 1 if self.number in numbers else 0
        self.choose(self.uid, numbers[place % len(numbers)])
        return True

    def begin(self, loaded: LoadedSeries) -> LayerEntry | None:
        """A new empty label map on the grid of a series; None, and said why, where it has none."""
        volume = loaded.volume
        if volume is None:
            why = loaded.not_a_volume or "A label map needs a series of evenly spaced slices."
            self.told.emit("No label map can be drawn here", why)
            return None
        count = sum(one.layer.origin is LayerOrigin.READER for one in self._layers.over(loaded))
        layer = LabelMap(
            values_kji=np.zeros(volume.stored_kji.shape, np.uint8),
            affine_kji_to_lps=np.array(volume.affine_kji_to_lps, dtype=np.float64),
            segments=(Segment(1, "Label 1", label_colour(0), algorithm="MANUAL"),),
            uid=_new_uid(),
            title=f"Label map {count + 1}",
            source="Drawn",
            origin=LayerOrigin.READER,
            frame_of_reference=volume.frame_of_reference,
        )
        entry = self._layers.put(loaded.study.key, layer, series_uid=loaded.series.uid)
        self.choose(layer.uid, 1)
        return entry

    def add_segment(self, name: str, colour: RgbColour | None = None) -> bool:
        """A new label on the reader's map in work; False where there is none, or no number left."""
        layer = self._own()
        taken = {segment.number for segment in layer.segments} if layer is not None else set()
        number = next((one for one in range(1, 256) if one not in taken), 0)
        if layer is None or not number:
            return False
        chosen = colour or label_colour(number - 1)
        segment = Segment(number, name.strip() or f"Label {number}", chosen, algorithm="MANUAL")
        self._layers.keep(layer.uid, replace(layer, segments=(*layer.segments, segment)))
        self.choose(layer.uid, number)
        return True

    def rename(self, number: int, name: str) -> bool:
        """Another name for a label of the map in work."""
        layer = self._own()
        if layer is None or not name.strip():
            return False
        segments = tuple(
            replace(one, label=name.strip()) if one.number == number else one for one in layer.segments
        )
        self._layers.keep(layer.uid, replace(layer, segments=segments))
        return True

    def _own(self) -> LabelMap | None:
        entry = self._layers.entry(self.uid)
        if entry is None or not isinstance(entry.layer, LabelMap):
            return None
        return entry.layer if entry.layer.origin is LayerOrigin.READER else None

    def target(self, loaded: LoadedSeries) -> LayerEntry | None:
        """What a stroke would change: the chosen map, else the reader's, else the topmost one in sight.

        None where a stroke begins a new map. A map that is not the reader's is copied first.
        """
        maps = [
            one
            for one in self._layers.over(loaded)
            if isinstance(one.layer, LabelMap)
            and not one.layer.images  # drawing needs a place in the patient
        ]
        chosen = next((one for one in maps if one.uid == self.uid), None)
        if chosen is not None:
            return chosen
        own = next((one for one in maps if one.layer.origin is LayerOrigin.READER), None)
        return own or next((one for one in reversed(maps) if one.style.visible), None)

    def writable(self, shown: Shown) -> LabelMap | None:
        """The reader's map to change over an image: the target, a copy of it, or a new empty one."""
        entry = self.target(shown.loaded) or self.begin(shown.loaded)
        if entry is None or not isinstance(entry.layer, LabelMap):
            return None
        if entry.uid != self.uid:
            self.choose(entry.uid, self.number)
        if entry.layer.origin is not LayerOrigin.READER:
            entry = self._copied(entry, entry.layer, shown)
        style = entry.style
        if not style.visible:
            self._layers.set_style(entry.uid, replace(style, visible=True))
        return entry.layer if isinstance(entry.layer, LabelMap) else None

    def _copied(self, entry: LayerEntry, layer: LabelMap, shown: Shown) -> LayerEntry:
        """A copy that is the reader's; what a file or a model made stays as it is, and is hidden."""
        number = self.number
        copy = replace(
            layer,
            uid=_new_uid(),
            title=f"{layer.title}, edited",
            source=f"Edited from {layer.source}",
            origin=LayerOrigin.READER,
        )
        put = self._layers.put(
            entry.study_key, copy, series_uid=shown.loaded.series.uid, made_from=entry.uid
        )
        self._layers.set_style(copy.uid, entry.style)
        self._layers.set_style(entry.uid, replace(entry.style, visible=False))
        self.choose(copy.uid, number)
        self.told.emit("You edit a copy", f"{layer.title} itself stays as it was made, and is hidden.")
        return self._layers.entry(copy.uid) or put


def _new_uid() -> str:
    return f"mask-{secrets.token_hex(8)}"
