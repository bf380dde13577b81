"""What displays were measured to give: a TOML file by screen, checked whole before any of it is used.

    [[screen]]
    name = "EIZO RX360 12345"
    measured = 2026-11-22
    levels = [0, 51, 102, 153, 204, 255]
    luminance = [0.6, 6.1, 30.2, 80.4, 160.9, 250.7]

Luminance is in cd/m2 and includes the ambient light that the meter sees. A screen that is not in the
file is driven without a correction.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from medvision_desktop.errors import ExportFailed, SettingsInvalid
from medvision_desktop.pixels.gsdf import Characteristic

FILE_NAME: Final = "displays.toml"
_WHAT: Final = "The table of measured displays is not used."
_NOW: Final = f"Mend or remove {FILE_NAME}; until then no display is corrected."
_FIELDS: Final = frozenset({"name", "measured", "levels", "luminance"})
_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class MeasuredDisplay:
    """One screen by its name, when it was measured, and what it gave."""

    name: str
    measured: date
    characteristic: Characteristic


Table = Mapping[str, MeasuredDisplay]


def load(path: Path) -> Table:
    """Measured displays by the name of their screen; nothing without a file. Raises `SettingsInvalid`."""
    if not path.exists():
        return {}
    try:
        with path.open("rb") as file:
            given = tomllib.loads(file.read(_MOST_BYTES).decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(_WHAT, f"{error}.", _NOW) from error
    try:
        found = [_display(row) for row in _rows(given)]
    except ValueError as error:
        raise SettingsInvalid(_WHAT, str(error), _NOW) from error
    if len({display.name for display in found}) < len(found):
        raise SettingsInvalid(_WHAT, "A screen is in it twice.", _NOW)
    return {display.name: display for display in found}


def save(path: Path, displays: Sequence[MeasuredDisplay]) -> None:
    """Write the table whole, or leave the one before. Raises `ExportFailed`."""
    lines = ["# Measured displays: cd/m2 at driving levels from 0 to 255, with ambient light."]
    for display in displays:
        lines += ["", "[[screen]]", f"name = {json.dumps(display.name, ensure_ascii=False)}"]
        lines.append(f"measured = {display.measured.isoformat()}")
        lines.append(f"levels = {list(display.characteristic.levels)}")
        lines.append(f"luminance = {list(display.characteristic.luminance)}")
    beside = path.with_suffix(".new")
    try:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise ExportFailed("The measured displays were not saved.", f"{error.strerror}.") from error


def _rows(given: Mapping[str, Any]) -> list[Any]:
    rows = given.get("screen", [])
    if set(given) - {"screen"} or not isinstance(rows, list):
        raise ValueError("Each display is a [[screen]].")
    return rows


def _display(row: Any) -> MeasuredDisplay:
    if not isinstance(row, dict) or set(row) != _FIELDS:
        raise ValueError("A screen has name, measured, levels and luminance.")
    name, measured = row["name"], row["measured"]
    if not isinstance(name, str) or not name.strip():
        raise ValueError("A screen needs a name.")
    if type(measured) is not date:
        raise ValueError(f"“{name}” needs the day on which it was measured.")
    levels, luminance = row["levels"], row["luminance"]
    if not _all(levels, int) or not _all(luminance, (int, float)):
        raise ValueError(f"“{name}” needs lists of whole levels and of luminances.")
    try:
        curve = Characteristic(tuple(levels), tuple(float(value) for value in luminance))
    except ValueError as error:
        raise ValueError(f"“{name}”: {error}") from error
    return MeasuredDisplay(name, measured, curve)


def _all(values: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, kind) and not isinstance(value, bool) for value in values
    )
