"""The reader's own window presets: a TOML file by modality, checked whole before any of it is used.

    [[CT]]
    key = 2
    name = "Brain"
    center = 40.0
    width = 80.0

    [[MR]]
    key = 3
    name = "Without the ends"
    low_percent = 2.0
    high_percent = 98.0

    [[PT]]
    key = 2
    name = "SUV 0-5"
    center = 2.5
    width = 5.0
    quantity = "SUVbw"

A window is in modality values, or in a quantity that the header gives. A modality that is not in the
file keeps the presets that ship. A preset with neither pair is the image's default.
"""

from __future__ import annotations

import itertools
import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from medvision_desktop.domain.display import VoiFunction, VoiWindow
from medvision_desktop.errors import ExportFailed, SettingsInvalid
from medvision_desktop.pixels.presets import Preset

FILE_NAME: Final = "presets.toml"
LONGEST_NAME: Final = 40
_WHAT: Final = "The table of window presets is not used."
_NOW: Final = f"Mend or remove {FILE_NAME}; until then the presets that ship hold."
_FIELDS: Final = frozenset({"key", "name", "center", "width", "low_percent", "high_percent", "quantity"})

Table = Mapping[str, tuple[Preset, ...]]


def load(path: Path) -> Table:
    """Presets by modality; nothing where there is no file. Raises `SettingsInvalid`."""
    if not path.exists():
        return {}
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(_WHAT, f"{error}.", _NOW) from error
    try:
        return {
            modality: checked([_preset(row) for row in _rows(rows)]) for modality, rows in given.items()
        }
    except ValueError as error:
        raise SettingsInvalid(_WHAT, str(error), _NOW) from error


def save(path: Path, table: Table) -> None:
    """Write the table whole, or leave the one before. Raises `ExportFailed`."""
    lines = ["# Window presets by modality, on the keys 1 to 9."]
    for modality, presets in table.items():
        for preset in presets:
            lines += ["", f"[[{json.dumps(modality)}]]", f"key = {preset.key}"]
            lines.append(f"name = {json.dumps(preset.name, ensure_ascii=False)}")
            if preset.window is not None:
                lines += [f"center = {preset.window.center!r}", f"width = {preset.window.width!r}"]
            if preset.quantity:
                lines.append(f"quantity = {json.dumps(preset.quantity, ensure_ascii=False)}")
            if preset.percentiles is not None:
                low, high = preset.percentiles
                lines += [f"low_percent = {low!r}", f"high_percent = {high!r}"]
    beside = path.with_suffix(".new")
    try:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise ExportFailed("The window presets were not saved.", f"{error.strerror}.") from error


def made(
    key: int,
    name: str,
    *,
    window: tuple[float, float] | None = None,
    percentiles: tuple[float, float] | None = None,
    quantity: str = "",
) -> Preset:
    """A preset of (centre, width) or of two percentiles. Raises `ValueError` in one sentence."""
    name = name.strip()
    if not 1 <= key <= 9:
        raise ValueError("A preset is on a key from 1 to 9.")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"The preset on key {key} needs a name of at most {LONGEST_NAME} characters.")
    if window is not None and percentiles is not None:
        raise ValueError(f"“{name}” is a window or two percentiles, not both.")
    if window is not None:
        center, width = window
        if quantity and math.isfinite(center) and math.isfinite(width) and width > 0:
            return Preset(key, name, VoiWindow(center, width, VoiFunction.LINEAR_EXACT), quantity=quantity)
        if not (math.isfinite(center) and math.isfinite(width) and width >= 1):
            raise ValueError(f"“{name}” needs a centre, and a width of at least 1.")
        return Preset(key, name, VoiWindow(center, width))
    if percentiles is not None and not 0 <= percentiles[0] < percentiles[1] <= 100:
        raise ValueError(f"“{name}” needs a low and a higher percentile between 0 and 100.")
    return Preset(key, name, percentiles=percentiles)


def checked(presets: list[Preset]) -> tuple[Preset, ...]:
    """Presets in the order of their keys. Raises `ValueError` where a key is given twice."""
    ordered = sorted(presets, key=lambda preset: preset.key)
    for one, other in itertools.pairwise(ordered):
        if one.key == other.key:
            raise ValueError(f"Key {one.key} is given to both “{one.name}” and “{other.name}”.")
    return tuple(ordered)


def _rows(rows: Any) -> list[dict[str, Any]]:
    sound = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    if not sound:
        raise ValueError("Each preset is a table of its own, under [[modality]].")
    return list(rows)


def _preset(row: Mapping[str, Any]) -> Preset:
    unknown = set(row) - _FIELDS
    if unknown:
        raise ValueError(f"A preset has no “{min(unknown)}”.")
    key, name = row.get("key"), row.get("name")
    told = isinstance(key, int) and isinstance(name, str)
    if not told:
        raise ValueError("A preset has a key and a name.")
    quantity = row.get("quantity", "")
    if not isinstance(quantity, str) or len(quantity) > LONGEST_NAME:
        raise ValueError(f"“{name}” needs the name of a quantity.")
    return made(
        int(row["key"]),
        str(row["name"]),
        window=_pair(row, "center", "width"),
        percentiles=_pair(row, "low_percent", "high_percent"),
        quantity=quantity,
    )


def _pair(row: Mapping[str, Any], one: str, other: str) -> tuple[float, float] | None:
    given = [row.get(name) for name in (one, other)]
    if given == [None, None]:
        return None
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        raise ValueError(f"“{row.get('name')}” needs both {one} and {other} as numbers.")
    return (float(row[one]), float(row[other]))
