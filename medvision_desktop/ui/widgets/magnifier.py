"""A square of the image enlarged under the cursor: drawn by the pipeline, not blown up from the screen."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.hand import Lens


class Magnifier:
    """Draws a lens; keeps the frame at hand between two moves."""

    def __init__(self) -> None:
        self._drawer = Drawer()

    def paint(self, painter: QPainter, lens: Lens, ratio: float) -> None:
        """Draw the lens around its place, with an edge."""
        pixels = self._drawer.draw(lens.plan, lens.viewport, interactive=True)
        height, width = pixels.shape[:2]
        colour = pixels.ndim == 3
        kind = QImage.Format.Format_RGB888 if colour else QImage.Format.Format_Grayscale8
        image = QImage(pixels.data, width, height, width * (3 if colour else 1), kind)
        image.setDevicePixelRatio(ratio)
        corner = QPointF(round(lens.at[0] - width / 2) / ratio, round(lens.at[1] - height / 2) / ratio)
        painter.drawImage(corner, image)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(T.onimage), 1))
        edge = QRectF(corner.x() + 0.5, corner.y() + 0.5, width / ratio - 1, height / ratio - 1)
        painter.drawRect(edge)
