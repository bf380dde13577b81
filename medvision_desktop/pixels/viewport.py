"""Where source pixels land on screen, and drawing them there.

Source coordinates are (row, column); whole numbers are pixel centres, so the image's outer edges
lie at -0.5 and rows - 0.5. Screen coordinates are (x, y) in pane pixels; (0, 0) is the pane's top
left corner and a pane pixel's centre lies at +0.5, which is also how Qt counts mouse positions.

The drawn image always covers a rectangle of whole pane pixels: the zoom is rounded, for each axis
by itself, so that width and height come out whole (less than a pixel over the whole image), and
the position likewise. So 1:1 is pixel-identical, edges are sharp, and what `transform` says is
exactly what `draw` does.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import DisplayState, FittedArea, Interpolation, RenderPlan
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import Frame

MAX_PANE: Final = 16384
MIN_ZOOM: Final = 0.01
MAX_ZOOM: Final = 64.0
# An image is resampled whole up to this size; beyond it only the visible part is.
_MAX_WHOLE: Final = 60_000_000
# cv2.warpAffine counts source pixels in 16 signed bits.
_MAX_WARPED: Final = 32_000


@dataclass(frozen=True)
class Viewport:
    """A pane of `width` x `height` pixels and how the reader looks through it.

    `zoom`: pane pixels a source pixel is wide, None to fit the whole image, or its `area` if one
    is given. `pan`: shift of the
    image's centre from the pane's, in pane pixels. Sizes are of the drawing, so on a HiDPI screen
    in device pixels.
    """

    width: int
    height: int
    zoom: float | None = None
    pan: tuple[float, float] = (0.0, 0.0)
    turn: ViewTurn = ViewTurn()
    area: FittedArea | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be drawn and zooms that mean nothing."""
        if not (1 <= self.width <= MAX_PANE and 1 <= self.height <= MAX_PANE):
            raise ValueError(f"a pane is 1 to {MAX_PANE} pixels, not {self.width} x {self.height}")
        if self.zoom is not None and not (math.isfinite(self.zoom) and self.zoom > 0):
            raise ValueError("zoom is above 0")
        if not all(math.isfinite(shift) for shift in self.pan):
            raise ValueError("pan is finite")

    @classmethod
    def of(cls, state: DisplayState, width: int, height: int, *, ratio: float = 1.0) -> Viewport:
        """The viewport of a reader's wish; `ratio` is device pixels a logical pixel."""
        zoom = None if state.zoom is None else state.zoom * ratio
        pan = (state.pan[0] * ratio, state.pan[1] * ratio)
        return cls(width, height, zoom, pan, state.turn, state.area)


@dataclass(frozen=True)
class ViewTransform:
    """Source to screen and back for one frame in one viewport.

    `left`, `top`, `drawn_width`, `drawn_height`: the rectangle of whole pane pixels that the
    turned image covers; it may reach beyond the pane. `scale`: pane pixels a source pixel is wide.
    """

    rows: int
    columns: int
    turn: ViewTurn
    left: int
    top: int
    drawn_width: int
    drawn_height: int

    @property
    def scale(self) -> float:
        """Pane pixels a source pixel is wide (along a row, whichever way that lies on screen)."""
        return self.scale_column

    @property
    def scale_column(self) -> float:
        """Pane pixels from one column to the next."""
        return (self.drawn_height if self.turn.quarters % 2 else self.drawn_width) / self.columns

    @property
    def scale_row(self) -> float:
        """Pane pixels from one row to the next."""
        return (self.drawn_width if self.turn.quarters % 2 else self.drawn_height) / self.rows

    def to_screen(self, row: float, column: float) -> tuple[float, float]:
        """Pane position (x, y) of a fractional source index."""
        matrix = self.matrix
        x = matrix[0, 0] * column + matrix[0, 1] * row + matrix[0, 2]
        y = matrix[1, 0] * column + matrix[1, 1] * row + matrix[1, 2]
        return float(x), float(y)

    def to_source(self, x: float, y: float) -> tuple[float, float]:
        """Fractional source index (row, column) of a pane position; may lie outside the image."""
        matrix = self.inverse
        column = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
        row = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
        return float(row), float(column)

    def pixel_at(self, x: float, y: float) -> tuple[int, int] | None:
        """The source pixel (row, column) under a pane position; None outside the image."""
        row, column = self.to_source(x, y)
        if not (-0.5 <= row < self.rows - 0.5 and -0.5 <= column < self.columns - 0.5):
            return None
        return min(math.floor(row + 0.5), self.rows - 1), min(math.floor(column + 0.5), self.columns - 1)

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """2x3: (column, row, 1) to (x, y)."""
        axes = _turned_axes(self.turn)
        linear = axes * np.asarray([self.scale_column, self.scale_row])
        middle = np.asarray([(self.columns - 1) / 2, (self.rows - 1) / 2])
        center = np.asarray([self.left + self.drawn_width / 2, self.top + self.drawn_height / 2])
        return np.column_stack([linear, center - linear @ middle])

    @cached_property
    def inverse(self) -> NDArray[np.float64]:
        """2x3: (x, y, 1) to (column, row)."""
        linear = np.linalg.inv(self.matrix[:, :2])
        return np.column_stack([linear, -linear @ self.matrix[:, 2]])


