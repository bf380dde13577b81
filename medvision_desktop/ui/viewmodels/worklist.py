"""The worklist: its rows, and how more studies are opened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from medvision_desktop.domain.study import RefusedFile, ScanResult
from medvision_desktop.errors import InputRefused
from medvision_desktop.ui.viewmodels.study_rows import holds_more
from medvision_desktop.ui.viewmodels.worklist_rows import WorklistRows
from medvision_desktop.ui.workers.lane import Job


class WorklistModel(WorklistRows):
    """Opens what the reader names, the samples, and what was open before."""

    def start(self) -> None:
        """Fill the list at the start: what the record knows, the samples, what was opened before."""
        self.refresh()
        if self._bench.settings.show_samples:
            self.load_samples()
        self._lanes.io.submit(self._sources.opened_before, done=self._reopen, key="reopen")

    def load_samples(self) -> Job:
        """List the sample studies; they come back at the next start, too."""
        self._show_samples_next_time(True)
        return self._lanes.io.submit(self._sources.samples, done=self._add_samples, key="samples")

    def remove_samples(self) -> None:
        """Take the samples out of the list, now and at the next start."""
        self._show_samples_next_time(False)
        keys = [row.key for row in self.samples]
        if keys:
            self._remove(keys)
            self._notifier.toast(
                "Samples removed", "Nothing of yours was touched.", "ok", "Undo", self._bring_samples_back
            )

    def _bring_samples_back(self) -> None:
        self.load_samples()

    def clear_own(self) -> None:
        """Take the reader's own studies out of the list; files and record stay as they are."""
        self._sources.forget()
        self._remove([row.key for row in self.studies if not row.study.is_sample])

    def open_paths(self, paths: Sequence[Path]) -> Job:
        """Scan folders, files, archives and DICOMDIRs; show what they hold and list what was refused."""
        wanted = tuple(paths)
        before = self._selected
        return self._lanes.io.submit(
            partial(self._sources.open, wanted),
            done=lambda result: self._opened(before, result),
            failed=lambda error: self._notifier.error(error, retry=partial(self._retry, wanted)),
            cancelled=lambda: self._notifier.toast("Opening was stopped", "Nothing was added.", "info"),
            title="Opening",
        )

    def _retry(self, paths: Sequence[Path]) -> None:
        self.open_paths(paths)

    def close(self) -> None:
        """Remove what archives were unpacked to. Call after the lanes have closed."""
        self._sources.close()

    def _reopen(self, groups: list[Sequence[Path]]) -> None:
        """List one group again, then the next: one job each, so that the reader never waits for all."""
        if not groups:
            return

        def listed(result: ScanResult) -> None:
            self._add(result.studies)
            self._reopen(groups[1:])

        self._lanes.io.submit(
            partial(self._sources.index, groups[0]),
            done=listed,
            failed=lambda _error: self._reopen(groups[1:]),
            title="Listing what was open before",
            key="reopen",
        )

    def _opened(self, before: tuple[str, str], result: ScanResult) -> None:
        if not result.studies:
            self._nothing_found(result.refused)
            return
        is_new = any(holds_more(self._rows.get(one.key), one) for one in result.studies)
        self._add(result.studies)
        first = result.studies[0].key
        if not is_new:
            many = "These images are" if len(result.studies) == 1 else "These studies are"
            self._notifier.toast("Nothing new was opened", f"{many} in the list already.", "info")
        if self._selected == before:
            self.select(first)
        else:
            count = len(result.studies)
            text = "1 study was added" if count == 1 else f"{count} studies were added"
            self._notifier.toast(
                text, "Your view has not moved.", "info", "Open", lambda: self.select(first)
            )
        self._tell_refused(result.refused)

    def _nothing_found(self, refused: tuple[RefusedFile, ...]) -> None:
        if len(refused) == 1:
            self._notifier.error(
                InputRefused(
                    "The file was not opened.", refused[0].why, "Choose a DICOM, NIfTI, PNG or JPEG file."
                )
            )
            return
        self._notifier.error(
            InputRefused(
                "No image was found.",
                f"{len(refused)} files were looked at." if refused else "The folder is empty.",
                "Choose a folder with DICOM, NIfTI, PNG or JPEG files.",
            )
        )
        if refused:
            self.refusedListed.emit(refused)

    def _tell_refused(self, refused: tuple[RefusedFile, ...]) -> None:
        if not refused:
            return
        text = "1 file was not taken" if len(refused) == 1 else f"{len(refused)} files were not taken"
        self._notifier.toast(
            text, refused[0].why, "warn", "Show why", lambda: self.refusedListed.emit(refused)
        )

    def _add_samples(self, result: ScanResult) -> None:
        # They may have been removed while they were still being read.
        if self._bench.settings.show_samples:
            self._add(result.studies)

    def _show_samples_next_time(self, wanted: bool) -> None:
        if self._bench.settings.show_samples is not wanted:
            self._bench.change_settings(show_samples=wanted)
