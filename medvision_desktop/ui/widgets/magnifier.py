"""A square of the image enlarged under the cursor: drawn by the pipeline, not blown up from the screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.hand import Lens
from medvision_desktop.ui.widgets.driven import driven


class Magnifier:
    """Draws a lens; keeps the frame at hand between two moves."""

    def __init__(self) -> None:
        self._drawer = Drawer()
        self.correction: NDArray[np.uint8] | None = None

    def paint(self, painter: QPainter, lens: Lens, ratio: float) -> None:
        """Draw the lens around its place, with an edge."""
        pixels = self._drawer.draw(lens.plan, lens.viewport, interactive=True)
        height, width = pixels.shape[:2]
        image = driven(pixels, self.correction)
        image.setDevicePixelRatio(ratio)
        corner = QPointF(round(lens.at[0] - width / 2) / ratio, round(lens.at[1] - height / 2) / ratio)
        painter.drawImage(corner, image)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(T.onimage), 1))
        edge = QRectF(corner.x() + 0.5, corner.y() + 0.5, width / ratio - 1, height / ratio - 1)
        painter.drawRect(edge)
