"""The report's dock: beside the image, or as a window of its own that can stand on another monitor."""

from __future__ import annotations

from typing import Final, cast

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QDockWidget, QWidget

from medvision_desktop.ui.panes.report_head import ReportHead

_FLOATING_PX: Final = (1100, 820)


class ReportDock(QObject):
    """Docked it shows the report's own head; floating the frame of a window, by which it is moved.

    Dragged to the edge of the main window it docks again. `moved(floating)` follows either way.
    """

    moved = Signal(bool)

    def __init__(self, dock: QDockWidget, head: ReportHead) -> None:
        super().__init__(dock)
        self._dock = dock
        self._bare = dock.titleBarWidget()
        head.dragged.connect(self._on_dragged)
        head.float_button.clicked.connect(self.toggle)
        dock.topLevelChanged.connect(self._on_top_level)
        self._on_top_level(dock.isFloating())

    @property
    def is_floating(self) -> bool:
        """Whether it is a window of its own."""
        return self._dock.isFloating()

    def toggle(self) -> None:
        """A window of its own, or back beside the image."""
        floating = not self._dock.isFloating()
        if floating:
            self._frame(framed=True)
        self._dock.setFloating(floating)
        if floating:
            self._dock.resize(*_FLOATING_PX)
        self._dock.show()

    def _on_dragged(self, place: QPoint) -> None:
        """Pulled by its head it comes loose and goes on with the mouse."""
        if self._dock.isFloating():
            return
        self.toggle()
        self._dock.move(place - QPoint(self._dock.width() // 2, 12))
        handle = self._dock.windowHandle()
        if handle is not None:
            handle.startSystemMove()

    def _on_top_level(self, floating: bool) -> None:
        self._frame(framed=floating)
        self.moved.emit(floating)

    def _frame(self, *, framed: bool) -> None:
        """Without a title bar of its own a floating dock has the frame of a window."""
        # Qt takes no widget to mean its own title bar; the stubs do not say so.
        self._dock.setTitleBarWidget(cast("QWidget", None) if framed else self._bare)
