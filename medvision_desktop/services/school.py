"""Training from the window: which recipes and runs there are, and a run in a child process."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from medvision_desktop import paths
from medvision_desktop.children.process import ChildProcess
from medvision_desktop.errors import ExportFailed, InputRefused
from medvision_desktop.paths import Locations
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

RECIPE: Final = "recipe.toml"
SOURCE: Final = "data.txt"
HISTORY: Final = "history.jsonl"
LEVELS: Final = (1, 2, 3, 4, 5)
_MOST_BYTES: Final = 4_000_000
_NUMBERS: Final = (int, float)


@dataclass(frozen=True)
class Plan:
    """What to train: a recipe on the images below `data`. `level` 0 leaves the recipe as it is.

    `resume` goes on from the last finished epoch of a run that was stopped.
    """

    recipe: Path
    data: Path
    level: int = 0
    threads: int = 1
    resume: bool = False


@dataclass(frozen=True)
class Epoch:
    """One finished epoch, and its part of a cross-validation ("" for the whole).

    `score`: the validation AUROC, or the mean Dice of a segmentation; None where nothing is chosen.
    """

    part: str
    number: int
    loss: float
    score: float | None = None
    seconds: float = 0.0


def recipes() -> tuple[Path, ...]:
    """The recipes that ship, by name."""
    return tuple(sorted((paths.root() / "recipes").glob("*.toml")))


def name_of(recipe: Path) -> str:
    """The name of a recipe's run. Raises `InputRefused`."""
    try:
        if recipe.stat().st_size > _MOST_BYTES:
            raise InputRefused("The recipe cannot be read.", "It is too large for a recipe.")
        name = tomllib.loads(recipe.read_text(encoding="utf-8")).get("name")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputRefused("The recipe cannot be read.", f"{error}.", "Check the file.") from error
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise InputRefused("The recipe cannot be used.", "Its name is not one of a folder.")
    return name


def run_of(locations: Locations, recipe: Path) -> Path:
    """The folder in which a recipe is trained. Raises `InputRefused`."""
    return locations.data / "runs" / name_of(recipe)


def is_started(run: Path) -> bool:
    """Whether there is a finished epoch to go on from."""
    return run.is_dir() and any(run.rglob("checkpoint.safetensors"))


def train(
    child: ChildProcess,
    plan: Plan,
    locations: Locations,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> str:
    """Train and package in a child process; the folder of the package, "" where the recipe makes none.

    The package is a candidate of the registry where another of its name is in use (`training.stages`).

    Raises `InputRefused`, `ExportFailed`, `ChildFailed`, and `Cancelled`: what was finished stays.
    """
    run = run_of(locations, plan.recipe)
    if is_started(run) and not plan.resume:
        raise InputRefused("This run was started before.", "It has finished epochs.", "Resume it.")
    if not plan.data.is_dir():
        raise InputRefused("There is no folder of images.", f"{plan.data} is not there.", "Choose another.")
    locations.ensure()
    try:
        run.mkdir(parents=True, exist_ok=True)
        kept = run / RECIPE
        if plan.recipe.resolve() != kept.resolve():
            shutil.copyfile(plan.recipe, kept)
        (run / SOURCE).write_text(f"{plan.data.resolve()}\n", encoding="utf-8")
    except OSError as error:
        raise ExportFailed("The run cannot be written.", f"{run}: {error.strerror}.") from error
    asked = {
        "recipe": str(kept),
        "data": str(plan.data.resolve()),
        "runs": str(run.parent),
        "shelf": str(locations.data),
        "threads": plan.threads,
        "level": plan.level,
    }
    answer, _ = child.request("train", asked, progress=progress, cancel=cancel)
    return str(answer.get("package", ""))


def history(run: Path) -> tuple[Epoch, ...]:
    """Every finished epoch of a run, the parts of a cross-validation first. A cut last line is left out."""
    found: list[Epoch] = []
    for path in sorted(run.glob(f"*/{HISTORY}")):
        found += _epochs(path, path.parent.name)
    return (*found, *_epochs(run / HISTORY, ""))


def _epochs(path: Path, part: str) -> list[Epoch]:
    try:
        with path.open(encoding="utf-8", errors="replace") as handle:
            lines = handle.read(_MOST_BYTES).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("loss"), _NUMBERS):
            found.append(_epoch(row, part))
    return found


def _epoch(row: dict[str, Any], part: str) -> Epoch:
    score = next((row[name] for name in ("auroc", "dice") if isinstance(row.get(name), _NUMBERS)), None)
    seconds = row.get("seconds", 0.0)
    return Epoch(
        part,
        int(row.get("epoch", 0)),
        float(row["loss"]),
        None if score is None else float(score),
        float(seconds) if isinstance(seconds, _NUMBERS) else 0.0,
    )
