"""`reference.json`: what scores and inputs looked like on the calibration people.

Drift is measured against it, and attention maps are drawn against how high true ones peaked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from medvision_desktop.errors import ModelRefused

FILE: Final = "reference.json"
MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class Reference:
    """Percentiles of scores (logits) and of the stretched input's mean and deviation, on `n` images.

    `map_peak`: for each label, the median over true cases of the largest value of its map.
    """

    n: int
    percentiles: tuple[float, ...]
    score_positive: tuple[float, ...]
    score_negative: tuple[float, ...]
    input_mean: tuple[float, ...]
    input_deviation: tuple[float, ...]
    map_peak: Mapping[str, float]

    @property
    def typical_negative(self) -> float:
        """The median logit of negatives."""
        return float(np.interp(50.0, self.percentiles, self.score_negative))


def read(path: Path, labels: Sequence[str]) -> Reference:
    """The reference of a package with these labels. Raises `ModelRefused`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            table: dict[str, Any] = {}
        else:
            table = json.loads(path.read_text(encoding="utf-8"))
        peaks = {label: float(table["map_peak"][label]) for label in labels}
        found = Reference(
            n=int(table["n"]),
            percentiles=_numbers(table["percentiles"]),
            score_positive=_numbers(table["score_positive"]),
            score_negative=_numbers(table["score_negative"]),
            input_mean=_numbers(table["input_mean"]),
            input_deviation=_numbers(table["input_deviation"]),
            map_peak=peaks,
        )
        fine = all(math.isfinite(peak) and peak > 0 for peak in peaks.values())
        fine = fine and len(found.percentiles) == len(found.score_negative) > 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refused(path, f"it cannot be used: {error}") from error
    if not fine:
        raise _refused(path, "its numbers do not fit")
    return found


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _refused(path: Path, why: str) -> ModelRefused:
    return ModelRefused(
        f"The model package {path.parent.name} may not run.", f"Its {FILE}: {why}.", "Install it again."
    )
