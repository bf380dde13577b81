"""The bar at the top: program menu, what is open, tools, Run AI, reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from medvision_desktop.ui.actions import ACTIONS, key_text
from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.text import elided

HEIGHT_PX: Final = 48
_TITLES_PX: Final = 360
_TITLES_NARROW_PX: Final = 250
# Groups of the menu in this order; groups that the table of actions has besides follow.
_FIRST_GROUPS: Final = ("File", "View", "Layout", "Tools", "Slices", "Layers", "AI", "Report")


class TopBar(QFrame):
    """Built from the window's actions; `tools` is the viewer's own tool bar."""

    def __init__(self, actions: Mapping[str, QAction], tools: QWidget) -> None:
        super().__init__()
        self.setObjectName("topBar")
        self.setFixedHeight(HEIGHT_PX)
        self.setStyleSheet(
            f"QFrame#topBar {{ background: {T.bg1}; border: none; border-bottom: 1px solid {T.line}; }}"
        )
        self.brand = self._brand(actions)
        self.title = elided("", "label")
        self.subtitle = elided("", "caption", "t2")
        self.run_ai = Button("Run AI", "sparkles", key=key_text("ai.run"), kind="ai")
        self.run_ai.setToolTip(actions["ai.run"].toolTip())
        self.run_ai.clicked.connect(actions["ai.run"].trigger)
        self.reader = QToolButton()
        self.reader.setDefaultAction(actions["file.reader"])
        self.reader.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.reader.setAutoRaise(True)
        self.reader.setFont(fonts.font("label"))
        titles = QWidget()
        stacked = QVBoxLayout(titles)
        stacked.setContentsMargins(0, 0, 0, 0)
        stacked.setSpacing(1)
        stacked.addStretch(1)
        stacked.addWidget(self.title)
        stacked.addWidget(self.subtitle)
        stacked.addStretch(1)
        titles.setFixedWidth(_TITLES_PX)
        self._titles = titles
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(8)
        layout.addWidget(self.brand)
        layout.addWidget(_icon_button(actions["dock.worklist"], "panel-left"))
        layout.addSpacing(8)
        layout.addWidget(titles)
        layout.addStretch(1)
        layout.addWidget(tools)
        layout.addStretch(1)
        layout.addWidget(self.run_ai)
        layout.addWidget(_icon_button(actions["help.palette"], "search"))
        layout.addWidget(_icon_button(actions["help.keys"], "circle-help"))
        layout.addWidget(self.reader)

    def show_study(self, title: str, subtitle: str) -> None:
        """What is open, in two lines; both empty when nothing is."""
        self.title.setText(title)
        self.subtitle.setText(subtitle)
        self.subtitle.setVisible(bool(subtitle))  # one line alone stands in the middle
        self._titles.setVisible(bool(title))

    def show_reader(self, name: str) -> None:
        """Who reads."""
        self.reader.setText(f"  {name or 'Name the reader'}")
        self.reader.setAccessibleName(f"Reader: {name}" if name else "Name the reader")

    def set_narrow(self, narrow: bool) -> None:
        """At 1280 px the words give way to the tools."""
        self._titles.setFixedWidth(_TITLES_NARROW_PX if narrow else _TITLES_PX)
        style = (
            Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        )
        self.reader.setToolButtonStyle(style)

    def _brand(self, actions: Mapping[str, QAction]) -> QToolButton:
        button = QToolButton()
        button.setText("  MedVision")
        button.setIcon(icons.icon("square-plus", T.accent, 20))
        button.setIconSize(QSize(20, 20))
        button.setFont(fonts.font("title"))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setAutoRaise(True)
        button.setToolTip("Menu of every action")
        button.setAccessibleName("MedVision menu")
        menu = QMenu(button)
        for group in dict.fromkeys((*_FIRST_GROUPS, *(action.group for action in ACTIONS))):
            submenu = menu.addMenu(group)
            for action in ACTIONS:
                if action.group == group:
                    submenu.addAction(actions[action.id])
        button.setMenu(menu)
        return button


def _icon_button(action: QAction, name: str) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setIcon(icons.icon(name, T.t2, 18, 1.75))
    button.setIconSize(QSize(18, 18))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setAutoRaise(True)
    button.setFixedSize(32, 32)
    button.setAccessibleName(action.text())
    return button
