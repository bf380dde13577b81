"""A de-identified export of this program as a source: the reader's answers, the disagreements first."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from medvision_desktop.errors import InputRefused
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.training.sources import Item, rows_of, subgroups
from medvision_desktop.training.sources_chest import plain

_NEEDED: Final = ("image", "person", "label", "answer")


def exported(directory: Path, recipe: Recipe) -> tuple[Item, ...]:
    """Items of `cases.csv` in its order, so that `at_most` takes those with most to learn from.

    An image counts where one of the recipe's labels is answered; the others are not known. Where several
    runs saw one image, what says with goes before what says without. Raises `InputRefused`.
    """
    answers: dict[str, dict[int, bool]] = {}
    first: dict[str, dict[str, str]] = {}
    known = {plain(label): index for index, label in enumerate(recipe.labels)}
    for row in rows_of(directory / (recipe.table or "cases.csv"), *_NEEDED):
        index = known.get(plain(row["label"]))
        if index is not None and row["answer"] in ("0", "1"):
            own = answers.setdefault(row["image"], {})
            own[index] = own.get(index, False) or row["answer"] == "1"
            first.setdefault(row["image"], row)
    items = [_item(directory, first[image], found, recipe) for image, found in answers.items()]
    kept = tuple(item for item in items if item is not None)
    if not kept:
        raise InputRefused("There are no training images.", f"{directory} holds no answer to these labels.")
    return kept


def _item(directory: Path, row: dict[str, str], found: dict[int, bool], recipe: Recipe) -> Item | None:
    path = directory / "images" / row["image"]
    if Path(row["image"]).name != row["image"] or not path.is_file():
        return None
    marks = tuple(sorted(index for index, value in found.items() if value))
    unknown = tuple(index for index in range(len(recipe.labels)) if index not in found)
    if recipe.softmax:
        label = marks[0] if len(marks) == 1 else -1
        unknown = ()
    else:
        label = -1 if unknown else int(bool(marks))
    told = subgroups(row.get("view", ""), "", "")
    return Item(path, label, row["person"], "readers", told, marks=marks, unknown=unknown)
