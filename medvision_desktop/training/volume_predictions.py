"""`predictions.csv` of a model of volumes: every left-out image and label; the card is computed from it."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.modelkit.manifest import Metric
from medvision_desktop.training import metrics
from medvision_desktop.training.volume_measure import Agreement

COLUMNS: Final = ("sha256", "fold", "person", "label", "dice", "hd95_mm", "volume_ml", "truth_ml")
MEASURES: Final = ("dice", "hd95_mm", "volume_bias_ml", "volume_error_percent")
TEST: Final = "test"


@dataclass(frozen=True)
class Row:
    """One label of one image that the network which judged it never saw."""

    sha256: str
    fold: str
    person: str
    label: str
    found: Agreement


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write as CSV in the order of fold, image and label; what is not a number is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in sorted(rows, key=lambda row: (row.fold, row.sha256)):
            found = row.found
            numbers = (found.dice, found.hd95_mm, found.volume_ml, found.truth_ml)
            said = ("" if math.isnan(value) else f"{value:.4f}" for value in numbers)
            writer.writerow((row.sha256, row.fold, row.person, row.label, *said))


def read(path: Path) -> tuple[Row, ...]:
    """Read what `write` wrote."""
    with path.open(newline="", encoding="utf-8") as handle:
        lines = list(csv.DictReader(handle))
    return tuple(
        Row(
            line["sha256"],
            line["fold"],
            line["person"],
            line["label"],
            Agreement(*(float(line[name] or "nan") for name in COLUMNS[4:])),
        )
        for line in lines
    )


def of(rows: Sequence[Row], label: str) -> tuple[Row, ...]:
    """The rows of one label."""
    return tuple(row for row in rows if row.label == label)


def values(rows: Sequence[Row], measure: str) -> NDArray[np.float64]:
    """One number a row; nan where it does not exist."""
    kinds = {
        "dice": lambda found: found.dice,
        "hd95_mm": lambda found: found.hd95_mm,
        "volume_bias_ml": lambda found: found.volume_ml - found.truth_ml,
        "volume_error_percent": _error_percent,
    }
    return np.array([kinds[measure](row.found) for row in rows], dtype=np.float64)


def measured(rows: Sequence[Row], labels: Sequence[str], sums: Sequence[str] = ()) -> tuple[Metric, ...]:
    """Means over images with bootstrap intervals over groups; the label "" is the mean over all labels.

    Sums of labels are measured on their own and do not count into that mean.
    """
    found = []
    for label in (*labels, *sums):
        own = of(rows, label)
        people = [row.person for row in own]
        found += [_metric(label, name, values(own, name), people) for name in MEASURES]
    each = np.mean([values(of(rows, label), "dice") for label in labels], axis=0)
    found.append(_metric("", "dice", each, [row.person for row in of(rows, labels[0])]))
    return tuple(found)


def _metric(label: str, name: str, given: NDArray[np.float64], people: Sequence[str]) -> Metric:
    known = np.isfinite(given)
    kept, groups = given[known], [person for person, there in zip(people, known, strict=True) if there]
    if not len(kept):
        return Metric(label, name, 0.0, 0.0, 0.0, 0, 0, TEST)
    entry = metrics.measured(lambda scores, _: float(scores.mean()), kept, kept > 0, groups)
    value, low, high = (round(number, 4) for number in (entry.value, entry.low, entry.high))
    return Metric(label, name, value, low, high, len(kept), len(set(groups)), TEST)


def _error_percent(found: Agreement) -> float:
    if found.truth_ml == 0:
        return float("nan")
    return 100 * abs(found.volume_ml - found.truth_ml) / found.truth_ml
