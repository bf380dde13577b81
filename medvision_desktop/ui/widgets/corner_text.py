"""The four corners of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.corner_lines import CornerText, Line
from medvision_desktop.ui.widgets.edged_text import EdgedText

INSET: Final = 12
LINE: Final = 17
RAIL_ROOM: Final = 18
_SWATCH: Final = 8
# Half a letter, and a gap beside it.
_LETTER_ROOM: Final = 16
# Between two lines of one row.
_GAP: Final = 12

PLANE_COLOURS: Final = {Plane.AXIAL: T.axial, Plane.CORONAL: T.coronal, Plane.SAGITTAL: T.sagittal}


def paint(painter: QPainter, text: EdgedText, corner: CornerText, room: QRectF) -> None:
    """Draw the lines within `room`, which already leaves the rail and the patient band out."""
    corner = fitted(text, corner, room.width() - 2 * INSET)
    left, right = room.left() + INSET, room.right() - INSET
    top, bottom = room.top() + INSET + LINE / 2, room.bottom() - INSET - LINE / 2
    _column(painter, text, corner.top_left, left, top, Qt.AlignmentFlag.AlignLeft)
    _column(painter, text, corner.top_right, right, top, Qt.AlignmentFlag.AlignRight)
    from_bottom = bottom - LINE * (len(corner.bottom_left) - 1)
    _column(painter, text, corner.bottom_left, left, from_bottom, Qt.AlignmentFlag.AlignLeft)
    from_bottom = bottom - LINE * (len(corner.bottom_right) - 1)
    _column(painter, text, corner.bottom_right, right, from_bottom, Qt.AlignmentFlag.AlignRight)


def fitted(text: EdgedText, corner: CornerText, width: float) -> CornerText:
    """The corners with lines cut short where two meet in one row, or where one is wider than the pane.

    Who the patient is comes first at the top, what is done to the image at the bottom.
    """
    top_left, top_right = _beside(text, corner.top_left, corner.top_right, width)
    right, left = _beside(text, corner.bottom_right[::-1], corner.bottom_left[::-1], width)
    return CornerText(top_left, top_right, left[::-1], right[::-1])


def _beside(
    text: EdgedText, first: Sequence[Line], second: Sequence[Line], width: float
) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Two columns row by row: the first takes what it needs, the second what is left."""
    whole = [_cut(text, line, width) for line in first]
    rest = [
        _cut(text, line, width - (_width(text, whole[row]) + _GAP if row < len(whole) else 0.0))
        for row, line in enumerate(second)
    ]
    return tuple(whole), tuple(rest)


def _cut(text: EdgedText, line: Line, width: float) -> Line:
    if _width(text, line) <= width:
        return line
    return replace(line, text=text.cut(line.text, width - _mark_width(line), _style(line)))


def _width(text: EdgedText, line: Line) -> float:
    return text.width(line.text, _style(line)) + _mark_width(line)


def _style(line: Line) -> str:
    return "section" if line.strong else "caption"


def _mark_width(line: Line) -> float:
    return 2.0 * _SWATCH if line.plane is not None else 0.0


def lines_in_middle(text: EdgedText, corner: CornerText, room: QRectF, middle: float) -> tuple[int, int]:
    """How many lines, from the top and from the bottom edge, must be left free in the middle of a pane.

    In a narrow pane corner text reaches where a letter stands; the letter gives way.
    """
    corner = fitted(text, corner, room.width() - 2 * INSET)
    left, right = middle - _LETTER_ROOM - room.left() - INSET, room.right() - INSET - middle - _LETTER_ROOM

    def lowest(lines: Sequence[Line], space: float, *, from_end: bool) -> int:
        ordered = lines[::-1] if from_end else lines
        taken = (number for number, line in enumerate(ordered, 1) if _width(text, line) > space)
        return max(taken, default=0)

    top = max(
        lowest(corner.top_left, left, from_end=False), lowest(corner.top_right, right, from_end=False)
    )
    bottom = max(
        lowest(corner.bottom_left, left, from_end=True), lowest(corner.bottom_right, right, from_end=True)
    )
    return top, bottom


def _column(
    painter: QPainter,
    text: EdgedText,
    lines: Sequence[Line],
    x: float,
    y: float,
    align: Qt.AlignmentFlag,
) -> None:
    if not lines or (text.seen is not None and not text.seen.intersects(_box(text, lines, x, y, align))):
        return
    for number, line in enumerate(lines):
        middle = y + number * LINE
        start = x
        if line.plane is not None:
            colour = QColor(PLANE_COLOURS[line.plane])
            painter.fillRect(QRectF(x, round(middle) - _SWATCH / 2, _SWATCH, _SWATCH), colour)
            start = x + 2 * _SWATCH
        text.draw(
            painter,
            start,
            middle,
            line.text,
            style=_style(line),
            colour=_colour(line),
            align=align,
        )


def _box(text: EdgedText, lines: Sequence[Line], x: float, y: float, align: Qt.AlignmentFlag) -> QRect:
    """Where a column lies, with the edges of its words and a little more."""
    width = max(_width(text, line) for line in lines)
    left = x - width if align is Qt.AlignmentFlag.AlignRight else x
    return QRectF(left - LINE, y - LINE, width + 2 * LINE, LINE * (len(lines) + 1)).toAlignedRect()


def _colour(line: Line) -> str:
    if line.key:
        return T.accent
    return T.warn if line.warn else T.t1 if line.strong else T.corner
