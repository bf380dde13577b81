"""What stands in each run's `run.json`: recipe, data, split, program, machine: enough to repeat it.

No path, no name of a file and no name of a person or computer is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from medvision_desktop import __version__, paths
from medvision_desktop.errors import InputRefused
from medvision_desktop.training import recipe_text
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.recipe import Recipe

FILE: Final = "run.json"
RECIPE: Final = "recipe.toml"
_LIBRARIES: Final = (
    *("torch", "torchvision", "lightning", "monai", "numpy", "scipy", "scikit-learn"),
    *("opencv-python-headless", "onnx", "onnxruntime", "pydicom", "safetensors"),
)


def read(run: Path) -> dict[str, Any]:
    """The record of a run; empty where there is none that can be read."""
    try:
        found = json.loads((run / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def begun(run: Path, recipe: Recipe, data: Mapping[str, Any], machine: Machine) -> None:
    """Write what a run begins with, and its recipe; see `begun_with`."""
    begun_with(run, recipe_text.plain(recipe), data, machine, initial_sha256=_initial_digest(recipe))
    (run / RECIPE).write_text(recipe_text.text(recipe), encoding="utf-8")


def begun_with(
    run: Path,
    plain: Mapping[str, Any],
    data: Mapping[str, Any],
    machine: Machine,
    *,
    initial_sha256: str = "",
) -> None:
    """Write what a run begins with; for one that goes on, compare first.

    `plain` is what decides over the weights, as JSON knows it, `data` is `of_data`'s. Raises `InputRefused`
    where it would go on with another recipe or other images.
    """
    before = read(run)
    started = any(run.rglob("checkpoint.safetensors"))
    if started and before:
        changed = sorted(
            name for name in plain if before.get("recipe", {}).get(name, plain[name]) != plain[name]
        )
        if changed:
            raise InputRefused(
                "This run was begun with another recipe.",
                f"Changed: {', '.join(changed)}.",
                "Resume it with its own, or give the new one another name.",
            )
        if before.get("data", {}).get("sha256", data["sha256"]) != data["sha256"]:
            raise InputRefused(
                "This run was begun with other images.",
                "Their hashes differ.",
                "Resume it on its own, or give the recipe another name.",
            )
    record = {
        "recipe": dict(plain),
        "initial_sha256": initial_sha256,
        "data": dict(data),
        "program": _program(),
        "machine": {**asdict(machine), "platform": platform.platform(), "processors": os.cpu_count()},
        "began_utc": before.get("began_utc") if started and before else _now(),
    }
    _write(run, record)


def ended(run: Path, state: Mapping[str, Any], hours: float) -> None:
    """Add what came of a run: `state` of its last loop, and the hours of all its loops."""
    came = {key: state.get(key) for key in ("epoch", "best", "best_epoch", "mean", "std")}
    _write(run, {**read(run), "result": came, "hours": round(hours, 4), "ended_utc": _now()})


def of_data(
    sha256: Sequence[str], folds: Sequence[str], sources: Sequence[str], unreadable: int, split_file: Path
) -> dict[str, Any]:
    """Images as counts and hashes: `sha256` of the sorted hashes of all of them, and that of the split."""
    together = hashlib.sha256("\n".join(sorted(sha256)).encode()).hexdigest()
    return {
        "images": len(sha256),
        "unreadable": unreadable,
        "sha256": together,
        "split_sha256": hashlib.sha256(split_file.read_bytes()).hexdigest(),
        "folds": dict(sorted(Counter(folds).items())),
        "sources": dict(sorted(Counter(sources).items())),
    }


def _initial_digest(recipe: Recipe) -> str:
    """SHA-256 of the file that a recipe starts from; empty where it starts from none."""
    kind, _, name = recipe.initial.partition(":")
    if kind != "file":
        return ""
    try:
        with Path(name).expanduser().open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        why = f"{Path(name).name}: {error.strerror}."
        raise InputRefused("The weights cannot be read.", why) from error


def _program() -> dict[str, Any]:
    revision, changed = _revision()
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    return {
        "version": __version__,
        "revision": revision,
        "changed": changed,
        "python": platform.python_version(),
        "libraries": versions,
    }


def _revision() -> tuple[str, bool | None]:
    """The git revision of the program and whether files differ from it; ("", None) outside of git."""
    git = shutil.which("git")
    if git is None or not (paths.root() / ".git").exists():
        return "", None

    def asked(*words: str) -> str:
        # A fixed program with fixed words, no shell.
        found = subprocess.run(  # noqa: S603
            (git, "-C", str(paths.root()), *words), capture_output=True, text=True, timeout=20, check=True
        )
        return found.stdout.strip()

    try:
        return asked("rev-parse", "HEAD"), bool(asked("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return "", None


def _write(run: Path, record: Mapping[str, Any]) -> None:
    fresh = run / f"{FILE}.new"
    fresh.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    fresh.replace(run / FILE)


def _now() -> str:
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
