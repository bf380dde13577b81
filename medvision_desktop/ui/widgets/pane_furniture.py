"""Everything that is painted over an image, in order, and what stands where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.first_look import colour_scale as colour_scale_of
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.pane_view import SMALL_HEIGHT, PaneView
from medvision_desktop.ui.widgets import (
    colour_scale,
    corner_text,
    drawings,
    mark_layer,
    orientation_letters,
    scale_bar,
    slice_rail,
)
from medvision_desktop.ui.widgets.edged_text import EdgedText

_BAND_COLOURS: Final = {1: T.pat1, 2: T.pat2}
_DASH: Final = 8
_DASH_GAP: Final = 4
_ICON: Final = 24
_RING: Final = 2.0


def paint(painter: QPainter, text: EdgedText, view: PaneView, pane: QRectF, ratio: float) -> QRectF:
    """Paint what lies over the image; gives back the room that text may use."""
    rail = corner_text.RAIL_ROOM if view.rail is not None else 0
    band = M.patient_band if view.band else 0
    room = pane.adjusted(band, 0, -rail, 0)
    if view.plan is None:
        _paint_message(painter, view, pane)
    if view.crosshair is not None:
        drawings.paint_crosshair(painter, view.crosshair, pane, ratio)
    if view.reference is not None:
        drawings.paint_reference(painter, view.reference, ratio)
    if view.cursor is not None:
        drawings.paint_cursor(painter, view.cursor, ratio)
    bar = QRectF()
    if view.ruler is not None and pane.height() >= SMALL_HEIGHT:
        bar = scale_bar.place(text, view.ruler, room, ratio, len(view.corner.bottom_right))
    if view.marks:
        mark_layer.paint(painter, text, view.marks, room, ratio, () if bar.isEmpty() else (bar,))
    if view.ruler is not None:
        scale_bar.paint(painter, text, view.ruler, bar)
    scale = colour_scale_of(view.plan)
    if scale is not None:
        colour_scale.paint(painter, text, scale, room)
    if view.letters is not None:
        lines = corner_text.lines_in_middle(text, view.corner, room, pane.center().x())
        orientation_letters.paint(painter, text, view.letters, room, pane, lines)
    corner_text.paint(painter, text, view.corner, room)
    if view.rail is not None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        slice_rail.paint(painter, view.rail, pane)
        painter.restore()
    return room


def paint_probe(
    painter: QPainter, text: EdgedText, lines: Sequence[str], at: QPointF, room: QRectF
) -> None:
    """The probe's words beside the cursor."""
    drawings.paint_probe(painter, text, lines, at, room)


def paint_edges(painter: QPainter, view: PaneView, pane: QRectF, *, dropping: bool, focused: bool) -> None:
    """The patient's band, the edge of the active pane, the ring of the focus."""
    if view.band:
        _paint_band(painter, view.band, pane)
    if dropping:
        inside = M.active_edge / 2
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(T.accent), M.active_edge, Qt.PenStyle.DashLine))
        painter.drawRect(pane.adjusted(inside, inside, -inside, -inside))
    elif view.active:
        _frame(painter, QColor(T.accent), pane, M.active_edge)
    if focused:
        edge = M.active_edge
        _frame(painter, QColor(T.t1), pane.adjusted(edge, edge, -edge, -edge), _RING)


def _frame(painter: QPainter, colour: QColor, room: QRectF, wide: float) -> None:
    """The inner edge of a rectangle, filled: a pen takes longer over a large pane."""
    upright = room.height() - 2 * wide
    painter.fillRect(QRectF(room.left(), room.top(), room.width(), wide), colour)
    painter.fillRect(QRectF(room.left(), room.bottom() - wide, room.width(), wide), colour)
    painter.fillRect(QRectF(room.left(), room.top() + wide, wide, upright), colour)
    painter.fillRect(QRectF(room.right() - wide, room.top() + wide, wide, upright), colour)


def _paint_band(painter: QPainter, band: int, pane: QRectF) -> None:
    """Solid for the first patient on screen, broken for the second: told apart without colour."""
    colour = QColor(_BAND_COLOURS[band])
    if band == 1:
        painter.fillRect(QRectF(pane.left(), pane.top(), M.patient_band, pane.height()), colour)
        return
    y = pane.top()
    while y < pane.bottom():
        painter.fillRect(QRectF(pane.left(), y, M.patient_band, _DASH), colour)
        y += _DASH + _DASH_GAP


def _paint_message(painter: QPainter, view: PaneView, pane: QRectF) -> None:
    """Loading, refused or empty: an icon and up to three lines in the middle."""
    if view.status is PaneStatus.REFUSED and view.refusal is not None:
        icon, colour = "octagon-alert", T.bad
        lines = [view.refusal.what, view.refusal.why, view.refusal.now]
    elif view.status is PaneStatus.LOADING:
        icon, colour = "loader-circle", T.accent
        lines = [f"Opening {view.title}" if view.title else "Opening"]
    else:
        icon, colour = "inbox", T.t3
        lines = ["Empty pane", "Drag a series here."]
    picture = icons.pixmap(icon, colour, _ICON, 1.75, painter.device().devicePixelRatioF())
    center = pane.center()
    wide = pane.width() - 2 * corner_text.INSET
    y = center.y() - _ICON
    painter.drawPixmap(QPointF(round(center.x() - _ICON / 2), round(y - _ICON / 2)), picture)
    y += _ICON / 2 + 8
    for number, line in enumerate(line for line in lines if line):
        painter.setFont(fonts.font("label" if number == 0 else "caption"))
        painter.setPen(QColor(T.t1 if number == 0 and view.refusal else T.t2 if number == 0 else T.t3))
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        box = QRectF(center.x() - min(wide, 420) / 2, y, min(wide, 420), 200)
        used = painter.boundingRect(box, int(flags), line)
        painter.drawText(box, int(flags), line)
        y += used.height() + 4
