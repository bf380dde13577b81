"""`medvision bench analyse`: probability and attention map of one chest film, the model loaded.

Ours goes the whole way from the window's process to the child and back, with the pixel gate. The
peer is eager torch with the grad-cam package on the same film, in a child of its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from medvision_desktop.domain.findings import GateReport
from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused
from medvision_desktop.inference.host import InferenceHost
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.services.analyse import RANDOM_MAPS
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

ROUNDS: Final = 30
PEER_ROUNDS: Final = 10
PEER: Final = "eager torch + grad-cam package"
Row = dict[str, str | float | int]


def rows(
    bench: Workbench,
    *,
    model: str | None = None,
    rounds: int = ROUNDS,
    peer_rounds: int = PEER_ROUNDS,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> list[Row]:
    """One row a case, each beside the peer that was measured in the same run."""
    name = model or bench.settings.default_model
    token = cancel or CancelToken()
    frame = _sample_film(bench)
    progress(Progress(0, 4, f"Peer: {PEER}"))
    peer_ms = 1000 * float(np.median(_peer(bench.registry, name, frame, peer_rounds)))
    found: list[Row] = []
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("probability + map", {"random_maps": 0}),
        ("probability + map + faithfulness", {"random_maps": RANDOM_MAPS}),
        ("probability", {"want_maps": False}),
    )
    for position, (case, options) in enumerate(cases, start=1):
        token.check()
        progress(Progress(position, 4, f"Ours: {case}"))
        seconds, peak_mb = _ours(bench.registry, name, frame, rounds, options)
        found.append(_row(f"{case}, {frame.columns}x{frame.rows}", seconds, peer_ms, peak_mb))
    return found


def _ours(
    registry: Registry, model: str, frame: Frame, rounds: int, options: dict[str, Any]
) -> tuple[list[float], float]:
    """Seconds of each round after two to warm up, and the child's peak memory in MB."""
    host = InferenceHost(registry)
    try:
        host.warm(model)
        seconds = []
        for _ in range(rounds + 2):
            began = time.perf_counter()
            host.run(InferenceRequest(model, frame, GateReport(ok=True), **options))
            seconds.append(time.perf_counter() - began)
        return seconds[2:], _peak_mb(host.pid)
    finally:
        host.close()


def _peer(registry: Registry, model: str, frame: Frame, rounds: int) -> list[float]:
    host = InferenceHost(registry)
    try:
        return host.peer(model, frame, rounds)
    finally:
        host.close()


def _row(case: str, seconds: Sequence[float], peer_ms: float, peak_mb: float) -> Row:
    ours_ms = 1000 * float(np.median(seconds))
    return {
        "bench": "analyse",
        "case": case,
        "ours_ms": round(ours_ms, 2),
        "p95_ms": round(1000 * float(np.percentile(seconds, 95)), 2),
        "peer": PEER,
        "peer_ms": round(peer_ms, 2),
        "ratio": round(peer_ms / ours_ms, 2),
        "peak_mb": round(peak_mb, 1),
        "n": len(seconds),
    }


def _peak_mb(pid: int | None) -> float:
    """Peak resident memory of a process in MB, 0 where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if pid is None or not status.exists():
        return 0.0
    for line in status.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _sample_film(bench: Workbench) -> Frame:
    """The sample chest radiograph. Raises `InputRefused` where the package with it is not installed."""
    from medvision_desktop.services.open_study import open_series
    from medvision_desktop.services.samples import sample_studies

    for study in sample_studies().studies:
        for series in study.series:
            if series.modality == "CR" and "CHEST" in series.body_part.upper():
                return open_series(study, series, decoder=bench.decoder).stack.frames[0]
    raise InputRefused("There is no chest film to measure with.", "The sample studies are not installed.")
