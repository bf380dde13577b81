"""Numbers of a cross-validation in which everybody is judged in turn, by what never saw the person.

In `predictions.csv` the fold of such an image is the part it was left out with, `cross-0` and on. The
package ships the calibration of all of them together, which keeps their order. What a probability or a
threshold is worth is measured with a calibration that was fitted on the other parts. (That one shifts the
parts against each other, by how rare a label is in them, and so says too little of their order.) Labels of
which there are too few are not judged at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.modelkit.calibration import Calibration
from medvision_desktop.modelkit.manifest import Manifest, Metric
from medvision_desktop.training import calibrate, metrics, split
from medvision_desktop.training.predictions import Predictions

IN_TURN: Final = "people left out in turn"
WITHIN: Final = "within "
TOO_FEW: Final = 20
_BAND: Final = 0.4


def test(predictions: Predictions) -> Predictions:
    """The images that numbers are of: those of the test, or all that were judged in turn."""
    in_turn = [fold.startswith(split.CROSS) for fold in predictions.fold]
    return predictions.where(in_turn) if any(in_turn) else predictions.of("test")


def apart(calibration: Calibration, rows: Predictions, *, softmax: bool) -> NDArray[np.float64]:
    """(n, labels) calibrated probabilities; of images judged in turn, by a calibration of the others."""
    parts = sorted(set(rows.fold))
    if not (parts and all(part.startswith(split.CROSS) for part in parts) and len(parts) > 1):
        return calibrate.probabilities(calibration, rows, softmax=softmax)
    labels = [line.label for line in calibration.lines]
    found = np.empty(rows.scores.shape)
    for part in parts:
        own = np.array([fold == part for fold in rows.fold])
        others = calibrate.fit(labels, rows.where((~own).tolist()), softmax=softmax, data="", date="")
        found[own] = calibrate.probabilities(others, rows.where(own.tolist()), softmax=softmax)
    return found


def narrowed(
    manifest: Manifest, calibration: Calibration, predictions: Predictions
) -> tuple[Manifest, Calibration, Predictions]:
    """The same with only those labels that are evaluated."""
    out = set(manifest.not_evaluated)
    if not out:
        return manifest, calibration, predictions
    kept = [index for index, label in enumerate(manifest.labels) if label not in out]
    labels = tuple(manifest.labels[index] for index in kept)
    small = replace(
        manifest,
        labels=labels,
        thresholds=tuple(pair for pair in manifest.thresholds if pair[0] in labels),
        not_evaluated=(),
    )
    lines = tuple(line for line in calibration.lines if line.label in labels)
    curve = tuple(row for row in calibration.reliability if row.label in labels)
    columns = replace(predictions, label=predictions.label[:, kept], score=predictions.score[:, kept])
    return small, replace(calibration, lines=lines, reliability=curve), columns


def bands(thresholds: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Half the width of the uncertain band of each label: 0.4 of log-odds about its threshold.

    A band as wide for every label would call nearly everything uncertain where a label is rare and its
    threshold low. 0.4 of log-odds is odds half as high again, or a third lower.
    """
    return tuple((label, round(_BAND * level * (1 - level), 4)) for label, level in thresholds)


def within(
    manifest: Manifest, said: NDArray[np.float64], rows: Predictions
) -> tuple[tuple[str, metrics.Measured, int], ...]:
    """Every other label's AUROC among images of the manifest's `within`, with how many have the label.

    nan, and no interval, where fewer than 20 have it or have it not.
    """
    if not manifest.within:
        return ()
    inside = rows.truth[:, manifest.labels.index(manifest.within)]
    chosen = rows.where(inside.tolist())
    found = []
    for index, label in enumerate(manifest.labels):
        if label == manifest.within:
            continue
        truth = chosen.truth[:, index]
        n, missing = int(truth.sum()), float("nan")
        value = metrics.Measured(missing, missing, missing, len(truth))
        if min(n, len(truth) - n) >= TOO_FEW:
            value = metrics.measured(metrics.auroc, said[inside, index], truth, chosen.person)
        found.append((label, value, n))
    return tuple(found)


def within_metrics(manifest: Manifest, said: NDArray[np.float64], rows: Predictions) -> list[Metric]:
    """`within` as entries of a manifest, without those that are too few."""
    people = rows.where(rows.truth[:, manifest.labels.index(manifest.within)].tolist()).people
    return [
        Metric(
            label,
            "auroc",
            round(value.value, 4),
            round(value.low, 4),
            round(value.high, 4),
            value.n,
            people,
            f"{WITHIN}{manifest.within}",
        )
        for label, value, _ in within(manifest, said, rows)
        if np.isfinite(value.value)
    ]


def within_table(manifest: Manifest, said: NDArray[np.float64], rows: Predictions) -> str:
    """The section of a card on images of one label alone; empty where the manifest names none."""
    found = within(manifest, said, rows)
    if not found:
        return ""
    head = f"AUROC among images labelled {manifest.within} alone, where being ill tells nothing."
    lines = [f"## Within {manifest.within}", "", head, "", "| label | AUROC | images | positive |"]
    lines.append("|---|---|---|---|")
    for label, value, n in found:
        shown = f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
        lines.append(f"| {label} | {shown if np.isfinite(value.value) else 'too few'} | {value.n} | {n} |")
    return "\n".join(lines)


def not_evaluated(manifest: Manifest, predictions: Predictions) -> str:
    """The section of a card on labels of which there are too few; empty where there is none."""
    if not manifest.not_evaluated:
        return ""
    rows = test(predictions)
    counts = _people(manifest, rows)
    told = (
        "Trained with the others, because the data name them, and not evaluated: fewer than "
        f"{TOO_FEW} people have them. They are off in the program."
    )
    lines = ["## Not evaluated", "", told, "", "| label | images | people |", "|---|---|---|"]
    lines += [f"| {label} | {images} | {people} |" for label, (images, people) in counts.items()]
    return "\n".join(lines)


def _people(manifest: Manifest, rows: Predictions) -> Mapping[str, tuple[int, int]]:
    found = {}
    for label in manifest.not_evaluated:
        own = rows.truth[:, manifest.labels.index(label)]
        found[label] = int(own.sum()), rows.where(own.tolist()).people
    return found
