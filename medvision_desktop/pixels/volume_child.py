"""The child's side of volume rendering: holds one volume and one label map, draws them on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.children.serve import Answer, Handler
from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.pixels.ray_caster import RayCaster
from medvision_desktop.work import CancelToken, ProgressSink

_SMOOTH_VOXELS: Final = 0.8
# Beside labels, matter is a shell of glass: what is marked inside would not be seen otherwise.
_GLASS_INSIDE: Final = 0.002
_GLASS_EDGE: Final = 0.12
_DEEP_VOXELS: Final = 3.0
_SHELL: Final = 0.22
_CLEAREST: Final = 0.012
_LEVELS: Final = 4096
# Painted voxels have their colours and opacities already. VTK 9.7.2 skips blocks of volumes with four
# components that are not empty, and skips none where even nothing has the least opacity it can count.
_PLAIN: Final = ((0.0, 0.0, 0.0, 0.0), (255.0, 1.0, 1.0, 1.0))
_OPEN: Final = ((0.0, 6e-5), (1.0, 1 / 255), (255.0, 1.0))


class Stage:
    """What is on stage: a volume, labels over it, how both are lit."""

    def __init__(self) -> None:
        self._caster = RayCaster()
        self._values: NDArray[Any] | None = None
        self._spacing: Vector3 = (1.0, 1.0, 1.0)
        self._origin: Vector3 = (0.0, 0.0, 0.0)
        self._labels: NDArray[np.uint8] | None = None
        self._segments: list[tuple[int, tuple[int, int, int], float]] = []
        self._look: dict[str, Any] = {}
        self._is_stale = True

    def hold(self, values: NDArray[Any], spacing: Vector3, origin: Vector3) -> None:
        """Another volume; labels of the one before are gone."""
        self._values, self._spacing, self._origin = values, spacing, origin
        self._labels, self._segments = None, []
        self._is_stale = True

    def label(
        self,
        labels: NDArray[np.uint8] | None,
        affine: NDArray[np.float64] | None,
        segments: list[tuple[int, tuple[int, int, int], float]],
    ) -> None:
        """Labels on their own grid, `affine` (k, j, i, 1) to LPS; without labels other opacities only."""
        if labels is not None and affine is not None:
            self._labels = self._on_grid(labels, affine)
        self._segments = segments
        self._is_stale = True

    def light(self, look: dict[str, Any]) -> None:
        """Colours and opacities by value."""
        self._is_stale = self._is_stale or look != self._look
        self._look = look

    def draw(self, view: dict[str, Any]) -> NDArray[np.uint8]:
        """A picture; see `RayCaster.draw`."""
        if self._is_stale:
            self._set_up()
        return self._caster.draw(
            tuple(view["right"]),
            tuple(view["down"]),
            tuple(view["middle"]),
            float(view["mm_a_pixel"]),
            int(view["width"]),
            int(view["height"]),
        )

    def _set_up(self) -> None:
        if self._values is None or not self._look:
            return
        colours, opacities = self._look["colours"], self._look["opacities"]
        largest = bool(self._look["largest"])
        shown = [entry for entry in self._segments if entry[2] > 0]
        if self._labels is not None and shown and not largest:
            painted = painted_voxels(self._values, self._labels, colours, opacities, shown)
            painted, corner = _trimmed(painted)
            shift = np.asarray(corner[::-1]) * np.asarray(self._spacing[::-1])
            x, y, z = np.asarray(self._origin) + shift
            self._caster.hold(painted, self._spacing, (float(x), float(y), float(z)))
            self._caster.light(_PLAIN, _OPEN, largest=False)
        else:
            self._caster.hold(self._values, self._spacing, self._origin)
            self._caster.light(_points(colours), _pairs(opacities), largest=largest)
        self._is_stale = False

    def _on_grid(self, labels: NDArray[np.uint8], affine: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The nearest label of every voxel of the volume."""
        from scipy import ndimage

        if self._values is None:
            return labels
        mine = np.eye(4)
        mine[:3, :3] = np.diag(self._spacing)[:, ::-1].T
        mine[:3, 3] = self._origin
        to_theirs = np.linalg.inv(affine) @ mine
        found: NDArray[np.uint8] = ndimage.affine_transform(
            labels, to_theirs[:3, :3], to_theirs[:3, 3], output_shape=self._values.shape, order=0
        )
        return found


