"""A de-identified set to train on: gray pictures, what a model said of them, and what readers decided.

    images/HASH.png   8-bit gray, the whole frame with its default window, named by the hash of the file
    cases.csv         a row for each image and label, the images on which reader and model differ most first
    README.md         what this is, in words

Nothing of a header is kept but modality and view. Whether letters stand in the pixels nobody can tell from
a header, so images that may hold them are not handed to this module.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.findings import ReviewState
from medvision_desktop.errors import ExportFailed

TABLE: Final = "cases.csv"
IMAGES: Final = "images"
COLUMNS: Final = (
    *("image", "person", "modality", "view", "model", "version", "weights_sha256"),
    *("label", "probability", "threshold", "positive", "uncertain", "decision", "answer", "disagreement"),
)
LET_STAND: Final = "let stand"
_README: Final = """# Images with what a model said and what readers decided

{images} images of {people} people, {answers} answers, {against} of them against the model.

* `images/`: 8-bit gray pictures, named by their SHA-256. No header is kept.
* `cases.csv`: a row for each image and label. `answer` is 1 (with), 0 (without) or empty (nobody said).
  `decision` is what a reader did with the suggestion; "let stand" means that a report was signed with it.
  `disagreement` is how far the model's probability is from the answer; the largest come first.
* `person` tells people apart and names nobody. It stays the same over exports of one installation.

Train on it with `source = "medvision-export"` in a recipe. `at_most` takes the first images only, which
are those that the model has most to learn from; a split is by person.
"""


@dataclass(frozen=True)
class Answer:
    """What is known of one label on one image. `probability` is None for what only a reader named."""

    label: str
    decision: str
    answer: bool | None
    probability: float | None = None
    threshold: float | None = None
    positive: bool = False
    uncertain: bool = False

    @property
    def disagreement(self) -> float:
        """0..1: distance of probability and answer; 1 for what no model named; -1 where nobody answered."""
        if self.answer is None:
            return -1.0
        return 1.0 if self.probability is None else abs(float(self.answer) - self.probability)

    @property
    def against(self) -> bool:
        """Whether the reader says other than the model."""
        return self.answer is not None and self.answer != self.positive


@dataclass(frozen=True, eq=False)
class Case:
    """One image: its gray picture HxW float32 in 0..1, a pseudonym, and the answers of one model's run."""

    gray: NDArray[np.float32]
    person: str
    modality: str
    view: str
    model: str
    version: str
    weights_sha256: str
    answers: tuple[Answer, ...]

    @property
    def disagreement(self) -> float:
        """The largest of its labels."""
        return max((answer.disagreement for answer in self.answers), default=-1.0)

    @property
    def doubt(self) -> float:
        """How near the model was to not knowing: 1 at a probability of one half."""
        return max(
            (1 - abs(2 * a.probability - 1) for a in self.answers if a.probability is not None), default=0
        )


@dataclass(frozen=True)
class Written:
    """What an export came to."""

    images: int
    people: int
    answers: int
    against: int


def answered(
    state: ReviewState, *, positive: bool, uncertain: bool, signed: bool
) -> tuple[str, bool | None]:
    """What a decision on a suggestion says of its label: the word for the table, and the answer.

    Accepting says it is there, rejecting and overriding that it is not. Where a report is signed, a
    suggestion that was clearly negative and that nobody touched was let stand.
    """
    if state is ReviewState.ACCEPTED:
        return state.value, True
    if state in (ReviewState.REJECTED, ReviewState.OVERRIDDEN):
        return state.value, False
    if state is ReviewState.PENDING and signed and not positive and not uncertain:
        return LET_STAND, False
    return state.value, None


def write(folder: Path, cases: Iterable[Case]) -> Written:
    """Write a set into a folder that is empty or not there. Raises `ExportFailed`."""
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise ExportFailed("The folder is not empty.", f"{folder}.", "Choose another.")
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        # Pictures are written as they come; only their rows are kept until they are in order.
        kept = [
            (case.disagreement, case.doubt, _rows(folder, case), case.person, case.answers)
            for case in cases
        ]
        kept.sort(key=lambda entry: (-entry[0], -entry[1], entry[2]))
        with (folder / TABLE).open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(COLUMNS)
            for entry in kept:
                writer.writerows(entry[2])
        every = [answer for entry in kept for answer in entry[4]]
        written = Written(
            images=len({entry[2][0][0] for entry in kept if entry[2]}),
            people=len({entry[3] for entry in kept}),
            answers=sum(answer.answer is not None for answer in every),
            against=sum(answer.against for answer in every),
        )
        (folder / "README.md").write_text(_README.format(**vars(written)), encoding="utf-8")
    except OSError as error:
        raise ExportFailed("The training set cannot be written.", f"{folder}: {error.strerror}.") from error
    return written


def _rows(folder: Path, case: Case) -> list[tuple[str, ...]]:
    content = png(case.gray)
    name = f"{hashlib.sha256(content).hexdigest()}.png"
    (folder / IMAGES / name).write_bytes(content)
    keys = (name, case.person, case.modality, case.view, case.model, case.version, case.weights_sha256)
    return [(*keys, *_answer_row(answer)) for answer in case.answers]


def _answer_row(given: Answer) -> Sequence[str]:
    return (
        given.label,
        "" if given.probability is None else f"{given.probability:.6f}",
        "" if given.threshold is None else f"{given.threshold:.6f}",
        str(int(given.positive)),
        str(int(given.uncertain)),
        given.decision,
        "" if given.answer is None else str(int(given.answer)),
        "" if given.answer is None else f"{given.disagreement:.6f}",
    )


def png(gray: NDArray[np.float32]) -> bytes:
    """An 8-bit gray PNG without any text in it, of HxW in 0..1."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.rint(np.clip(gray, 0, 1) * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
