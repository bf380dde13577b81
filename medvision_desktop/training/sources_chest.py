"""Public sets of chest films as they are downloaded: NIH ChestX-ray14 and CheXpert.

Both name several labels an image, found in reports by a program. Images that are not there are passed
over, so that a part of a set can be used; a set of which nothing is there is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from medvision_desktop.errors import InputRefused
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.training.sources import Item, rows_of, subgroups

_NIH_TABLE: Final = "Data_Entry_2017.csv"
_NIH_TEST: Final = "test_list.txt"
_CHEXPERT_PERSON: Final = re.compile(r"(patient\d+)")
_UNCERTAIN: Final = -1.0


def nih(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
    """NIH ChestX-ray14 (Wang et al. 2017): `Data_Entry_2017.csv` and folders `images*`.

    With the recipe's `kept_split` the images of `test_list.txt` are the test.
    """
    table = directory / (recipe.table or _NIH_TABLE)
    places = {path.name: path for path in sorted(directory.glob("images*/**/*.png"))}
    listed = directory / _NIH_TEST
    test = (
        set(listed.read_text(encoding="utf-8").split()) if recipe.kept_split and listed.exists() else set()
    )
    items = []
    for row in rows_of(table):
        path = places.get(row.get("Image Index", ""))
        if path is None:
            continue
        marks = _marks(recipe, row.get("Finding Labels", "").split("|"))
        sex = row.get("Patient Gender") or row.get("Patient Sex") or ""
        told = subgroups(row.get("View Position", ""), sex, row.get("Patient Age", ""))
        group, fold = f"nih/{row.get('Patient ID', '')}", "test" if path.name in test else ""
        items.append(Item(path, int(bool(marks)), group, "NIH ChestX-ray14", told, fold=fold, marks=marks))
    return _some(items, directory, table)


def chexpert(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
    """CheXpert (Irvin et al. 2019): `train.csv`, and with `kept_split` `valid.csv` as the test.

    A blank means not mentioned, which counts as without. -1 means uncertain: the recipe says whether that
    is left out of the loss, counts as without, or counts as with.
    """
    tables = [(directory / (recipe.table or "train.csv"), "")]
    if recipe.kept_split:
        tables.append((directory / "valid.csv", "test"))
    items = []
    for table, fold in tables:
        for row in rows_of(table):
            path = _below(directory, row.get("Path", ""))
            if path is not None:
                items.append(_chexpert_item(path, row, recipe, fold))
    return _some(items, directory, tables[0][0])


def _chexpert_item(path: Path, row: Mapping[str, str], recipe: Recipe, fold: str) -> Item:
    said = {plain(name): value for name, value in row.items() if name}
    marks, unknown = [], []
    for index, label in enumerate(recipe.labels):
        value = number(said.get(plain(label), ""))
        if value == _UNCERTAIN and recipe.uncertain == "ignore":
            unknown.append(index)
        elif value == 1 or (value == _UNCERTAIN and recipe.uncertain == "ones"):
            marks.append(index)
    person = _CHEXPERT_PERSON.search(row.get("Path", ""))
    lateral = row.get("Frontal/Lateral", "") == "Lateral"
    view = "LATERAL" if lateral else row.get("AP/PA", "")
    told = subgroups(view, row.get("Sex", "")[:1], row.get("Age", ""))
    group = f"chexpert/{person.group(1) if person else path.stem}"
    one = -1 if unknown else int(bool(marks))
    return Item(path, one, group, "CheXpert", told, fold=fold, marks=tuple(marks), unknown=tuple(unknown))


def plain(label: str) -> str:
    """A label without regard to case and the sign between its words."""
    return label.replace("_", " ").strip().casefold()


def number(text: str) -> float | None:
    """A number that a table holds; None for a blank or for words."""
    try:
        return float(text)
    except ValueError:
        return None


def _marks(recipe: Recipe, named: Iterable[str]) -> tuple[int, ...]:
    known = {plain(name) for name in named}
    return tuple(index for index, label in enumerate(recipe.labels) if plain(label) in known)


def _below(directory: Path, written: str) -> Path | None:
    """The file that a table names, below the folder wherever that was unpacked; None if it is not there."""
    parts = Path(written).parts
    for start in range(min(len(parts), 3)):
        path = directory.joinpath(*parts[start:])
        if ".." not in parts and path.is_file():
            return path
    return None


def _some(items: list[Item], directory: Path, table: Path) -> tuple[Item, ...]:
    if not items:
        raise InputRefused(
            "There are no training images.", f"Of those that {table.name} names none is below {directory}."
        )
    return tuple(items)
