"""A folder for each class (ImageFolder's layout), at the top or within folders of a split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

# What folders of a split are called, and what each is for here.
SPLITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "train": "train",
        "val": "validation",
        "valid": "validation",
        "validation": "validation",
        "test": "test",
    }
)
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})
_PATTERN: Final = "re:"


def pictures(directory: Path, name: str) -> Iterator[tuple[Path, str]]:
    """Pictures of a class with the split that their folder names; "" at the top."""
    for folder, fold in (("", ""), *SPLITS.items()):
        place = directory / folder / name
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.suffix.lower() in SUFFIXES:
                yield path, fold


def group_of(path: Path, name: str, rule: str) -> str:
    """Who a picture may show: what `re:PATTERN` finds in its name (its first group), else itself."""
    if rule.startswith(_PATTERN):
        found = re.search(rule.removeprefix(_PATTERN), path.name)
        if found is not None:
            return found.group(1) if found.groups() else found.group(0)
    return f"{name}/{path.stem}"
