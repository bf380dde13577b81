"""What the executed file says of images it was not trained on, one at a time, as the program runs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.inference import cam
from medvision_desktop.inference.engine import Engine
from medvision_desktop.modelkit.manifest import Attention
from medvision_desktop.modelkit.preprocess import Preprocessing, display_gray, normalised, squared
from medvision_desktop.training import confounds, sources
from medvision_desktop.training.pictures import framed
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.sources import Item
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_ATTENTION_IMAGES: Final = 80
_LEAST_PEAK: Final = 1e-3
_WHITE: Final = 254
_LEVELS: Final = (1, 5, 25, 50, 75, 95, 99)


@dataclass(frozen=True, eq=False)
class Judge:
    """A network that never saw the images it is asked about, and how its input is prepared."""

    engine: Engine
    spec: Preprocessing

    def asked(self, item: Item) -> NDArray[np.float32]:
        """The batch of one that an item becomes."""
        square = squared(display_gray(framed(item)[0]), self.spec.size, self.spec.stretch)
        return normalised(square, self.spec)[np.newaxis]


@dataclass(frozen=True)
class Held:
    """A held-out item, what it is for, and the name of the judge that never saw it."""

    item: Item
    fold: str
    judge: str = ""


@dataclass(frozen=True, eq=False)
class Seen:
    """Answers of the judges, and what the images were like.

    `means`, `deviations`: (n,) of the stretched input. `peaks`, `outside`: (n, labels), the largest
    value of each map and the share of it outside the part of the body that matters, nan without one.
    """

    predictions: Predictions
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    peaks: NDArray[np.float64]
    outside: NDArray[np.float64]


def look(
    judges: Mapping[str, Judge],
    held: Sequence[Held],
    labels: int,
    *,
    softmax: bool = False,
    inside: str = "",
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Seen:
    """Ask the judge of each item, exactly as the program asks the model."""
    box = confounds.INSIDE.get(inside)
    scores, means, deviations, peaks, away, digests = [], [], [], [], [], []
    for index, entry in enumerate(held):
        if cancel is not None:
            cancel.check()
        judge = judges[entry.judge]
        frame, digest = framed(entry.item)
        square = squared(display_gray(frame), judge.spec.size, judge.spec.stretch)
        logits, maps = judge.engine.run(normalised(square, judge.spec)[np.newaxis])
        scores.append(logits[0].astype(np.float64))
        peaks.append(maps[0].max(axis=(1, 2)))
        away.append([confounds.outside(grid, box) if box else float("nan") for grid in maps[0]])
        means.append(float(square.mean()))
        deviations.append(float(square.std()))
        digests.append(digest)
        if index % 50 == 0:
            progress(Progress(index, len(held), "Measuring"))
    items = [entry.item for entry in held]
    found = Predictions(
        tuple(digests),
        tuple(entry.fold for entry in held),
        tuple(_nameless(item.group) for item in items),
        tuple(item.stratum for item in items),
        sources.truth(items, labels, softmax=softmax),
        np.array(scores),
    )
    return Seen(found, np.array(means), np.array(deviations), np.array(peaks), np.array(away))


def _nameless(group: str) -> str:
    """A group's name as it may leave the house with a package: a hash, for it may be a patient's number."""
    return hashlib.sha256(group.encode()).hexdigest()[:16]


def varied(held: Sequence[Held], variants: Sequence[str]) -> list[Held]:
    """The test images once more under each variant, as folds `test:VARIANT`."""
    return [
        replace(entry, item=replace(entry.item, variant=variant), fold=f"test:{variant}")
        for variant in variants
        for entry in held
        if entry.fold == "test"
    ]


def calibrating(held: Sequence[Held], seen: Seen) -> tuple[list[Held], Seen]:
    """The same images, all taken as calibration people: where everybody is judged in turn, all are."""
    found = replace(seen.predictions, fold=("calibration",) * len(held))
    return [replace(entry, fold="calibration") for entry in held], replace(seen, predictions=found)


def write_reference(path: Path, labels: Sequence[str], seen: Seen) -> None:
    """Scores and input statistics on the calibration people, and how high their true maps peak.

    Scores of several labels are taken together.
    """
    inside = np.array([fold == "calibration" for fold in seen.predictions.fold])
    truth, scores = seen.predictions.truth[inside], seen.predictions.scores[inside]
    peaks = {}
    for index, label in enumerate(labels):
        own = seen.peaks[inside, index][truth[:, index]]
        peaks[label] = max(_LEAST_PEAK, round(float(np.median(own)), 4)) if len(own) else _LEAST_PEAK
    table: dict[str, Any] = {
        "fold": "calibration",
        "n": int(inside.sum()),
        "percentiles": _LEVELS,
        "score_positive": np.percentile(scores[truth], _LEVELS).round(4).tolist(),
        "score_negative": np.percentile(scores[~truth], _LEVELS).round(4).tolist(),
        "input_mean": np.percentile(seen.means[inside], _LEVELS).round(4).tolist(),
        "input_deviation": np.percentile(seen.deviations[inside], _LEVELS).round(4).tolist(),
        "map_peak": peaks,
    }
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def faithfulness(
    judges: Mapping[str, Judge], held: Sequence[Held], seen: Seen, negative: float, *, mirrored: bool
) -> Attention | None:
    """Mean deletion scores over true cases of the calibration people whose score spoke for them.

    `negative`: the score of a typical negative.
    """
    cases = [
        (entry, label)
        for entry, truth, score in zip(held, seen.predictions.truth, seen.predictions.scores, strict=True)
        for label in np.nonzero(truth)[0].tolist()
        if entry.fold == "calibration" and score[label] > 0
    ]
    pairs = []
    for entry, label in cases[:: max(1, len(cases) // _ATTENTION_IMAGES)]:
        judge = judges[entry.judge]
        batch = judge.asked(entry.item)
        cells = np.clip(judge.engine.run(batch)[1][0, label], 0, None)
        pairs.append(
            cam.deletion_scores(
                judge.engine, batch, label, cells, negative=negative, maps=3, seed=0, mirrored=mirrored
            )
        )
    if not pairs:
        return None
    own, by_chance = np.mean(pairs, axis=0).round(3).tolist()
    return Attention(own, by_chance, len(pairs))


def suspicions(held: Sequence[Held], seen: Seen, inside: str) -> tuple[tuple[str, float], ...]:
    """Plain numbers of the held-out files against the label, and how much attention lies outside.

    For one label only; of attention, over true cases of the test.
    """
    if not inside or seen.predictions.truth.shape[1] != 1:
        return ()
    names = ("width", "height", "width to height", "file size", "share of pure white")
    plain: dict[str, list[float]] = {name: [] for name in names}
    truth = seen.predictions.truth[:, 0]
    for entry in held:
        frame, _ = framed(entry.item)
        plain["width"].append(frame.columns)
        plain["height"].append(frame.rows)
        plain["width to height"].append(frame.columns / frame.rows)
        plain["share of pure white"].append(float((frame.stored >= _WHITE).mean()))
        plain["file size"].append(entry.item.path.stat().st_size)
    plain["mean brightness"] = seen.means.tolist()
    plain["contrast"] = seen.deviations.tolist()
    told = {f"auroc of {name}": confounds.apart(values, truth) for name, values in plain.items()}
    called = truth & (seen.predictions.scores[:, 0] > 0)
    test = called & np.array([entry.fold == "test" for entry in held])
    away = seen.outside[test, 0]
    told["attention outside"] = float(np.nanmean(away)) if test.any() else float("nan")
    told["picture outside"] = 1 - confounds.area(confounds.INSIDE[inside])
    told["images"] = float(test.sum())
    return tuple((name, round(value, 4)) for name, value in told.items() if np.isfinite(value))
