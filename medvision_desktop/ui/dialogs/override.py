"""Override a finding beside its row: what the reader sees instead, and why. The AI result is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from medvision_desktop.domain.findings import Decision, Finding, ReviewState
from medvision_desktop.ui.dialogs.decision_sheet import DecisionSheet
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.vocabulary import OTHER, OVERRIDE_REASONS
from medvision_desktop.ui.widgets.decision_fields import FindingFields, Reasons, comment_field, titled
from medvision_desktop.ui.widgets.text import elided, label


class OverrideSheet(DecisionSheet):
    """`saved(finding_id, decision)` when the reader keeps it; it then closes itself."""

    saved = Signal(str, object)

    def __init__(self, window: QWidget, finding: Finding, labels: Sequence[str]) -> None:
        super().__init__(
            window, "Override finding", save_text="Save override", note="The AI result is kept."
        )
        self.finding = finding
        self.show_suggestion(finding)
        self.fields = FindingFields((finding.label, *labels))
        self.reasons = Reasons(OVERRIDE_REASONS)
        self.comment = comment_field()
        self.change = _ChangeLine(finding)
        self.body.addWidget(self.fields)
        self.body.addLayout(titled("Reason", self.reasons, "required"))
        self.body.addLayout(titled("Comment", self.comment))
        self.body.addWidget(self.change)
        self.fields.changed.connect(self._on_changed)
        self.reasons.chosen.connect(self._on_changed)
        self.comment.textChanged.connect(self._on_changed)
        self._begin(finding)
        self.first_field = self.fields.label
        self._on_changed()

    def decision(self) -> Decision:
        """What the sheet says now."""
        comment = self.comment.toPlainText().strip()
        return self.fields.decision(ReviewState.OVERRIDDEN, reason=self.reasons.reason, comment=comment)

    def save(self) -> None:
        """Hand over the decision."""
        if self.save_button.isEnabled():
            self.saved.emit(self.finding.id, self.decision())
            self.close()

    def _begin(self, finding: Finding) -> None:
        before = finding.decision
        if before.state in (ReviewState.OVERRIDDEN, ReviewState.ADDED):
            self.fields.show_decision(before)
            self.reasons.choose(before.reason)
            self.comment.setPlainText(before.comment)
        else:
            self.fields.show_decision(replace(before, label=finding.label, location=""))

    def _on_changed(self) -> None:
        decision = self.decision()
        self.change.show_after(words.described(decision))
        explained = decision.reason != OTHER or bool(decision.comment)
        self.set_ready(
            bool(decision.label and decision.reason and explained),
            "Give a label and a reason" if explained else "Say in the comment what the other reason is",
        )


class _ChangeLine(QFrame):
    """Before and after in one line."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.setObjectName("changeLine")
        self.setStyleSheet(
            f"QFrame#changeLine {{ background: {T.bg3}; border: none;"
            f" border-radius: {M.radius_control}px; }}"
        )
        suggested = finding.score is not None
        before = elided(finding.label if suggested else words.described(finding.decision), "label", "t2")
        self.after = elided("", "value")
        arrow = QLabel()
        arrow.setPixmap(icons.pixmap("arrow-right", T.t2, M.row_icon, 2.0, self.devicePixelRatioF()))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(16)
        row.addLayout(_named("AI" if suggested else "Before", before))
        row.addWidget(arrow)
        row.addLayout(_named("Reader", self.after), 1)

    def show_after(self, text: str) -> None:
        """What the reader makes of it."""
        self.after.setText(text)
        self.setAccessibleName(f"Becomes: {text}")


def _named(name: str, value: QLabel) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(label(name, "caption", "t3"))
    column.addWidget(value)
    return column
