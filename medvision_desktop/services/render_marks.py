"""Marks of a presentation state drawn into a picture: lines and words, white with a dark edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop import paths
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.layers import Annotation, Point

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_FACE: Final = "Inter-Regular.ttf"
_SMALLEST_PX, _LARGEST_PX, _SHARE_PX = 9, 48, 24
_POINT_PX: Final = 4.0
_SUBPIXEL_BITS: Final = 4


def marked(image: NDArray[Any], marks: Sequence[Annotation], turn: ViewTurn) -> NDArray[Any]:
    """The picture with the marks over it: HxW or HxWx3, uint8 or float32 in 0..1.

    `image` has been turned; the marks lie where they lay before, and words stay upright.
    """
    if not marks:
        return image
    ink = _ink(marks, turn, image.shape[:2])
    full = 255.0 if image.dtype == np.uint8 else 1.0
    edge = _widened(ink)
    if image.ndim == 3:
        ink, edge = ink[..., None], edge[..., None]
    drawn = image * (1.0 - edge) + full * ink
    result: NDArray[Any] = (np.rint(drawn) if image.dtype == np.uint8 else drawn).astype(image.dtype)
    return result


def turned_point(point: Point, turn: ViewTurn, rows: int, columns: int) -> Point:
    """Where a point of a picture lies once it is turned; `rows` x `columns` is its size after that."""
    row, column = point
    height, width = (columns, rows) if turn.quarters % 2 else (rows, columns)
    for _ in range(turn.quarters):
        row, column = column, height - 1 - row
        height, width = width, height
    if turn.flip_horizontal:
        column = width - 1 - column
    if turn.flip_vertical:
        row = height - 1 - row
    return row, column


def _ink(marks: Sequence[Annotation], turn: ViewTurn, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """How much of each pixel the marks cover, 0 to 1."""
    import cv2
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = shape
    lines = np.zeros((rows, columns), np.uint8)
    words = Image.new("L", (columns, rows))
    size = min(max(min(rows, columns) // _SHARE_PX, _SMALLEST_PX), _LARGEST_PX)
    thick = max(1, round(min(rows, columns) / 600))
    pen = ImageDraw.Draw(words)
    face: FreeTypeFont = ImageFont.truetype(str(paths.resources() / "fonts" / _FACE), size)
    for mark in marks:
        points = [turned_point(point, turn, rows, columns) for point in mark.points]
        if len(points) == 1 and not mark.words:
            (row, column), reach = points[0], _POINT_PX
            points = [
                (row, column - reach),
                (row - reach, column),
                (row, column + reach),
                (row + reach, column),
            ]
        if len(points) > 1:
            reach = 4 * max(rows, columns)
            at = np.clip([(column, row) for row, column in points], -reach, reach)
            fixed = np.rint(at * (1 << _SUBPIXEL_BITS)).astype(np.int32)
            if mark.filled:
                cv2.fillPoly(lines, [fixed], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
            cv2.polylines(lines, [fixed], mark.closed, 255, thick, cv2.LINE_AA, _SUBPIXEL_BITS)
        if mark.words and points:
            text = "\n".join(mark.words)
            row, column = points[0]
            _, _, width, height = pen.multiline_textbbox((0, 0), text, font=face)
            left = min(max(column + 0.5 - width / 2, 0.0), max(0.0, columns - width))
            top = min(max(row + 0.5 - height / 2, 0.0), max(0.0, rows - height))
            pen.multiline_text((left, top), text, fill=255, font=face, align="center")
    covered: NDArray[np.float32] = np.maximum(lines, np.asarray(words)).astype(np.float32) / np.float32(255)
    return covered


def _widened(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.dilate(ink, np.ones((3, 3), np.uint8)), np.float32)
