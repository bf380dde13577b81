"""Pixels as an image for the screen, grey levels through the correction of that screen last of all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage


def shown(pixels: NDArray[Any]) -> QImage:
    """An image that borrows HxW uint32 0xffRRGGBB or HxWx3 RGB pixels, which must outlive it."""
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_RGB32 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, pixels.strides[0], kind)


def driven(pixels: NDArray[np.uint8], table: NDArray[np.uint8] | None) -> QImage:
    """An image that borrows HxW grey or HxWx3 RGB pixels, which must outlive it.

    `table`: driving level of each grey level, or None; colour goes to the screen as it is.
    """
    height, width = pixels.shape[:2]
    if pixels.ndim == 3:
        return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)
    if table is None:
        return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_Grayscale8)
    image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_Indexed8)
    image.setColorTable([0xFF000000 | level * 0x010101 for level in table.tolist()])
    return image
