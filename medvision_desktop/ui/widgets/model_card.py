"""The card of the model: what ran, on what, when, on which device, and what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.chips import RING, Chip
from medvision_desktop.ui.viewmodels.finding_rows import RunState
from medvision_desktop.ui.widgets.badge import Badge
from medvision_desktop.ui.widgets.check_list import clear
from medvision_desktop.ui.widgets.text import elided, label

_NAME_COLUMN: Final = 76
_NARROWEST: Final = 240
_CHANGES_HEIGHT: Final = (QEvent.Type.LayoutRequest, QEvent.Type.Resize, QEvent.Type.Show)

_NO_MODEL: Final = "No model for these images"
CHIPS: Final = {
    RunState.NOT_RUN: Chip("Not run", "circle-dashed"),
    RunState.RUNNING: Chip("Running", RING, "accent"),
    RunState.ABSTAINED: Chip("Abstained", "circle-slash"),
    RunState.REFUSED: Chip("Refused", "ban", "warn"),
    RunState.FAILED: Chip("Failed", "octagon-alert", "bad"),
    RunState.DONE: Chip("Done", "check", "ai"),
}


class ModelCard(QFrame):
    """Name, version, state and rows of facts; doubts of the gate and the limits of use below them."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("modelCard")
        self.setStyleSheet(
            f"QFrame#modelCard {{ background: {T.bg2}; border: 1px solid {T.line};"
            f" border-radius: {M.radius_card}px; }}"
        )
        self.name = elided("", "value")
        self.version = label("", "caption", "t2")
        self.chip = Badge(CHIPS[RunState.NOT_RUN])
        glyph = QLabel()
        glyph.setPixmap(icons.pixmap("sparkles", T.ai, M.row_icon, 2.0, self.devicePixelRatioF()))
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(glyph)
        head.addWidget(self.name)
        head.addWidget(self.version)
        head.addStretch(1)
        head.addWidget(self.chip)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnMinimumWidth(0, _NAME_COLUMN)
        self._grid.setColumnStretch(1, 1)
        self._doubts = QVBoxLayout()
        self._doubts.setContentsMargins(0, 0, 0, 0)
        self._doubts.setSpacing(4)
        self.limits = label("", "caption", "t3", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 9)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addLayout(self._grid)
        layout.addLayout(self._doubts)
        layout.addWidget(self.limits)
        self._facts: tuple[tuple[str, str], ...] = ()
        self._values: dict[str, QLabel] = {}
        self._told: tuple[str, ...] = ()

    def show_model(self, name: str, version: str, state: RunState, fraction: float | None = None) -> None:
        """Head of the card."""
        self.chip.setVisible(state is not RunState.NO_MODEL)
        if state is RunState.NO_MODEL:
            self.name.setText(_NO_MODEL)
            self.version.setText("")
            self.setAccessibleName(_NO_MODEL)
            return
        self.name.setText(name)
        self.version.setText(version)
        chip = CHIPS[state]
        if state is RunState.RUNNING:
            text = "Running" if fraction is None else f"Running {int(fraction * 100)} %"
            chip = Chip(text, RING, "accent", fraction)
        self.chip.show_chip(chip)
        self.setAccessibleName(f"Model {name} {version}: {chip.text}")

    def show_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Rows of name and value, such as Network, Input, Ran, Trained on; empty values are left out."""
        shown = tuple((name, value) for name, value in facts if value)
        if tuple(name for name, _ in shown) != tuple(name for name, _ in self._facts):
            self._rebuild(tuple(name for name, _ in shown))
        for name, value in shown:
            self._values[name].setText(value)
        self._facts = shown

    def show_doubts(self, doubts: Sequence[str]) -> None:
        """What the gate lets pass with a reason, in words."""
        if tuple(doubts) == self._told:
            return
        self._told = tuple(doubts)
        clear(self._doubts)
        for doubt in doubts:
            self._doubts.addWidget(_doubt(doubt, self.devicePixelRatioF()))

    def show_limits(self, text: str) -> None:
        """What the model is for, in one quiet line."""
        self.limits.setText(text)
        self.limits.setVisible(bool(text))

    def event(self, event: QEvent) -> bool:
        """Lines that wrap are never cut, however little room the panel leaves to the card."""
        done = super().event(event)
        layout = self.layout()
        if layout is not None and event.type() in _CHANGES_HEIGHT:
            if event.type() != QEvent.Type.LayoutRequest:
                # The grid keeps heights of a width that it had before. Not on a layout request: an
                # invalid layout asks for the next one, and the window would never rest.
                self._grid.invalidate()
                layout.invalidate()
            self.setMinimumHeight(layout.totalHeightForWidth(max(self.width(), _NARROWEST)))
        return done

    def _rebuild(self, names: tuple[str, ...]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._values = {}
        for row, name in enumerate(names):
            value = label("", "caption", wrap=True)
            self._grid.addWidget(label(name, "caption", "t3"), row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1)
            self._values[name] = value


def _doubt(text: str, ratio: float) -> QWidget:
    line = QFrame()
    line.setObjectName("doubt")
    line.setStyleSheet(
        f"QFrame#doubt {{ background: {T.warn_tint}; border: none; border-radius: {M.radius_chip}px; }}"
    )
    glyph = QLabel()
    glyph.setPixmap(icons.pixmap("triangle-alert", T.warn, M.chip_icon, 2.0, ratio))
    row = QHBoxLayout(line)
    row.setContentsMargins(7, 3, 7, 3)
    row.setSpacing(6)
    row.addWidget(glyph, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(label(text, "chip", "warn", wrap=True), 1)
    line.setAccessibleName(f"Doubt: {text}")
    return line
