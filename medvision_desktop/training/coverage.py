"""Whether a split has what a recipe needs: somebody in every part, and both answers of every label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import split
from medvision_desktop.training.recipe import Recipe

_LEAST_CLASSES: Final = 2


def checked(
    folds: Sequence[str], truth: NDArray[np.int64], recipe: Recipe, *, packaged: bool = False
) -> None:
    """Raise `InputRefused` where nobody is left to learn from or to choose by, or an answer is missing.

    `truth`: (n, labels), below 0 where not known. Where it is `packaged`, each part that is held out is
    needed, for threshold, calibration and test, and there, too, both answers of what is evaluated; of
    classes of which one is right, two are enough for calibration and test.
    """
    parts = {part: np.array([fold == part for fold in folds], dtype=bool) for part in sorted(set(folds))}
    trained = (
        np.ones(len(folds), dtype=bool) if recipe.cross else parts.get("train", np.zeros(0, dtype=bool))
    )
    needed = [f"{split.CROSS}{i}" for i in range(recipe.cross)] if recipe.cross else list(split.FOLDS[:2])
    roles = {split.role(fold) for fold in folds}
    if packaged:
        needed += [role for role in split.FOLDS[1:] if role not in roles and role not in needed]
    missing = [part for part in needed if part not in parts]
    if missing:
        raise InputRefused(
            "There are too few people for this recipe.",
            f"The split leaves nobody for {missing[0]}.",
            "Add images, or take another seed.",
        )
    _answers("to learn from", truth[trained], recipe)
    for role in split.FOLDS[1:] if packaged else ():
        inside = np.array([split.role(fold) == role for fold in folds], dtype=bool)
        inside &= (truth >= 0).all(axis=1)  # only such are measured
        if not recipe.softmax or role == "validation":
            _answers(f"in the {role}", truth[inside], recipe)
        elif (truth[inside] > 0).any(axis=0).sum() < _LEAST_CLASSES:
            raise InputRefused(
                "There are too few people for this recipe.",
                f"The {role} has images of one class only.",
                "Add images, or take another seed.",
            )


def _answers(where: str, truth: NDArray[np.int64], recipe: Recipe) -> None:
    for index, label in enumerate(recipe.labels):
        if label in recipe.not_evaluated:
            continue
        for wanted, word in ((1, "with"), (0, "without")):
            if not (truth[:, index] == wanted).any():
                raise InputRefused(
                    f"The images cannot teach {label!r}.",
                    f"There is none {word} it {where}.",
                    "Add images, leave the label out, or take another seed.",
                )
