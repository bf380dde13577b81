"""`reference.json` of a model of volumes: how large each label was in the images that the model knows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from medvision_desktop.errors import ModelRefused

FILE: Final = "reference.json"
PERCENTILES: Final = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
_MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class VolumeReference:
    """Percentiles over `n` images, each judged by a network that never saw it.

    `volume_ml`: of each label and sum, as the networks found them. `confidence`: the mean probability
    inside of each label.
    """

    n: int
    percentiles: tuple[float, ...]
    volume_ml: Mapping[str, tuple[float, ...]]
    confidence: Mapping[str, tuple[float, ...]]

    def usual_ml(self, label: str) -> tuple[float, float]:
        """The 1st and 99th percentile of a label's volume."""
        return self.volume_ml[label][0], self.volume_ml[label][-1]

    def usual(self, label: str, volume_ml: float, confidence: float) -> bool:
        """Whether a result lies where those of the known images lie."""
        low, high = self.usual_ml(label)
        return low <= volume_ml <= high and confidence >= self.confidence[label][0]


def write(path: Path, reference: VolumeReference) -> None:
    """Write as JSON."""
    path.write_text(json.dumps(asdict(reference), indent=1) + "\n", encoding="utf-8")


def read(path: Path, labels: Sequence[str]) -> VolumeReference:
    """The reference of a package with these labels. Raises `ModelRefused`."""
    try:
        found = _found(path, labels)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelRefused(
            f"The model package {path.parent.name} may not run.",
            f"Its {FILE} cannot be used: {error}.",
            "Install it again.",
        ) from error
    return found


def _found(path: Path, labels: Sequence[str]) -> VolumeReference:
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError("it is too large")
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found = VolumeReference(
        n=int(table["n"]),
        percentiles=_numbers(table["percentiles"]),
        volume_ml={name: _numbers(values) for name, values in table["volume_ml"].items()},
        confidence={name: _numbers(values) for name, values in table["confidence"].items()},
    )
    if found.percentiles != PERCENTILES:
        raise ValueError("its percentiles are others")
    for label in labels:
        if not len(found.volume_ml[label]) == len(found.confidence[label]) == len(PERCENTILES):
            raise ValueError(f"{label} has not one number a percentile")
    return found


def _numbers(values: Any) -> tuple[float, ...]:
    found = tuple(float(value) for value in values)
    if not all(math.isfinite(value) and value >= 0 for value in found):
        raise ValueError("a number is negative or none")
    return found
