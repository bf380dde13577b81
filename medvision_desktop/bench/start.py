"""Cold start: from a new process to a window that lists the samples, and the same with torch first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medvision_desktop.bench.measure import Measured, summarise
from medvision_desktop.errors import ChildFailed

_OURS: Final = "import sys; from medvision_desktop.__main__ import main; sys.exit(main(sys.argv[1:]))"
_PEER: Final = f"import torch; {_OURS}"
_LIMIT_S: Final = 120.0
REPEATS: Final = 5


def measure(repeats: int) -> Iterator[Measured]:
    """Start the window `repeats` times each way, by turns. Raises `ChildFailed` if it does not come."""
    times: dict[str, list[float]] = {_OURS: [], _PEER: []}
    most = 0.0
    with tempfile.TemporaryDirectory(prefix="medvision-bench-") as folder:
        # One start first, so that both find the same warm files and thumbnails.
        _start(_OURS, Path(folder))
        for _ in range(repeats):
            for program in (_OURS, _PEER):
                took, peak = _start(program, Path(folder))
                times[program].append(took)
                most = max(most, peak) if program is _OURS else most
    yield summarise(
        "start", "window with samples listed", times[_OURS], "importing torch first", times[_PEER], most
    )


def _start(program: str, folder: Path) -> tuple[float, float]:
    """Milliseconds from the new process to its line, and its peak memory in MB."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    command = [sys.executable, "-c", program, "open", "--data-dir", str(folder), "--quit-when-ready"]
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert process.stdout is not None  # noqa: S101 - asked for above
    line = process.stdout.readline()
    took = (time.perf_counter() - began) * 1000
    process.stdout.close()
    try:
        code = process.wait(timeout=_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.wait()
        raise ChildFailed("The window did not close by itself.", f"The limit is {_LIMIT_S:g} s.") from error
    if code != 0 or not line:
        raise ChildFailed(
            "The window did not come up.", f"Exit code {code}.", "Start it with “medvision open”."
        )
    return took, float(json.loads(line).get("peak_mb", 0.0))
