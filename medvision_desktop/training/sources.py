"""Where training images come from: a folder's layout turned into items with label and group.

A group is everything that may be one person; groups are never split between folds.
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import fairness, sources_folders, split
from medvision_desktop.training.recipe import Recipe

DRAWN: Final = "drawn"
# Sources whose first items are those with most to learn from.
ORDERED: Final = frozenset({"medvision-export"})
_PERSON: Final = re.compile(r"^(person\d+)_")
_NORMAL: Final = re.compile(r"^((?:NORMAL2-)?IM-\d+)")


@dataclass(frozen=True)
class Item:
    """One image: its file, its label, who it may show, and which source it is from.

    `label` is 0 or 1 for one label and the index of the right one where one of several is right; where
    several may be right at once it is not used, and `marks` holds the indices of those that are.
    `stratum` is a subgroup that the card reports on its own. `variant` names a change that makes
    another picture of the file (see `variants`); empty means as it is. `fold` forces a fold. `unknown`:
    labels of which nobody knows whether they are right; `label` is -1 where its answer is not known.
    """

    path: Path
    label: int
    group: str
    source: str
    stratum: str = ""
    variant: str = ""
    fold: str = ""
    marks: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()

    @property
    def known(self) -> bool:
        """Whether every answer about it is known."""
        return self.label >= 0 and not self.unknown


def read(recipe: Recipe, data: Path) -> tuple[Item, ...]:
    """All items of a recipe below the data directory. Raises `InputRefused`."""
    if recipe.source not in SOURCES:
        raise InputRefused(f"There is no source {recipe.source!r}.", f"Known: {', '.join(SOURCES)}.")
    items = SOURCES[recipe.source](data / recipe.folder, recipe)
    items = tuple(item for item in items if _of_view(item, recipe.views))
    if recipe.softmax:
        items = tuple(item for item in items if item.label >= 0)
    if not items:
        raise InputRefused(
            "There are no training images.", f"None is of the views {', '.join(recipe.views)}."
        )
    return _first(items, recipe) if recipe.at_most else items


def _first(items: tuple[Item, ...], recipe: Recipe) -> tuple[Item, ...]:
    """The first of an export, which is in order of what can be learnt; of others a drawn part of people."""
    if recipe.source in ORDERED:
        return items[: recipe.at_most]
    drawn = sorted(
        items, key=lambda item: hashlib.sha256(f"at most:{recipe.seed}:{item.group}".encode()).digest()
    )
    kept = {id(item) for item in drawn[: recipe.at_most]}
    return tuple(item for item in items if id(item) in kept)


def _of_view(item: Item, views: Sequence[str]) -> bool:
    told = item.stratum.split(fairness.SEPARATOR)
    return not views or any(f"view {view}" in told for view in views)


def truth(items: Sequence[Item], labels: int, *, softmax: bool) -> NDArray[np.int64]:
    """(n, labels) 1, 0, or -1 where nobody knows: which labels are right for each item."""
    found = np.zeros((len(items), labels), dtype=np.int64)
    for row, item in enumerate(items):
        if softmax:
            found[row, item.label] = 1
        elif labels == 1:
            found[row, 0] = min(item.label, 1)
        else:
            found[row, list(item.marks)] = 1
            found[row, list(item.unknown)] = -1
    return found


def folders(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
    """A folder for each class, in the order of the recipe's `classes` (ImageFolder's layout).

    They lie at the top or within folders of a split (`train`, `val`, `test`), which is taken as it is only
    with the recipe's `kept_split`. For one label the first folder is without it and the second with it.
    Where the recipe names a `table`, its column `image` is the file name and the column `group` what is
    never split; without one, a `group` of `re:PATTERN` finds people in file names; else each file is its
    own group. A column `fold` says what an image is for, in place of the program's split.
    """
    rows = {}
    if recipe.table:
        rows = {row["image"]: row for row in rows_of(directory / recipe.table, "image")}
    items = []
    for label, name in enumerate(recipe.classes):
        for path, own in sources_folders.pictures(directory, name):
            row = rows.get(path.name, {})
            group = row.get(recipe.group) or sources_folders.group_of(path, name, recipe.group)
            fold = row.get("fold") or _kept(own, group, recipe)
            items.append(Item(path, label, group, directory.name, fold=fold))
    missing = [name for index, name in enumerate(recipe.classes) if index not in {i.label for i in items}]
    if missing or not items:
        raise InputRefused(
            "There are no training images.",
            f"{directory} holds none for {', '.join(missing) or 'any class'}.",
        )
    return tuple(items)


def _kept(own: str, group: str, recipe: Recipe) -> str:
    """The fold that a source's own split gives a group; half of its validation is for the calibration."""
    if not recipe.kept_split or own != "validation":
        return own if recipe.kept_split else ""
    return "calibration" if split.crossed(group, recipe.seed, 2).endswith("1") else own


