"""The reader's brush on label maps: its size and limits, the stroke under way, filling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.pixels import label_edit, label_statistics
from medvision_desktop.pixels.label_edit import Box, Brush, Labels, Patch
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.history import MaskStep, Step
from medvision_desktop.ui.viewmodels.label_copies import LabelCopies
from medvision_desktop.ui.viewmodels.layer_rail import picture_of
from medvision_desktop.ui.viewmodels.layers import LayersModel
from medvision_desktop.ui.viewmodels.mask_choice import MaskChoice
from medvision_desktop.ui.viewmodels.pane_state import Shown

PAINTS: Final = frozenset({Tool.BRUSH, Tool.ERASER, Tool.FILL, Tool.THRESHOLD_BRUSH})
RADII_MM: Final = (0.5, 100.0)
_STEP: Final = 1.2
_SDS: Final = 1.5
_STRAIGHT: Final = 0.999  # cosine within which a plane counts as one of the map's own

Limits = tuple[float, float]


@dataclass
class _Stroke:
    """A stroke on a map, from where the hand goes down; `points` are those that are not painted yet.

    `before` and `values` are there once it paints, `values` being a copy that nobody else changes.
    """

    uid: str
    shown: Shown
    tool: Tool
    brush: Brush
    number: int
    points: list[Vector3]
    is_over: bool = False
    before: LabelMap | None = None
    values: Labels | None = None
    last: Vector3 | None = None
    box: Box | None = None


@dataclass(frozen=True, eq=False)
class _Change:
    """Voxels of a map to be changed as one, worked out when its turn comes; `is_step`: it can be undone."""

    uid: str
    patch_of: Callable[[LabelMap], Patch | None]
    is_step: bool


class MaskEditor(MaskChoice):
    """`kept` takes each change as a step that can be undone.

    Changes are made one after the other. While a large map is copied for one, the hand is followed and
    what it does waits; on screen it is there some tens of milliseconds later.
    """

    def __init__(self, layers: LayersModel, kept: Callable[[Step], None], copies: LabelCopies) -> None:
        super().__init__(layers)
        self._kept = kept
        self._copies = copies
        copies.failed = self._give_up
        self._waiting: list[_Stroke | _Change] = []
        self._stroke: _Stroke | None = None
        self.radius_mm = 5.0
        self.limits: Limits | None = None

    # What is in work.

    @property
    def is_painting(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None or bool(self._waiting)

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
        self._waiting.append(_Stroke(layer.uid, shown, tool, brush, self.number, [at]))
        self._go_on()
        return True

    def move(self, row: float, column: float) -> None:
        """The hand moves with the button down."""
        stroke = self._in_hand()
        picture = picture_of(stroke.shown) if stroke is not None else None
        if stroke is not None and picture is not None:
            stroke.points.append(picture.point_lps_mm(row, column))
            self._paint(stroke)

    def release(self) -> None:
        """The hand goes up: the stroke is kept, can be undone, and goes to the record."""
        stroke = self._in_hand()
        if stroke is not None:
            stroke.is_over = True
            self._end(stroke)

    def cancel(self) -> bool:
        """The stroke was never there; False where none is under way."""
        stroke = self._in_hand()
        if stroke is None:
            return False
        if stroke in self._waiting:
            self._waiting.remove(stroke)
        else:
            self._stroke = None
            if stroke.before is not None:
                self._layers.hold(stroke.uid, stroke.before)
        return True

    def apply(self, layer: LabelMap, patch: Patch) -> bool:
        """A change that was worked out elsewhere; False when the map has changed meanwhile."""
        entry = self._layers.entry(layer.uid)
        if entry is None or entry.layer is not layer or self.is_painting:
            return False
        self._waiting.append(_Change(layer.uid, lambda _layer: patch, is_step=True))
        self._go_on()
        return True

    def patch(self, uid: str, patch: Patch) -> bool:
        """Change voxels of a reader's map, as undo and redo do; False when it is not there any more."""
        entry = self._layers.entry(uid)
        if entry is None or not isinstance(entry.layer, LabelMap):
            return False
        self._waiting.append(_Change(uid, lambda _layer: patch, is_step=False))
        self._go_on()
        return True

    def take_back(self) -> bool:
        """Undo of what still waits: it is not done at all. False where nothing does."""
        newest = self._waiting[-1] if self._waiting else None
        if newest is None or (isinstance(newest, _Change) and not newest.is_step):
            return False
        self._waiting.pop()
        return True

    def close(self) -> None:
        """Nothing is changed any more, and what waits is forgotten."""
        self._waiting.clear()
        self._stroke = None
        self._copies.close()

    # One change after the other.

    def _in_hand(self) -> _Stroke | None:
        """The stroke of the button that is down."""
        strokes = (one for one in (self._stroke, *self._waiting) if isinstance(one, _Stroke))
        return next((one for one in strokes if not one.is_over), None)

    def _go_on(self) -> None:
        """Begin what waits, as far as there are copies to do it on."""
        while self._waiting and self._stroke is None:
            first = self._waiting[0]
            entry = self._layers.entry(first.uid)
            layer = entry.layer if entry is not None else None
            if not isinstance(layer, LabelMap):
                self._waiting.pop(0)
                continue
            patch = first.patch_of(layer) if isinstance(first, _Change) else None
            if isinstance(first, _Change) and (patch is None or patch.is_empty):
                self._waiting.pop(0)
                continue
            values = self._copies.take(layer.values_kji)
            if values is None:
                self._copies.ask(layer.values_kji, self._go_on)
                return
            self._waiting.pop(0)
            if isinstance(first, _Change):
                if patch is not None:
                    label_edit.apply(values, patch)
                self._keep(replace(layer, values_kji=values), patch if first.is_step else None)
            else:
                first.before, first.values, self._stroke = layer, values, first
                self._paint(first)
                self._end(first)

    def _give_up(self) -> None:
        """There is no room for a copy, which is said elsewhere: what waits for one is not done."""
        self._waiting.clear()

    def _paint(self, stroke: _Stroke) -> None:
        before, values = stroke.before, stroke.values
        if before is None or values is None:
            return
        for at in stroke.points:
            self._dab(stroke, before, values, at)
        stroke.points.clear()
        if stroke.box is not None:
            self._layers.hold(before.uid, replace(before, values_kji=values.view()))

    def _end(self, stroke: _Stroke) -> None:
        before, values, box = stroke.before, stroke.values, stroke.box
        if before is None or values is None or not stroke.is_over:
            return
        self._stroke = None
        patch = None
        if box is not None:
            patch = Patch(box, before.values_kji[box].copy(), values[box].copy())
        if patch is None or patch.is_empty:
            self._layers.hold(before.uid, before)
        else:
            self._keep(replace(before, values_kji=values), patch)
        self._go_on()

    def _keep(self, layer: LabelMap, step: Patch | None) -> None:
        if step is not None:
            self._kept(MaskStep(layer.uid, step.back, step))
        self._layers.keep(layer.uid, layer)
        if not self._waiting:
            self._copies.ask(layer.values_kji)

    def _dab(self, stroke: _Stroke, before: LabelMap, values: Labels, at: Vector3) -> None:
        shape = (values.shape[0], values.shape[1], values.shape[2])
        start = at if stroke.last is None else stroke.last
        found = label_edit.touched(shape, before.affine_kji_to_lps, stroke.brush, start, at)
        stroke.last = at
        if found is None:
            return
        box, mask = found
        volume = stroke.shown.loaded.volume
        if stroke.tool is Tool.THRESHOLD_BRUSH and volume is not None:
            there = label_statistics.values_in(volume, before, box)
            if self.limits is None and bool(np.any(mask & np.isfinite(there))):
                self.set_limits(_around(there[mask & np.isfinite(there)]))
            low, high = self.limits or (np.nan, np.nan)
            mask = mask & (there >= low) & (there <= high)
        values[box][mask] = 0 if stroke.tool is Tool.ERASER else stroke.number
        stroke.box = box if stroke.box is None else _joined(stroke.box, box)

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
        seed = (int(index[others[0]]), int(index[others[1]]))
        number = self.number

        def filled(now: LabelMap) -> Patch | None:
            before = now.values_kji[box]
            fresh = label_edit.filled(np.squeeze(before, axis), seed, number)
            if fresh is None:
                self.told.emit("Nothing was filled", "The region is not enclosed by a label.")
                return None
            return Patch(box, before.copy(), np.expand_dims(fresh, axis))

        self._waiting.append(_Change(layer.uid, filled, is_step=True))
        self._go_on()
        return True


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


def _around(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Limits:
    """Values like those under the brush where a stroke begins: their mean and 1.5 SD to either side."""
    mean, spread = float(values.mean()), float(values.std())
    spread = max(_SDS * spread, 1e-6 * max(1.0, abs(mean)))
    return mean - spread, mean + spread


def _joined(one: Box, other: Box) -> Box:
    joined = [slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)]
    return joined[0], joined[1], joined[2]
