"""The worst mistakes as pictures: what was called and was not, and what was and was not called.

It holds patients' images. It is written beside a run or where somebody asks for it, and no package,
record or log ever takes it along.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medvision_desktop.inference import cam
from medvision_desktop.modelkit.preprocess import display_gray
from medvision_desktop.pixels import overlay
from medvision_desktop.training.measure import Held, Judge
from medvision_desktop.training.metrics import Scores, Truth
from medvision_desktop.training.pictures import framed

FOLDER: Final = "failures"
_EACH: Final = 8
_LONGEST: Final = 384
_THRESHOLD: Final = 0.35
_WARNING: Final = (
    "These are patients' images: they stay where the images themselves may be, and are never shared."
)


@dataclass(frozen=True)
class Failure:
    """A mistake: `row` of the images, the label, what was said of it, and whether it was missed."""

    row: int
    label: int
    said: float
    missed: bool


def worst(
    said: Scores, truth: Truth, thresholds: Sequence[float], *, each: int = _EACH
) -> tuple[Failure, ...]:
    """Of every label the `each` surest false alarms and the `each` surest misses, the surest first.

    `said`, `truth`: (n, labels).
    """
    found: list[Failure] = []
    for label, threshold in enumerate(thresholds):
        called, is_so = said[:, label] >= threshold, truth[:, label]
        for missed, rows in ((False, called & ~is_so), (True, ~called & is_so)):
            order = sorted(
                np.nonzero(rows)[0].tolist(), key=lambda row: said[row, label] * (1 if missed else -1)
            )
            found += [Failure(row, label, float(said[row, label]), missed) for row in order[:each]]
    return tuple(found)


def write(
    folder: Path,
    failures: Sequence[Failure],
    held: Sequence[Held],
    judges: Mapping[str, Judge],
    labels: Sequence[str],
) -> int:
    """Write pictures and `failures.md` into a folder; returns how many. Raises `OSError`.

    Each picture is shown with the map of the judge that never saw it. What stood in the folder before goes.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# The worst mistakes", "", _WARNING, "", "Left the image, right the model's attention.", ""]
    for number, failure in enumerate(failures, start=1):
        kind = "missed" if failure.missed else "false-alarm"
        name = f"{number:03d}-{kind}.png"
        entry = held[failure.row]
        picture = _picture(entry, judges[entry.judge], failure.label)
        (folder / name).write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        words = "missed" if failure.missed else "called and not so"
        lines += [
            f"## {labels[failure.label]}, {words}, probability {failure.said:.2f}",
            "",
            f"![]({name})",
            "",
        ]
    if not failures:
        lines.append("There are none.")
    (folder / "failures.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return len(failures)


def _picture(entry: Held, judge: Judge, label: int) -> NDArray[np.uint8]:
    """The image and the image under its map, side by side: HxWx3."""
    shown = np.rint(display_gray(framed(entry.item)[0]) * 255).astype(np.uint8)
    scale = min(1.0, _LONGEST / max(shown.shape))
    size = (max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale)))
    image = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    cells = np.clip(judge.engine.run(judge.asked(entry.item))[1][0, label], 0, None)
    grid = cam.aligned((cells / max(float(cells.max()), 1e-6)).astype(np.float32), judge.spec.size)
    heat = cam.in_source("", "native", grid, *image.shape)
    layer = overlay.coloured(
        overlay.attention_in_source(heat, *image.shape), _THRESHOLD, overlay.MAX_OPACITY
    )
    plain = np.repeat(image[..., np.newaxis], 3, axis=2)
    return np.concatenate([plain, overlay.over(image, layer)], axis=1)
