"""Label maps and parametric maps over an image, drawn at the resolution of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter

from medvision_desktop.domain.labelmap import LabelMap, ParametricMap
from medvision_desktop.pixels import labels, parametric
from medvision_desktop.pixels.patient_grid import PatientGrid, grid_in_pane, indices_of
from medvision_desktop.pixels.viewport import Viewport, ViewTransform
from medvision_desktop.ui.viewmodels.layers import DrawnLayer

# Values change slowly: every second pixel is worked out, and Qt fills in the others.
_MAP_STEP: Final = 2


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A layer as it was drawn last: of what, and the image with its place and step in device pixels."""

    of: tuple[object, ...]
    pixels: NDArray[np.uint32]
    image: QImage
    at: tuple[int, int]
    step: int


class LabelLayers:
    """Keeps each layer's picture until the layer, its look or the view changes."""

    def __init__(self) -> None:
        self._kept: dict[str, _Drawn] = {}

    def paint(
        self,
        painter: QPainter,
        layers: Sequence[DrawnLayer],
        view: ViewTransform,
        pane: Viewport,
        ratio: float,
    ) -> None:
        """Draw layers over the image, in their order, and only within the image."""
        for uid in set(self._kept) - {one.layer.uid for one in layers}:
            del self._kept[uid]
        for one in layers:
            drawn = self._drawn(one, view, pane, ratio)
            if drawn is None:
                continue
            x, y = drawn.at
            height, width = drawn.pixels.shape
            painter.save()
            if drawn.step == 1:
                drawn.image.setDevicePixelRatio(ratio)
                painter.drawImage(QPointF(x / ratio, y / ratio), drawn.image)
            else:
                clip = QRectF(view.left, view.top, view.drawn_width, view.drawn_height)
                painter.setClipRect(_logical(clip, ratio))
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                target = QRectF(x, y, width * drawn.step, height * drawn.step)
                painter.drawImage(_logical(target, ratio), drawn.image)
            painter.restore()

    def _drawn(self, one: DrawnLayer, view: ViewTransform, pane: Viewport, ratio: float) -> _Drawn | None:
        seen = (view, (pane.width, pane.height), ratio)
        of = (one.layer, one.style, dict(one.looks), one.picture, one.revision, *seen)
        kept = self._kept.get(one.layer.uid)
        if kept is not None and _same(kept.of, of):
            return kept
        made = _made(one, view, pane, ratio, of)
        if made is None:
            self._kept.pop(one.layer.uid, None)
        else:
            self._kept[one.layer.uid] = made
        return made


def _made(
    one: DrawnLayer, view: ViewTransform, pane: Viewport, ratio: float, of: tuple[object, ...]
) -> _Drawn | None:
    step = 1
    if isinstance(one.layer, ParametricMap):
        step = _map_step(one.layer, one.picture, view, pane)
    found = grid_in_pane(one.picture, view, pane, step=step)
    if found is None:
        return None
    picture, at = found
    if isinstance(one.layer, LabelMap):
        shown = labels.labels_on(one.layer.values_kji, one.layer.affine_kji_to_lps, picture, one.box)
        pixels = labels.argb_of(shown, one.looks, labels.OUTLINE_PX * ratio)
    else:
        values = parametric.values_on(one.layer.values_kji, one.layer.affine_kji_to_lps, picture)
        pixels = parametric.argb_of(values, one.layer.shown, one.style.colour_map, one.style.opacity)
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    return _Drawn(of, pixels, image, at, step)


def _map_step(layer: ParametricMap, source: PatientGrid, view: ViewTransform, pane: Viewport) -> int:
    """Every second pixel, or further apart where a cut through the grid is oblique and slow."""
    found = grid_in_pane(source, view, pane)
    if found is None or indices_of(layer.affine_kji_to_lps, found[0]).is_aligned:
        return _MAP_STEP
    points = found[0].rows * found[0].columns
    return max(_MAP_STEP, int(np.ceil(np.sqrt(points / parametric.OBLIQUE_POINTS))))


def _same(before: tuple[object, ...], now: tuple[object, ...]) -> bool:
    """Layers by identity, all else by value."""
    return before[0] is now[0] and before[1:] == now[1:]


def _logical(rectangle: QRectF, ratio: float) -> QRectF:
    return QRectF(
        rectangle.x() / ratio,
        rectangle.y() / ratio,
        rectangle.width() / ratio,
        rectangle.height() / ratio,
    )
