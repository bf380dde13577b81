"""A recipe as TOML text: the inverse of `recipe.read`, so that a run keeps what it was trained with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from medvision_desktop.modelkit.manifest_text import table
from medvision_desktop.training.recipe import Recipe


def text(recipe: Recipe) -> str:
    """TOML that reads back as the same recipe."""
    values = {name: value for name, value in asdict(recipe).items() if value is not None}
    words = values.pop("package", None)
    inner = {name: values.pop(name) for name in list(values) if isinstance(values[name], dict)}
    parts = [table("", values), *(table(name, entries) for name, entries in inner.items())]
    if words is not None:
        wanted, data = words.pop("wanted"), words.pop("data")
        parts += [table("package", words), table("package.wanted", wanted)]
        parts += [table("package.data", entry, array=True) for entry in data]
    return "\n".join(parts)


def plain(recipe: Recipe) -> dict[str, Any]:
    """What decides over the weights, as JSON knows it; how long it may go on and its words are left out."""
    values = asdict(recipe)
    for name in ("package", "last_epoch", "patience"):
        del values[name]
    # A file's name and not its path, which may name a person; its hash stands beside.
    values["initial"] = recipe.origin
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
