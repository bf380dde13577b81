"""The confirmation before a signature: who signs what, and what this signature is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from medvision_desktop.domain.report import SignatureCheck
from medvision_desktop.ui.dialogs.decision_sheet import DecisionSheet
from medvision_desktop.ui.viewmodels.chips import Chip
from medvision_desktop.ui.widgets.badge import Badge
from medvision_desktop.ui.widgets.check_list import CheckLine, CheckList
from medvision_desktop.ui.widgets.text import label

KIND_OF_SIGNATURE: Final = "no password, no certificate"


class SignSheet(DecisionSheet):
    """`confirmed` when the reader signs."""

    confirmed = Signal()

    def __init__(
        self, window: QWidget, reader: str, version: int, checks: Sequence[SignatureCheck]
    ) -> None:
        super().__init__(window, "Sign the report", save_text="Sign report", save_icon="signature")
        chip = Badge(Chip(KIND_OF_SIGNATURE, "lock", "warn"))
        self.head_layout.insertWidget(self.head_layout.count() - 1, chip)
        what = "the report" if version == 1 else f"addendum {version - 1}"
        self.body.addWidget(label(f"{reader} signs {what}.", "value", wrap=True))
        self.body.addWidget(
            label(
                "A signed report is closed; changes become an addendum. The SHA-256 of the PDF goes into"
                " the record, with your name and the time.",
                "body",
                "t2",
                wrap=True,
            )
        )
        self.checks = CheckList()
        self.checks.show_lines([CheckLine(check.text, check.state.value) for check in checks])
        self.body.addWidget(self.checks)
        self.first_field = self.save_button
        self.set_ready(True, "")

    def save(self) -> None:
        """Sign."""
        self.confirmed.emit()
        self.close()
