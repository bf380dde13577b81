"""The reader's own keys: a TOML file of action ids and keys, checked whole before any of it is used.

"tool.length" = "Shift+L"
"slice.next" = ["Down", "J"]
"file.quit" = ""            # no key
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from PySide6.QtGui import QKeySequence

from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.ui.actions import ACTIONS, BY_ID, Action

FILE_NAME: Final = "keys.toml"
_WHAT: Final = "The table of keys is not used."
_NOW: Final = f"Mend {FILE_NAME}; until then the usual keys hold."


def load(path: Path) -> tuple[Action, ...]:
    """The table of actions with the reader's keys; the usual one where there is no file.

    Raises `SettingsInvalid`.
    """
    if not path.exists():
        return ACTIONS
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(_WHAT, f"{error}.", _NOW) from error
    return remapped(table)


def remapped(table: Mapping[str, Any]) -> tuple[Action, ...]:
    """The table of actions with these keys in it. Raises `SettingsInvalid`: one sentence for one fault."""
    wanted: dict[str, tuple[str, ...]] = {}
    for action_id, keys in table.items():
        if action_id not in BY_ID:
            raise SettingsInvalid(_WHAT, f"No action is called “{action_id}”.", _NOW)
        listed = [keys] if isinstance(keys, str) else keys
        if not isinstance(listed, list) or not all(isinstance(key, str) for key in listed):
            raise SettingsInvalid(_WHAT, f"The keys of “{BY_ID[action_id].text}” are not text.", _NOW)
        wanted[action_id] = tuple(_portable(action_id, key) for key in listed if key.strip())
    fresh = tuple(replace(row, shortcuts=wanted.get(row.id, row.shortcuts)) for row in ACTIONS)
    clash = conflict(fresh)
    if clash is not None:
        raise SettingsInvalid(_WHAT, clash, _NOW)
    return fresh


def conflict(actions: Iterable[Action]) -> str | None:
    """One sentence about the first key that two actions share, or None."""
    taken: dict[str, Action] = {}
    for action in actions:
        for keys in action.shortcuts:
            name = QKeySequence(keys).toString(QKeySequence.SequenceFormat.PortableText)
            if name in taken and taken[name].id != action.id:
                return f"“{name}” is given to both “{taken[name].text}” and “{action.text}”."
            taken[name] = action
    return None


def written(actions: Iterable[Action]) -> str:
    """The table as a TOML file to edit: every action, with those that are as usual commented out."""
    lines = ['# Keys by action. Take away the # before a line and change its keys; "" is no key.']
    group = ""
    for action in actions:
        if action.group != group:
            group = action.group
            lines += ["", f"# {group}"]
        keys = ", ".join(f'"{_escaped(key)}"' for key in action.shortcuts)
        same = action.shortcuts == BY_ID[action.id].shortcuts
        lines.append(f'{"# " if same else ""}"{action.id}" = [{keys}]  # {action.text}')
    return "\n".join(lines) + "\n"


def _portable(action_id: str, keys: str) -> str:
    sequence = QKeySequence.fromString(keys, QKeySequence.SequenceFormat.PortableText)
    name = sequence.toString(QKeySequence.SequenceFormat.PortableText)
    if sequence.count() != 1 or not name:
        raise SettingsInvalid(_WHAT, f"“{keys}” for “{BY_ID[action_id].text}” is not a key.", _NOW)
    return name


def _escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace('"', '\\"')
