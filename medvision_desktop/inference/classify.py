"""From logits to labels: calibration, thresholds and the two rules of doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from medvision_desktop.domain.findings import LabelScore
from medvision_desktop.modelkit import calibration
from medvision_desktop.modelkit.manifest import ANOMALY
from medvision_desktop.modelkit.registry import ModelPackage

NOT_EVALUATED: Final = " (not evaluated)"


def scores(
    package: ModelPackage, logits: Sequence[float], *, unevaluated: bool = False
) -> tuple[LabelScore, ...]:
    """One score a label, in the manifest's order.

    Uncertain: for one label or one of several, when the most probable answer is under the
    confidence floor; for several labels at once, inside a band around each threshold. How unlike normal
    an image is has no such doubt. Labels that were not evaluated are left out, or with `unevaluated` are
    there by another name, never positive and always uncertain.
    """
    manifest = package.manifest
    softmax = manifest.task == "single-label"
    raw = calibration.raw_probabilities(logits, softmax=softmax)
    known = calibration.calibrated(package.calibration, logits, softmax=softmax)
    if softmax:
        doubts = [bool(known.max() < manifest.confidence_floor)] * len(known)
    elif manifest.task == "multi-label":
        bands = dict(manifest.uncertain_bands)
        doubts = [
            abs(float(value) - threshold) < bands.get(label, manifest.uncertain_band)
            for value, (label, threshold) in zip(known, manifest.thresholds, strict=True)
        ]
    elif manifest.task == ANOMALY:
        doubts = [False]
    else:
        doubts = [max(float(value), 1 - float(value)) < manifest.confidence_floor for value in known]
    few = set(manifest.not_evaluated)
    return tuple(
        LabelScore(
            label=label + NOT_EVALUATED if label in few else label,
            probability=float(probability),
            raw=float(plain),
            threshold=threshold,
            positive=bool(probability >= threshold) and label not in few,
            uncertain=doubt or label in few,
        )
        for (label, threshold), probability, plain, doubt in zip(
            manifest.thresholds, known, raw, doubts, strict=True
        )
        if unevaluated or label not in few
    )
