"""Draws the rows of the worklist: studies, series under the selected one, and pictures on the rail."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.worklist_items import ITEM_ROLE, WorklistItem
from medvision_desktop.ui.widgets.badge import chip_width, draw_chip, draw_glyph
from medvision_desktop.ui.widgets.row_places import RAIL_ROW
from medvision_desktop.ui.widgets.thumbnail import framed

Picture = Callable[[StudyRef, SeriesRef], "NDArray[np.uint8] | None"]

_TEXT_X: Final = M.pad_left + M.thumbnail + 12
_RIGHT: Final = 14
_SERIES_PICTURE: Final = 32
_RAIL_PICTURE: Final = 40
_KEPT: Final = 400
_MIDDLE: Final = Qt.AlignmentFlag.AlignVCenter


class StudyDelegate(QStyledItemDelegate):
    """Rows of fixed heights, drawn from values; pixmaps of visible rows are kept."""

    def __init__(self, picture: Picture, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._picture = picture
        self._kept: OrderedDict[tuple[str, str, int, float], QPixmap] = OrderedDict()
        self.rail = False

    def forget(self, study_key: str, series_uid: str) -> None:
        """A picture is there, or another one: draw it anew."""
        for key in [key for key in self._kept if key[:2] == (study_key, series_uid)]:
            del self._kept[key]

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw one row."""
        item = index.data(ITEM_ROLE)
        if not isinstance(item, WorklistItem):
            return
        area = QRect(option.rect)
        state = option.state
        hot = bool(state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground(painter, area, item, hot=hot)
        if self.rail and item.part is not None:
            self._rail_part(painter, area, item, hot=hot)
        elif self.rail:
            self._rail(painter, area, item)
        elif item.part is None:
            self._study(painter, area, item)
        else:
            self._part(painter, area, item, hot=hot)
        if state & QStyle.StateFlag.State_HasFocus:
            inside = QRectF(area) if item.part is None else self._card(area)
            inside = inside.adjusted(1, 1, -1, -1)
            painter.setPen(QPen(QColor(T.t1), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(inside, M.radius_chip, M.radius_chip)
        painter.restore()

    def _ground(self, painter: QPainter, area: QRect, item: WorklistItem, *, hot: bool) -> None:
        if item.selected or item.part is not None:
            painter.fillRect(area, QColor(T.bg3))
            painter.fillRect(QRect(area.left(), area.top(), 3, area.height()), QColor(T.accent))
        elif hot:
            painter.fillRect(area, QColor(T.bg2))

    def _study(self, painter: QPainter, area: QRect, item: WorklistItem) -> None:
        row = item.row
        place = QPointF(area.left() + M.pad_left, area.top() + 15)
        painter.drawPixmap(place, self._pixmap(painter, item, M.thumbnail))
        if row.rank:
            self._rank(painter, place, row.rank)
        left, right = area.left() + _TEXT_X, area.right() + 1 - _RIGHT
        date_width = _advance("caption", row.date_text)
        whole = right - left
        beside = whole - (date_width + 8 if date_width else 0)
        # Who it is comes first: a date that leaves no room for the name goes down a line.
        fits = _advance("value", row.name) <= beside
        name_room, what_room = (beside, whole) if fits else (whole, beside)
        # Two patients may share the beginning of a name: the middle gives way, both ends stay.
        name = QFontMetricsF(fonts.font("value")).elidedText(
            row.name, Qt.TextElideMode.ElideMiddle, name_room
        )
        _line(painter, "value", T.t1, QRectF(left, area.top() + 8, name_room + 1, 20), name)
        _line(painter, "caption", T.t2, QRectF(left, area.top() + 28, what_room, 20), row.what)
        if row.date_text:
            y = area.top() + (8 if fits else 28)
            place_date = QRectF(right - date_width - 1, y, date_width + 1, 20)
            _line(painter, "caption", T.t2 if item.selected else T.t3, place_date, row.date_text)
        x = float(left)
        for chip in row.chips:
            if x + chip_width(chip) > right + 4:
                break
            x += draw_chip(painter, QPointF(x, area.top() + 49), chip, raised=item.selected) + 4

    def _part(self, painter: QPainter, area: QRect, item: WorklistItem, *, hot: bool) -> None:
        """A series, a document or a prior under its study."""
        card = self._lit_card(painter, area, item, hot=hot)
        painter.drawPixmap(
            QPointF(card.left() + 8, card.top() + 4), self._pixmap(painter, item, _SERIES_PICTURE)
        )
        left = card.left() + 48
        room = card.right() - left - 8
        title, detail = item.words
        _line(painter, "section", T.t1, QRectF(left, card.top() + 3, room, 18), title)
        _line(painter, "caption", T.t2, QRectF(left, card.top() + 19, room, 18), detail)

    def _card(self, area: QRect) -> QRectF:
        """The place of a series, document or prior."""
        left, right = (8, 8) if self.rail else (M.pad_left, M.pad_right)
        return QRectF(area.left() + left, area.top(), area.width() - left - right, M.series_row)

    def _lit_card(self, painter: QPainter, area: QRect, item: WorklistItem, *, hot: bool) -> QRectF:
        """That place, lit where the mouse is or where the reader looks."""
        card = self._card(area)
        if item.selected or hot:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(T.bg4 if item.selected else T.line))
            painter.drawRoundedRect(card, M.radius_control, M.radius_control)
        return card

    def _rail_part(self, painter: QPainter, area: QRect, item: WorklistItem, *, hot: bool) -> None:
        """A smaller picture; what is earlier says so by its sign, because there is no room for words."""
        card = self._lit_card(painter, area, item, hot=hot)
        edge = (card.height() - _SERIES_PICTURE) / 2
        place = QPointF(card.left() + edge, card.top() + edge)
        painter.drawPixmap(place, self._pixmap(painter, item, _SERIES_PICTURE))
        if item.prior is not None:
            self._mark(painter, place, _SERIES_PICTURE, "history", T.t1)

    def _mark(
        self,
        painter: QPainter,
        place: QPointF,
        side: int,
        glyph: str,
        colour: str,
        fraction: float | None = None,
    ) -> None:
        """A sign over the lower right corner of a picture."""
        dot = QRectF(place.x() + side - 12, place.y() + side - 12, 16, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(T.bg1))
        painter.drawEllipse(dot)
        draw_glyph(painter, dot.adjusted(2, 2, -2, -2), glyph, colour, fraction)

    def _rail(self, painter: QPainter, area: QRect, item: WorklistItem) -> None:
        place = QPointF(
            area.left() + (area.width() - _RAIL_PICTURE) / 2, area.top() + (RAIL_ROW - _RAIL_PICTURE) / 2
        )
        painter.drawPixmap(place, self._pixmap(painter, item, _RAIL_PICTURE))
        chip = item.row.ai_chip
        colours = {"ai": T.ai, "warn": T.warn, "bad": T.bad, "accent": T.accent}
        if chip.kind in colours:
            self._mark(painter, place, _RAIL_PICTURE, chip.glyph, colours[chip.kind], chip.fraction)

    def _rank(self, painter: QPainter, corner: QPointF, rank: int) -> None:
        text = str(rank)
        place = QRectF(corner.x(), corner.y(), max(16.0, _advance("section", text) + 8), 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(T.ai_tint))
        painter.drawRoundedRect(place, M.radius_chip, M.radius_chip)
        painter.setPen(QColor(T.ai))
        painter.setFont(fonts.font("section"))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    def _pixmap(self, painter: QPainter, item: WorklistItem, side: int) -> QPixmap:
        study = item.pictured
        series = item.series or next(iter(study.series), None)
        ratio = painter.device().devicePixelRatioF()
        if item.document is not None or series is None:
            return framed(None, QSize(side, side), ratio, glyph="file-text")
        key = (study.key, series.uid, side, ratio)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        picture = self._picture(study, series)
        made = framed(picture, QSize(side, side), ratio)
        if picture is not None:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


def _advance(style: str, text: str) -> float:
    return QFontMetricsF(fonts.font(style)).horizontalAdvance(text) if text else 0.0


def _line(painter: QPainter, style: str, colour: str, place: QRectF, text: str) -> None:
    font = fonts.font(style)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, place.width())
    painter.drawText(place, _MIDDLE | Qt.AlignmentFlag.AlignLeft, shown)
