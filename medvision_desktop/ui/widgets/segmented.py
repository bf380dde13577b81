"""A segmented control: one of a few choices, side by side. Arrow keys move the choice."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QWidget

from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M, T

_SHEET = f"""
QFrame#segments {{ background: {T.bg2}; border: 1px solid {T.ctl}; border-radius: {M.radius_control}px; }}
QFrame#segments QPushButton {{
  background: transparent; color: {T.t2}; border: 1px solid transparent; border-radius: 5px;
  min-height: 26px; padding: 0 12px;
}}
QFrame#segments QPushButton:hover {{ background: {T.bg3}; color: {T.t1}; }}
QFrame#segments QPushButton:checked {{
  background: {T.accent_tint}; color: {T.accent}; border-color: {T.accent_pressed};
}}
QFrame#segments QPushButton:disabled {{ color: {T.tdis}; }}
QFrame#segments QPushButton:focus {{ border: 2px solid {T.t1}; min-height: 24px; padding: 0 11px; }}
"""


class Segmented(QFrame):
    """Choices by key. `chosen` carries the key when the reader picks another one."""

    chosen = Signal(str)

    def __init__(
        self, choices: Sequence[tuple[str, str]], name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("segments")
        self.setStyleSheet(_SHEET)
        self.setFixedHeight(M.control)
        self.setAccessibleName(name)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QPushButton] = {}
        for key, text in choices:
            button = QPushButton(text)
            button.setCheckable(True)
            button.setFont(fonts.font("label"))
            button.setAccessibleName(f"{name}: {text}")
            button.clicked.connect(lambda _checked=False, key=key: self.chosen.emit(key))
            self._group.addButton(button)
            layout.addWidget(button)
            self._buttons[key] = button

    @property
    def key(self) -> str:
        """The choice, empty before there is one."""
        return next((key for key, button in self._buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Show a choice without telling anybody; an unknown key shows none."""
        button = self._buttons.get(key)
        if button is not None:
            button.setChecked(True)
            return
        self._group.setExclusive(False)
        for other in self._buttons.values():
            other.setChecked(False)
        self._group.setExclusive(True)

    def button(self, key: str) -> QPushButton:
        """The button of a choice. Raises `KeyError`."""
        return self._buttons[key]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right move the choice and the focus with it."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        step = steps.get(Qt.Key(event.key()))
        keys = list(self._buttons)
        if step is None or not keys:
            super().keyPressEvent(event)
            return
        focused = next((k for k, b in self._buttons.items() if b.hasFocus()), self.key or keys[0])
        button = self._buttons[keys[(keys.index(focused) + step) % len(keys)]]
        button.setFocus(Qt.FocusReason.TabFocusReason)
        button.click()
