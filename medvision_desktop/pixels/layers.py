"""Shutters and overlay planes as masks over source pixels (PS3.3 C.7.6.11, C.7.6.15, C.9.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.layers import OverlayPlane, Point, Shutter


def covered(shutter: Shutter, rows: int, columns: int, aspect: float = 1.0) -> NDArray[np.bool_]:
    """HxW, True where the shutter covers the image.

    `aspect` is the height of a pixel divided by its width: a circle is one in the patient. Shapes
    add up: a pixel is seen only where all of them leave it open.
    """
    hidden = np.zeros((rows, columns), np.bool_)
    row, column = np.arange(rows)[:, None], np.arange(columns)[None, :]
    if shutter.rectangle is not None:
        top, bottom, left, right = shutter.rectangle
        hidden |= (row < top) | (row > bottom)
        hidden |= (column < left) | (column > right)
    if shutter.circle is not None:
        middle_row, middle_column, radius = shutter.circle
        distance = ((row - middle_row) * aspect) ** 2 + (column - middle_column) ** 2
        hidden |= distance > radius**2
    if len(shutter.polygon) >= 3:
        hidden |= ~inside(shutter.polygon, rows, columns)
    if shutter.bitmap is not None and shutter.bitmap.shape == hidden.shape:
        hidden |= shutter.bitmap
    return hidden


def inside(polygon: tuple[Point, ...], rows: int, columns: int) -> NDArray[np.bool_]:
    """HxW, True where a pixel's centre lies in the polygon or on its edge, by the even-odd rule."""
    import cv2

    filled = np.zeros((rows, columns), np.uint8)
    # Whole pixels, which is what the header gives; far outside they would overflow in cv2.
    reach = 4 * max(rows, columns)
    corners = np.clip(np.rint([(column, row) for row, column in polygon]), -reach, reach).astype(np.int32)
    cv2.fillPoly(filled, [corners], 1)
    return filled.astype(np.bool_)


def placed(plane: OverlayPlane, rows: int, columns: int) -> NDArray[np.bool_]:
    """The part of a plane that lies on an image of `rows` x `columns`: HxW."""
    image = np.zeros((rows, columns), np.bool_)
    top, left = max(0, plane.row), max(0, plane.column)
    bottom = min(rows, plane.row + plane.bits.shape[0])
    right = min(columns, plane.column + plane.bits.shape[1])
    if top < bottom and left < right:
        rows_of, columns_of = plane.row, plane.column
        image[top:bottom, left:right] = plane.bits[
            top - rows_of : bottom - rows_of, left - columns_of : right - columns_of
        ]
    return image
