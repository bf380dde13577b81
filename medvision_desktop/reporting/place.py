"""Puts a finished file in its place: whole or not at all, and there after a power cut."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from medvision_desktop.errors import ExportFailed

# Binary, where that makes a difference; for this user only, because reports name people.
_FRESH: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)


def place(folder: Path, name: str, data: bytes) -> Path:
    """Write `data` as `folder / name`. Raises `ExportFailed`; then no part of it is left."""
    target, fresh = folder / name, folder / f".{name}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(fresh, _FRESH, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
        _sync_folder(folder)
    except OSError as error:
        for leftover in (fresh, target):
            with contextlib.suppress(OSError):
                leftover.unlink()
        raise ExportFailed(
            "The signed report could not be written.",
            f"{error.strerror}.",
            "Nothing was signed. Free some space or check the data folder, and sign again.",
        ) from error
    return target


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Windows has no handle for a folder and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
