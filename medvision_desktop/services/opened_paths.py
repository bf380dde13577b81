"""What the reader opened, so that the worklist is there again after a restart. Paths only, no headers.

Paths that were opened together stay together, because together they make up series.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from medvision_desktop.paths import Locations

MOST_GROUPS: Final = 200
# More single files than this at once is a folder's worth; reopening them would cost more than it gives.
MOST_PATHS: Final = 2000
_BYTES_LIMIT: Final = 32 << 20
_log = logging.getLogger(__name__)

Group = tuple[Path, ...]


def load(locations: Locations) -> tuple[Group, ...]:
    """Groups of absolute paths opened before, the newest last. A damaged list is an empty one."""
    try:
        with _file(locations).open("rb") as file:
            listed = json.loads(file.read(_BYTES_LIMIT))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError):
        _log.warning("the list of opened paths cannot be read")
        return ()
    groups = [_group(entry) for entry in listed] if isinstance(listed, list) else []
    return tuple(group for group in groups if group)[-MOST_GROUPS:]


def remember(locations: Locations, paths: Sequence[Path]) -> None:
    """Add paths to the list. It is a convenience: what cannot be written is only logged."""
    fresh = tuple(path.absolute() for path in paths)[:MOST_PATHS]
    kept = [group for group in load(locations) if group != fresh]
    _write(locations, [*kept, fresh][-MOST_GROUPS:])


def forget(locations: Locations) -> None:
    """Empty the list; the files stay where they are."""
    _write(locations, [])


def _group(entry: object) -> Group:
    if not isinstance(entry, list):
        return ()
    texts = [text for text in entry if isinstance(text, str) and "\0" not in text]
    return tuple(path for path in map(Path, texts) if path.is_absolute())[:MOST_PATHS]


def _write(locations: Locations, groups: Sequence[Group]) -> None:
    target = _file(locations)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = target.with_suffix(".new")
        fresh.write_text(json.dumps([[str(path) for path in group] for group in groups]), encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(target)
    except (OSError, UnicodeEncodeError):
        _log.warning("the list of opened paths cannot be written")


def _file(locations: Locations) -> Path:
    return locations.data / "opened.json"
