"""Where training images come from: a folder's layout turned into items with label and group.

A group is everything that may be one person; groups are never split between folds.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import fairness
from medvision_desktop.training.recipe import Recipe

DRAWN: Final = "drawn"
_PERSON: Final = re.compile(r"^(person\d+)_")
_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})
_NORMAL: Final = re.compile(r"^((?:NORMAL2-)?IM-\d+)")


@dataclass(frozen=True)
class Item:
    """One image: its file, its label, who it may show, and which source it is from.

    `label` is 0 or 1 for one label and the index of the right one where one of several is right; where
    several may be right at once it is not used, and `marks` holds the indices of those that are.
    `stratum` is a subgroup that the card reports on its own. `variant` names a change that makes
    another picture of the file (see `variants`); empty means as it is. `fold` forces a fold.
    """

    path: Path
    label: int
    group: str
    source: str
    stratum: str = ""
    variant: str = ""
    fold: str = ""
    marks: tuple[int, ...] = ()


def read(recipe: Recipe, data: Path) -> tuple[Item, ...]:
    """All items of a recipe below the data directory. Raises `InputRefused`."""
    if recipe.source not in SOURCES:
        raise InputRefused(f"There is no source {recipe.source!r}.", f"Known: {', '.join(SOURCES)}.")
    return SOURCES[recipe.source](data / recipe.folder, recipe)


def truth(items: Sequence[Item], labels: int, *, softmax: bool) -> NDArray[np.int64]:
    """(n, labels) 0 or 1: which labels are right for each item."""
    found = np.zeros((len(items), labels), dtype=np.int64)
    for row, item in enumerate(items):
        if softmax:
            found[row, item.label] = 1
        elif labels == 1:
            found[row, 0] = int(item.label > 0)
        else:
            found[row, list(item.marks)] = 1
    return found


def folders(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
    """A folder for each class, in the order of the recipe's `classes` (ImageFolder's layout).

    For one label the first folder is without it and the second with it. Where the recipe names a
    `table`, its column `image` is the file name and the column `group` what is never split; else each
    file is its own group. A column `fold` says what an image is for, in place of the program's split.
    """
    rows = {row["image"]: row for row in _rows(directory / recipe.table)} if recipe.table else {}
    items = []
    for label, name in enumerate(recipe.classes):
        for path in sorted((directory / name).iterdir() if (directory / name).is_dir() else ()):
            if path.suffix.lower() in _SUFFIXES:
                row = rows.get(path.name, {})
                group = row.get(recipe.group) or f"{name}/{path.stem}"
                items.append(Item(path, label, group, directory.name, fold=row.get("fold", "")))
    missing = [name for index, name in enumerate(recipe.classes) if index not in {i.label for i in items}]
    if missing or not items:
        raise InputRefused(
            "There are no training images.",
            f"{directory} holds none for {', '.join(missing) or 'any class'}.",
        )
    return tuple(items)


def labelled_table(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
    """A CSV file with `image`, `labels` (separated by bars) and the recipe's `group` column.

    Images lie in `images/`. Columns `view`, `sex` and `age` become the subgroups. Labels that the recipe
    does not name are passed over.
    """
    items = []
    for row in _rows(directory / (recipe.table or "labels.csv")):
        named = row["labels"].split("|")
        marks = tuple(index for index, label in enumerate(recipe.labels) if label in named)
        path = directory / "images" / row["image"]
        group, fold = row[recipe.group or "patient"], row.get("fold", "")
        items.append(Item(path, int(bool(marks)), group, directory.name, _subgroups(row), "", fold, marks))
    if not items:
        raise InputRefused("There are no training images.", f"{directory} names none.")
    return tuple(items)


def _subgroups(row: Mapping[str, str]) -> str:
    """View, sex and age band as `fairness` reads them."""
    named = [f"{kind} {row[kind]}" for kind in ("view", "sex") if row.get(kind)]
    years = re.match(r"^\s*(\d{1,3})", row.get("age", ""))
    return fairness.stratum(*named, fairness.age_band(float(years.group(1))) if years else "")


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused("The label table cannot be read.", f"{path.name}: {error}.") from error


def kermany(directory: Path, recipe: Recipe | None = None) -> tuple[Item, ...]:  # noqa: ARG001 - as all sources
    """Kaggle's chest X-ray pneumonia layout (Kermany et al. 2018): NORMAL and PNEUMONIA folders.

    Pneumonia files name the person. NORMAL files do not: the number after IM-, with its NORMAL2
    prefix, is a presumed group.
    """
    items = []
    for label, (folder, pattern) in enumerate((("NORMAL", _NORMAL), ("PNEUMONIA", _PERSON))):
        for path in sorted((directory / folder).glob("*.jp*g")):
            match = pattern.match(path.name)
            kind = "bacterial" if "_bacteria_" in path.name else "viral" if label else "normal"
            items.append(Item(path, label, match.group(1) if match else path.stem, directory.name, kind))
    if not items:
        raise InputRefused(
            "There are no training images.", f"{directory} holds no NORMAL or PNEUMONIA folder."
        )
    return tuple(items)


def chest_gate(directory: Path, recipe: Recipe) -> tuple[Item, ...]:  # noqa: ARG001 - as all sources
    """Frontal chest films and everything that is not one, from all sources below the data folder."""
    from medvision_desktop.training import gate_source

    return gate_source.items(directory)


SOURCES: Final[Mapping[str, Callable[[Path, Recipe], tuple[Item, ...]]]] = MappingProxyType(
    {"kermany": kermany, "chest-gate": chest_gate, "folders": folders, "table": labelled_table}
)
