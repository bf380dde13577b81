"""The window: a bar, docks around the panes, a status bar. No logic: it lays out what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import QDockWidget, QMainWindow, QSizePolicy, QStackedWidget, QToolBar, QWidget

from medvision_desktop.ui.actions import in_force, key_text
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.widgets.file_drop import dropped, welcome
from medvision_desktop.ui.widgets.screens import screen_of

NARROW_PX: Final = 1400
_LAYOUT_VERSION: Final = 1


class MainWindow(QMainWindow):
    """Emits what is dropped on it and that it closes; shows the panes it is given.

    `filesDropped` carries a list of paths; `closing` comes before the window goes.
    """

    filesDropped = Signal(list)
    closing = Signal()
    narrowChanged = Signal(bool)

    def __init__(self, state_file: Path) -> None:
        super().__init__()
        self.setWindowTitle("MedVision")
        self.setMinimumSize(1200, 700)
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.pages = QStackedWidget()
        self.setCentralWidget(self.pages)
        self.docks: dict[str, QDockWidget] = {}
        self._state_file = state_file
        self._narrow: bool | None = None

    def add_dock(self, name: str, title: str, pane: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        """Put a pane into a dock. A pane's own `head`, if it has one, is the dock's handle."""
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(pane)
        head = getattr(pane, "head", None)
        dock.setTitleBarWidget(head if isinstance(head, QWidget) else QWidget(dock))
        self.addDockWidget(area, dock)
        self.docks[name] = dock
        return dock

    def add_bar(self, name: str, widget: QWidget, area: Qt.ToolBarArea) -> None:
        """Put a widget across the window, above or below everything."""
        bar = QToolBar(name)
        bar.setObjectName(name)
        bar.setMovable(False)
        bar.setFloatable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.setStyleSheet("QToolBar { border: none; padding: 0; margin: 0; spacing: 0; }")
        bar.toggleViewAction().setVisible(False)
        layout = bar.layout()
        if layout is not None:
            layout.setContentsMargins(0, 0, 0, 0)
        widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        bar.addWidget(widget)
        self.addToolBar(area, bar)

    def take_the_screen(self) -> None:
        """Use the room there is, unless somebody gave the window a size already."""
        if self.testAttribute(Qt.WidgetAttribute.WA_Resized):
            return
        screen = screen_of(self)
        self.resize(screen.availableSize().boundedTo(QSize(1920, 1080)).expandedTo(self.minimumSize()))
        if QGuiApplication.platformName() != "offscreen":
            self.setWindowState(self.windowState() | Qt.WindowState.WindowMaximized)

    def restore_layout(self) -> bool:
        """Bring back size, docks and their places from the last time; False where there was none."""
        settings = self._settings()
        geometry, state = settings.value("geometry"), settings.value("docks")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        if isinstance(state, QByteArray):
            return self.restoreState(state, _LAYOUT_VERSION)
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell the bars when the window becomes narrow or wide."""
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW_PX
        if narrow is not self._narrow:
            self._narrow = narrow
            self.narrowChanged.emit(narrow)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files are welcome anywhere in the window."""
        welcome(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Keep welcoming them."""
        welcome(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Pass local files on; addresses elsewhere are not opened."""
        if paths := dropped(event):
            self.filesDropped.emit(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the layout and let the owner save what is unfinished."""
        settings = self._settings()
        settings.setValue("geometry", self.saveGeometry())
        settings.setValue("docks", self.saveState(_LAYOUT_VERSION))
        settings.sync()
        self.closing.emit()
        super().closeEvent(event)

    def _settings(self) -> QSettings:
        return QSettings(str(self._state_file), QSettings.Format.IniFormat)


def make_actions(
    window: QWidget, viewer: QWidget, perform: Callable[[str], object]
) -> Mapping[str, QAction]:
    """One QAction for each row of the table; keys of scope "viewer" live on the viewer alone."""
    actions: dict[str, QAction] = {}
    for row in in_force():
        owner = viewer if row.scope == "viewer" else window
        action = QAction(row.text, owner)
        action.setShortcuts([QKeySequence(keys) for keys in row.shortcuts])
        if row.scope == "viewer":
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setCheckable(row.checkable)
        if row.icon:
            action.setIcon(icons.icon(row.icon, T.t2, 18, 1.75))
        keys = key_text(row.id)
        action.setToolTip(" ".join(part for part in (row.text, f"({keys})" if keys else "") if part))
        action.setStatusTip(row.tip)
        action.triggered.connect(lambda _checked=False, name=row.id: perform(name))
        owner.addAction(action)
        actions[row.id] = action
    return actions
