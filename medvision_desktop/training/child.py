"""The training child: a recipe's run in a process of its own, with progress and a stop that resumes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from medvision_desktop.children.serve import Answer, Handler
from medvision_desktop.training import start
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.stages import Shelf
from medvision_desktop.work import CancelToken, ProgressSink


def handlers() -> Mapping[str, Handler]:
    """Operations of the child by name."""
    return {"train": _train}


def _train(
    arguments: dict[str, Any],
    arrays: dict[str, NDArray[Any]],  # noqa: ARG001 - the handlers' common signature
    progress: ProgressSink,
    cancel: CancelToken,
) -> Answer:
    """Train `recipe` with images below `data` in `runs`; a package goes to `out` where one is named.

    With `shelf`, the program's data directory, it goes to the registry of models there. `level` 1 to 5
    takes the place of the recipe's own length and rate.
    """
    out, shelf = arguments.get("out"), arguments.get("shelf")
    made = start.train(
        start.read(Path(arguments["recipe"]), int(arguments.get("level", 0))),
        Path(arguments["data"]),
        Path(arguments["runs"]),
        Shelf.of(Path(shelf)) if shelf else Path(out) if out else None,
        machine=Machine(int(arguments.get("threads", 1))),
        progress=progress,
        cancel=cancel,
    )
    return {"package": str(made.directory) if made else ""}, {}
