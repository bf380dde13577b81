"""What a card tells of how a network came to be: people, start, choices, hours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medvision_desktop.training import anomaly, frozen, run_record, split
from medvision_desktop.training.recipe import Recipe, Words

Counts = Mapping[str, tuple[int, int]]


def in_turn(recipe: Recipe) -> bool:
    """Whether everything was chosen within the other parts, so that every part is a test in its turn."""
    return recipe.frozen is not None and recipe.cross > 0


def chosen(recipe: Recipe, run: Path) -> dict[str, Any]:
    """What a frozen recipe chose, for the network that ships and for its sisters, and how long it took."""
    if recipe.frozen is None:
        return {}
    sisters = [frozen.chosen(run / f"{split.CROSS}{part}") for part in range(recipe.cross)]
    found = {"chosen": frozen.chosen(run), "chosen_by_the_sisters": "; ".join(sisters)}
    return {**found, "seconds": 3600 * float(run_record.read(run).get("hours", 0.0))}


def told(
    recipe: Recipe, words: Words, state: Mapping[str, Any], counted: Counts
) -> tuple[tuple[str, str], ...]:
    """Name and value of each line; `counted` is (images, people) of each fold."""
    found = {
        "folds": _folds(recipe, words, counted),
        "started_from": recipe.origin,
        "sister_networks": str(recipe.cross or ""),
        "best_epoch": "" if recipe.frozen else f"{state['best_epoch']} of {recipe.epochs}",
        "validation_auroc": "" if recipe.cross or words.task == anomaly.TASK else f"{state['best']:.4f}",
        "chosen": state.get("chosen", ""),
        "chosen_by_the_sisters": state.get("chosen_by_the_sisters", ""),
        "hours": f"{state['seconds'] / 3600:.2f} on one thread of a CPU shared with other work",
        "seed": str(recipe.seed),
        "half_precision": f"moves a score by at most {state['rounding']:.4f}" if words.half else "",
        "also_tried": words.tried.rstrip("."),
    }
    return tuple((name, value) for name, value in found.items() if value)


def _folds(recipe: Recipe, words: Words, counted: Counts) -> str:
    if in_turn(recipe):
        images, people = counted["train"]
        return f"{images} images of {people} {words.groups} in {recipe.cross} parts, each left out in turn"
    return ", ".join(f"{fold} {n} images of {p} {words.groups}" for fold, (n, p) in counted.items())
