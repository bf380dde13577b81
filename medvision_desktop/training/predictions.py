"""`predictions.csv`: every held-out image with what the network said, from which a card is computed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

COLUMNS: Final = ("sha256", "fold", "person", "stratum", "label", "score")
_KEYS: Final = 4


@dataclass(frozen=True, eq=False)
class Predictions:
    """Columns of equal length: `label` 0 or 1, `score` the logit as written, rounded to 1e-6.

    Both are (n,) for one label and (n, labels) for several. `person` is the group that was never
    split; `stratum` a subgroup to report on its own.
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

    @property
    def truth(self) -> NDArray[np.bool_]:
        """(n, labels): which labels are right."""
        return self.label.reshape(len(self.sha256), -1) > 0

    @property
    def scores(self) -> NDArray[np.float64]:
        """(n, labels) logits."""
        return self.score.reshape(len(self.sha256), -1)


def write(path: Path, found: Predictions, labels: Sequence[str] = ()) -> None:
    """Write as CSV, sorted by fold and image so that equal runs give equal files.

    For several labels there is a pair of columns for each, `label NAME` and `score NAME`.
    """
    truth, scores = found.truth.astype(int), found.scores
    keys = zip(found.fold, found.sha256, found.person, found.stratum, strict=True)
    rows = sorted((*key, *truth[row].tolist(), *scores[row].tolist()) for row, key in enumerate(keys))
    several = truth.shape[1]
    names: tuple[str, ...] = COLUMNS[_KEYS:]
    if several > 1:
        names = (*(f"label {name}" for name in labels), *(f"score {name}" for name in labels))
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow((*COLUMNS[:_KEYS], *names))
        for fold, digest, person, stratum, *values in rows:
            said = (f"{value:.6f}" for value in values[several:])
            writer.writerow((digest, fold, person, stratum, *values[:several], *said))


def read(path: Path) -> Predictions:
    """Read what `write` wrote."""
    with path.open(newline="", encoding="utf-8") as handle:
        head, *rows = list(csv.reader(handle))
    several = (len(head) - _KEYS) // 2
    label = np.array([row[_KEYS : _KEYS + several] for row in rows], dtype=np.int64)
    score = np.array([row[_KEYS + several :] for row in rows], dtype=np.float64)
    if several == 1:
        label, score = label[:, 0], score[:, 0]
    digests, folds, people, strata = (tuple(row[column] for row in rows) for column in range(_KEYS))
    return Predictions(digests, folds, people, strata, label, score)
