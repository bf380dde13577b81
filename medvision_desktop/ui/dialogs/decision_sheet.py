"""What every decision sheet has: a grip, the model's suggestion, Cancel with Esc, Save with Ctrl+Enter."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLabel, QWidget

from medvision_desktop.domain.findings import Finding, probability_text
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.chips import Chip
from medvision_desktop.ui.widgets.badge import Badge
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_SAVE_KEYS: Final = ("Ctrl+Return", "Ctrl+Enter")


class DecisionSheet(Sheet):
    """Subclasses fill `body` and say what `save` does. `first_field` takes the keyboard on opening."""

    def __init__(
        self,
        window: QWidget,
        title: str,
        *,
        save_text: str,
        save_icon: str = "",
        note: str = "",
        width: int = M.sheet,
    ) -> None:
        super().__init__(window, title, width=width)
        self.first_field: QWidget | None = None
        self.head_layout.setContentsMargins(12, 8, 8, 8)
        self.body.setContentsMargins(16, 16, 16, 16)
        self.body.setSpacing(16)
        self.footer.setSpacing(0)  # the quiet button brings its own distance
        grip = QLabel()
        grip.setPixmap(icons.pixmap("grip-vertical", T.t3, M.row_icon, 2.0, self.devicePixelRatioF()))
        self.head_layout.insertWidget(0, grip)
        self.cancel_button = Button("Cancel", key="Esc", kind="quiet", size="small")
        self.save_button = Button(save_text, save_icon, key="Ctrl ↵", kind="primary")
        self.cancel_button.clicked.connect(self.close)
        self.save_button.clicked.connect(self.save)
        self.note = label(note, "caption", "t3")
        self.footer.addWidget(self.note)
        self.footer.addStretch(1)
        self.footer.addWidget(self.cancel_button)
        self.footer.addWidget(self.save_button)
        for keys in _SAVE_KEYS:
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self.save)

    def save(self) -> None:
        """Hand over what was decided and close. Subclasses say how."""
        raise NotImplementedError

    def show_suggestion(self, finding: Finding) -> None:
        """What the model said, in its colour, at the head."""
        score = finding.score
        text = finding.label if score is None else f"{finding.label} {probability_text(score.probability)}"
        chip = Chip(text, "sparkles", "ai") if score is not None else Chip(text, "user-pen", "accent")
        self.head_layout.insertWidget(self.head_layout.count() - 1, Badge(chip))

    def set_ready(self, ready: bool, missing: str) -> None:
        """Whether Save works, and what it waits for."""
        self.save_button.setEnabled(ready)
        self.save_button.setToolTip(f"{self.save_button.text()} (Ctrl+Enter)" if ready else f"{missing}.")

    def open_at(self, place: QPoint | None = None) -> None:
        """Show, and put the keyboard into the first field."""
        super().open_at(place)
        if self.first_field is not None:
            self.first_field.setFocus(Qt.FocusReason.PopupFocusReason)
