"""One sitting at the program: the real window, worked with mouse, keys and drops as a reader works it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from medvision_desktop import settings
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import ReviewState
from medvision_desktop.paths import Locations
from medvision_desktop.services import review
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import ErrorNotice, Toast
from medvision_desktop.ui.reading_room import ReadingRoom
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.viewmodels.finding_rows import RunState

READER = "Dr Vale"
# One label, and no word on ages: it is offered for the film of an adult as it is for that of a child.
MODEL = "chest-tuberculosis"
PATIENCE_S = 60.0
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NO_KEYS, LEFT = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
_STRETCH_MS, _MOST_STRETCHES = 150, 20


class _Layouts(QObject):
    """Counts how often widgets are asked to lay themselves out."""

    count = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        self.count += event.type() == QEvent.Type.LayoutRequest
        return super().eventFilter(watched, event)


class Sitting:
    """From start to close. News, errors and faults of ours are kept for the test to look at."""

    def __init__(
        self,
        locations: Locations,
        *,
        reader: str = READER,
        samples: bool = False,
        paths: Sequence[Path] = (),
        size: tuple[int, int] = (1600, 1000),
    ) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        stylesheet.apply(application)
        self.errors: list[ErrorNotice] = []
        self.toasts: list[Toast] = []
        self.crashes: list[BaseException] = []
        self.closed = False
        bench = Workbench(settings.load(locations.ensure().settings, {}), locations)
        bench.change_settings(reader=reader, show_samples=samples, reduced_motion=True, default_model=MODEL)
        self.room = ReadingRoom(bench, self._crash)
        self.room.notifier.errored.connect(self.errors.append)
        self.room.notifier.toasted.connect(self.toasts.append)
        self.window = self.room.window
        self.window.resize(*size)
        self.room.start(paths)
        assert QTest.qWaitForWindowActive(self.window, 10_000)
        self.settle()

    # Waiting.

    def wait(self, until: Callable[[], object]) -> None:
        """Let the program go on until something holds."""
        end = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < end, "waited for a minute in vain"
            QTest.qWait(5)

    def settle(self) -> None:
        """Wait until no lane has work."""
        assert self.room.lanes.drain(PATIENCE_S)
        QApplication.processEvents()

    def layouts_at_rest(self) -> int:
        """How often something is laid out while nothing happens: never, once what was asked for is done."""
        self.settle()
        layouts = _Layouts()
        application = QApplication.instance()
        assert application is not None
        application.installEventFilter(layouts)
        for _ in range(_MOST_STRETCHES):
            layouts.count = 0
            QTest.qWait(_STRETCH_MS)
            if not layouts.count:
                break
        application.removeEventFilter(layouts)
        return layouts.count

    def _crash(self, error: BaseException) -> str:
        self.crashes.append(error)
        return "sheet"

    # Hands.

    def drop(self, *paths: Path) -> None:
        """Drag files from elsewhere over the middle of the window and let go of them."""
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        at = self.window.rect().center()
        target: QWidget | None = self.window.childAt(at)
        copy = Qt.DropAction.CopyAction
        # As Qt does: what lies under the cursor is asked first, then what it stands on.
        while target is not None:
            local = target.mapFrom(self.window, at)
            enter = QDragEnterEvent(local, copy, mime, LEFT, NO_KEYS)
            if target.acceptDrops():
                enter.ignore()
                QApplication.sendEvent(target, enter)
                if enter.isAccepted():
                    break
            target = None if target is self.window else target.parentWidget()
        assert target is not None, "nothing in the window takes the files"
        local = target.mapFrom(self.window, at)
        QApplication.sendEvent(target, QDragMoveEvent(local, copy, mime, LEFT, NO_KEYS))
        QApplication.sendEvent(target, QDropEvent(QPointF(local), copy, mime, LEFT, NO_KEYS))

    def open(self, *paths: Path) -> None:
        """Drop, and wait until the first study is on screen and in the record."""
        self.drop(*paths)
        self.wait(lambda: self.room.viewer.active_pane.shown is not None)
        self.settle()

    def key(
        self, key: Qt.Key | str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> None:
        """Press a key where the keyboard is."""
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifier)

    def type(self, text: str) -> None:
        """Type where the keyboard is."""
        QTest.keyClicks(QApplication.focusWidget() or self.window, text)

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        assert widget.isVisible(), f"{widget!r} cannot be clicked: nobody sees it"
        assert widget.isEnabled(), f"{widget!r} cannot be clicked: it is grey"
        QTest.mouseClick(widget, LEFT, pos=at or widget.rect().center())

    def button(self, text: str, inside: QWidget | None = None) -> QAbstractButton:
        """The visible button with this text, or with this spoken name."""
        found = [
            button
            for button in (inside or self.window).findChildren(QAbstractButton)
            if button.isVisible() and text in (button.text(), button.accessibleName())
        ]
        assert len(found) == 1, f"{len(found)} visible buttons say {text!r}"
        return found[0]

    def follow_toast(self) -> None:
        """Click what the newest piece of news offers."""
        card = self.room.toasts.cards[-1]
        assert card.news.action is not None, f"{card.news.text!r} offers nothing"
        self.click(card.action)

    def click_study(self, name: str) -> None:
        """Click a study in the worklist and wait until it is on screen with all that is known of it."""
        pane = self.room.worklist_pane
        for row in range(pane.list.items.rowCount()):
            index = pane.list.items.index(row)
            if name in str(index.data(Qt.ItemDataRole.AccessibleTextRole)):
                QTest.mouseClick(pane.list.viewport(), LEFT, pos=pane.list.visualRect(index).center())
                self.wait(lambda: self.room.viewer.active_pane.shown is not None)
                self.settle()
                return
        raise AssertionError(f"{name} is not in the worklist")

    # What is there.

    @property
    def store(self) -> Store:
        return self.room.bench.store

    @property
    def study_key(self) -> str:
        shown = self.room.viewer.active_pane.shown
        assert shown is not None
        return shown.loaded.study.key

    def names(self) -> list[str]:
        return [row.name for row in self.room.worklist.studies]

    def chips(self) -> list[str]:
        """What the badges of the study on screen say in the worklist."""
        row = self.room.worklist.row(self.study_key)
        assert row is not None
        return [chip.text for chip in row.chips]

    def decisions(self) -> list[ReviewState]:
        """What the record says of the findings of the study on screen, in its order."""
        return [finding.decision.state for finding in review.findings(self.store, self.study_key)]

    def pixels(self, pane: int) -> NDArray[np.uint8]:
        """What a pane shows, HxWx3, without the cards that lie over it."""
        canvas = self.room.grid.panes[pane].canvas
        assert canvas.isVisible()
        self.wait(lambda: canvas.is_settled)
        image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(bytes(image.constBits()), np.uint8)
        rows = rows.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
        return rows.reshape(image.height(), image.width(), 3).copy()

    def run_ai(self) -> None:
        """F5, and wait for the end."""
        self.key(Qt.Key.Key_F5)
        findings = self.room.findings
        assert findings.run_state is RunState.RUNNING
        self.wait(lambda: findings.run_state is not RunState.RUNNING)
        self.settle()

    def close(self) -> None:
        """Close the window as a reader does. Safe to call twice."""
        if self.closed:
            return
        self.closed = True
        self.window.close()
        self.window.deleteLater()
        self.room.deleteLater()
        QApplication.processEvents()
