"""A model's attention map over an image, coloured once and drawn where the view puts it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter, QPolygonF, QTransform

from medvision_desktop.domain.display import OverlayState
from medvision_desktop.domain.findings import HeatMap
from medvision_desktop.pixels import overlay
from medvision_desktop.pixels.viewport import ViewTransform


class AttentionLayer:
    """Keeps the coloured map until the map, its threshold or its opacity changes."""

    def __init__(self) -> None:
        self._heat: HeatMap | None = None
        self._numbers: tuple[float, float] = (-1.0, -1.0)
        self._image = QImage()
        self._pixels: NDArray[np.uint8] | None = None  # what the image shows without owning it

    def paint(
        self,
        painter: QPainter,
        heat: HeatMap,
        state: OverlayState,
        view: ViewTransform,
        ratio: float,
    ) -> None:
        """Draw the map over the image, smoothly, and only within the image."""
        self._colour(heat, state)
        x0, y0, x1, y1 = heat.box_xyxy
        # A box counts pixel edges, a view counts pixel centres.
        corners = [view.to_screen(y - 0.5, x - 0.5) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
        target = QPolygonF([QPointF(x / ratio, y / ratio) for x, y in corners])
        source = QPolygonF(QRectF(self._image.rect()))
        source = QPolygonF([source.at(n) for n in range(4)])
        matrix = QTransform()
        if not QTransform.quadToQuad(source, target, matrix):
            return
        painter.save()
        painter.setClipRect(
            QRectF(
                view.left / ratio,
                view.top / ratio,
                view.drawn_width / ratio,
                view.drawn_height / ratio,
            )
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(matrix, combine=True)
        painter.drawImage(QPointF(0, 0), self._image)
        painter.restore()

    def _colour(self, heat: HeatMap, state: OverlayState) -> None:
        numbers = (state.threshold, state.opacity)
        if numbers == self._numbers and self._heat is not None and _same(heat, self._heat):
            return
        pixels = np.ascontiguousarray(overlay.attention_rgba(heat, *numbers))
        height, width = pixels.shape[:2]
        self._pixels = pixels
        straight = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        self._image = straight.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        self._heat, self._numbers = heat, numbers


def _same(heat: HeatMap, other: HeatMap) -> bool:
    """Whether two maps look the same; a map that was read from the record again is another object."""
    if heat is other:
        return True
    return heat.box_xyxy == other.box_xyxy and np.array_equal(heat.grid, other.grid)