def transform(frame: Frame, viewport: Viewport) -> ViewTransform:
    """Where `frame` lies in `viewport`, pixels having the aspect that the header gives them."""
    return _transform(frame.rows, frame.columns, aspect_of(frame), viewport)


# Asked for several times while one picture is made, and again for the next.
@lru_cache(maxsize=64)
def _transform(rows: int, columns: int, aspect: float, viewport: Viewport) -> ViewTransform:
    across, down = _extent(rows, columns, aspect, viewport.turn)
    zoom = _zoom(rows, columns, aspect, viewport)
    width, height = max(1, _round(across * zoom)), max(1, _round(down * zoom))
    pan = _pan(rows, columns, aspect, viewport)
    left = _round((viewport.width - width) / 2 + pan[0])
    top = _round((viewport.height - height) / 2 + pan[1])
    return ViewTransform(rows, columns, viewport.turn, left, top, width, height)


def aspect_of(frame: Frame) -> float:
    """Height of a pixel divided by its width: from the spacing, else the header's aspect, else 1."""
    spacing = frame.spacing or (frame.geometry.spacing if frame.geometry else None)
    aspect = spacing.row_mm / spacing.column_mm if spacing else frame.pixel_aspect
    # Beyond this a header is wrong, and the image would be a line.
    return aspect if math.isfinite(aspect) and 0.01 <= aspect <= 100 else 1.0


def zoomed_about(frame: Frame, viewport: Viewport, x: float, y: float, factor: float) -> Viewport:
    """The viewport with its zoom multiplied, the source point under (x, y) staying there.

    Worked out without the rounding to whole pixels, so that many small steps do not drift.
    """
    before = zoom_of(frame, viewport)
    after = min(MAX_ZOOM, max(MIN_ZOOM, before * factor))
    middle_x, middle_y = viewport.width / 2, viewport.height / 2
    pan_before = _pan(frame.rows, frame.columns, aspect_of(frame), viewport)
    from_x, from_y = x - middle_x - pan_before[0], y - middle_y - pan_before[1]
    ratio = after / before
    pan = (x - middle_x - from_x * ratio, y - middle_y - from_y * ratio)
    return dataclasses.replace(viewport, zoom=after, pan=pan)


def zoom_of(frame: Frame, viewport: Viewport) -> float:
    """The zoom in use: the reader's, or the one that fits the area or the whole image into the pane."""
    return _zoom(frame.rows, frame.columns, aspect_of(frame), viewport)


def _zoom(rows: int, columns: int, aspect: float, viewport: Viewport) -> float:
    if viewport.zoom is not None:
        return viewport.zoom
    across, down = _extent(rows, columns, aspect, viewport.turn)
    if viewport.area is not None:
        top, bottom, left, right, zoom = viewport.area
        if zoom is not None:
            return min(MAX_ZOOM, max(MIN_ZOOM, zoom))
        across, down = max(1.0, right - left + 1), max(1.0, bottom - top + 1) * aspect
        if viewport.turn.quarters % 2:
            across, down = down, across
    fitted = min(viewport.width / across, viewport.height / down)
    return fitted if viewport.area is None else min(MAX_ZOOM, fitted)


def _pan(rows: int, columns: int, aspect: float, viewport: Viewport) -> tuple[float, float]:
    """The shift in use: the reader's, and what brings the middle of a fitted area to that of the pane."""
    if viewport.area is None or viewport.zoom is not None:
        return viewport.pan
    top, bottom, left, right, _ = viewport.area
    zoom = _zoom(rows, columns, aspect, viewport)
    to_middle = np.asarray(
        [
            ((left + right) / 2 - (columns - 1) / 2) * zoom,
            ((top + bottom) / 2 - (rows - 1) / 2) * zoom * aspect,
        ]
    )
    x, y = _turned_axes(viewport.turn) @ to_middle
    return viewport.pan[0] - float(x), viewport.pan[1] - float(y)


def interpolation(view: ViewTransform, *, interactive: bool) -> Interpolation:
    """How `draw` resamples: copied at 1:1, bilinear while moving, else area or cubic."""
    smaller, larger = sorted((view.scale_column, view.scale_row))
    if smaller == larger == 1.0:
        return Interpolation.NEAREST
    if interactive:
        return Interpolation.BILINEAR
    return Interpolation.AREA if smaller < 1.0 else Interpolation.CUBIC


def draw(plan: RenderPlan, viewport: Viewport, *, interactive: bool) -> NDArray[np.uint8]:
    """The pane's pixels: HxW or HxWx3 uint8, C-contiguous, black outside the image.

    For a pane that is drawn again and again keep a `drawer.Drawer`, which does this from a cache.
    """
    from medvision_desktop.pixels.drawer import Drawer

    return Drawer().draw(plan, viewport, interactive=interactive)


