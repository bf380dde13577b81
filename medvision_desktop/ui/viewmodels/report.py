"""The report of the study on screen: drafts that fill themselves from decisions and save themselves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from medvision_desktop.domain.report import KeyImage, ReportDraft, ReportSections
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import report_work
from medvision_desktop.ui.viewmodels.report_signing import ReportSigning
from medvision_desktop.ui.viewmodels.report_work import LoadedReport
from medvision_desktop.ui.workers.lane import Lanes

SECTIONS: Final = ("indication", "technique", "comparison", "findings", "impression")


class ReportModel(ReportSigning):
    """What the report dock talks to: `ReportState` and everything that changes it."""

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__(bench, lanes, notifier)
        self._timer.timeout.connect(self.save)

    # The study on screen.

    def set_study(self, study: StudyRef | None) -> None:
        """Report on another study; what is unsaved of the one before is saved first."""
        if (study.key if study else "") == self._key:
            return
        self.flush()
        self._study, self._loaded, self._older = study, None, None
        self._addendum = self._dirty = self._is_behind = False
        self._pdf, self._pages = b"", ()
        self.changed.emit()
        self.textChanged.emit()
        self.previewChanged.emit()
        self.reload()

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
        self._loaded, self._older = replace(self._loaded, draft=draft), None
        self._touch()
        self.changed.emit()

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
