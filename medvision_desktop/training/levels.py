"""Levels 1 to 5: from a look in minutes to a training over night, as epochs, batch and learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from medvision_desktop.errors import InputRefused
from medvision_desktop.training.recipe import Recipe


@dataclass(frozen=True)
class Level:
    """Epochs, images a batch, and the largest rate of a schedule."""

    epochs: int
    batch_size: int
    learning_rate: float


LEVELS: Final[Mapping[int, Level]] = MappingProxyType(
    {
        1: Level(1, 32, 0.01),
        2: Level(2, 24, 0.005),
        3: Level(3, 16, 0.001),
        4: Level(5, 16, 0.0005),
        5: Level(8, 8, 0.0001),
    }
)


def applied(recipe: Recipe, level: int) -> Recipe:
    """The recipe at a level; 0 leaves it as it is. Raises `InputRefused` for another level."""
    if level == 0:
        return recipe
    if level not in LEVELS:
        raise InputRefused(f"There is no level {level}.", "Levels are 1 to 5.")
    chosen = LEVELS[level]
    return replace(
        recipe,
        epochs=chosen.epochs,
        batch_size=chosen.batch_size,
        learning_rate=chosen.learning_rate,
        last_epoch=0,
    )