def labelled_table(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
    """A CSV file with `image`, `labels` (separated by bars) and the recipe's `group` column.

    Images lie in `images/`. Columns `view`, `sex` and `age` become the subgroups. Labels that the recipe
    does not name are passed over.
    """
    items = []
    person = recipe.group or "patient"
    for row in rows_of(directory / (recipe.table or "labels.csv"), "image", "labels", person):
        named = row["labels"].split("|")
        marks = tuple(index for index, label in enumerate(recipe.labels) if label in named)
        path = directory / "images" / row["image"]
        told = subgroups(row.get("view", ""), row.get("sex", ""), row.get("age", ""))
        group, fold = row[person], row.get("fold", "")
        items.append(Item(path, int(bool(marks)), group, directory.name, told, fold=fold, marks=marks))
    if not items:
        raise InputRefused("There are no training images.", f"{directory} names none.")
    return tuple(items)


def subgroups(view: str, sex: str, age: str) -> str:
    """View, sex and age band as `fairness` reads them; `age` as `057Y`, `57` or nothing."""
    named = [f"{kind} {value}" for kind, value in (("view", view), ("sex", sex)) if value]
    years = re.match(r"^\s*(\d{1,3})", age)
    return fairness.stratum(*named, fairness.age_band(float(years.group(1))) if years else "")


def rows_of(path: Path, *needed: str) -> list[dict[str, str]]:
    """Rows of a CSV file by the names of its columns; what a short row lacks is empty.

    Raises `InputRefused`, also where a column that is needed is not there.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            table = csv.DictReader(handle, restval="")
            missing = sorted(set(needed) - set(table.fieldnames or ()))
            rows = [{name: row[name] for name in table.fieldnames or ()} for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputRefused("The label table cannot be read.", f"{path.name}: {error}.") from error
    if missing:
        raise InputRefused("The label table cannot be used.", f"{path.name} has no column {missing[0]!r}.")
    return rows


def kermany(directory: Path, recipe: Recipe | None = None) -> tuple[Item, ...]:  # noqa: ARG001 - as all sources
    """Kaggle's chest X-ray pneumonia layout (Kermany et al. 2018): NORMAL and PNEUMONIA folders.

    Its folders `train`, `val` and `test` are taken together: the split here is by person.
    Pneumonia files name the person. NORMAL files do not: the number after IM-, with its NORMAL2
    prefix, is a presumed group.
    """
    items = []
    for label, (folder, pattern) in enumerate((("NORMAL", _NORMAL), ("PNEUMONIA", _PERSON))):
        for path, _ in sources_folders.pictures(directory, folder):
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


Source = Callable[[Path, Recipe], tuple[Item, ...]]


def _elsewhere(module: str, name: str) -> Source:
    """A source in a module of its own, which is imported when it is asked for."""

    def read_it(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
        source: Source = getattr(importlib.import_module(f"medvision_desktop.training.{module}"), name)
        return source(directory, recipe)

    return read_it


SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {
        "kermany": kermany,
        "folders": folders,
        "table": labelled_table,
        "nih": _elsewhere("sources_chest", "nih"),
        "chexpert": _elsewhere("sources_chest", "chexpert"),
        "dicom-table": _elsewhere("sources_dicom", "dicom_table"),
        "medvision-export": _elsewhere("sources_export", "exported"),
        "chest-gate": chest_gate,
    }
)
