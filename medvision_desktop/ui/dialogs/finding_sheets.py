"""Opens the sheets that the panels ask for, one at a time, beside the findings panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from medvision_desktop.domain.findings import Finding
from medvision_desktop.ui.dialogs.add_finding import AddFindingSheet
from medvision_desktop.ui.dialogs.decision_sheet import DecisionSheet
from medvision_desktop.ui.dialogs.override import OverrideSheet
from medvision_desktop.ui.dialogs.reject import RejectSheet
from medvision_desktop.ui.dialogs.sign import SignSheet
from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels.findings import FindingsModel
from medvision_desktop.ui.viewmodels.report import ReportModel
from medvision_desktop.ui.viewmodels.vocabulary import CHEST_LABELS

_GAP_PX: Final = 48
_BOTTOM_PX: Final = 12


class FindingSheets(QObject):
    """Listens to the two models. `panel` is the findings panel, `row_top` the place of a row in it."""

    def __init__(
        self,
        window: QWidget,
        findings: FindingsModel,
        report: ReportModel,
        panel: QWidget,
        row_top: Callable[[str], int],
    ) -> None:
        super().__init__(window)
        self._window, self._findings, self._report = window, findings, report
        self._panel, self._row_top = panel, row_top
        self._sheet: DecisionSheet | None = None
        self._study_key = ""
        findings.changed.connect(self._close_stale)
        findings.overrideWanted.connect(self.override)
        findings.rejectWanted.connect(self.reject)
        findings.addWanted.connect(self.add)
        report.signWanted.connect(self.sign)

    @property
    def sheet(self) -> DecisionSheet | None:
        """The sheet that is open, or None."""
        return self._sheet if self._sheet is not None and isValid(self._sheet) else None

    def override(self, finding: Finding) -> None:
        """Open the override sheet of a finding."""
        sheet = OverrideSheet(self._window, finding, self._labels())
        sheet.saved.connect(self._findings.decide)
        self._open(sheet, finding.id)

    def reject(self, finding: Finding) -> None:
        """Open the reject sheet of a finding."""
        sheet = RejectSheet(self._window, finding)
        sheet.saved.connect(self._findings.decide)
        self._open(sheet, finding.id)

    def add(self, label: str) -> None:
        """Open the sheet for a finding of the reader's own."""
        if self._findings.study is None:
            return
        sheet = AddFindingSheet(self._window, self._labels(), label)
        sheet.saved.connect(self._findings.add)
        self._open(sheet, "")

    def sign(self) -> None:
        """Open the confirmation of the signature."""
        draft = self._report.draft
        if draft is None:
            return
        sheet = SignSheet(self._window, self._report.reader, draft.version, self._report.checks)
        sheet.confirmed.connect(self._report.sign)
        self._open(sheet, "", beside=False)

    def _labels(self) -> tuple[str, ...]:
        return (*self._findings.facts.labels, *CHEST_LABELS)

    def _open(self, sheet: DecisionSheet, key: str, *, beside: bool = True) -> None:
        if self.sheet is not None:
            self.sheet.close()
        self._sheet, self._study_key = sheet, self._shown_study
        sheet.closed.connect(self._give_back)
        if not beside or not self._panel.isVisible():
            sheet.open_at(None)
            return
        left = self._panel.mapTo(self._window, QPoint(0, 0)).x()
        sheet.adjustSize()
        lowest = self._window.height() - M.status_bar - _BOTTOM_PX - sheet.height()
        top = min(self._row_top(key) if key else self._window.height() // 3, lowest)
        sheet.open_at(QPoint(left - _GAP_PX - M.sheet, top))

    @property
    def _shown_study(self) -> str:
        return self._findings.study.key if self._findings.study is not None else ""

    def _close_stale(self) -> None:
        """A sheet of one study never stands over another."""
        if self.sheet is not None and self._study_key != self._shown_study:
            self.sheet.close()

    def _give_back(self) -> None:
        """The keyboard goes back to the list, where the next finding waits."""
        self._sheet = None
        if self._panel.isVisible():
            self._panel.setFocus()
