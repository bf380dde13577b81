"""The sequences that a model looks at, each with the series that it is; a press offers the others."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels.channel_choice import NONE, ChannelLine
from medvision_desktop.ui.widgets.menu_button import MenuButton
from medvision_desktop.ui.widgets.text import label


class ChannelList(QWidget):
    """Shows lines; `chosen` carries a sequence and the UID of a series, "" for none."""

    chosen = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[ChannelLine, ...] = ()
        self.buttons: dict[str, MenuButton] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(M.pad_left, 0, M.pad_right, 8)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)

    def show_lines(self, lines: Sequence[ChannelLine]) -> None:
        """Show these; nothing at all for none."""
        self.setVisible(bool(lines))
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = {}
        for row, line in enumerate(self._lines):
            self._grid.addWidget(label(line.name, "caption", "t2"), row, 0)
            self._grid.addWidget(self._button(line), row, 1)

    def _button(self, line: ChannelLine) -> MenuButton:
        button = MenuButton(f"Series for {line.name}")
        button.say(line.said, "layers" if line.chosen else "circle-dashed")
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.setAccessibleName(f"{line.name}: {line.said}. Choose another series")
        for uid, said in (*line.offered, ("", NONE)):
            action = button.choices.addAction(said)
            action.setCheckable(True)
            action.setChecked(uid == line.chosen)
            action.triggered.connect(lambda _=False, uid=uid, name=line.name: self.chosen.emit(name, uid))
        self.buttons[line.name] = button
        return button
