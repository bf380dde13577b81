"""A grid of panes on an offscreen screen, moved by real mouse and key events."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QKeySequence, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.ui.actions import ACTIONS
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.panes.viewer_grid import ViewerGrid
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets.image_canvas import ImageCanvas
from medvision_desktop.ui.workers.lane import Lanes
from tests.helpers import viewer_cases as cases

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


class Screen:
    """`bench` is a workbench with a store where the test wants one."""

    def __init__(self, qtbot: Any, *loaded: LoadedSeries, bench: Any = None) -> None:
        self.qtbot = qtbot
        self.errors: list[Any] = []
        self.lanes = Lanes(lambda error: pytest.fail(f"{error!r}"))
        self.notifier = Notifier(lambda error: pytest.fail(f"{error!r}"))
        self.notifier.errored.connect(self.errors.append)
        self.bench = bench or cases.bench()
        self.viewer = ViewerModel(self.bench, self.lanes, self.notifier, read=cases.Shelf(*loaded))
        self.grid = ViewerGrid(self.viewer)
        for row in ACTIONS:
            action = QAction(row.text, self.grid)
            action.setShortcuts([QKeySequence(keys) for keys in row.shortcuts])
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _=False, name=row.id: self.viewer.perform(name))
            self.grid.addAction(action)
        qtbot.addWidget(self.grid)
        self.grid.resize(804, 500)
        self.grid.show()
        qtbot.waitExposed(self.grid)
        self.grid.activateWindow()

    def open(self, loaded: LoadedSeries, pane: int | None = None) -> None:
        self.viewer.open(loaded.study, loaded.series, pane=pane)
        self.settle()
        self.grid.focus_active()

    def settle(self) -> None:
        assert self.lanes.drain()
        QApplication.processEvents()

    def canvas(self, pane: int = 0) -> ImageCanvas:
        return self.grid.panes[pane].canvas

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.canvas(self.viewer.active), key, modifier)

    def at(self, row: float, column: float, pane: int = 0) -> QPoint:
        """Where a source pixel lies on a pane."""
        view = self.viewer.view(pane).transform
        assert view is not None
        x, y = view.to_screen(row, column)
        return QPoint(round(x), round(y))

    def drag(self, start: QPoint, end: QPoint, pane: int = 0) -> None:
        canvas = self.canvas(pane)
        QTest.mousePress(canvas, LEFT, NONE, start)
        move(canvas, end, LEFT)
        QTest.mouseRelease(canvas, LEFT, NONE, end)

    def click(self, at: QPoint, pane: int = 0) -> None:
        canvas = self.canvas(pane)
        move(canvas, at, Qt.MouseButton.NoButton)
        QTest.mousePress(canvas, LEFT, NONE, at)
        QTest.mouseRelease(canvas, LEFT, NONE, at)

    def lines(self, pane: int = 0) -> list[tuple[str, ...]]:
        """What the measurements on a pane say."""
        return [mark.lines for mark in self.viewer.marks_on(pane) if not mark.is_draft]


def move(canvas: ImageCanvas, to: QPoint, button: Qt.MouseButton) -> None:
    """A move with a button down, which QTest.mouseMove does not send, or with none."""
    event = QMouseEvent(
        QMouseEvent.Type.MouseMove,
        QPointF(to),
        QPointF(canvas.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        button,
        NONE,
    )
    QCoreApplication.sendEvent(canvas, event)