def resample(
    image: NDArray[Any], view: ViewTransform, viewport: Viewport, how: Interpolation
) -> tuple[NDArray[Any], tuple[slice, slice]] | None:
    """The visible part of `image` (HxW or HxWx3) at pane resolution, and where in the pane it goes.

    The dtype stays (uint8, uint16, int16 or float32). None when nothing of it is visible.
    """
    x0, x1 = max(0, view.left), min(viewport.width, view.left + view.drawn_width)
    y0, y1 = max(0, view.top), min(viewport.height, view.top + view.drawn_height)
    if x0 >= x1 or y0 >= y1:
        return None
    target = (slice(y0, y1), slice(x0, x1))
    covers = (x1 - x0, y1 - y0) == (view.drawn_width, view.drawn_height)
    whole_is_small = view.drawn_width * view.drawn_height <= _MAX_WHOLE
    exact = how is Interpolation.NEAREST or (how is Interpolation.AREA and whole_is_small)
    if covers or exact:
        whole = turned(_resized(image, view, how), view.turn)
        part = whole[y0 - view.top : y1 - view.top, x0 - view.left : x1 - view.left]
        return np.ascontiguousarray(part), target
    return _warped(image, view, (x0, y0, x1, y1), how), target


def _resized(image: NDArray[Any], view: ViewTransform, how: Interpolation) -> NDArray[Any]:
    import cv2

    odd = view.turn.quarters % 2
    size = (view.drawn_height, view.drawn_width) if odd else (view.drawn_width, view.drawn_height)
    if size == (view.columns, view.rows):
        return image
    flag = {
        Interpolation.NEAREST: cv2.INTER_NEAREST_EXACT,
        Interpolation.BILINEAR: cv2.INTER_LINEAR,
        Interpolation.AREA: cv2.INTER_AREA,
        Interpolation.CUBIC: cv2.INTER_CUBIC,
    }[how]
    shrinks = size[0] < view.columns, size[1] < view.rows
    if how is Interpolation.AREA and shrinks[0] != shrinks[1]:
        # One axis shrinks and the other grows, as in planes of thick slices: one after the other,
        # because cv2 averages only where both shrink.
        first = (size[0], view.rows) if shrinks[0] else (view.columns, size[1])
        image = cv2.resize(image, first, interpolation=cv2.INTER_AREA)
        flag = cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=flag))


def turned(image: NDArray[Any], turn: ViewTurn) -> NDArray[Any]:
    """A view of HxW or HxWx3 after quarter turns clockwise and then flips."""
    image = np.rot90(image, -turn.quarters)
    if turn.flip_horizontal:
        image = image[:, ::-1]
    return image[::-1] if turn.flip_vertical else image


def _warped(
    image: NDArray[Any], view: ViewTransform, box: tuple[int, int, int, int], how: Interpolation
) -> NDArray[Any]:
    """The pane's box of an image of which only a part is visible."""
    import cv2

    x0, y0, x1, y1 = box
    corners = [view.to_source(x, y) for x in (x0, x1) for y in (y0, y1)]
    margin = 3  # what a cubic kernel reaches over, and one for rounding
    r0 = max(0, math.floor(min(row for row, _ in corners)) - margin)
    r1 = min(view.rows, math.ceil(max(row for row, _ in corners)) + margin + 1)
    c0 = max(0, math.floor(min(column for _, column in corners)) - margin)
    c1 = min(view.columns, math.ceil(max(column for _, column in corners)) + margin + 1)
    matrix = view.inverse.copy()
    # Pixel (i, j) of the box has its centre at (x0 + i + 0.5, y0 + j + 0.5) of the pane.
    matrix[:, 2] += matrix[:, :2] @ np.asarray([x0 + 0.5, y0 + 0.5]) - np.asarray([c0, r0])
    flag = cv2.INTER_CUBIC if how is Interpolation.CUBIC else cv2.INTER_LINEAR
    step = -(-max(r1 - r0, c1 - c0) // _MAX_WARPED)
    matrix /= step
    part = np.ascontiguousarray(image[r0:r1:step, c0:c1:step])
    warped = cv2.warpAffine(
        part, matrix, (x1 - x0, y1 - y0), flags=flag | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped)


def _turned_axes(turn: ViewTurn) -> NDArray[np.float64]:
    """2x2: the image's right and down on screen, after quarter turns clockwise and then flips."""
    axes = np.eye(2)
    for _ in range(turn.quarters):
        axes = np.asarray([[0.0, -1.0], [1.0, 0.0]]) @ axes
    if turn.flip_horizontal:
        axes[0] *= -1
    if turn.flip_vertical:
        axes[1] *= -1
    return axes


def _extent(rows: int, columns: int, aspect: float, turn: ViewTurn) -> tuple[float, float]:
    """Width and height on screen in units of a source pixel's width."""
    across, down = float(columns), rows * aspect
    return (down, across) if turn.quarters % 2 else (across, down)


def _round(value: float) -> int:
    return math.floor(value + 0.5)
