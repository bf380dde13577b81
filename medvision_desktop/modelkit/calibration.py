"""From a network's logits to probabilities that mean what they say.

Platt scaling (Platt 1999): p = sigmoid(slope * logit + intercept), per label. Temperature scaling
(Guo et al. 2017) is its special case with intercept 0; for a softmax the logits are
divided first, and shifted by class where the network favours some (Alexandari et al. 2020).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import ModelRefused

FILE: Final = "calibration.json"
METHODS: Final = ("none", "temperature", "bias-corrected temperature", "platt", "normals")
MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class Line:
    """Slope and intercept of one label."""

    label: str
    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        """A calibration never turns the order of scores around."""
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise ValueError(f"calibration of {self.label}: slope must be positive and both finite")


@dataclass(frozen=True)
class Reliability:
    """One bin of the reliability curve on the calibration people, after calibration."""

    label: str
    said: float
    seen: float
    n: int


@dataclass(frozen=True)
class Calibration:
    """`calibration.json`. `id` names method, data and date in a run manifest."""

    method: str
    data: str
    n: int
    people: int
    date: str
    lines: tuple[Line, ...]
    reliability: tuple[Reliability, ...] = ()

    @property
    def id(self) -> str:
        """A short stable name of this calibration."""
        return f"{self.method}:{self.data}:{self.date}"


def raw_probabilities(logits: Sequence[float], *, softmax: bool) -> NDArray[np.float64]:
    """(classes,) probabilities of uncalibrated logits."""
    values = np.asarray(logits, dtype=np.float64)
    return _softmax(values) if softmax else sigmoid(values)


def calibrated(calibration: Calibration, logits: Sequence[float], *, softmax: bool) -> NDArray[np.float64]:
    """(classes,) calibrated probabilities in 0..1."""
    slopes = np.array([line.slope for line in calibration.lines])
    intercepts = np.array([line.intercept for line in calibration.lines])
    values = np.asarray(logits, dtype=np.float64) * slopes + intercepts
    return _softmax(values) if softmax else sigmoid(values)


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) without overflow."""
    half: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * values))
    return half


def read(path: Path, labels: Sequence[str]) -> Calibration:
    """The calibration in a file, for exactly these labels. Raises `ModelRefused`."""
    try:
        return _checked(_text(path), labels)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelRefused(
            f"The model package {path.parent.name} may not run.",
            f"Its calibration cannot be used: {error}.",
            "Install it again.",
        ) from error


def write(path: Path, calibration: Calibration) -> None:
    """Write as JSON."""
    path.write_text(json.dumps(asdict(calibration), indent=1) + "\n", encoding="utf-8")


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("it is too large")
    return path.read_text(encoding="utf-8")


def _checked(text: str, labels: Sequence[str]) -> Calibration:
    found = _from_table(json.loads(text))
    if tuple(line.label for line in found.lines) != tuple(labels):
        raise ValueError("its labels are not the model's")
    if found.method not in METHODS:
        raise ValueError(f"its method {found.method!r} is unknown")
    return found


def _from_table(table: dict[str, Any]) -> Calibration:
    return Calibration(
        method=str(table["method"]),
        data=str(table["data"]),
        n=int(table["n"]),
        people=int(table["people"]),
        date=str(table["date"]),
        lines=tuple(
            Line(str(line["label"]), float(line["slope"]), float(line["intercept"]))
            for line in table["lines"]
        ),
        reliability=tuple(Reliability(**row) for row in table.get("reliability", [])),
    )


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(values - values.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares
