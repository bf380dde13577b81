"""What the reader opened, so that the worklist is there again after a restart. Paths only, no headers."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from medvision_desktop.paths import Locations

MOST: Final = 200
_BYTES_LIMIT: Final = 1 << 20
_log = logging.getLogger(__name__)


def load(locations: Locations) -> tuple[Path, ...]:
    """Absolute paths opened before, the newest last. A damaged list is an empty one."""
    try:
        with _file(locations).open("rb") as file:
            listed = json.loads(file.read(_BYTES_LIMIT))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError):
        _log.warning("the list of opened paths cannot be read")
        return ()
    if not isinstance(listed, list):
        return ()
    paths = [Path(entry) for entry in listed if isinstance(entry, str) and "\0" not in entry]
    return tuple(path for path in paths if path.is_absolute())[-MOST:]


def remember(locations: Locations, paths: Sequence[Path]) -> None:
    """Add paths to the list. It is a convenience: what cannot be written is only logged."""
    fresh = [path.absolute() for path in paths]
    kept = [path for path in load(locations) if path not in fresh]
    _write(locations, [*kept, *fresh][-MOST:])


def forget(locations: Locations) -> None:
    """Empty the list; the files stay where they are."""
    _write(locations, [])


def _write(locations: Locations, paths: Sequence[Path]) -> None:
    target = _file(locations)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = target.with_suffix(".new")
        fresh.write_text(json.dumps([str(path) for path in paths]), encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(target)
    except (OSError, UnicodeEncodeError):
        _log.warning("the list of opened paths cannot be written")


def _file(locations: Locations) -> Path:
    return locations.data / "opened.json"
