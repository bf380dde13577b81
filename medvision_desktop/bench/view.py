"""Reading: window drag and scroll, from the event to the painted window."""

from __future__ import annotations

from collections.abc import Iterator

from medvision_desktop.bench.measure import Measured, peak_mb, summarise


def measure(repeats: int) -> Iterator[Measured]:
    """Measure `repeats` events of each case beside pyqtgraph. Raises `ChildFailed` without a paint."""
    from medvision_desktop.ui import bench_view

    for case in bench_view.measure(repeats, peak_mb):
        yield summarise("view", case.name, case.ours_ms, bench_view.PEER, case.peer_ms, case.peak_mb)
