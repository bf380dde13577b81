"""The bar at the top: program menu, what is open, tools, Run AI, reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from medvision_desktop.ui.actions import ACTIONS, key_text
from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import T

HEIGHT_PX: Final = 48
_MENU_GROUPS: Final = (
    "File",
    "View",
    "Layout",
    "Slices",
    "Layers",
    "AI",
    "Report",
    "Record",
    "Panels",
    "Help",
)


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
        self.title = _text("", "label", T.t1)
        self.subtitle = _text("", "caption", T.t2)
        self.run_ai = self._run_button(actions["ai.run"])
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
        titles.setMinimumWidth(0)
        titles.setMaximumWidth(380)
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
        self._titles.setVisible(bool(title))

    def show_reader(self, name: str) -> None:
        """Who reads."""
        self.reader.setText(name or "Name the reader")
        self.reader.setAccessibleName(f"Reader: {name}" if name else "Name the reader")

    def set_narrow(self, narrow: bool) -> None:
        """At 1280 px the words give way to the tools."""
        self._titles.setMaximumWidth(190 if narrow else 380)
        style = (
            Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        )
        self.reader.setToolButtonStyle(style)

    def _brand(self, actions: Mapping[str, QAction]) -> QToolButton:
        button = QToolButton()
        button.setText("MedVision")
        button.setIcon(icons.icon("square-plus", T.accent, 20))
        button.setIconSize(QSize(20, 20))
        button.setFont(fonts.font("title"))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setAutoRaise(True)
        button.setToolTip("Menu of every action")
        button.setAccessibleName("MedVision menu")
        menu = QMenu(button)
        for group in _MENU_GROUPS:
            submenu = menu.addMenu(group)
            for action in ACTIONS:
                if action.group == group:
                    submenu.addAction(actions[action.id])
        button.setMenu(menu)
        return button

    def _run_button(self, action: QAction) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setObjectName("runAi")
        button.setIcon(icons.icon("sparkles", T.ai))
        button.setText(f"Run AI   {key_text('ai.run')}")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setFont(fonts.font("label"))
        button.setFixedHeight(32)
        button.setStyleSheet(
            f"QToolButton#runAi {{ color: {T.ai}; background: {T.ai_tint}; border: 1px solid {T.aidim};"
            f" border-radius: 6px; padding: 0 12px; }}"
            f"QToolButton#runAi:hover {{ background: {T.bg3}; }}"
            f"QToolButton#runAi:focus {{ border: 2px solid {T.t1}; }}"
            f"QToolButton#runAi:disabled {{ color: {T.tdis}; background: {T.bg1}; border-color: {T.line2}; }}"
        )
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


def _text(text: str, style: str, colour: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(fonts.font(style))
    label.setStyleSheet(f"color: {colour};")
    return label
