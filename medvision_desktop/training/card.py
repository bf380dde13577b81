"""The model card, written from numbers that were measured: nothing in it is typed by hand.

`measured` computes the numbers from `predictions.csv`, the calibration and the thresholds, so a
test can compute them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from medvision_desktop.modelkit.calibration import Calibration, sigmoid
from medvision_desktop.modelkit.manifest import Manifest, Metric
from medvision_desktop.training import metrics
from medvision_desktop.training.predictions import Predictions

TOO_FEW: Final = 20
_ALWAYS: Final = "Research use; not a medical device. A suggestion: the radiologist decides."
_NAMES: Final = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "f1": "F1",
    "brier": "Brier score",
    "ece": "Expected calibration error",
}


def measured(
    predictions: Predictions, calibration: Calibration, threshold: float, fold: str = "test"
) -> tuple[Metric, ...]:
    """The numbers of one label on one fold, intervals by resampling people."""
    line = calibration.lines[0]
    found = predictions.of(fold)
    probability = sigmoid(found.score * line.slope + line.intercept)
    table = metrics.binary_table(probability, found.label > 0, found.person, threshold)
    return tuple(
        Metric(
            label=line.label,
            name=name,
            value=round(entry.value, 4),
            low=round(entry.low, 4),
            high=round(entry.high, 4),
            n=entry.n,
            people=found.people,
            fold=fold,
        )
        for name, entry in table.items()
    )


def text(
    manifest: Manifest, calibration: Calibration, predictions: Predictions, words: Sequence[str]
) -> str:
    """The card as Markdown. `words`: (beyond, evaluated_on) of the recipe."""
    beyond, evaluated_on = words
    test = predictions.of("test")
    threshold = manifest.thresholds[0][1]
    parts = [
        f"# {manifest.title}",
        f"`{manifest.name}` {manifest.version}. {_ALWAYS}",
        "## What it is for\n\n" + manifest.intended_use,
        "## What it is not for\n\n" + "\n".join(f"* {entry}" for entry in manifest.contraindications),
        f"## What it saw\n\n{_sentence(manifest.trained_on)}\n\n{_data(manifest)}",
        _measured(manifest, test, evaluated_on),
        _confusion(test, calibration, threshold),
        _strata(test, calibration, threshold),
        _calibration(calibration),
        _attention(manifest),
        "## Elsewhere\n\n" + beyond,
        _technical(manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "." if words else ""


def _data(manifest: Manifest) -> str:
    rows = ["| data | images | use | licence |", "|---|---|---|---|"]
    rows += [
        f"| {entry.name} | {entry.images} | {entry.use} | {entry.licence} |" for entry in manifest.data
    ]
    return "\n".join(rows)


def _measured(manifest: Manifest, test: Predictions, evaluated_on: str) -> str:
    threshold = manifest.thresholds[0][1]
    positive = int((test.label > 0).sum())
    said = (
        f"On {len(test.label)} held-out images of {test.people} people or groups ({positive} positive, "
        f"{len(test.label) - positive} negative), none of which was used for training, for choosing or for "
        f"calibration; by the executed file, at the threshold {threshold:.2f}. The intervals come from "
        "resampling people; where nothing went wrong, from the exact binomial bound. "
        f"{evaluated_on}"
    )
    lines = [
        "## What was measured",
        "",
        said.rstrip(),
        "",
        "| measure | value | 95 % interval | n |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {_NAMES[entry.name]} | {entry.value:.3f} | {entry.low:.3f} to {entry.high:.3f} | {entry.n} |"
        for entry in manifest.metrics
    ]
    return "\n".join(lines)


def _confusion(test: Predictions, calibration: Calibration, threshold: float) -> str:
    called = _probabilities(test, calibration) >= threshold
    truth = test.label > 0
    return "\n".join(
        [
            "| | called positive | called negative |",
            "|---|---|---|",
            f"| is positive | {int((called & truth).sum())} | {int((~called & truth).sum())} |",
            f"| is negative | {int((called & ~truth).sum())} | {int((~called & ~truth).sum())} |",
        ]
    )


def _strata(test: Predictions, calibration: Calibration, threshold: float) -> str:
    """Share called positive by subgroup; a subgroup of fewer than 20 images says so."""
    called = _probabilities(test, calibration) >= threshold
    rows = []
    for name in sorted(set(test.stratum) - {""}):
        inside = np.array([entry == name for entry in test.stratum])
        chosen = test.where(inside.tolist())
        if len(chosen.label) < TOO_FEW:
            rows.append(f"| {name} | too few | {len(chosen.label)} | {chosen.people} |")
            continue
        share = metrics.share(called[inside], chosen.person)
        value = f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"
        rows.append(f"| {name} | {value} | {share.n} | {chosen.people} |")
    if not rows:
        return ""
    head = ["## By subgroup", "", "Share called positive.", ""]
    return "\n".join(
        [*head, "| subgroup | called positive | images | people |", "|---|---|---|---|", *rows]
    )


def _calibration(calibration: Calibration) -> str:
    said = (
        f"{calibration.method.capitalize()} scaling on {calibration.n} images of {calibration.people} "
        f"people used for nothing else ({calibration.date}). On those people, after calibration:"
    )
    lines = [
        "## Calibration",
        "",
        said,
        "",
        "| it said | it was | n |",
        "|---|---|---|",
    ]
    lines += [f"| {row.said:.2f} | {row.seen:.2f} | {row.n} |" for row in calibration.reliability]
    return "\n".join(lines)


def _attention(manifest: Manifest) -> str:
    found = manifest.attention
    if found is None or manifest.task == "gate":
        return ""
    rows, columns = manifest.grid
    said = (
        f"The attention map has {rows} x {columns} cells, each of which sees most of the picture: it shows "
        "which places spoke for the answer, and does not outline a lesion. On "
        f"{found.n} true cases of the calibration people, painting over the places it points at took the "
        f"score {found.own:.2f} of its way to a typical negative; painting over as much anywhere took it "
        f"{found.random:.2f}."
    )
    return f"## Where it looks\n\n{said}"


def _technical(manifest: Manifest) -> str:
    spec, parity = manifest.preprocessing, manifest.parity
    rows, columns = manifest.grid
    size = f"input {spec.size} x {spec.size}, map {rows} x {columns}"
    lines = ["## How it was made", "", f"* Network {manifest.network}, {size}."]
    lines += [f"* {name.replace('_', ' ').capitalize()}: {value}." for name, value in manifest.training]
    if parity is not None:
        lines.append(
            f"* The executed file and the safetensors differ by at most {parity.logits:.1e} in the score "
            f"and by {parity.maps:.1e} of the peak in the map over {parity.images} images."
        )
    lines.append(f"* Licence of the weights: {manifest.licence}.")
    return "\n".join(lines)


def _probabilities(found: Predictions, calibration: Calibration) -> metrics.Scores:
    line = calibration.lines[0]
    return sigmoid(found.score * line.slope + line.intercept)
