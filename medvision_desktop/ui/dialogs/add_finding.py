"""Add a finding that no model suggested."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from medvision_desktop.domain.findings import Decision, ReviewState
from medvision_desktop.ui.dialogs.decision_sheet import DecisionSheet
from medvision_desktop.ui.widgets.decision_fields import FindingFields, comment_field, titled


class AddFindingSheet(DecisionSheet):
    """`saved(decision)`; `label` is filled in when the reader came from a row of the model."""

    saved = Signal(object)

    def __init__(self, window: QWidget, labels: Sequence[str], label: str = "") -> None:
        super().__init__(window, "Add a finding", save_text="Add finding", note="Yours, not the model's.")
        self.fields = FindingFields(labels)
        self.fields.show_decision(Decision(ReviewState.ADDED, label=label))
        self.comment = comment_field()
        self.body.addWidget(self.fields)
        self.body.addLayout(titled("Comment", self.comment))
        self.first_field = self.fields.label
        self.fields.changed.connect(self._on_changed)
        self._on_changed()

    def decision(self) -> Decision:
        """What the sheet says now."""
        return self.fields.decision(ReviewState.ADDED, comment=self.comment.toPlainText().strip())

    def save(self) -> None:
        """Hand over the finding."""
        if self.save_button.isEnabled():
            self.saved.emit(self.decision())
            self.close()

    def _on_changed(self) -> None:
        self.set_ready(bool(self.decision().label), "Say what you see")
