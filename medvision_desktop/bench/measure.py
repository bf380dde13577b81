"""What a bench says, and how it is worked out from single times."""

from __future__ import annotations

import math
import resource
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One case: medians and the 95th percentile in milliseconds; `ratio` is peer over ours.

    `peak_mb` is the most memory that the measured process had resident, in millions of bytes.
    """

    bench: str
    case: str
    ours_ms: float
    p95_ms: float
    peer: str
    peer_ms: float
    ratio: float
    peak_mb: float
    n: int

    def as_item(self) -> dict[str, Any]:
        """The JSON object of `docs/cli.md`."""
        return {
            key: round(value, 3) if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }

    def in_words(self) -> str:
        """One line for a person."""
        return (
            f"{self.bench}, {self.case}: {self.ours_ms:.1f} ms (95 % under {self.p95_ms:.1f}), "
            f"{self.peer}: {self.peer_ms:.1f} ms, {self.ratio:.1f} times ours; n = {self.n}, "
            f"{self.peak_mb:.0f} MB"
        )


def summarise(
    bench: str, case: str, ours_ms: Sequence[float], peer: str, peer_ms: Sequence[float], peak_mb: float
) -> Measured:
    """The summary of single times. Raises `ValueError` when there are none."""
    ours, theirs = statistics.median(ours_ms), statistics.median(peer_ms)
    ratio = theirs / ours if ours > 0 else math.inf
    return Measured(bench, case, ours, percentile(ours_ms, 95), peer, theirs, ratio, peak_mb, len(ours_ms))


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest-rank percentile: a value that was measured, never one between two."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def peak_mb() -> float:
    """The most memory this process has had resident. Linux counts in KiB, macOS in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6
