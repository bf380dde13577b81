"""Signing the report: what it waits for, the signature itself, and the addendum after it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from medvision_desktop.domain.report import SignedReport
from medvision_desktop.errors import StoreUnavailable
from medvision_desktop.ui.viewmodels import report_work
from medvision_desktop.ui.viewmodels.report_pages import ReportPages


class ReportSigning(ReportPages):
    """Closes a report and opens the next version of it."""

    def ask_sign(self) -> None:
        """Ask for the signature: says what it waits for, or opens the confirmation."""
        if self._study is None or self._loaded is None:
            self._notifier.toast("Nothing to sign", "Open a study first.", "info")
        elif self.signed is not None:
            self._notifier.toast("The report is signed", "Write an addendum to change it.", "info")
        elif not self.reader:
            self._notifier.toast(
                "Who signs?", "Name the reader first.", "warn", "Name", self.readerWanted.emit
            )
        elif self.stopped_by:
            first = self.stopped_by[0]
            go = partial(self.findingWanted.emit, first.finding_id) if first.finding_id else None
            self._notifier.toast("Not signed yet", first.text, "warn", "Go to finding" if go else "", go)
        else:
            self.signWanted.emit()

    def sign(self) -> None:
        """Sign: the draft is saved, the PDF written and its SHA-256 put into the record."""
        if self._loaded is None or not self.is_open:
            return
        self._timer.stop()
        self._signing = True
        bench, draft, reader, key = self._bench, self._loaded.draft, self.reader, self._key
        self._lanes.db.submit(
            lambda *_: report_work.sign(bench, draft, reader),
            done=partial(self._on_signed, key),
            failed=partial(self._on_sign_failed, key),
            title="Signing the report",
        )
        self.changed.emit()

    def start_addendum(self) -> None:
        """Open the next version of a signed report."""
        if self.signed is None or self._loaded is None:
            return
        self._addendum = True
        self._touch()
        self.textChanged.emit()
        self.changed.emit()

    def _on_signed(self, key: str, signed: SignedReport) -> None:
        self._signing = False
        if key == self._key and self._loaded is not None:
            # Closed from here on, also for those who hear of it below.
            self._loaded = replace(self._loaded, reports=(*self._loaded.reports, signed))
            self._dirty, self._addendum = False, False
        self.recordChanged.emit(signed.study_key)
        self._notifier.toast(
            f"Report signed, version {signed.version}",
            f"SHA-256 {signed.pdf_sha256[:12]} is in the record.",
            "ok",
        )
        if key == self._key:
            self.reload()

    def _on_sign_failed(self, key: str, error: Exception) -> None:
        self._signing = False
        self.changed.emit()
        again = self.sign if key == self._key and isinstance(error, StoreUnavailable) else None
        self._notifier.error(error, safe="The draft. The report was not signed.", retry=again)
        if key == self._key and again is None:
            self.reload()
