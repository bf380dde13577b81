"""The report as the record has it, and its pages: those of the PDF itself, made by the service that signs.

Without a viewer no pages are made.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from medvision_desktop.domain.report import SignedReport
from medvision_desktop.ui.viewmodels import report_work
from medvision_desktop.ui.viewmodels.pdf_pages import PageImage, page_images
from medvision_desktop.ui.viewmodels.report_state import ReportState
from medvision_desktop.ui.viewmodels.report_work import LoadedReport


class ReportPages(ReportState):
    """Reads the report and draws its pages on the db lane; writes copies of them."""

    def reload(self) -> None:
        """Read the report of this study from the record."""
        if self._study is None:
            return
        bench, key = self._bench, self._key
        self._lanes.db.submit(
            lambda *_: report_work.load(bench, key),
            done=partial(self._on_loaded, key),
            failed=lambda error: self._notifier.error(error, retry=self.reload),
            key="report.load",
        )

    def _on_loaded(self, key: str, loaded: LoadedReport) -> None:
        if key != self._key:
            return
        self._loaded, self._older = loaded, None
        # A draft that was saved after the last signature is an addendum under way.
        newest = loaded.reports[-1].version if loaded.reports else 0
        self._addendum = (
            bool(loaded.reports) and loaded.draft.version > newest and bool(loaded.draft.saved_utc)
        )
        self.textChanged.emit()
        self.changed.emit()
        self._make_preview()

    def set_watched(self, watched: bool) -> None:
        """Whether the preview is on screen; without a viewer it is not made."""
        self._watched = watched
        self._make_preview()

    def show_version(self, signed: SignedReport | None) -> None:
        """Look at a signed version in the preview; with None back to the newest state."""
        if signed == self._older:
            return
        self._older = signed
        self.changed.emit()
        self._make_preview()

    def set_page_width(self, width_px: int) -> None:
        """How wide the pages are to be, in pixels of the screen."""
        if width_px != self._page_width:
            self._page_width = width_px
            self._draw_pages()

    def _make_preview(self) -> None:
        if self._loaded is None or not self._watched or self._page_width <= 0:
            return
        bench, draft, width = self._bench, self._loaded.draft, self._page_width
        signed = self._older or self.signed
        reader, key = self.reader, self._key

        def work() -> tuple[bytes, tuple[PageImage, ...]]:
            pdf = report_work.pdf_of(bench, draft, signed, reader)
            return pdf, page_images(pdf, width)

        self._lanes.db.submit(
            lambda *_: work(),
            done=partial(self._on_preview, key),
            failed=self._notifier.error,
            key="report.preview",
        )

    def _draw_pages(self) -> None:
        if not self._pdf:
            self._make_preview()
            return
        pdf, width, key = self._pdf, self._page_width, self._key
        self._lanes.db.submit(
            lambda *_: (pdf, page_images(pdf, width)),
            done=partial(self._on_preview, key),
            failed=self._notifier.error,
            key="report.preview",
        )

    def _on_preview(self, key: str, made: tuple[bytes, tuple[PageImage, ...]]) -> None:
        if key == self._key:
            self._pdf, self._pages = made
            self.previewChanged.emit()

    def export(self, path: Path) -> None:
        """Write a copy of the PDF on screen to a file of the reader's choice."""
        pdf = self._pdf
        if not pdf:
            self._notifier.toast("No PDF yet", "Open the report first.", "info")
            return
        self._lanes.io.submit(
            lambda *_: report_work.write_copy(path, pdf),
            done=lambda _: self._notifier.toast("PDF written", path.name, "ok"),
            failed=self._notifier.error,
        )
