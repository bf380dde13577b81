"""The table of hanging protocols: a TOML file, checked whole before any of it is used.

The file replaces the table that ships (`hanging_shipped`), which also shows how it is written.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.hanging import (
    CELLS,
    CURRENT,
    KINDS,
    PRIOR,
    HangingRule,
    PaneRule,
    StageRule,
)
from medvision_desktop.errors import ExportFailed, SettingsInvalid
from medvision_desktop.services import hanging_shipped

FILE_NAME: Final = "hanging.toml"
_WHAT: Final = "The table of hanging protocols is not used."
_NOW: Final = f"Mend or remove {FILE_NAME}; until then the protocols that ship hold."
_MOST_BYTES: Final = 256 << 10
_MOST_RULES: Final = 200
_MOST_STAGES: Final = 12
_MOST_WORDS: Final = 24
_LONGEST: Final = 60
_RULE_FIELDS: Final = frozenset(
    {"name", "stage", "kind", "modality", "body_part", "view", "laterality", "series", "prior"}
)
_STAGE_FIELDS: Final = frozenset({"name", "layout", "pane"})
_PANE_FIELDS: Final = frozenset(
    {
        *("study", "modality", "series", "without", "view", "laterality"),
        *("acquired", "plane", "preset", "optional"),
    }
)
_PLANES: Final = {plane.value: plane for plane in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)}


@cache
def shipped() -> tuple[HangingRule, ...]:
    """The rules that ship."""
    return read(hanging_shipped.TEXT)


def load(path: Path) -> tuple[HangingRule, ...]:
    """The reader's rules, or those that ship where there is no file. Raises `SettingsInvalid`."""
    if not path.exists():
        return shipped()
    try:
        return read(_content(path))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(_WHAT, f"{error}.", _NOW) from error
    except RecursionError as error:
        raise SettingsInvalid(_WHAT, "It is nested too deeply.", _NOW) from error
    except ValueError as error:
        raise SettingsInvalid(_WHAT, str(error), _NOW) from error


