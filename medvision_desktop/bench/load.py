"""Opening a series: all of it from a warm disk, and its first slice on screen."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from medvision_desktop.bench import files
from medvision_desktop.bench.measure import Measured, peak_mb, summarise
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.settings import Settings

REPEATS: Final = 9
COUNT: Final = 512
SIDE: Final = 512
ITK: Final = "SimpleITK ImageSeriesReader"
RAW: Final = "raw read of the same files into one array"


def measure(repeats: int, *, count: int = COUNT, side: int = SIDE) -> Iterator[Measured]:
    """Open a series `repeats` times, the others in turn; before that, its first slice in a pane.

    Raises `ChildFailed` without a paint.
    """
    from medvision_desktop.ui import bench_first

    with tempfile.TemporaryDirectory(prefix="medvision-bench-") as name:
        folder = Path(name)
        paths = files.write_series(folder, count, side)
        (study,) = index([folder], scratch=folder).studies
        series = study.series[0]
        decoder = Decoder(Settings())

        def ours() -> None:
            assert open_series(study, series, decoder=decoder).volume is not None  # noqa: S101 - all of it

        first = bench_first.measure(folder, repeats)
        most_first = peak_mb()
        ours()
        most = peak_mb()
        gc.freeze()  # as the program does once it has started
        try:
            times = by_turns([ours, lambda: _itk(paths), lambda: _raw(paths)], repeats)
        finally:
            gc.unfreeze()
            decoder.close()
    case = f"{count} slices of {side}x{side}, uncompressed"
    yield summarise("load", case, times[0], ITK, times[1], most)
    yield summarise("load", case, times[0], RAW, times[2], most)
    shown = f"first slice of {count} on screen"
    yield summarise("load", shown, first, f"{ITK}, all", times[1], most_first)


def by_turns(sides: Sequence[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Milliseconds of every side, `repeats` times each, one after another; once before, unmeasured."""
    times: list[list[float]] = [[] for _ in sides]
    for turn in range(repeats + 1):
        for side, taken in zip(sides, times, strict=True):
            began = time.perf_counter()
            side()
            if turn:
                taken.append((time.perf_counter() - began) * 1000)
    return times


def simple_itk() -> Any:
    """SimpleITK, which has no types."""
    import SimpleITK

    module: Any = SimpleITK
    return module


def _itk(paths: Sequence[Path]) -> object:
    reader = simple_itk().ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    read: object = reader.Execute()
    return read


def _raw(paths: Sequence[Path]) -> object:
    """Every byte of the files, kept in memory as a loader has to: open, read, close, nothing else."""
    room = np.empty(sum(path.stat().st_size for path in paths), np.uint8)
    at = 0
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        size = os.fstat(file).st_size
        at += os.preadv(file, [room[at : at + size].data], 0)
        os.close(file)
    return room
