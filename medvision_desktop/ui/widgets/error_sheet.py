"""The error sheet: what happened, why, what is safe, what now. It blocks nothing and takes no focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from medvision_desktop.ui.notify import ErrorNotice
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.corner import MARGIN, MOVES, NEWS, lower_left, stands
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.text import label

_WIDEST: Final = 520
_NARROW: Final = 440


class ErrorSheet(QFrame):
    """One error. `gone` when it was closed or tried again."""

    gone = Signal()

    def __init__(self, notice: ErrorNotice, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice = notice
        self.setProperty("card", "bad")
        self.setProperty(NEWS, True)
        self.setFixedWidth(width)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName(f"Error: {notice.what}")
        self.setAccessibleDescription(as_text(notice))
        narrow = width < _NARROW
        glyph = QLabel()
        glyph.setPixmap(icons.pixmap("octagon-alert", T.bad, 20, 1.75, self.devicePixelRatioF()))
        self.close_button = IconButton("x", "Close", key="Esc", kind="mini")
        self.close_button.clicked.connect(self.leave)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(glyph, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(label(notice.what, "title", wrap=True), 1)
        head.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        body = QVBoxLayout()
        body.setContentsMargins(0 if narrow else 30, 0, 0, 0)
        body.setSpacing(12)
        if notice.why:
            body.addWidget(label(notice.why, "body", "t2", wrap=True))
        body.addLayout(self._facts(narrow=narrow))
        body.addLayout(self._foot(narrow=narrow))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 12, 12)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addLayout(body)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    def leave(self) -> None:
        """Close it."""
        self.gone.emit()

    def _facts(self, *, narrow: bool) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnMinimumWidth(0, 78 if narrow else 92)
        grid.setColumnStretch(1, 1)
        facts = (("What is safe", self.notice.safe), ("What now", self.notice.now))
        for row, (name, text) in enumerate(fact for fact in facts if fact[1]):
            grid.addWidget(label(name, "caption", "t3"), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label(text, "label", wrap=True), row, 1)
        return grid

    def _foot(self, *, narrow: bool) -> QVBoxLayout:
        rows = QVBoxLayout()
        rows.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        if self.notice.sheet:
            number = label(f"Sheet {self.notice.sheet}", "caption", "t3")
            (rows if narrow else row).addWidget(number)
        row.addStretch(1)
        self.copy = Button("Copy details", "copy", kind="quiet", size="small")
        self.copy.clicked.connect(self._copy)
        row.addWidget(self.copy)
        if self.notice.retry is not None:
            self.retry = Button("Try again", kind="primary", size="small")
            self.retry.clicked.connect(self._try_again)
            row.addWidget(self.retry)
        rows.addLayout(row)
        return rows

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(as_text(self.notice))

    def _try_again(self) -> None:
        retry = self.notice.retry
        self.leave()
        if retry is not None:
            retry()


def as_text(notice: ErrorNotice) -> str:
    """An error as lines of plain text, for the clipboard and for screen readers."""
    facts = (
        ("", notice.what),
        ("", notice.why),
        ("What is safe: ", notice.safe),
        ("What now: ", notice.now),
        ("Sheet: ", notice.sheet),
    )
    return "\n".join(f"{name}{text}" for name, text in facts if text)


class ErrorCorner(QObject):
    """Shows one error sheet at a time, in the lower left of the first host with room.

    Further errors wait; one that is the same as the one shown is not shown twice.
    """

    def __init__(self, window: QWidget, hosts: Sequence[QWidget]) -> None:
        super().__init__(window)
        self._window = window
        self._hosts = tuple(hosts)
        self._waiting: list[ErrorNotice] = []
        self.sheet: ErrorSheet | None = None
        window.installEventFilter(self)
        for host in self._hosts:
            host.installEventFilter(self)

    def show_error(self, notice: ErrorNotice) -> None:
        """Show an error, or queue it."""
        told = [*self._waiting] + ([self.sheet.notice] if self.sheet is not None else [])
        if any(as_text(other) == as_text(notice) for other in told):
            return
        self._waiting.append(notice)
        self._next()

    def stop(self) -> None:
        """Watch nothing any more: a window that is being taken apart must not be measured."""
        for watched in (self._window, *self._hosts):
            watched.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner when window or panels change."""
        moved = event.type() in MOVES and event.type() != QEvent.Type.LayoutRequest
        if self.sheet is not None and moved and stands(self._window):
            self._place(self.sheet)
        return super().eventFilter(watched, event)

    def _next(self) -> None:
        if self.sheet is not None or not self._waiting:
            return
        area = lower_left(self._window, self._hosts)
        width = min(_WIDEST, area.width() if area is not None else _WIDEST)
        self.sheet = ErrorSheet(self._waiting.pop(0), width, self._window)
        self.sheet.gone.connect(self._on_gone)
        self.sheet.show()
        self._place(self.sheet)

    def _place(self, sheet: ErrorSheet) -> None:
        area = lower_left(self._window, self._hosts)
        if area is None:
            # An error must be seen: with every panel away it takes the corner of the window.
            area = self._window.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN - 28)
        wanted = max(sheet.heightForWidth(sheet.width()), sheet.minimumSizeHint().height())
        sheet.resize(sheet.width(), wanted)
        sheet.move(area.left(), area.bottom() - sheet.height() + 1)
        sheet.raise_()
        QCoreApplication.postEvent(self._window, QEvent(QEvent.Type.LayoutRequest))

    def _on_gone(self) -> None:
        if self.sheet is not None:
            self.sheet.hide()
            self.sheet.deleteLater()
            self.sheet = None
            QCoreApplication.postEvent(self._window, QEvent(QEvent.Type.LayoutRequest))
        self._next()
