"""The card of a model of volumes, written from its predictions: nothing in it is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from medvision_desktop.modelkit.manifest import Manifest, Metric
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.training import volume_predictions as predictions
from medvision_desktop.training.volume_predictions import Row

_ALWAYS: Final = "Research use; not a medical device. A suggestion: the radiologist decides."
_FEW: Final = 20
_POOR: Final = 0.8
_NAMES: Final = {
    "dice": "Dice",
    "hd95_mm": "HD95, mm",
    "volume_bias_ml": "Volume minus the expert's, mL",
    "volume_error_percent": "Volume error, % of the expert's",
}


def text(manifest: Manifest, rows: Sequence[Row], words: tuple[str, str, str]) -> str:
    """The card as Markdown. `words`: (beyond, misses, evaluated_on) of the recipe."""
    beyond, misses, evaluated_on = words
    found = manifest.segmentation
    if found is None:
        raise ValueError("a card of volumes needs a model of volumes")
    parts = [
        f"# {manifest.title}",
        f"`{manifest.name}` {manifest.version}. {_ALWAYS}",
        "## What it is for\n\n" + manifest.intended_use,
        "## What it is not for\n\n" + "\n".join(f"* {entry}" for entry in manifest.contraindications),
        f"## What it saw\n\n{_sentence(manifest.trained_on)}\n\n{_data(manifest)}",
        _measured(manifest, rows, evaluated_on),
        _cases(manifest, found, rows) if _images(rows) < _FEW else _sizes(manifest, rows),
        "## What it misses\n\n" + _missed(manifest, rows) + (f"\n\n{misses}" if misses else ""),
        "## Elsewhere\n\n" + beyond,
        _technical(manifest, found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "." if words else ""


def _images(rows: Sequence[Row]) -> int:
    return len({row.sha256 for row in rows})


def _data(manifest: Manifest) -> str:
    lines = ["| data | images | use | licence |", "|---|---|---|---|"]
    lines += [
        f"| {entry.name} | {entry.images} | {entry.use} | {entry.licence} |" for entry in manifest.data
    ]
    return "\n".join(lines)


def _measured(manifest: Manifest, rows: Sequence[Row], evaluated_on: str) -> str:
    networks = dict(manifest.training).get("sister_networks", "")
    people = len({row.person for row in rows})
    said = (
        f"On {_images(rows)} images ({people} groups), each judged by one of {networks} sister networks of "
        "the same recipe that never saw it, by the executed form of each. The network that ships saw all "
        "of them and is not measured on its own. The intervals come from resampling groups. "
        f"{evaluated_on}"
    )
    lines = ["## What was measured", "", said.rstrip(), ""]
    lines += ["| label | measure | mean | 95 % interval | n |", "|---|---|---|---|---|"]
    lines += [_line(entry) for entry in manifest.metrics]
    return "\n".join(lines)


def _line(entry: Metric) -> str:
    digits = 3 if entry.name == "dice" else 2
    value, low, high = (f"{number:.{digits}f}" for number in (entry.value, entry.low, entry.high))
    if not entry.n:
        value, low, high = "not defined", "", ""
    ends = f"{low} to {high}" if entry.n else ""
    return (
        f"| {entry.label or 'mean of the labels'} | {_NAMES[entry.name]} | {value} | {ends} | {entry.n} |"
    )


def _cases(manifest: Manifest, found: Segmentation, rows: Sequence[Row]) -> str:
    """Every image on its own, where there are too few for anything else."""
    names = (*manifest.labels, *(name for name, _ in found.sums))
    head = " | ".join(names)
    lines = [
        "## Each image",
        "",
        f"Dice of each of the {_images(rows)} images; too few for subgroups.",
        "",
        f"| image (SHA-256) | {head} |",
        "|---" * (len(names) + 1) + "|",
    ]
    for digest in dict.fromkeys(row.sha256 for row in rows):
        own = {row.label: row.found.dice for row in rows if row.sha256 == digest}
        lines.append(f"| {digest[:12]} | " + " | ".join(f"{own[name]:.3f}" for name in names) + " |")
    return "\n".join(lines)


def _sizes(manifest: Manifest, rows: Sequence[Row]) -> str:
    """Dice by how large the expert drew the label, in thirds."""
    lines = ["## By size", "", "Dice by thirds of the expert's volume, small to large.", ""]
    lines += ["| label | volume, mL | Dice | 95 % interval | n |", "|---|---|---|---|---|"]
    for label in manifest.labels:
        own = sorted(predictions.of(rows, label), key=lambda row: (row.found.truth_ml, row.sha256))
        for third in np.array_split(np.arange(len(own)), 3):
            part = [own[index] for index in third]
            entry = next(m for m in predictions.measured(part, [label]) if m.name == "dice")
            ends = f"{part[0].found.truth_ml:.2f} to {part[-1].found.truth_ml:.2f}"
            interval = f"{entry.low:.3f} to {entry.high:.3f}"
            lines.append(f"| {label} | {ends} | {entry.value:.3f} | {interval} | {entry.n} |")
    return "\n".join(lines)


def _missed(manifest: Manifest, rows: Sequence[Row]) -> str:
    lines = []
    for label in manifest.labels:
        own = predictions.of(rows, label)
        dice = predictions.values(own, "dice")
        gone = sum(row.found.volume_ml == 0 < row.found.truth_ml for row in own)
        lines.append(
            f"* {label}: Dice under {_POOR} in {int((dice < _POOR).sum())} of {len(own)} images, "
            f"the lowest {dice.min():.3f}; not found at all in {gone}."
        )
    return "\n".join(lines)


def _technical(manifest: Manifest, found: Segmentation) -> str:
    spec, parity = found.spec, manifest.parity
    spacing = " x ".join(f"{value:g}" for value in spec.spacing_mm)
    window = " x ".join(str(side) for side in spec.patch)
    lines = ["## How it was made", ""]
    lines.append(
        f"* Network {manifest.network} (MONAI's residual U-Net), channels {', '.join(spec.channels)}."
    )
    lines.append(f"* Resampled to {spacing} mm; z-score of each channel inside of what is not background.")
    lines.append(f"* Images within {window} voxels run at once, larger ones in windows of that size.")
    looks = found.shifts * (2 if found.mirrored else 1)
    if looks > 1:
        mirror = " of the image and its mirror image" if found.mirrored else ""
        lines.append(
            f"* Each answer is the mean over {looks} looks{mirror}, at {found.shifts} places in its grid."
        )
    if found.smallest_ml:
        lines.append(f"* Islands of labels under {found.smallest_ml:g} mL are taken away.")
    lines += [f"* {name.replace('_', ' ').capitalize()}: {value}." for name, value in manifest.training]
    if parity is not None:
        lines.append(
            f"* The executed file and the safetensors differ by at most {parity.logits:.1e} in a logit "
            f"over {parity.images} images."
        )
    lines.append(f"* Licence of the weights: {manifest.licence}.")
    return "\n".join(lines)
