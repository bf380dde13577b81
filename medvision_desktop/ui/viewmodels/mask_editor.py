"""The reader's hand on label maps: which map and label are in work, the brush, and the stroke under way.

A map of a file or a model is never changed: the first stroke makes a copy that is the reader's.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, RgbColour, Segment, label_colour
from medvision_desktop.pixels import label_edit, label_statistics
from medvision_desktop.pixels.label_edit import Box, Brush, Labels, Patch
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.history import MaskStep, Step
from medvision_desktop.ui.viewmodels.layer_rail import picture_of
from medvision_desktop.ui.viewmodels.layers import LayerEntry, LayersModel
from medvision_desktop.ui.viewmodels.pane_state import Shown

PAINTS: Final = frozenset({Tool.BRUSH, Tool.ERASER, Tool.FILL, Tool.THRESHOLD_BRUSH})
RADII_MM: Final = (0.5, 100.0)
_STEP: Final = 1.2
_SDS: Final = 1.5
_STRAIGHT: Final = 0.999  # cosine within which a plane counts as one of the map's own

Limits = tuple[float, float]


@dataclass
class _Stroke:
    """A stroke under way on a copy of the voxels that nobody else changes."""

    before: LabelMap
    values: Labels
    shown: Shown
    tool: Tool
    brush: Brush
    last: Vector3
    box: Box | None = None


class MaskEditor(QObject):
    """`changed`: map, label, brush or limits in work are others. `told(what, why)`: news for the reader.

    `kept` takes each change as a step that can be undone.
    """

    changed = Signal()
    told = Signal(str, str)

    def __init__(self, layers: LayersModel, kept: Callable[[Step], None]) -> None:
        super().__init__()
        self._layers, self._kept = layers, kept
        self._stroke: _Stroke | None = None
        self.uid = ""
        self.number = 0
        self.radius_mm = 5.0
        self.limits: Limits | None = None

    # What is in work.

    @property
    def is_painting(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None

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

    def set_radius(self, radius_mm: float) -> None:
        """How wide the brush is."""
        self.radius_mm = min(RADII_MM[1], max(RADII_MM[0], radius_mm))
        self.changed.emit()

    def grow(self, steps: float) -> None:
        """A wider brush, or with negative steps a narrower one."""
        self.set_radius(self.radius_mm * _STEP**steps)

    def set_limits(self, limits: Limits | None) -> None:
        """Between which values the threshold brush paints; None takes them from where a stroke begins."""
        self.limits = limits
        self.changed.emit()

    # Maps and labels.

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
        maps = [one for one in self._layers.over(loaded) if isinstance(one.layer, LabelMap)]
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

    # A stroke.

    def press(self, shown: Shown, tool: Tool, row: float, column: float) -> bool:
        """The hand goes down at an image position; False where nothing can be painted."""
        picture, layer = picture_of(shown), None
        if picture is not None:
            layer = self.writable(shown)
        if picture is None or layer is None:
            return False
        at = picture.point_lps_mm(row, column)
        if tool is Tool.FILL:
            return self._fill(layer, shown, at)
        normal = np.cross(np.asarray(picture.right_mm), np.asarray(picture.down_mm))
        normal = normal / np.linalg.norm(normal)
        brush = Brush(self.radius_mm, (float(normal[0]), float(normal[1]), float(normal[2])))
        self._stroke = _Stroke(layer, layer.values_kji.copy(), shown, tool, brush, at)
        self._dab(at)
        return True

    def move(self, row: float, column: float) -> None:
        """The hand moves with the button down."""
        stroke = self._stroke
        picture = picture_of(stroke.shown) if stroke is not None else None
        if stroke is not None and picture is not None:
            self._dab(picture.point_lps_mm(row, column))

    def release(self) -> None:
        """The hand goes up: the stroke is kept, can be undone, and goes to the record."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        if stroke.box is None:
            self._layers.hold(stroke.before.uid, stroke.before)
            return
        patch = Patch(
            stroke.box, stroke.before.values_kji[stroke.box].copy(), stroke.values[stroke.box].copy()
        )
        if patch.is_empty:
            self._layers.hold(stroke.before.uid, stroke.before)
            return
        self._keep(replace(stroke.before, values_kji=stroke.values), patch)

    def cancel(self) -> bool:
        """The stroke was never there; False where none is under way."""
        stroke, self._stroke = self._stroke, None
        if stroke is not None:
            self._layers.hold(stroke.before.uid, stroke.before)
        return stroke is not None

    def apply(self, layer: LabelMap, patch: Patch) -> bool:
        """A change that was worked out elsewhere; False when the map has changed meanwhile."""
        entry = self._layers.entry(layer.uid)
        if entry is None or entry.layer is not layer:
            return False
        self._keep(replace(layer, values_kji=label_edit.applied(layer.values_kji, patch)), patch)
        return True

    def _keep(self, layer: LabelMap, patch: Patch) -> None:
        self._kept(MaskStep(layer.uid, patch.back, patch))
        self._layers.keep(layer.uid, layer)

    def _dab(self, at: Vector3) -> None:
        stroke = self._stroke
        if stroke is None:
            return
        shape = stroke.values.shape
        found = label_edit.touched(
            (shape[0], shape[1], shape[2]), stroke.before.affine_kji_to_lps, stroke.brush, stroke.last, at
        )
        stroke.last = at
        if found is None:
            return
        box, mask = found
        volume = stroke.shown.loaded.volume
        if stroke.tool is Tool.THRESHOLD_BRUSH and volume is not None:
            values = label_statistics.values_in(volume, stroke.before, box)
            if self.limits is None and bool(np.any(mask & np.isfinite(values))):
                self.set_limits(_around(values[mask & np.isfinite(values)]))
            low, high = self.limits or (np.nan, np.nan)
            mask = mask & (values >= low) & (values <= high)
        stroke.values[box][mask] = 0 if stroke.tool is Tool.ERASER else self.number
        stroke.box = box if stroke.box is None else _joined(stroke.box, box)
        self._layers.hold(stroke.before.uid, replace(stroke.before, values_kji=stroke.values.view()))

    def _fill(self, layer: LabelMap, shown: Shown, at: Vector3) -> bool:
        axis = axis_of(layer, shown)
        if axis is None:
            self.told.emit("Filling works on the label map's own planes", "Take one of the three planes.")
            return False
        place = np.linalg.inv(layer.affine_kji_to_lps) @ np.asarray([*at, 1.0])
        index = np.floor(place[:3] + 0.5).astype(int)
        if np.any(index < 0) or np.any(index >= layer.values_kji.shape):
            return False
        others = [one for one in range(3) if one != axis]
        slice_of = tuple(
            slice(int(index[one]), int(index[one]) + 1)
            if one == axis
            else slice(0, layer.values_kji.shape[one])
            for one in range(3)
        )
        box: Box = (slice_of[0], slice_of[1], slice_of[2])
        before = layer.values_kji[box]
        seed = (int(index[others[0]]), int(index[others[1]]))
        filled = label_edit.filled(np.squeeze(before, axis), seed, self.number)
        if filled is None:
            self.told.emit("Nothing was filled", "The region is not enclosed by a label.")
            return False
        patch = Patch(box, before.copy(), np.expand_dims(filled, axis))
        return not patch.is_empty and self.apply(layer, patch)


