"""Reject a finding: one quick reason, a comment when there is more to say."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from medvision_desktop.domain.findings import Decision, Finding, ReviewState
from medvision_desktop.ui.dialogs.decision_sheet import DecisionSheet
from medvision_desktop.ui.viewmodels.vocabulary import OTHER, REJECT_REASONS
from medvision_desktop.ui.widgets.decision_fields import Reasons, comment_field, titled


class RejectSheet(DecisionSheet):
    """`saved(finding_id, decision)`. Keys 1 to 6 pick a reason while no text is being typed."""

    saved = Signal(str, object)

    def __init__(self, window: QWidget, finding: Finding) -> None:
        super().__init__(window, "Reject finding", save_text="Reject", note="The AI result is kept.")
        self.finding = finding
        self.show_suggestion(finding)
        self.reasons = Reasons(REJECT_REASONS, columns=2)
        self.comment = comment_field()
        self.body.addLayout(titled("Reason", self.reasons, "required, keys 1 to 6"))
        self.body.addLayout(titled("Comment", self.comment))
        self.reasons.chosen.connect(self._on_changed)
        self.comment.textChanged.connect(self._on_changed)
        if finding.decision.state is ReviewState.REJECTED:
            self.reasons.choose(finding.decision.reason)
            self.comment.setPlainText(finding.decision.comment)
        self.first_field = self.reasons.buttons[self.reasons.reason or REJECT_REASONS[0]]
        self._on_changed()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A digit picks a reason."""
        text = event.text()
        if text.isdigit() and 1 <= int(text) <= len(REJECT_REASONS):
            self.reasons.choose(REJECT_REASONS[int(text) - 1])
            self._on_changed()
            event.accept()
            return
        super().keyPressEvent(event)

    def decision(self) -> Decision:
        """What the sheet says now."""
        comment = self.comment.toPlainText().strip()
        return Decision(ReviewState.REJECTED, reason=self.reasons.reason, comment=comment)

    def save(self) -> None:
        """Hand over the decision."""
        if self.save_button.isEnabled():
            self.saved.emit(self.finding.id, self.decision())
            self.close()

    def _on_changed(self) -> None:
        decision = self.decision()
        explained = decision.reason != OTHER or bool(decision.comment)
        self.set_ready(
            bool(decision.reason) and explained,
            "Give a reason" if explained else "Say in the comment what the other reason is",
        )
