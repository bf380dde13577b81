"""Where studies come from: what the reader opens, what was opened before, the samples, the record.

Each method is work for a lane: it takes `progress` and `cancel`, and imports what it needs when it runs.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.study import ScanResult
from medvision_desktop.services import opened_paths
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.services.ingest import StudySummary

_SCRATCH: Final = "unpacked-"
_LEFTOVER_S: Final = 24 * 3600


class StudySources:
    """Archives are unpacked to one folder of this session, which `close` removes."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._scratch: Path | None = None

    def index(self, paths: Sequence[Path], progress: ProgressSink, cancel: CancelToken) -> ScanResult:
        """Scan files, folders, archives and DICOMDIRs. For the io lane."""
        from medvision_desktop.services.open_study import index

        return index(paths, scratch=self._folder(), progress=progress, cancel=cancel)

    def open(self, paths: Sequence[Path], progress: ProgressSink, cancel: CancelToken) -> ScanResult:
        """As `index`; what held images is listed again at the next start. For the io lane."""
        found = self.index(paths, progress, cancel)
        if found.studies:
            opened_paths.remember(self._bench.locations, paths)
        return found

    def opened_before(self, _progress: ProgressSink, _cancel: CancelToken) -> list[Sequence[Path]]:
        """What was opened before and is still there, in groups, the newest last. For the io lane."""
        groups = opened_paths.load(self._bench.locations)
        there = [[path for path in group if path.exists()] for group in groups]
        return [group for group in there if group]

    def samples(self, progress: ProgressSink, cancel: CancelToken) -> ScanResult:
        """The sample studies. For the io lane."""
        from medvision_desktop.services.samples import sample_studies

        return sample_studies(progress=progress, cancel=cancel)

    def known(self, _progress: ProgressSink, _cancel: CancelToken) -> tuple[StudySummary, ...]:
        """What the record knows of every study. For the db lane. Raises `StoreUnavailable`."""
        from medvision_desktop.services.ingest import known_studies

        return known_studies(self._bench.store)

    def forget(self) -> None:
        """List nothing but samples at the next start: at once, because the end may come at any time."""
        opened_paths.forget(self._bench.locations)

    def close(self) -> None:
        """Remove what was unpacked. Nothing may read from it any more."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def _folder(self) -> Path:
        # Called on the io lane only, where work runs one at a time.
        if self._scratch is None:
            cache = self._bench.locations.ensure().cache
            _remove_leftovers(cache)
            self._scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=cache))
        return self._scratch


def _remove_leftovers(cache: Path) -> None:
    """Remove what a killed program unpacked more than a day ago; a younger folder may be in use."""
    for folder in cache.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(OSError):
            if folder.is_dir() and time.time() - folder.stat().st_mtime > _LEFTOVER_S:
                shutil.rmtree(folder, ignore_errors=True)
