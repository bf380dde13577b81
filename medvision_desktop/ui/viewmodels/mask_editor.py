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
    """A stroke under way on a copy of the voxels that nobody else changes."""

    before: LabelMap
    values: Labels
    shown: Shown
    tool: Tool
    brush: Brush
    last: Vector3
    box: Box | None = None


class MaskEditor(MaskChoice):
    """`kept` takes each change as a step that can be undone."""

    def __init__(self, layers: LayersModel, kept: Callable[[Step], None]) -> None:
        super().__init__(layers)
        self._kept = kept
        self._stroke: _Stroke | None = None
        self._spare: tuple[Labels, Labels] | None = None
        self.radius_mm = 5.0
        self.limits: Limits | None = None

    # What is in work.

    @property
    def is_painting(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None

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
        self._stroke = _Stroke(layer, self._copied_values(layer), shown, tool, brush, at)
        self._dab(at)
        return True

    def offer_copy(self, values: Labels, copy: Labels) -> None:
        """A copy of these voxels, made elsewhere, so that the next stroke on them begins at once."""
        self._spare = (values, copy)

    def _copied_values(self, layer: LabelMap) -> Labels:
        spare, self._spare = self._spare, None
        if spare is not None and spare[0] is layer.values_kji:
            return spare[1]
        return layer.values_kji.copy()

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


def _around(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Limits:
    """Values like those under the brush where a stroke begins: their mean and 1.5 SD to either side."""
    mean, spread = float(values.mean()), float(values.std())
    spread = max(_SDS * spread, 1e-6 * max(1.0, abs(mean)))
    return mean - spread, mean + spread


def _joined(one: Box, other: Box) -> Box:
    joined = [slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)]
    return joined[0], joined[1], joined[2]
