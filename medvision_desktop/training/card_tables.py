"""Tables of a model card: confusion, thresholds, subgroups. Each is Markdown, empty where it says nothing.

`said`: (n, labels) calibrated probabilities of the test images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from medvision_desktop.modelkit.manifest import Manifest, Metric
from medvision_desktop.training import curves, fairness, metrics
from medvision_desktop.training.predictions import Predictions

TOO_FEW: Final = 20
GAP_ROUNDS: Final = 200
NAMES: Final = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "f1": "F1",
    "brier": "Brier score",
    "ece": "Expected calibration error",
    "accuracy": "Accuracy",
}


def numbers(found: Sequence[Metric], *, several: bool) -> str:
    """Every number of the test images with its interval; those of a variant are told elsewhere."""
    head = (
        "| label | measure | value | 95 % interval | n |"
        if several
        else "| measure | value | 95 % interval | n |"
    )
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    for entry in found:
        if entry.fold == "test":
            named = f"| {entry.label or 'all'} " if several else ""
            value = f"{entry.value:.3f} | {entry.low:.3f} to {entry.high:.3f}"
            lines.append(f"{named}| {NAMES[entry.name]} | {value} | {entry.n} |")
    return "\n".join(lines)


def confusion(manifest: Manifest, test: Predictions, said: metrics.Scores) -> str:
    """How many of each answer were called, of a model with one label."""
    if len(manifest.labels) > 1:
        return ""
    called, truth = said[:, 0] >= manifest.thresholds[0][1], test.truth[:, 0]
    return "\n".join(
        [
            "| | called positive | called negative |",
            "|---|---|---|",
            f"| is positive | {int((called & truth).sum())} | {int((~called & truth).sum())} |",
            f"| is negative | {int((called & ~truth).sum())} | {int((~called & ~truth).sum())} |",
        ]
    )


def classes(manifest: Manifest, test: Predictions, said: metrics.Scores) -> str:
    """Of several classes: the confusion matrix, the share that was named right, and the uncertain ones."""
    called, truth = said.argmax(axis=1), test.truth.argmax(axis=1)
    head = " | ".join(f"called {label}" for label in manifest.labels)
    lines = [f"| | {head} | named right |", "|---" * (len(manifest.labels) + 2) + "|"]
    for index, label in enumerate(manifest.labels):
        own = truth == index
        counts = " | ".join(str(int((called[own] == other).sum())) for other in range(len(manifest.labels)))
        hit = metrics.share(called[own] == index, test.where(own.tolist()).person)
        lines.append(f"| is {label} | {counts} | {hit.value:.3f} ({hit.low:.3f} to {hit.high:.3f}) |")
    sure = said.max(axis=1) >= manifest.confidence_floor
    right = metrics.share((called == truth)[sure], test.where(sure.tolist()).person)
    unsure = (
        f"{int((~sure).sum())} of {len(sure)} images are called uncertain (largest probability under "
        f"{manifest.confidence_floor:.2f}); of the others {right.value:.3f} are named right "
        f"({right.low:.3f} to {right.high:.3f})."
    )
    return "\n".join([*lines, "", unsure])


def strata(manifest: Manifest, test: Predictions, said: metrics.Scores) -> str:
    """By subgroup: the share called positive of one label, the AUROC of each of several.

    Fewer than 20 images, or for an AUROC fewer than 20 of either answer, are too few, and it says so.
    """
    rows = []
    for name, inside in fairness.subgroups(test).items():
        chosen = test.where(inside.tolist())
        for index, (label, threshold) in enumerate(manifest.thresholds):
            scores, truth = said[inside, index], chosen.truth[:, index]
            n = str(len(truth))
            if len(manifest.labels) > 1:
                few, n = min(truth.sum(), (~truth).sum()) < TOO_FEW, f"{n}, {int(truth.sum())} positive"
                named = f"{name}, {label}"
            else:
                few, named = len(truth) < TOO_FEW, name
            value = "too few"
            if not few and len(manifest.labels) > 1:
                value = _interval(metrics.measured(metrics.auroc, scores, truth, chosen.person))
            elif not few:
                value = _interval(metrics.share(scores >= threshold, chosen.person))
            rows.append(f"| {named} | {value} | {n} | {chosen.people} |")
    if not rows:
        return ""
    what = "AUROC" if len(manifest.labels) > 1 else "called positive"
    said_of = f"{what}." if what == "AUROC" else "Share called positive."
    head = ["## By subgroup", "", said_of, ""]
    return "\n".join([*head, f"| subgroup | {what} | images | people |", "|---|---|---|---|", *rows])


def levels(manifest: Manifest, test: Predictions, said: metrics.Scores) -> str:
    """What other thresholds would have meant, of a model with one label."""
    if len(manifest.labels) > 1:
        return ""
    lines = [
        "## At other thresholds",
        "",
        "On the same images. Predictive values hold for this share of positives only.",
        "",
        "| threshold | called positive | sensitivity | specificity | positive right | negative right |",
        "|---|---|---|---|---|---|",
    ]
    for row in curves.at_thresholds(said[:, 0], test.truth[:, 0]):
        shares = (row.sensitivity, row.specificity, row.positive_predictive, row.negative_predictive)
        lines.append(f"| {row.threshold:.2f} | {row.called} | {' | '.join(map(_share, shares))} |")
    return "\n".join(lines)


def _share(value: float) -> str:
    return "none" if value != value else f"{value:.3f}"


def gaps(manifest: Manifest, test: Predictions, said: metrics.Scores) -> str:
    """Every subgroup of people against the others of its kind; those that are too few are named."""
    found = fairness.gaps(test, said, manifest.thresholds, rounds=GAP_ROUNDS)
    if not found:
        return ""
    lines = [
        "## Is it worse for some",
        "",
        (
            "Each subgroup against the others of its kind: its number less theirs, with intervals from "
            f"resampling people {GAP_ROUNDS} times. An interval that leaves out 0 is marked; of many "
            "rows one in twenty would be by chance."
        ),
        "",
        "| label | subgroup | measure | subgroup's own | less the others | n |",
        "|---|---|---|---|---|---|",
    ]
    few = []
    for gap in found:
        if gap.own is None or gap.difference is None:
            few.append(f"{gap.subgroup} ({gap.label}, {NAMES[gap.measure]}, n {gap.n})")
            continue
        mark = " \\*" if gap.clear else ""
        cells = (gap.label, gap.subgroup, NAMES[gap.measure], f"{gap.own.value:.3f}")
        lines.append(f"| {' | '.join(cells)} | {_signed(gap.difference)}{mark} | {gap.n} |")
    if few:
        lines += ["", f"Too few to say, on either side: {'; '.join(few)}."]
    return "\n".join(lines)


def _signed(found: metrics.Measured) -> str:
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _interval(found: metrics.Measured) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
