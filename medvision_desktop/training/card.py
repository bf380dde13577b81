"""The model card, written from numbers that were measured: nothing in it is typed by hand.

`measured` computes the numbers from `predictions.csv`, the calibration and the thresholds, so a
test can compute them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from medvision_desktop.modelkit.calibration import Calibration
from medvision_desktop.modelkit.manifest import ANOMALY, Manifest, Metric
from medvision_desktop.training import calibrate, card_tables, metrics, plots, turns
from medvision_desktop.training.predictions import Predictions

_ALWAYS: Final = "Research use; not a medical device. A suggestion: the radiologist decides."
SOFTMAX: Final = "single-label"
CROSS: Final = "sister_networks"
VARIED: Final = "test:"
_OF_ORDER: Final = ("auroc", "auprc", "sensitivity", "specificity")
_PLAIN: Final = "auroc of "
_CHANGES: Final = {
    "edges-masked": "outer tenth of each side painted over",
    "edges-only": "nothing but the outer tenth of each side",
    "lung-crop": "cut to the box around the lung fields",
    "lungs-masked": "the box around the lung fields painted over",
}


def measured(predictions: Predictions, calibration: Calibration, manifest: Manifest) -> tuple[Metric, ...]:
    """The numbers of every label on the test people, intervals by resampling people.

    Of test images that were measured again under a variant (fold `test:VARIANT`), the AUROC alone.
    Where one label is right, `accuracy` over all of them has the label "". Labels that are not evaluated
    have none; `within NAME` are images of one label alone.
    """
    manifest, calibration, predictions = turns.narrowed(manifest, calibration, predictions)
    softmax, found = manifest.task == SOFTMAX, []
    names = sorted({fold for fold in predictions.fold if fold.startswith(VARIED)})
    for fold in ("test", *names):
        rows = turns.test(predictions) if fold == "test" else predictions.of(fold)
        said = calibrate.probabilities(calibration, rows, softmax=softmax)
        apart = turns.apart(calibration, rows, softmax=softmax)
        for index, (label, threshold) in enumerate(manifest.thresholds):
            given = (said[:, index], rows.truth[:, index], rows.person)
            if fold == "test":
                table: Mapping[str, metrics.Measured] = metrics.binary_table(*given, threshold)
                if not np.array_equal(said, apart):
                    # Order by the scores as they are, all else by what never saw the person.
                    others = metrics.binary_table(apart[:, index], *given[1:], threshold)
                    table = {name: (table if name in _OF_ORDER[:2] else others)[name] for name in table}
                if manifest.task == ANOMALY:
                    # How unlike normal a picture is, is no probability of anything.
                    table = {name: table[name] for name in _OF_ORDER}
            else:
                table = {"auroc": metrics.measured(metrics.auroc, *given)}
            found += [_metric(label, name, entry, rows, fold) for name, entry in table.items()]
        if softmax:
            right = said.argmax(axis=1) == rows.truth.argmax(axis=1)
            found.append(_metric("", "accuracy", metrics.share(right, rows.person), rows, fold))
        if manifest.within and fold == "test":
            found += turns.within_metrics(manifest, said, rows)
    return tuple(found)


def _metric(label: str, name: str, found: metrics.Measured, rows: Predictions, fold: str) -> Metric:
    value, low, high = (round(number, 4) for number in (found.value, found.low, found.high))
    return Metric(label, name, value, low, high, found.n, rows.people, fold)


def text(
    manifest: Manifest, calibration: Calibration, predictions: Predictions, words: Sequence[str]
) -> str:
    """The card as Markdown. `words`: (beyond, evaluated_on) of the recipe."""
    beyond, evaluated_on = words
    few = turns.not_evaluated(manifest, predictions)
    manifest, calibration, predictions = turns.narrowed(manifest, calibration, predictions)
    test = turns.test(predictions)
    softmax = manifest.task == SOFTMAX
    said = calibrate.probabilities(calibration, test, softmax=softmax)
    parts = [
        f"# {manifest.title}",
        f"`{manifest.name}` {manifest.version}. {_ALWAYS}",
        "## What it is for\n\n" + manifest.intended_use,
        "## What it is not for\n\n" + "\n".join(f"* {entry}" for entry in manifest.contraindications),
        f"## What it saw\n\n{_sentence(manifest.trained_on)}\n\n{_data(manifest)}",
        _measured(manifest, test, evaluated_on),
        card_tables.classes(manifest, test, said)
        if softmax
        else card_tables.confusion(manifest, test, said),
        card_tables.levels(manifest, test, said),
        "" if softmax else card_tables.strata(manifest, test, said),
        turns.within_table(manifest, said, test),
        few,
        card_tables.gaps(manifest, test, said),
        _calibration(manifest, calibration),
        _pictures(manifest, calibration, predictions),
        _confounds(manifest),
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
    several = len(manifest.labels) > 1
    counts = f"{len(test.sha256)} held-out images of {test.people} people or groups"
    if several:
        each = (f"{n} {label}" for label, n in zip(manifest.labels, test.truth.sum(axis=0), strict=True))
        counts += f" ({', '.join(each)})"
        levels = ", ".join(f"{label} {value:.2f}" for label, value in manifest.thresholds)
    else:
        positive = int(test.truth.sum())
        counts += f" ({positive} positive, {len(test.sha256) - positive} negative)"
        levels = f"{manifest.thresholds[0][1]:.2f}"
    sisters = dict(manifest.training).get(CROSS, "")
    judged = (
        f"judged by one of {sisters} sister networks of the same recipe that never saw the person"
        if sisters
        else "none of which was used for training, for choosing or for calibration; by the executed file"
    )
    said = (
        f"On {counts}, {judged}, at the threshold{'s' if several else ''} {levels}. The intervals come "
        f"from resampling people; where nothing went wrong, from the exact binomial bound. {evaluated_on}"
    )
    return "\n".join(
        [
            "## What was measured",
            "",
            said.rstrip(),
            "",
            card_tables.numbers(manifest.metrics, several=several),
        ]
    )


def _pictures(manifest: Manifest, calibration: Calibration, predictions: Predictions) -> str:
    if not plots.shown(manifest, calibration, predictions):
        return ""
    return f"![ROC, reliability, net benefit and confusion of the held-out images]({plots.FILE})"


def _calibration(manifest: Manifest, calibration: Calibration) -> str:
    several = len(manifest.labels) > 1
    said = (
        f"{calibration.method.capitalize()} scaling on {calibration.n} images of {calibration.people} "
        f"people used for nothing else ({calibration.date}). On those people, after calibration:"
    )
    if calibration.data == turns.IN_TURN:
        said = (
            f"{calibration.method.capitalize()} scaling on {calibration.n} images of {calibration.people} "
            f"people, each judged by a network that never saw the person ({calibration.date}). "
            "Sensitivity, specificity, F1, Brier score and calibration error above use for each part of "
            "the people a calibration of the other parts alone. On all people, after the one that ships:"
        )
    if manifest.task == ANOMALY:
        return (
            "## What its number means\n\n"
            "About the share of normal people whose image is drawn better, from the scores of "
            f"{calibration.n} normal images of {calibration.people} people that it did not learn from "
            f"({calibration.date}). The threshold is what 95 of 100 of these images stay under."
        )
    head = "| label | it said | it was | n |" if several else "| it said | it was | n |"
    lines = ["## Calibration", "", said, "", head, "|---" * (head.count("|") - 1) + "|"]
    for row in calibration.reliability:
        named = f"| {row.label} " if several else ""
        lines.append(f"{named}| {row.said:.2f} | {row.seen:.2f} | {row.n} |")
    return "\n".join(lines)


def _confounds(manifest: Manifest) -> str:
    """What it may be reading instead: the same images changed, plain numbers, attention outside."""
    varied = [
        entry for entry in manifest.metrics if entry.fold.startswith(VARIED) and entry.name == "auroc"
    ]
    told = dict(manifest.confounds)
    if not varied and not told:
        return ""
    lines = ["## What it may be reading instead", ""]
    if varied:
        lines += ["The test images again, changed:", "", "| change | AUROC | n |", "|---|---|---|"]
        lines += [
            f"| {_CHANGES.get(entry.fold.removeprefix(VARIED), entry.fold)} "
            f"| {entry.value:.3f} ({entry.low:.3f} to {entry.high:.3f}) | {entry.n} |"
            for entry in varied
        ]
    plain = [(name.removeprefix(_PLAIN), told[name]) for name in told if name.startswith(_PLAIN)]
    if plain:
        each = ", ".join(f"{name} {value:.2f}" for name, value in sorted(plain, key=lambda pair: -pair[1]))
        lines += [
            "",
            f"Plain numbers of a file tell the two answers apart with an AUROC (0.5 is chance) of: {each}.",
        ]
    if "attention outside" in told:
        lines += [
            "",
            (
                f"{told['attention outside']:.0%} of the map's weight lies outside the box around the lung "
                "fields (the same box for every film), over the true cases of the test that were called, "
                f"n = {told['images']:.0f}; of the picture {told['picture outside']:.0%} lies outside."
            ),
        ]
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
    if found.by_chance:
        said += " That is hardly more than anywhere: do not take the map for the place of the finding."
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
