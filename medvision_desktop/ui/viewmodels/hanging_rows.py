"""Hanging rules as rows of text for a table to edit, and back."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from medvision_desktop.domain.hanging import CURRENT, HangingRule, PaneRule
from medvision_desktop.services import hanging_table

RULE_COLUMNS: Final = ("Rule", "Kind", "Modality", "Body part", "View", "Side", "Series", "Prior")
PANE_COLUMNS: Final = (
    *("Stage", "Layout", "Study", "Series", "Without", "Modality", "View", "Side"),
    *("Taken in", "Plane", "Window", "Optional"),
)
_RULE_FIELDS: Final = ("kind", "modality", "body_part", "view", "laterality", "series")
_PANE_FIELDS: Final = ("series", "without", "modality", "view", "laterality", "acquired", "plane", "preset")
_SINGLE: Final = frozenset({"laterality", "acquired", "plane", "preset"})
_YES: Final = "yes"
_ANSWERS: Final[Mapping[str, bool | None]] = {"": None, _YES: True, "no": False}

Row = tuple[str, ...]


def rule_row(rule: HangingRule) -> Row:
    """The cells of a rule, in the order of `RULE_COLUMNS`."""
    prior = next(word for word, answer in _ANSWERS.items() if answer is rule.prior)
    return (rule.name, *(_cell(getattr(rule, field)) for field in _RULE_FIELDS), prior)


def pane_rows(rule: HangingRule) -> tuple[Row, ...]:
    """A row for each pane of each stage, in the order of `PANE_COLUMNS`."""
    return tuple(_pane_row(stage.name, stage.layout, pane) for stage in rule.stages for pane in stage.panes)


def rule_of(row: Row, panes: Sequence[Row]) -> HangingRule:
    """A rule from its cells; rows that follow each other with one stage name make that stage.

    Raises `ValueError` in one sentence.
    """
    name, *cells, prior = row
    fields: dict[str, Any] = _fields(_RULE_FIELDS, cells)
    if prior.casefold() not in _ANSWERS:
        raise ValueError(f"“{name}”: prior is yes, no or nothing.")
    fields["prior"] = _ANSWERS[prior.casefold()]
    told = [pane for pane in panes if any(pane)]
    stages = []
    for (stage, layout), rows in itertools.groupby(told, key=lambda pane: pane[:2]):
        where = f"“{name}”, stage “{stage}”"
        wishes = [hanging_table.made_pane(_pane_fields(one, where), where) for one in rows]
        stages.append(hanging_table.made_stage(stage, layout, wishes))
    return hanging_table.made_rule(name, stages, fields)


def _pane_row(stage: str, layout: str, pane: PaneRule) -> Row:
    cells = (_cell(getattr(pane, field)) for field in _PANE_FIELDS)
    return (stage, layout, pane.study, *cells, _YES if pane.optional else "")


def _pane_fields(row: Row, where: str) -> dict[str, Any]:
    _, _, study, *cells, optional = row
    if optional.casefold() not in _ANSWERS:
        raise ValueError(f"{where}: optional is yes or nothing.")
    fields = _fields(_PANE_FIELDS, cells)
    return fields | {"study": study or CURRENT, "optional": bool(_ANSWERS[optional.casefold()])}


def _fields(names: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    pairs = zip(names, cells, strict=True)
    return {name: cell if name in _SINGLE else _listed(cell) for name, cell in pairs}


def _listed(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(",") if part.strip()]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(getattr(value, "value", value))
