"""The pixels of the window that a widget is painted on, to draw where Qt's own raster painter draws.

A picture that is drawn to memory of its own and then copied into the window goes through memory twice,
which is half of the time of a drag. A painter that has begun on an image has made it unshared
(`QPaintEngine::begin` takes its `bits()`), and keeps writing to those bytes until it ends: writing to
them in between is what the painter itself does.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPaintEngine, QPainter, QRegion
from PySide6.QtWidgets import QWidget

_FORMATS: Final = frozenset(
    {QImage.Format.Format_RGB32, QImage.Format.Format_ARGB32, QImage.Format.Format_ARGB32_Premultiplied}
)


def under(painter: QPainter, widget: QWidget) -> NDArray[np.uint32] | None:
    """What `painter`, which has just begun on `widget`, paints on: HxW 0xffRRGGBB in device pixels.

    To be written to while the painter is active, in the region of the paint event and nowhere else:
    around it lie other widgets. None where pixels cannot be written one to one: no raster painting,
    another format, or a widget that begins between two pixels.
    """
    engine = painter.paintEngine()
    ratio = widget.devicePixelRatioF()
    if engine.type() is not QPaintEngine.Type.Raster or not ratio.is_integer():
        return None
    image: Any = engine.paintDevice()
    if not isinstance(image, QImage) or image.format() not in _FORMATS:
        return None
    at = painter.deviceTransform()
    if (at.m11(), at.m12(), at.m21(), at.m22()) != (ratio, 0.0, 0.0, ratio):
        return None
    left, top = at.dx(), at.dy()
    width, height = round(widget.width() * ratio), round(widget.height() * ratio)
    inside = left >= 0 and top >= 0 and left + width <= image.width() and top + height <= image.height()
    if not inside or not left.is_integer() or not top.is_integer() or image.bytesPerLine() % 4:
        return None
    words = np.frombuffer(image.bits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return words[int(top) : int(top) + height, int(left) : int(left) + width]


def parts(region: QRegion, room: QRect, ratio: int) -> list[tuple[slice, slice]]:
    """Rows and columns, in device pixels, of every rectangle of a region within `room`."""
    found = []
    for part in region:  # type: ignore[attr-defined] # its stubs leave out that it is iterable
        seen = part.intersected(room)
        if not seen.isEmpty():
            rows = slice(seen.top() * ratio, (seen.bottom() + 1) * ratio)
            found.append((rows, slice(seen.left() * ratio, (seen.right() + 1) * ratio)))
    return found