def axis_of(layer: LabelMap, shown: Shown) -> int | None:
    """The axis of a map that an image is a slice of; None for an oblique one."""
    picture = picture_of(shown)
    if picture is None:
        return None
    normal = np.cross(np.asarray(picture.right_mm), np.asarray(picture.down_mm))
    steps = layer.affine_kji_to_lps[:3, :3]
    # The other two axes span the slice, so the one that is looked for lies across both.
    across = np.stack(
        [
            np.cross(steps[:, 1], steps[:, 2]),
            np.cross(steps[:, 2], steps[:, 0]),
            np.cross(steps[:, 0], steps[:, 1]),
        ]
    )
    cosines = np.abs(across @ normal) / np.linalg.norm(across, axis=1) / np.linalg.norm(normal)
    axis = int(np.argmax(cosines))
    return axis if cosines[axis] > _STRAIGHT else None


def limits_text(limits: Limits | None, units: str) -> str:
    """Between which values the threshold brush paints, in words."""
    if limits is None:
        return "Taken where a stroke begins"
    return f"{limits[0]:.4g} to {limits[1]:.4g} {units}".strip()


def _around(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Limits:
    """Values like those under the brush where a stroke begins: their mean and 1.5 SD to either side."""
    mean, spread = float(values.mean()), float(values.std())
    spread = max(_SDS * spread, 1e-6 * max(1.0, abs(mean)))
    return mean - spread, mean + spread


def _joined(one: Box, other: Box) -> Box:
    joined = [slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)]
    return joined[0], joined[1], joined[2]


def _new_uid() -> str:
    return f"mask-{secrets.token_hex(8)}"
