"""Checks in a column: glyph, what was checked, and what came out of it at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.text import elided, label

_GLYPHS: Final = {
    "ok": ("circle-check", T.ok),
    "doubt": ("triangle-alert", T.warn),
    "stops": ("triangle-alert", T.warn),
    "refused": ("circle-x", T.warn),
    "open": ("circle-dashed", T.t3),
}
_ROW_PX: Final = 26


@dataclass(frozen=True)
class CheckLine:
    """One check. `state` is one of ok, doubt, stops, refused, open (not checked)."""

    text: str
    state: str
    detail: str = ""


class CheckRow(QWidget):
    """One line; `buttons` stand at its end, or with `below` under it. Without a detail text may wrap."""

    def __init__(
        self, line: CheckLine, buttons: Sequence[QWidget] = (), *, inset: int = 0, below: bool = False
    ) -> None:
        super().__init__()
        self.line = line
        name, colour = _GLYPHS[line.state]
        self._glyph = QLabel()
        self._glyph.setPixmap(icons.pixmap(name, colour, M.row_icon, 2.0, self.devicePixelRatioF()))
        self._glyph.setFixedWidth(M.row_icon)
        muted = line.state == "open"
        self.text = label(line.text, "label", "t2" if muted else "t1", wrap=not line.detail)
        self.detail = elided(line.detail, "caption", "t2")
        self.detail.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(inset, 0, inset, 4 if below and buttons else 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(8)
        column.addLayout(row)
        row.addWidget(self._glyph)
        row.addWidget(self.text, 0 if line.detail else 1)
        if line.detail:
            row.addWidget(self.detail, 1)
        held = row
        if below and buttons:
            held = QHBoxLayout()
            held.setContentsMargins(M.row_icon + 8, 0, 0, 0)
            held.setSpacing(8)
            column.addLayout(held)
        for button in buttons:
            held.addWidget(button)
        if held is not row:
            held.addStretch(1)
        self.setMinimumHeight(_ROW_PX)
        self.setAccessibleName(", ".join(part for part in (line.text, line.state, line.detail) if part))


class CheckList(QWidget):
    """The lines of one gate or one report."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._lines: tuple[CheckLine, ...] = ()

    @property
    def lines(self) -> tuple[CheckLine, ...]:
        """What it shows."""
        return self._lines

    def show_lines(self, lines: Sequence[CheckLine], *, left: int = 0, right: int = 0) -> None:
        """Show other checks; `left` and `right` are paddings in pixels."""
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        clear(self._column)
        self._column.setContentsMargins(left, 0, right, 0)
        for line in lines:
            self._column.addWidget(CheckRow(line))


def clear(column: QVBoxLayout | QHBoxLayout) -> None:
    """Take every widget out of a layout and let it go."""
    while (item := column.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
