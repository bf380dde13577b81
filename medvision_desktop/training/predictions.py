"""`predictions.csv`: every held-out image with what the network said, from which a card is computed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("sha256", "fold", "person", "stratum", "label", "score")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Columns of equal length: `label` 0 or 1, `score` the logit as written, rounded to 1e-6.

    `person` is the group that was never split; `stratum` a subgroup to report on its own.
    """

    sha256: tuple[str, ...]
    fold: tuple[str, ...]
    person: tuple[str, ...]
    stratum: tuple[str, ...]
    label: NDArray[np.int64]
    score: NDArray[np.float64]

    def of(self, fold: str) -> Predictions:
        """The rows of one fold."""
        return self.where([name == fold for name in self.fold])

    def where(self, chosen: Sequence[bool]) -> Predictions:
        """The rows that are chosen."""
        mask = np.asarray(chosen, dtype=bool)
        rows = np.nonzero(mask)[0].tolist()
        return Predictions(
            tuple(self.sha256[row] for row in rows),
            tuple(self.fold[row] for row in rows),
            tuple(self.person[row] for row in rows),
            tuple(self.stratum[row] for row in rows),
            self.label[mask],
            self.score[mask],
        )

    @property
    def people(self) -> int:
        """How many groups there are."""
        return len(set(self.person))


def write(path: Path, found: Predictions) -> None:
    """Write as CSV, sorted by fold and image so that equal runs give equal files."""
    rows = sorted(
        zip(
            found.fold,
            found.sha256,
            found.person,
            found.stratum,
            found.label.tolist(),
            found.score.tolist(),
            strict=True,
        )
    )
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for fold, digest, person, stratum, label, score in rows:
            writer.writerow((digest, fold, person, stratum, label, f"{score:.6f}"))


def read(path: Path) -> Predictions:
    """Read what `write` wrote."""
    with path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    return Predictions(
        tuple(row["sha256"] for row in rows),
        tuple(row["fold"] for row in rows),
        tuple(row["person"] for row in rows),
        tuple(row["stratum"] for row in rows),
        np.array([int(row["label"]) for row in rows], dtype=np.int64),
        np.array([float(row["score"]) for row in rows], dtype=np.float64),
    )
