"""The head of the report: its state, undo, signed versions, and the handle that takes its dock along."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QMenu

from medvision_desktop.domain.report import SignedReport
from medvision_desktop.ui.actions import key_text
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.chips import Chip
from medvision_desktop.ui.viewmodels.report import ReportModel
from medvision_desktop.ui.widgets.badge import Badge
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.text import elided, label

_DRAFT: Final = Chip("Draft", "pen", "warn")


class ReportHead(QFrame):
    """`dragged(global place)`: the reader pulls the head, so that the dock is to float."""

    dragged = Signal(QPoint)

    def __init__(self, model: ReportModel) -> None:
        super().__init__()
        self._model = model
        self._pressed_at: QPoint | None = None
        self.setObjectName("reportHead")
        self.setFixedHeight(M.panel_head)
        self.setStyleSheet(
            f"QFrame#reportHead {{ background: transparent; border: none;"
            f" border-bottom: 1px solid {T.line}; }}"
        )
        self.chip = Badge(_DRAFT)
        self.saved = elided("", "caption", "t3")
        self.undo = IconButton("undo-2", "Undo typing", key="Ctrl Z")
        self.redo = IconButton("redo-2", "Redo typing", key="Ctrl Shift Z")
        self.history = IconButton("history", "Signed versions")
        self.float_button = IconButton(
            "expand", "Report in a window of its own, and back", key=key_text("dock.float_report")
        )
        self.close_button = IconButton("x", "Close the report", key=key_text("report.open"))
        row = QHBoxLayout(self)
        row.setContentsMargins(M.pad_left, 0, 8, 0)
        row.setSpacing(2)
        row.addWidget(label("Report", "title"))
        row.addSpacing(8)
        row.addWidget(self.chip)
        row.addStretch(1)
        row.addWidget(self.saved)
        row.addSpacing(8)
        for button in (self.undo, self.redo, self.history, self.float_button, self.close_button):
            row.addWidget(button)
        self.history.clicked.connect(self._open_history)

    def refresh(self) -> None:
        """State, time of saving, and what can be done."""
        model = self._model
        self.chip.show_chip(self._chip())
        self.chip.setVisible(model.draft is not None)
        self.saved.setText(self._saved_text())
        for button in (self.undo, self.redo):
            button.setEnabled(model.is_open)
        self.history.setEnabled(bool(model.reports))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The head is taken."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed_at = event.globalPosition().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pulled far enough, the dock comes along."""
        place = event.globalPosition().toPoint()
        start = self._pressed_at
        if start is not None and (place - start).manhattanLength() >= QApplication.startDragDistance():
            self._pressed_at = None
            self.dragged.emit(place)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._pressed_at = None

    def _chip(self) -> Chip:
        model, draft = self._model, self._model.draft
        if model.older is not None:
            return Chip(f"Version {model.older.version}", "history", "warn")
        if model.signed:
            return Chip("Signed", "lock", "ok")
        if draft is not None and draft.version > 1:
            return Chip(f"Addendum {draft.version - 1}", "pen", "warn")
        return _DRAFT

    def _saved_text(self) -> str:
        model, draft = self._model, self._model.draft
        if draft is None or model.signed:
            return ""
        if model.is_dirty:
            return "Saving"
        moment = words.clock_seconds(draft.saved_utc)
        return f"Saved {moment}" if moment else "Not saved yet"

    def _open_history(self) -> None:
        menu = self.history_menu()
        menu.popup(self.history.mapToGlobal(self.history.rect().bottomLeft()))

    def history_menu(self) -> QMenu:
        """Every signed version, each of which can be looked at, and the way back to the newest state."""
        model = self._model
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        newest = model.signed
        for signed in model.reports:
            action = menu.addAction(icons.icon("lock"), _version_text(signed))
            action.setCheckable(True)
            action.setChecked(signed == (model.older or newest))
            shown = None if signed == newest else signed
            action.triggered.connect(lambda _=False, one=shown: model.show_version(one))
        if newest is None and model.reports:
            action = menu.addAction(icons.icon("pen"), "What is being written")
            action.setCheckable(True)
            action.setChecked(model.older is None)
            action.triggered.connect(lambda _=False: model.show_version(None))
        return menu


def _version_text(signed: SignedReport) -> str:
    when = f"{words.day(signed.signed_utc)}, {words.clock(signed.signed_utc)}"
    return f"Version {signed.version}, {when}, {signed.reader}, SHA-256 {signed.pdf_sha256[:8]}"
