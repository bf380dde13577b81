"""The data audit before training: what would make its numbers untrue, as a table that a person reads.

Unreadable files, the same picture twice, one picture on both sides of a split, one picture with two
answers, and plain properties of a file that tell the answers apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import confounds, fairness, split
from medvision_desktop.training.dataset import Images

FILE: Final = "audit.md"
# A plain property that tells the answers apart this well is worth a look.
SUSPICIOUS: Final = 0.75
_SHOWN: Final = 20
# Comparing everything with everything in seven ways takes minutes beyond this.
_MOST_TURNED: Final = 20_000


@dataclass(frozen=True)
class Audit:
    """What was found; everything is a count, or a short list of names.

    `duplicates`: pairs of near-identical pictures, of which `copies` are the same file; `leaks`: those on
    two sides of the split; `conflicts`: those with different answers. `turned`: pairs on two sides that
    are near-identical once one is mirrored or turned; -1 where that was not looked for. `shared`: groups on
    two sides. `confounds`: (label, property, AUROC of the property alone). `subgroups`: (subgroup, label,
    images with, images of which it is known).
    """

    images: int
    unreadable: tuple[str, ...] = ()
    duplicates: int = 0
    leaks: int = 0
    conflicts: int = 0
    shared: int = 0
    copies: int = 0
    turned: int = 0
    confounds: tuple[tuple[str, str, float], ...] = ()
    sources: tuple[tuple[str, str, int], ...] = ()
    subgroups: tuple[tuple[str, str, int, int], ...] = ()
    examples: tuple[tuple[str, str, str], ...] = field(default=())

    @property
    def leaking(self) -> bool:
        """Whether one person or picture is on both sides of the split."""
        return bool(self.leaks or self.shared)


def of(
    images: Images,
    truth: NDArray[np.int64],
    folds: Sequence[str],
    labels: Sequence[str],
    *,
    named: Sequence[str],
) -> Audit:
    """Audit images that were read, with their `truth` (n, labels), fold and name."""
    pairs = split.near_duplicates(images.pictures)
    leaks = [pair for pair in pairs if folds[pair[0]] != folds[pair[1]]]
    conflicts = [pair for pair in pairs if _differ(truth[pair[0]], truth[pair[1]])]
    turned = split.turned_duplicates(images.pictures) if len(images.items) <= _MOST_TURNED else None
    across = [pair for pair in turned or () if folds[pair[0]] != folds[pair[1]]]
    places: dict[str, set[str]] = {}
    for item, fold in zip(images.items, folds, strict=True):
        places.setdefault(item.group, set()).add(fold)
    examples = [
        (kind, named[first], named[second])
        for kind, found in (("on two sides", leaks), ("two answers", conflicts), ("turned", across))
        for first, second in found[:_SHOWN]
    ]
    return Audit(
        images=len(images.items),
        unreadable=images.unreadable,
        duplicates=len(pairs),
        leaks=len(leaks),
        conflicts=len(conflicts),
        shared=sum(1 for found in places.values() if len(found) > 1),
        copies=sum(1 for a, b in pairs if images.sha256[a] == images.sha256[b]),
        turned=-1 if turned is None else len(across),
        subgroups=_subgroups(images, truth, labels),
        confounds=_confounds(images, truth, labels),
        sources=_sources(images, truth, labels),
        examples=tuple(examples),
    )


def checked(found: Audit, folder: Path, *, allow_leakage: bool) -> Audit:
    """Write the audit beside the run. Raises `InputRefused` for leakage, unless that was allowed."""
    (folder / FILE).write_text(text(found), encoding="utf-8")
    (folder / "audit.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    if found.leaking and not allow_leakage:
        raise InputRefused(
            "The same people or pictures are on two sides of the split.",
            f"{found.leaks} pairs of pictures and {found.shared} groups; {FILE} in the run names them.",
            "Mend the split, or train with --allow-leakage and trust no number.",
        )
    return found


def text(found: Audit) -> str:
    """The audit as Markdown."""
    rows = [
        ("images that were read", found.images),
        ("files that cannot be read, left out", len(found.unreadable)),
        ("pairs of near-identical pictures", found.duplicates),
        ("of these the same file twice", found.copies),
        ("of these on two sides of the split", found.leaks),
        ("of these with different answers", found.conflicts),
        ("groups on two sides of the split", found.shared),
        ("pairs on two sides that are mirrored or turned copies (not refused)", found.turned),
    ]
    lines = ["# Data audit", "", "| | n |", "|---|---|"]
    lines += [f"| {name} | {count if count >= 0 else 'not looked for'} |" for name, count in rows]
    lines += ["", "## What tells the answers apart without looking", ""]
    lines += ["AUROC of one plain number of the file; 0.5 is chance.", ""]
    lines += ["| label | number | AUROC | |", "|---|---|---|---|"]
    for label, name, value in found.confounds:
        lines.append(
            f"| {label} | {name} | {value:.2f} | {'look into this' if value >= SUSPICIOUS else ''} |"
        )
    lines += ["", "## Answers by source", "", "| source | label | images |", "|---|---|---|"]
    lines += [f"| {source} | {label} | {count} |" for source, label, count in found.sources]
    if found.subgroups:
        lines += ["", "## Answers by view, sex and age", ""]
        lines += ["A label that is much more frequent in one of them can be told by them.", ""]
        lines += ["| subgroup | label | with | of | share |", "|---|---|---|---|---|"]
        for subgroup, label, having, known in found.subgroups:
            lines.append(f"| {subgroup} | {label} | {having} | {known} | {having / known:.2f} |")
    if found.examples or found.unreadable:
        lines += ["", "## Files", ""]
        lines += [f"* {kind}: {first}, {second}" for kind, first, second in found.examples]
        lines += [f"* cannot be read: {name}" for name in found.unreadable[:_SHOWN]]
    return "\n".join(lines) + "\n"


def _confounds(
    images: Images, truth: NDArray[np.int64], labels: Sequence[str]
) -> tuple[tuple[str, str, float], ...]:
    plain = {
        "width": images.shapes[:, 1],
        "height": images.shapes[:, 0],
        "width to height": images.shapes[:, 1] / images.shapes[:, 0],
        "mean brightness": images.pictures.mean(axis=(1, 2)),
        "contrast": images.pictures.std(axis=(1, 2)),
    }
    named = _members(images)
    plain |= {f"is {name}": inside for name, inside in named.items() if 0 < inside.sum() < len(inside)}
    found = []
    for index, label in enumerate(labels):
        known = truth[:, index] >= 0
        answers = truth[known, index] > 0
        if 0 < answers.sum() < len(answers):
            for name, values in plain.items():
                told = confounds.apart(values[known].astype(np.float64).tolist(), answers)
                found.append((label, name, round(told, 4)))
    return tuple(found)


def _members(images: Images) -> dict[str, NDArray[np.bool_]]:
    """(n,) of every subgroup that strata name, and of every source where there are several."""
    parts = [set(item.stratum.split(fairness.SEPARATOR)) - {""} for item in images.items]
    if len({item.source for item in images.items}) > 1:
        parts = [own | {f"source {item.source}"} for own, item in zip(parts, images.items, strict=True)]
    return {
        name: np.array([name in own for own in parts], dtype=bool) for name in sorted(set().union(*parts))
    }


def _subgroups(
    images: Images, truth: NDArray[np.int64], labels: Sequence[str]
) -> tuple[tuple[str, str, int, int], ...]:
    return tuple(
        (name, label, int((truth[inside, index] > 0).sum()), int((truth[inside, index] >= 0).sum()))
        for name, inside in _members(images).items()
        if fairness.kind_of(name)
        for index, label in enumerate(labels)
        if (truth[inside, index] >= 0).any()
    )


def _differ(first: NDArray[np.int64], second: NDArray[np.int64]) -> bool:
    """Whether two answers are different where both are known."""
    return bool(((first != second) & (first >= 0) & (second >= 0)).any())


def _sources(
    images: Images, truth: NDArray[np.int64], labels: Sequence[str]
) -> tuple[tuple[str, str, int], ...]:
    sources = np.array([item.source for item in images.items])
    return tuple(
        (source, label, int((truth[sources == source, index] > 0).sum()))
        for source in np.unique(sources).tolist()
        for index, label in enumerate(labels)
    )
