"""From logits to labels: calibration, thresholds and the two rules of doubt."""

from __future__ import annotations

from collections.abc import Sequence

from medvision_desktop.domain.findings import LabelScore
from medvision_desktop.modelkit import calibration
from medvision_desktop.modelkit.registry import ModelPackage


def scores(package: ModelPackage, logits: Sequence[float]) -> tuple[LabelScore, ...]:
    """One score a label, in the manifest's order.

    Uncertain: for one label or one of several, when the most probable answer is under the
    confidence floor; for several labels at once, inside a band around each threshold.
    """
    manifest = package.manifest
    softmax = manifest.task == "single-label"
    raw = calibration.raw_probabilities(logits, softmax=softmax)
    known = calibration.calibrated(package.calibration, logits, softmax=softmax)
    if softmax:
        doubts = [bool(known.max() < manifest.confidence_floor)] * len(known)
    elif manifest.task == "multi-label":
        doubts = [
            abs(float(value) - threshold) < manifest.uncertain_band
            for value, (_, threshold) in zip(known, manifest.thresholds, strict=True)
        ]
    else:
        doubts = [max(float(value), 1 - float(value)) < manifest.confidence_floor for value in known]
    return tuple(
        LabelScore(
            label=label,
            probability=float(probability),
            raw=float(plain),
            threshold=threshold,
            positive=bool(probability >= threshold),
            uncertain=doubt,
        )
        for (label, threshold), probability, plain, doubt in zip(
            manifest.thresholds, known, raw, doubts, strict=True
        )
    )