def painted_voxels(
    values: NDArray[Any],
    labels: NDArray[np.uint8],
    colours: Any,
    opacities: Any,
    segments: list[tuple[int, tuple[int, int, int], float]],
) -> NDArray[np.uint8]:
    """(slices, rows, columns, 4) uint8 of colour and opacity: labels in their colours, matter as glass."""
    low, high = float(values.min()), float(values.max())
    scale = (_LEVELS - 1) / max(high - low, 1e-9)
    levels = low + np.arange(_LEVELS) / scale
    table = np.empty((_LEVELS, 4), np.float32)
    at = [point[0] for point in colours]
    for channel in range(3):
        table[:, channel] = np.interp(levels, at, [point[channel + 1] for point in colours]) * 255
    opacity = np.interp(levels, [point[0] for point in opacities], [point[1] for point in opacities])
    table[:, 3] = opacity * 255
    small = np.rint(np.clip(table, 0, 255)).astype(np.uint8)
    painted: NDArray[np.uint8] = small[((values - low) * scale).astype(np.uint16)]
    matter = painted[..., 3].astype(np.int16)
    shell = _GLASS_INSIDE + _GLASS_EDGE / 255 * _edges(matter)
    painted[..., 3] = np.rint(matter * shell).astype(np.uint8)
    counts = {number: int(np.count_nonzero(labels == number)) for number, _, _ in segments}
    present = sorted((entry for entry in segments if counts[entry[0]]), key=lambda entry: -counts[entry[0]])
    least = min((counts[number] for number, _, _ in present), default=1)
    for number, colour, share in present:
        # What is large is mostly around what is small: its inside lets through what lies in it.
        inside = max(_CLEAREST, least / counts[number])
        _paint_label(painted, labels == number, colour, share, inside)
    return painted


def _paint_label(
    painted: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    colour: tuple[int, int, int],
    share: float,
    inside: float,
) -> None:
    """A label over the painted voxels: a shell, and an inside that takes `inside` of the light a voxel."""
    from scipy import ndimage

    for box in ndimage.find_objects(mask.astype(np.uint8)):
        around = tuple(
            slice(max(0, side.start - 3), min(count, side.stop + 3))
            for side, count in zip(box, mask.shape, strict=True)
        )
        whole = mask[around].astype(np.float32)
        smooth = ndimage.gaussian_filter(whole, _SMOOTH_VOXELS)
        # Light needs a slope to fall on, also where two labels meet.
        depth = ndimage.gaussian_filter(whole, _DEEP_VOXELS)
        rim = ndimage.gaussian_gradient_magnitude(whole, _SMOOTH_VOXELS) * 2
        opacity = share * np.maximum(inside * (0.6 + 0.4 * depth), _SHELL * np.minimum(rim, 1))
        part = painted[around].astype(np.float32)
        weight = np.minimum(1.0, smooth * 1.6)[..., None]
        wanted = np.empty_like(part)
        wanted[..., :3] = colour
        wanted[..., 3] = 255 * opacity
        painted[around] = np.rint(part + (wanted - part) * weight).astype(np.uint8)


def _trimmed(painted: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[int, int, int]]:
    """The part of the voxels that holds all that is not empty, and its first index (k, j, i)."""
    from scipy import ndimage

    boxes = ndimage.find_objects((painted[..., 3] > 0).view(np.uint8))
    if not boxes:
        return painted[:2, :2, :2], (0, 0, 0)
    starts = [max(0, side.start - 1) for side in boxes[0]]
    around = tuple(slice(start, side.stop + 1) for start, side in zip(starts, boxes[0], strict=True))
    return np.ascontiguousarray(painted[around]), (starts[0], starts[1], starts[2])


def _edges(matter: NDArray[np.int16]) -> NDArray[np.float32]:
    """How much opacity changes around each voxel, 0 to 255: the surfaces of matter."""
    found = np.zeros(matter.shape, np.float32)
    for axis in range(3):
        step = np.abs(np.diff(matter, axis=axis)).astype(np.float32)
        for side in (slice(1, None), slice(None, -1)):
            part: list[slice] = [slice(None)] * 3
            part[axis] = side
            np.maximum(found[tuple(part)], step, out=found[tuple(part)])
    return found


def handlers() -> Mapping[str, Handler]:
    """The operations of this kind of child. The stage is made when it is first needed."""
    stages: list[Stage] = []

    def stage() -> Stage:
        if not stages:
            stages.append(Stage())
        return stages[0]

    def hold(
        words: dict[str, Any], arrays: dict[str, NDArray[Any]], *_: ProgressSink | CancelToken
    ) -> Answer:
        stage().hold(arrays["values"], tuple(words["spacing"]), tuple(words["origin"]))
        return {}, {}

    def label(
        words: dict[str, Any], arrays: dict[str, NDArray[Any]], *_: ProgressSink | CancelToken
    ) -> Answer:
        segments = [
            (int(n), (int(r), int(g), int(b)), float(share)) for n, (r, g, b), share in words["segments"]
        ]
        stage().label(arrays.get("labels"), arrays.get("affine"), segments)
        return {}, {}

    def draw(
        words: dict[str, Any], _arrays: dict[str, NDArray[Any]], *_: ProgressSink | CancelToken
    ) -> Answer:
        stage().light(words["look"])
        return {}, {"picture": stage().draw(words["view"])}

    return {"hold": hold, "label": label, "draw": draw}


def _points(colours: Any) -> tuple[tuple[float, float, float, float], ...]:
    return tuple((float(v), float(r), float(g), float(b)) for v, r, g, b in colours)


def _pairs(opacities: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(value), float(share)) for value, share in opacities)
