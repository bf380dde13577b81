"""Listing a folder: the headers of two thousand files, grouped into studies and put in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from medvision_desktop.bench import files
from medvision_desktop.bench.load import by_turns
from medvision_desktop.bench.measure import Measured, peak_mb, summarise
from medvision_desktop.services.open_study import index

REPEATS: Final = 5
COUNT: Final = 2000
_SIDE: Final = 64
PEER: Final = "pydicom, stop_before_pixels"


def measure(repeats: int, *, count: int = COUNT) -> Iterator[Measured]:
    """Index a folder `repeats` times; pydicom, which only reads the headers, in turn."""
    with tempfile.TemporaryDirectory(prefix="medvision-bench-") as name:
        folder = Path(name)
        paths = files.write_series(folder, count, _SIDE)

        def ours() -> None:
            (study,) = index([folder], scratch=folder).studies
            assert len(study.series[0].instances) == count  # noqa: S101 - every file counts

        ours()
        most = peak_mb()
        times = by_turns([ours, lambda: _theirs(paths)], repeats)
    yield summarise("index", f"{count} files", times[0], PEER, times[1], most)


def _theirs(paths: Sequence[Path]) -> None:
    import pydicom

    for path in paths:
        pydicom.dcmread(path, stop_before_pixels=True)
