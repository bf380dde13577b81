"""Small pictures: an array fitted into a black square or card, never stretched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T


def to_image(pixels: NDArray[np.uint8]) -> QImage:
    """A QImage that owns its pixels, of HxW grey or HxWx3 RGB uint8."""
    tight = np.ascontiguousarray(pixels)
    grey = tight.ndim == 2
    form = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
    rows, columns = tight.shape[:2]
    return QImage(tight.data, columns, rows, tight.strides[0], form).copy()


def framed(
    pixels: NDArray[np.uint8] | None,
    size: QSize,
    ratio: float = 1.0,
    *,
    fill: bool = False,
    edge: str = T.line2,
    radius: float = M.radius_chip,
    glyph: str = "image",
) -> QPixmap:
    """A picture on black with rounded corners; without one, black with a glyph.

    `fill` covers the frame and crops what stands over; else the whole picture is inside.
    """
    result = QPixmap(round(size.width() * ratio), round(size.height() * ratio))
    result.fill(Qt.GlobalColor.transparent)
    result.setDevicePixelRatio(ratio)
    area = QRectF(0, 0, size.width(), size.height())
    painter = QPainter(result)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    shape = QPainterPath()
    shape.addRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
    painter.fillPath(shape, QColor(T.image))
    if pixels is not None:
        painter.save()
        painter.setClipPath(shape)
        _draw_fitted(painter, area, to_image(pixels), ratio, fill=fill)
        painter.restore()
    else:
        side = 16
        drawn = icons.pixmap(glyph, T.t3, side, 1.75, ratio)
        painter.drawPixmap(round(area.center().x() - side / 2), round(area.center().y() - side / 2), drawn)
    painter.setPen(QPen(QColor(edge), 1))
    painter.drawPath(shape)
    painter.end()
    return result


def _draw_fitted(painter: QPainter, area: QRectF, image: QImage, ratio: float, *, fill: bool) -> None:
    mode = Qt.AspectRatioMode.KeepAspectRatioByExpanding if fill else Qt.AspectRatioMode.KeepAspectRatio
    wanted = QSize(round(area.width() * ratio), round(area.height() * ratio))
    # Smooth scaling averages when it shrinks, which painter transforms do not.
    fitted = image.scaled(wanted, mode, Qt.TransformationMode.SmoothTransformation)
    width, height = fitted.width() / ratio, fitted.height() / ratio
    left = area.center().x() - width / 2
    top = area.center().y() - height / 2
    painter.drawImage(QRectF(left, top, width, height), fitted)