def save(path: Path, rules: Sequence[HangingRule]) -> None:
    """Write the table whole, or leave the one before. Raises `ExportFailed`."""
    beside = path.with_suffix(".new")
    try:
        beside.write_text(written(rules), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise ExportFailed("The hanging protocols were not saved.", f"{error.strerror}.") from error


def read(text: str) -> tuple[HangingRule, ...]:
    """The rules of a table. Raises `ValueError` in one sentence for the first fault."""
    table = tomllib.loads(text)
    unknown = set(table) - {"rule"}
    if unknown:
        raise ValueError(f"The table has rules only, and no “{min(unknown)}”.")
    return checked([_rule(row) for row in _rows(table.get("rule", []), "The table", _MOST_RULES)])


def checked(rules: Sequence[HangingRule]) -> tuple[HangingRule, ...]:
    """The rules, when each has a name of its own. Raises `ValueError` in one sentence."""
    if not rules:
        raise ValueError("There is no rule in it.")
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise ValueError(f"Two rules are called “{rule.name}”.")
        seen.add(rule.name)
    return tuple(rules)


def made_stage(name: str, layout: str, panes: Sequence[PaneRule]) -> StageRule:
    """A stage whose panes its layout has. Raises `ValueError` in one sentence."""
    name = _name(name, "A stage")
    if layout not in CELLS:
        raise ValueError(f"Stage “{name}” needs a layout: {', '.join(CELLS)}.")
    if not 1 <= len(panes) <= CELLS[layout]:
        raise ValueError(f"Stage “{name}” has {len(panes)} panes; {layout} has {CELLS[layout]}.")
    return StageRule(name, layout, tuple(panes))


def made_rule(name: str, stages: Sequence[StageRule], fields: Mapping[str, Any]) -> HangingRule:
    """A rule from the fields of its table. Raises `ValueError` in one sentence."""
    name = _name(name, "A rule")
    if not 1 <= len(stages) <= _MOST_STAGES:
        raise ValueError(f"“{name}” needs one to {_MOST_STAGES} stages.")
    prior = fields.get("prior")
    if prior is not None and not isinstance(prior, bool):
        raise ValueError(f"“{name}”: prior is true or false.")
    kinds = _texts(fields, "kind", name)
    if set(kinds) - set(KINDS):
        raise ValueError(f"“{name}”: a kind is one of {', '.join(KINDS)}.")
    return HangingRule(
        name=name,
        stages=tuple(stages),
        kind=kinds,
        modality=_texts(fields, "modality", name),
        body_part=_texts(fields, "body_part", name),
        view=_texts(fields, "view", name),
        laterality=_text(fields, "laterality", name),
        series=_texts(fields, "series", name),
        prior=prior,
    )


def made_pane(fields: Mapping[str, Any], where: str) -> PaneRule:
    """A pane from the fields of its table. Raises `ValueError` in one sentence."""
    unknown = set(fields) - _PANE_FIELDS
    if unknown:
        raise ValueError(f"{where}: a pane has no “{min(unknown)}”.")
    study = _text(fields, "study", where) or CURRENT
    if study not in (CURRENT, PRIOR):
        raise ValueError(f"{where}: a pane shows the “{CURRENT}” or the “{PRIOR}” study.")
    optional = fields.get("optional", False)
    if optional not in (True, False):
        raise ValueError(f"{where}: optional is true or false.")
    return PaneRule(
        study=study,
        modality=_texts(fields, "modality", where),
        series=_texts(fields, "series", where),
        without=_texts(fields, "without", where),
        view=_texts(fields, "view", where),
        laterality=_text(fields, "laterality", where),
        acquired=_plane(fields, "acquired", where),
        plane=_plane(fields, "plane", where),
        preset=_text(fields, "preset", where),
        optional=bool(optional),
    )


def written(rules: Sequence[HangingRule]) -> str:
    """The table as TOML, which `read` gives back as it was."""
    lines = ["# Hanging protocols: the first rule that is for a study hangs it."]
    for rule in rules:
        lines += ["", "[[rule]]", f"name = {_quoted(rule.name)}"]
        for field in ("kind", "modality", "body_part", "view", "series"):
            lines += _line(field, getattr(rule, field))
        lines += _line("laterality", rule.laterality)
        if rule.prior is not None:
            lines.append(f"prior = {str(rule.prior).lower()}")
        for stage in rule.stages:
            lines += ["", "[[rule.stage]]", f"name = {_quoted(stage.name)}"]
            lines.append(f"layout = {_quoted(stage.layout)}")
            lines += ["pane = [", *(f"  {_inline(pane)}," for pane in stage.panes), "]"]
    return "\n".join(lines) + "\n"


def _content(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"It is larger than {_MOST_BYTES >> 10} KiB.")
    return content.decode("utf-8")


def _rule(row: Mapping[str, Any]) -> HangingRule:
    unknown = set(row) - _RULE_FIELDS
    if unknown:
        raise ValueError(f"A rule has no “{min(unknown)}”.")
    name = _name(row.get("name", ""), "A rule")
    stages = [_stage(stage, name) for stage in _rows(row.get("stage", []), f"“{name}”", _MOST_STAGES)]
    return made_rule(name, stages, row)


def _stage(row: Mapping[str, Any], rule: str) -> StageRule:
    unknown = set(row) - _STAGE_FIELDS
    if unknown:
        raise ValueError(f"“{rule}”: a stage has no “{min(unknown)}”.")
    name = _name(row.get("name", ""), f"A stage of “{rule}”")
    where = f"“{rule}”, stage “{name}”"
    panes = [made_pane(pane, where) for pane in _rows(row.get("pane", []), where, max(CELLS.values()))]
    return made_stage(name, _text(row, "layout", where), panes)


def _rows(rows: Any, where: str, most: int) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{where}: rules, stages and panes are tables of their own.")
    if len(rows) > most:
        raise ValueError(f"{where} holds {len(rows)} of them; {most} are the most.")
    return rows


def _name(value: Any, what: str) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise ValueError(f"{what} needs a name of at most {_LONGEST} characters.")
    return name


def _text(row: Mapping[str, Any], field: str, where: str) -> str:
    value = row.get(field, "")
    if not _is_short(value):
        raise ValueError(f"{where}: {field} is a short text.")
    return str(value).strip()


def _texts(row: Mapping[str, Any], field: str, where: str) -> tuple[str, ...]:
    value = row.get(field, [])
    listed = [value] if isinstance(value, str) else value
    sound = isinstance(listed, list) and len(listed) <= _MOST_WORDS
    if not sound or not all(
        isinstance(one, str) and len(one) <= _LONGEST and one.isprintable() for one in listed
    ):
        raise ValueError(f"{where}: {field} is a list of short texts.")
    return tuple(one.strip() for one in listed if one.strip())


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _plane(row: Mapping[str, Any], field: str, where: str) -> Plane | None:
    name = _text(row, field, where)
    if name and name not in _PLANES:
        raise ValueError(f"{where}: {field} is one of {', '.join(_PLANES)}.")
    return _PLANES.get(name)


def _inline(pane: PaneRule) -> str:
    parts = [] if pane.study == CURRENT else [f"study = {_quoted(pane.study)}"]
    for field in ("modality", "series", "without", "view", "laterality", "preset"):
        parts += _line(field, getattr(pane, field))
    for field in ("acquired", "plane"):
        plane = getattr(pane, field)
        parts += _line(field, plane.value if plane is not None else "")
    if pane.optional:
        parts.append("optional = true")
    return "{ " + ", ".join(parts) + " }" if parts else "{}"


def _line(field: str, value: str | tuple[str, ...]) -> list[str]:
    if not value:
        return []
    text = _quoted(value) if isinstance(value, str) else f"[{', '.join(_quoted(one) for one in value)}]"
    return [f"{field} = {text}"]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
