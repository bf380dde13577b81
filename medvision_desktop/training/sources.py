"""Where training images come from: a folder's layout turned into items with label and group.

A group is everything that may be one person; groups are never split between folds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from medvision_desktop.errors import InputRefused

DRAWN: Final = "drawn"
_PERSON: Final = re.compile(r"^(person\d+)_")
_NORMAL: Final = re.compile(r"^((?:NORMAL2-)?IM-\d+)")


@dataclass(frozen=True)
class Item:
    """One image: its file, the index of its label, who it may show, and which source it is from.

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


def kermany(directory: Path) -> tuple[Item, ...]:
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


def chest_gate(directory: Path) -> tuple[Item, ...]:
    """Frontal chest films and everything that is not one, from all sources below the data folder."""
    from medvision_desktop.training import gate_source

    return gate_source.items(directory)


SOURCES: Final[Mapping[str, Callable[[Path], tuple[Item, ...]]]] = MappingProxyType(
    {"kermany": kermany, "chest-gate": chest_gate}
)
