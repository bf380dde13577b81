"""The report of the study on screen: drafts that save themselves, checks, preview, signature.

The preview is the PDF itself, made by the same service that makes the signed one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from medvision_desktop.domain.findings import Finding
from medvision_desktop.domain.report import (
    CheckState,
    KeyImage,
    ReportDraft,
    ReportSections,
    SignatureCheck,
    SignedReport,
)
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.errors import StoreUnavailable
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import report_work
from medvision_desktop.ui.viewmodels.pdf_pages import PageImage, page_images
from medvision_desktop.ui.viewmodels.report_work import LoadedReport
from medvision_desktop.ui.workers.lane import Lanes

SAVE_AFTER_MS: Final = 800
SECTIONS: Final = ("indication", "technique", "comparison", "findings", "impression")


class ReportModel(QObject):
    """`changed`: anything but the text may differ; `textChanged`: the text came from elsewhere.

    `signWanted` asks for the confirmation sheet, `readerWanted` for the reader's name,
    `findingWanted` and `leaveUndecidedWanted` carry a finding's id, `keyImageWanted` asks the
    viewer for the image on screen. `recordChanged` carries the key of a study that was signed.
    """

    changed = Signal()
    textChanged = Signal()
    previewChanged = Signal()
    signWanted = Signal()
    readerWanted = Signal()
    keyImageWanted = Signal()
    findingWanted = Signal(str)
    leaveUndecidedWanted = Signal(str)
    recordChanged = Signal(str)

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier = bench, lanes, notifier
        self._study: StudyRef | None = None
        self._loaded: LoadedReport | None = None
        self._addendum = False
        self._dirty = False
        self._is_behind = False
        self._signing = False
        self._watched = False
        self._page_width = 0
        self._pdf = b""
        self._pages: tuple[PageImage, ...] = ()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)

    # What is shown.

    @property
    def study(self) -> StudyRef | None:
        """The study that is reported on."""
        return self._study

    @property
    def draft(self) -> ReportDraft | None:
        """The draft as it stands on screen; None until the record was read."""
        return None if self._loaded is None else self._loaded.draft

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of the study, for the chips under the text."""
        return () if self._loaded is None else self._loaded.findings

    @property
    def checks(self) -> tuple[SignatureCheck, ...]:
        """What stands between the draft and the signature."""
        return () if self._loaded is None else self._loaded.checks

    @property
    def reports(self) -> tuple[SignedReport, ...]:
        """Signed versions, oldest first."""
        return () if self._loaded is None else self._loaded.reports

    @property
    def signed(self) -> SignedReport | None:
        """The newest signed version while nothing is written after it: the report is closed."""
        return None if self._addendum or not self.reports else self.reports[-1]

    @property
    def is_open(self) -> bool:
        """Whether the text can be edited."""
        return self.draft is not None and self.signed is None and not self._signing

    @property
    def is_dirty(self) -> bool:
        """Whether there is text that the record does not have yet."""
        return self._dirty

    @property
    def is_signing(self) -> bool:
        """Whether a signature is on its way to the record."""
        return self._signing

    @property
    def stopped_by(self) -> tuple[SignatureCheck, ...]:
        """Checks that stop the signature."""
        return tuple(check for check in self.checks if check.state is CheckState.STOPS)

    @property
    def reader(self) -> str:
        """Who would sign."""
        return self._bench.settings.reader

    @property
    def pages(self) -> tuple[PageImage, ...]:
        """The pages of the preview, as wide as `set_page_width` asked."""
        return self._pages

    # The study on screen.

    def set_study(self, study: StudyRef | None) -> None:
        """Report on another study; what is unsaved of the one before is saved first."""
        if (study.key if study else "") == self._key:
            return
        self.flush()
        self._study, self._loaded = study, None
        self._addendum = self._dirty = self._is_behind = False
        self._pdf, self._pages = b"", ()
        self.changed.emit()
        self.textChanged.emit()
        self.previewChanged.emit()
        self.reload()

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

    def refresh(self, study_key: str) -> None:
        """Take over decisions that were made since; called when the record of a study has grown."""
        if study_key != self._key or self._study is None:
            return
        if self._loaded is None or not self.is_open:
            self.reload()
            return
        self._timer.stop()
        bench, draft = self._bench, self._loaded.draft
        self._lanes.db.submit(
            lambda *_: report_work.refill(bench, draft),
            done=partial(self._on_refilled, study_key, draft),
            failed=partial(self._on_save_failed, study_key),
            key="report.refill",
        )

    def _on_loaded(self, key: str, loaded: LoadedReport) -> None:
        if key != self._key:
            return
        self._loaded = loaded
        # A draft that was saved after the last signature is an addendum under way.
        newest = loaded.reports[-1].version if loaded.reports else 0
        self._addendum = (
            bool(loaded.reports) and loaded.draft.version > newest and bool(loaded.draft.saved_utc)
        )
        self.textChanged.emit()
        self.changed.emit()
        self._make_preview()

    def _on_refilled(self, key: str, asked: ReportDraft, loaded: LoadedReport) -> None:
        if key != self._key or self._loaded is None:
            return
        if self._loaded.draft is asked:
            self._loaded = loaded
            self.textChanged.emit()
        else:  # typed on in the meantime: the reader's text stands, and is filled up once it rests
            self._loaded = replace(loaded, draft=self._loaded.draft)
            self._is_behind = True
        self.changed.emit()
        # A draft that nobody has written in is made anew from the decisions and needs no saving.
        if self._dirty or (asked.saved_utc and self._loaded.draft.sections != asked.sections):
            self._touch()
        else:
            self._make_preview()

    # Writing.

    def edit(self, section: str, text: str) -> None:
        """The reader typed into a section."""
        if self._loaded is None or not self.is_open or section not in SECTIONS:
            return
        sections = self._loaded.draft.sections
        if getattr(sections, section) == text:
            return
        self._set_sections(report_work.with_section(sections, section, text))

    def insert(self, section: str, phrase: str) -> None:
        """Put a phrase at the end of a section."""
        if self._loaded is None or not self.is_open:
            return
        before = str(getattr(self._loaded.draft.sections, section)).rstrip()
        joint = "\n" if section in ("findings", "impression") else " "
        self._set_sections(
            report_work.with_section(
                self._loaded.draft.sections, section, f"{before}{joint}{phrase}" if before else phrase
            )
        )
        self.textChanged.emit()

    def add_key_image(self, image: KeyImage) -> None:
        """Add an image of this study to the report."""
        if self._loaded is None or not self.is_open:
            self._notifier.toast("The report is closed", "Write an addendum to add an image.", "warn")
            return
        if image.study_key != self._key:
            self._notifier.toast("Not added", "The image is of another study.", "warn")
            return
        self._set_images((*self._loaded.draft.key_images, image))
        self._notifier.toast("Added to the report", image.caption, "ok")

    def remove_key_image(self, image_id: str) -> None:
        """Take an image out of the report."""
        if self._loaded is not None and self.is_open:
            self._set_images(tuple(i for i in self._loaded.draft.key_images if i.id != image_id))

    def save(self) -> None:
        """Save the draft now and make checks and preview again."""
        self._timer.stop()
        loaded = self._loaded
        if loaded is None or not self._dirty:
            return
        bench, draft, reader, key = self._bench, loaded.draft, self.reader, self._key
        self._lanes.db.submit(
            lambda *_: report_work.save(bench, draft, reader),
            done=partial(self._on_saved, key, draft),
            failed=partial(self._on_save_failed, key),
        )

    def flush(self) -> None:
        """Save at once what the timer still holds back, before the study or the window goes."""
        if self._dirty:
            self.save()

    def _set_sections(self, sections: ReportSections) -> None:
        self._set_draft(replace(self._draft, sections=sections))

    def _set_images(self, images: tuple[KeyImage, ...]) -> None:
        self._set_draft(replace(self._draft, key_images=images))

    def _set_draft(self, draft: ReportDraft) -> None:
        if self._loaded is None:
            return
        self._loaded = replace(self._loaded, draft=draft)
        self._touch()
        self.changed.emit()

    def _touch(self) -> None:
        self._dirty = True
        self._timer.start()

    def _on_saved(self, key: str, asked: ReportDraft, loaded: LoadedReport) -> None:
        if key != self._key or self._loaded is None:
            return
        if self._loaded.draft is asked:
            self._loaded, self._dirty = loaded, False
            if self._is_behind:
                self._is_behind = False
                self.refresh(key)
        else:  # typed on: keep the text, take the rest; the timer saves again
            draft = replace(self._loaded.draft, saved_utc=loaded.draft.saved_utc)
            self._loaded = replace(loaded, draft=draft)
        self.changed.emit()
        self._make_preview()

    def _on_save_failed(self, key: str, error: Exception) -> None:
        safe = "The text is still on screen." if key == self._key else ""
        self._notifier.error(error, safe=safe, retry=self.save)

    # Preview.

    def set_watched(self, watched: bool) -> None:
        """Whether the preview is on screen; without a viewer it is not made."""
        self._watched = watched
        self._make_preview()

    def set_page_width(self, width_px: int) -> None:
        """How wide the pages are to be, in pixels of the screen."""
        if width_px != self._page_width:
            self._page_width = width_px
            self._draw_pages()

    def _make_preview(self) -> None:
        if self._loaded is None or not self._watched or self._page_width <= 0:
            return
        bench, draft, signed, width = self._bench, self._loaded.draft, self.signed, self._page_width
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

    # Signing.

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

    @property
    def _key(self) -> str:
        return self._study.key if self._study else ""

    @property
    def _draft(self) -> ReportDraft:
        if self._loaded is None:
            raise RuntimeError("no draft is loaded")
        return self._loaded.draft
