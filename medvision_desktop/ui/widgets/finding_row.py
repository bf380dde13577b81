"""One finding: glyph, name, chip, four buttons that never move, bar with threshold, one line of words.

The glyph alone tells the state in grey. A row is as high as its words need and changes height only
when its state does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from medvision_desktop.domain.findings import probability_text
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.chips import RING, Chip
from medvision_desktop.ui.viewmodels.finding_rows import GLYPHS, Row, RowState
from medvision_desktop.ui.widgets.badge import chip_width, draw_chip, draw_glyph
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.probability_bar import BarStyle, ProbabilityBar

TEXT_LEFT: Final = 40
_SCORE_WIDTH: Final = 38
_SCORE_GAP: Final = 6
_COMPACT_HEIGHT: Final = 26
_COMPACT_BAR: Final = 104
_NAME_MIDDLE: Final = 22
_BAR_MIDDLE: Final = 48
_LINE: Final = 17
_MOST_LINES: Final = 4
_EDGE: Final = 3
_BUTTON_GAP: Final = 2


@dataclass(frozen=True)
class _Look:
    """How a state is drawn. `strong` names are bright and heavy; `bar` None: no bar at all."""

    glyph: str
    chip: str = "neutral"
    strong: bool = False
    bar: BarStyle | None = None


_LOOKS: Final = {
    RowState.NOT_RUN: _Look(T.t3, bar=BarStyle.NO_SCORE),
    RowState.RUNNING: _Look(T.accent, "accent", strong=True),
    RowState.ABSTAINED: _Look(T.t2),
    RowState.UNCERTAIN: _Look(T.warn, "warn", strong=True, bar=BarStyle.UNCERTAIN),
    RowState.POSITIVE: _Look(T.ai, strong=True, bar=BarStyle.ABOVE),
    RowState.BELOW: _Look(T.t2, bar=BarStyle.BELOW),
    RowState.ACCEPTED: _Look(T.ok, "ok", strong=True, bar=BarStyle.ABOVE),
    RowState.REJECTED: _Look(T.t2, bar=BarStyle.REJECTED),
    RowState.OVERRIDDEN: _Look(T.accent, "accent", strong=True, bar=BarStyle.ABOVE),
    RowState.ADDED: _Look(T.accent, "accent", strong=True),
    RowState.LEFT_UNDECIDED: _Look(T.t2, strong=True, bar=BarStyle.ABOVE),
    RowState.FAILED: _Look(T.bad, "bad", strong=True),
}


class FindingRow(QWidget):
    """Shows a `Row`. Signals carry the row's key."""

    picked = Signal(str)
    eyeClicked = Signal(str)
    acceptClicked = Signal(str)
    rejectClicked = Signal(str)
    overrideClicked = Signal(str)

    def __init__(self, row: Row, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = row
        self._selected = self._ringed = False
        self._bar = ProbabilityBar(self)
        self.eye = IconButton("eye-off", "Show model attention", kind="ai", checkable=True, parent=self)
        self.accept = IconButton("check", "Accept", key="Enter", kind="ok", checkable=True, parent=self)
        self.reject = IconButton("x", "Reject", key="Backspace", kind="reject", checkable=True, parent=self)
        self.override = IconButton("pencil", "Override", key="F2", checkable=True, parent=self)
        self.eye.clicked.connect(lambda: self._clicked(self.eyeClicked, self._row.key))
        self.accept.clicked.connect(lambda: self._clicked(self.acceptClicked, self._row.key))
        self.reject.clicked.connect(lambda: self._clicked(self.rejectClicked, self._row.key))
        self.override.clicked.connect(lambda: self._clicked(self.overrideClicked, self._row.key))
        self.show_row(row)

    @property
    def row(self) -> Row:
        """What it shows."""
        return self._row

    @property
    def buttons(self) -> tuple[IconButton, IconButton, IconButton, IconButton]:
        """Eye, accept, reject, override, from left to right."""
        return (self.eye, self.accept, self.reject, self.override)

    def show_row(self, row: Row, *, saving: bool = False) -> None:
        """Show another state; `saving` holds the buttons until the record has the decision."""
        self._row = row
        self._show_bar(row)
        self._show_buttons(row, saving=saving)
        self.setToolTip(row.detail)
        self.setAccessibleName(_spoken(row))
        self._lay_out()
        self.update()

    def set_selected(self, selected: bool, *, ringed: bool = False) -> None:
        """Whether it is the selected row, and whether the list has the keyboard."""
        if (selected, ringed) != (self._selected, self._ringed):
            self._selected, self._ringed = selected, ringed
            self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width may wrap the words differently."""
        super().resizeEvent(event)
        self._lay_out()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click anywhere selects the row."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.picked.emit(self._row.key)
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, glyph, name, chip, score and words; the bar and the buttons are children."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._selected:
            painter.fillRect(self.rect(), QColor(T.bg3))
            painter.fillRect(QRect(0, 0, _EDGE, self.height()), QColor(T.accent))
        look, row = _LOOKS[self._row.state], self._row
        middle = _COMPACT_HEIGHT // 2 if row.compact else _NAME_MIDDLE
        glyph = RING if row.state is RowState.RUNNING else GLYPHS[row.state]
        draw_glyph(painter, QRectF(M.pad_left, middle - 8, 16, 16), glyph, look.glyph)
        self._paint_name(painter, look, middle)
        if self._is_measured:
            self._paint_volume(painter, look)
        elif row.score is not None or row.state is RowState.NOT_RUN:
            self._paint_score(painter, look, middle if row.compact else _BAR_MIDDLE)
        if row.note and not row.compact:
            painter.setFont(fonts.font("caption"))
            painter.setPen(QColor(T.t2))
            painter.drawText(self._note_area(), int(Qt.TextFlag.TextWordWrap), row.note)
        if self._selected and self._ringed:
            painter.setPen(QPen(QColor(T.t1), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()

    def _paint_name(self, painter: QPainter, look: _Look, middle: int) -> None:
        row = self._row
        font = fonts.font("value" if look.strong else "label")
        metrics = QFontMetricsF(font)
        chip = Chip(row.chip, kind=look.chip)
        room = self._name_room() - (chip_width(chip) + 8 if row.chip else 0)
        name = metrics.elidedText(row.label, Qt.TextElideMode.ElideRight, max(24.0, room))
        painter.setFont(font)
        painter.setPen(QColor(T.t1 if look.strong else T.t2))
        width = metrics.horizontalAdvance(name)
        area = QRectF(TEXT_LEFT, middle - 10, width + 1, 20)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, name)
        if row.chip and not row.compact:
            at = QPointF(round(TEXT_LEFT + width + 8), middle - M.chip / 2)
            draw_chip(painter, at, chip, raised=self._selected)

    def _paint_score(self, painter: QPainter, look: _Look, middle: int) -> None:
        score = self._row.score
        text = words.NOTHING if score is None else probability_text(score.probability)
        weak = self._row.state in (RowState.BELOW, RowState.REJECTED, RowState.NOT_RUN)
        painter.setFont(fonts.font("label" if weak else "value"))
        painter.setPen(QColor(T.t2 if weak or not look.strong else T.t1))
        area = QRectF(self.width() - M.pad_right - _SCORE_WIDTH, middle - 10, _SCORE_WIDTH, 20)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)

    def _paint_volume(self, painter: QPainter, look: _Look) -> None:
        """A volume in millilitres where a bar would be: it has no threshold to lie above of."""
        painter.setFont(fonts.font("value"))
        painter.setPen(QColor(T.t1 if look.strong else T.t2))
        area = QRectF(TEXT_LEFT, _BAR_MIDDLE - 12, self.width() - TEXT_LEFT - M.pad_right, 20)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, _volume(self._row))

    @property
    def _is_measured(self) -> bool:
        return bool(_volume(self._row))

    def _show_bar(self, row: Row) -> None:
        style = _LOOKS[row.state].bar
        self._bar.setVisible(style is not None)
        if self._is_measured:
            self._bar.hide()
            return
        if style is None or row.score is None:
            self._bar.show_no_score()
            return
        if style is BarStyle.ABOVE and not row.score.positive:
            style = BarStyle.UNCERTAIN if row.score.uncertain else BarStyle.BELOW
        self._bar.show_score(row.score.probability, row.score.threshold, style)

    def _show_buttons(self, row: Row, *, saving: bool) -> None:
        is_failed, is_added = row.state is RowState.FAILED, row.state is RowState.ADDED
        self.eye.setVisible(not (row.compact or is_failed or is_added))
        self.accept.setVisible(not (row.compact or is_failed or is_added))
        self.reject.setVisible(not (row.compact or is_failed))
        self.override.setVisible(not (row.compact or is_failed))
        self.eye.setEnabled(row.has_map)
        self.eye.setChecked(row.eye_on)
        self.eye.show_icon("eye" if row.eye_on else "eye-off")
        shows = "Outline of" if self._is_measured else f"{row.map_name} for"
        self.eye.rename(f"{shows} {row.label}" if row.has_map else "No map for this row", "C")
        self.accept.setEnabled(row.can_decide and not saving)
        self.reject.setEnabled((row.can_decide or is_added) and not saving)
        self.override.setEnabled(not saving and row.state is not RowState.RUNNING)
        self.accept.setChecked(row.state is RowState.ACCEPTED)
        self.reject.setChecked(row.state is RowState.REJECTED)
        self.override.setChecked(row.state is RowState.OVERRIDDEN)
        for button, verb in zip(self.buttons[1:], ("Accept", "Reject", "Override"), strict=True):
            button.setAccessibleName(f"{verb} {row.label}")

    def _clicked(self, signal: object, value: str) -> None:
        # The buttons show what the record says, not what was just pressed.
        for button, on in zip(self.buttons, self._pressed_states(), strict=True):
            button.setChecked(on)
        self.picked.emit(self._row.key)
        signal.emit(value)  # type: ignore[attr-defined]  # a bound Signal has no public type

    def _pressed_states(self) -> tuple[bool, bool, bool, bool]:
        state = self._row.state
        return (
            self._row.eye_on,
            state is RowState.ACCEPTED,
            state is RowState.REJECTED,
            state is RowState.OVERRIDDEN,
        )

    def _name_room(self) -> float:
        if self._row.compact:
            return float(self._bar_area().left() - TEXT_LEFT - 8)
        shown = [button for button in self.buttons if not button.isHidden()]
        left = min((button.x() for button in shown), default=self.width() - M.pad_right)
        return float(left - TEXT_LEFT - 8)

    def _bar_area(self) -> QRect:
        right = self.width() - M.pad_right - _SCORE_WIDTH - _SCORE_GAP
        if self._row.compact:
            return QRect(right - _COMPACT_BAR, _COMPACT_HEIGHT // 2 - 8, _COMPACT_BAR, 16)
        return QRect(TEXT_LEFT, _BAR_MIDDLE - 8, max(20, right - TEXT_LEFT), 16)

    def _note_area(self) -> QRect:
        plain = self._bar.isHidden() and not self._is_measured
        top = (_BAR_MIDDLE if plain else _BAR_MIDDLE + 20) - 8
        return QRect(TEXT_LEFT, top, self.width() - TEXT_LEFT - M.pad_right, _MOST_LINES * _LINE)

    def _lay_out(self) -> None:
        self._bar.setGeometry(self._bar_area())
        x = self.width() - M.pad_right - M.row_button
        for button in reversed(self.buttons):
            button.move(x, _NAME_MIDDLE - M.row_button // 2)
            x -= M.row_button + _BUTTON_GAP
        self.setFixedHeight(self._wanted_height())

    def _wanted_height(self) -> int:
        row = self._row
        if row.compact:
            return _COMPACT_HEIGHT
        if not row.note:
            return 66
        area = self._note_area()
        metrics = QFontMetrics(fonts.font("caption"))
        lines = metrics.boundingRect(area, int(Qt.TextFlag.TextWordWrap), row.note).height() / _LINE
        return area.top() + max(1, min(_MOST_LINES, round(lines))) * _LINE + 8


def _volume(row: Row) -> str:
    """Millilitres of a row that has a volume; else nothing."""
    if row.score is None or row.score.volume_ml is None:
        return ""
    return f"{row.score.volume_ml:.2f} mL"


def _spoken(row: Row) -> str:
    parts = [row.label, *((_volume(row),) if _volume(row) else ()), row.chip or row.state.value]
    if row.score is not None and row.score.volume_ml is None:
        likely = probability_text(row.score.probability)
        parts.append(f"probability {likely}, threshold {row.score.threshold:.2f}")
    if row.note.strip():
        parts.append(row.note)
    return ", ".join(parts)
