"""A folder of DICOM files and a table of answers: what a hospital has.

The table names each image by its file or by its SOP Instance UID. Who it shows, the view, sex and age come
from the header, read as the program reads it; pixels are decoded later, compressed ones in a child process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from medvision_desktop.domain.study import Patient
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.dicom_scan import ScannedFile, scan_file
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.training.sources import Item, rows_of, subgroups
from medvision_desktop.training.sources_chest import number, plain

_TABLE: Final = "labels.csv"
_FILE_COLUMNS: Final = ("file", "image", "path")
_UID_COLUMNS: Final = ("sop_instance_uid", "SOPInstanceUID", "uid")
_UNCERTAIN: Final = -1.0


def dicom_table(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
    """Items of the recipe's `table`, `labels.csv` if it names none.

    Answers stand in a column `labels`, separated by bars, or in a column for each label: 1, 0, blank for
    not known, -1 for uncertain. The recipe's `group` column tells people apart; without one the header's
    patient does. Names and numbers of people are kept as hashes only. Raises `InputRefused`.
    """
    by_uid: dict[str, tuple[Path, ScannedFile]] | None = None
    items = []
    for row in rows_of(directory / (recipe.table or _TABLE)):
        named = _first(row, _FILE_COLUMNS)
        if named:
            path = (directory / named).resolve()
            if not path.is_relative_to(directory.resolve()) or not path.is_file():
                continue
            scanned = _scanned(path)
        else:
            by_uid = _by_uid(directory) if by_uid is None else by_uid
            path, scanned = by_uid.get(_first(row, _UID_COLUMNS), (directory, None))
        if scanned is not None:
            items.append(_item(path, scanned, row, recipe, directory.name))
    if not items:
        raise InputRefused("There are no training images.", f"{directory} has none that the table names.")
    return tuple(items)


def _item(path: Path, scanned: ScannedFile, row: Mapping[str, str], recipe: Recipe, source: str) -> Item:
    marks, unknown = answers(row, recipe)
    patient = scanned.study.patient
    group = _nameless(row[recipe.group] if recipe.group in row else _who(patient, scanned.study.key))
    told = subgroups(scanned.series.view_position, patient.sex, scanned.study.age)
    label = _one(marks, unknown, recipe)
    fold = row.get("fold", "")
    return Item(path, label, group, source, told, fold=fold, marks=marks, unknown=unknown)


def answers(row: Mapping[str, str], recipe: Recipe) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Indices of the labels that are right, and of those that nobody knows."""
    given = {plain(name): value for name, value in row.items() if name}
    if "labels" in given:
        named = {plain(name) for name in given["labels"].split("|")}
        return tuple(i for i, label in enumerate(recipe.labels) if plain(label) in named), ()
    marks, unknown = [], []
    for index, label in enumerate(recipe.labels):
        value = number(given.get(plain(label), ""))
        if value is None or (value == _UNCERTAIN and recipe.uncertain == "ignore"):
            unknown.append(index)
        elif value == 1 or (value == _UNCERTAIN and recipe.uncertain == "ones"):
            marks.append(index)
    return tuple(marks), tuple(unknown)


def _one(marks: tuple[int, ...], unknown: tuple[int, ...], recipe: Recipe) -> int:
    """The single answer: the class where one is right, else with (1) or without (0); -1 if unknown."""
    if recipe.softmax:
        return marks[0] if len(marks) == 1 else -1
    return -1 if unknown else int(bool(marks))


def _scanned(path: Path) -> ScannedFile | None:
    try:
        return scan_file(path)
    except InputRefused:
        return None


def _by_uid(directory: Path) -> dict[str, tuple[Path, ScannedFile]]:
    found = {}
    for path in sorted(directory.rglob("*")):
        scanned = _scanned(path) if path.is_file() and path.suffix.lower() != ".csv" else None
        if scanned is not None:
            found[scanned.instance.sop_instance_uid] = (path, scanned)
    return found


def _first(row: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if row.get(name)), "")


def _who(patient: Patient, study: str) -> str:
    """A person as the header tells people apart; a file that names nobody is a person of its own."""
    return patient.id or "/".join(filter(None, (patient.name, patient.birth_date))) or study


def _nameless(group: str) -> str:
    return hashlib.sha256(f"group:{group}".encode()).hexdigest()[:16]
