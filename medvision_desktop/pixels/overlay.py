"""Model attention over an image: where a network looked, never the outline of a lesion.

Colours are matplotlib's `inferno` from 0.15 to 0.95. Below the threshold nothing is drawn; over
the next 0.25 the opacity rises smoothly to at most 58 %, so that the image stays readable.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.findings import HeatMap
from medvision_desktop.pixels.viewport import Viewport, ViewTransform

MAX_OPACITY: Final = 0.58
RISE: Final = 0.25
STRETCH: Final = (0.15, 0.95)
_LONGEST: Final = 512
_CUBIC: Final = -0.5  # Keys' kernel: exact for quadratics (doi:10.1109/TASSP.1981.1163711)


def attention_rgba(heat: HeatMap, threshold: float, opacity: float) -> NDArray[np.uint8]:
    """Colours and opacity (not premultiplied) of a map: hxwx4, its longer side at most 512.

    The image covers `heat.box_xyxy`. Its corner (x0, y0) lies in a pane at
    `view.to_screen(y0 - 0.5, x0 - 0.5)`, because a box counts pixel edges and a view pixel centres.
    """
    rows, columns = heat.grid.shape
    x0, y0, x1, y1 = heat.box_xyxy
    longest = max(abs(x1 - x0), abs(y1 - y0), 1e-9)
    height = max(rows, min(_LONGEST, round(_LONGEST * abs(y1 - y0) / longest)))
    width = max(columns, min(_LONGEST, round(_LONGEST * abs(x1 - x0) / longest)))
    height, width = min(height, _LONGEST), min(width, _LONGEST)
    down = (np.arange(height) + 0.5) * rows / height - 0.5
    along = (np.arange(width) + 0.5) * columns / width - 0.5
    return coloured(_sampled(heat.grid, down, along), threshold, opacity)


def attention_in_source(heat: HeatMap, rows: int, columns: int) -> NDArray[np.float32]:
    """The map at every source pixel's centre: rows x columns in 0..1, 0 outside its box."""
    return _in_box(heat, np.arange(rows, dtype=np.float64), np.arange(columns, dtype=np.float64))


def attention_in_pane(heat: HeatMap, view: ViewTransform, pane: Viewport) -> NDArray[np.float32]:
    """The map at every pane pixel's centre: HxW in 0..1, 0 outside its box and the image."""
    x, y = np.arange(pane.width) + 0.5, np.arange(pane.height) + 0.5
    inverse = view.inverse
    if view.turn.quarters % 2:
        along_column = inverse[0, 1] * y + inverse[0, 2]
        down_row = inverse[1, 0] * x + inverse[1, 2]
        image = _in_box(
            heat, _outside_as_nan(down_row, view.rows), _outside_as_nan(along_column, view.columns)
        )
        return np.ascontiguousarray(image.T)
    along_column = inverse[0, 0] * x + inverse[0, 2]
    down_row = inverse[1, 1] * y + inverse[1, 2]
    return _in_box(heat, _outside_as_nan(down_row, view.rows), _outside_as_nan(along_column, view.columns))


def coloured(values: NDArray[np.floating], threshold: float, opacity: float) -> NDArray[np.uint8]:
    """RGBA of attention values 0..1 of any shape."""
    values = np.asarray(values, dtype=np.float32)
    picked = np.rint((STRETCH[0] + (STRETCH[1] - STRETCH[0]) * values) * 255).astype(np.uint8)
    rgba = np.empty((*values.shape, 4), np.uint8)
    rgba[..., :3] = inferno()[picked]
    rgba[..., 3] = np.rint(alpha(values, threshold, opacity) * 255).astype(np.uint8)
    return rgba


def alpha(values: NDArray[np.floating], threshold: float, opacity: float) -> NDArray[np.float32]:
    """Opacity 0..0.58 of attention values: 0 up to the threshold, then a smooth rise over 0.25."""
    rise = np.clip((np.asarray(values, dtype=np.float32) - threshold) / RISE, 0.0, 1.0)
    top = min(max(opacity, 0.0), MAX_OPACITY)
    return np.asarray(rise * rise * (3 - 2 * rise) * top, dtype=np.float32)


def over(image: NDArray[np.uint8], rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An HxW or HxWx3 image under an HxWx4 layer of the same size: HxWx3.

    Pixels where the layer is clear come out exactly as they went in.
    """
    base = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    opaque = rgba[..., 3:].astype(np.float32) / 255
    mixed = base.astype(np.float32) * (1 - opaque) + rgba[..., :3].astype(np.float32) * opaque
    return np.rint(mixed).astype(np.uint8)


def colour_bar(length: int) -> NDArray[np.uint8]:
    """The colours of attention 0 to 1 for a legend: length x 3."""
    return coloured(np.linspace(0, 1, length), 0.0, 1.0)[:, :3]


@cache
def inferno() -> NDArray[np.uint8]:
    """256x3 RGB, the table of matplotlib's `inferno`."""
    import cv2

    steps = np.arange(256, dtype=np.uint8)[:, None]
    table: NDArray[np.uint8] = np.array(
        cv2.applyColorMap(steps, cv2.COLORMAP_INFERNO)[:, 0, ::-1], np.uint8
    )
    table.setflags(write=False)
    return table


def _in_box(heat: HeatMap, row: NDArray[np.float64], column: NDArray[np.float64]) -> NDArray[np.float32]:
    x0, y0, x1, y1 = heat.box_xyxy
    rows, columns = heat.grid.shape
    down, along = (row + 0.5 - y0) / (y1 - y0), (column + 0.5 - x0) / (x1 - x0)
    inside_down, inside_along = (down >= 0) & (down <= 1), (along >= 0) & (along <= 1)
    image = np.zeros((len(row), len(column)), np.float32)
    found = _sampled(heat.grid, down[inside_down] * rows - 0.5, along[inside_along] * columns - 0.5)
    image[np.ix_(inside_down, inside_along)] = found
    return image


def _sampled(
    grid: NDArray[np.float32], down: NDArray[np.float64], along: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Cubic interpolation of a grid at fractional cell indices, within 0..1 and the grid's maximum."""
    smooth = _weights(down, grid.shape[0]) @ grid.astype(np.float64) @ _weights(along, grid.shape[1]).T
    top = min(1.0, max(0.0, float(grid.max())))
    return np.clip(smooth, 0.0, top).astype(np.float32)


def _weights(positions: NDArray[np.float64], cells: int) -> NDArray[np.float64]:
    """One row of interpolation weights per position; the border's value continues outward."""
    matrix = np.zeros((len(positions), cells))
    below = np.floor(positions).astype(np.int64)
    each = np.arange(len(positions))
    for step in range(-1, 3):
        distance = np.abs(positions - (below + step))
        near = (_CUBIC + 2) * distance**3 - (_CUBIC + 3) * distance**2 + 1
        far = _CUBIC * (distance**3 - 5 * distance**2 + 8 * distance - 4)
        weight = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
        np.add.at(matrix, (each, np.clip(below + step, 0, cells - 1)), weight)
    return matrix


def _outside_as_nan(index: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return np.where((index >= -0.5) & (index <= count - 0.5), index, np.nan)
