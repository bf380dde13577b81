"""Who is trained on and who is not: people, never images, decided by a seeded hash and written down.

Groups that share a picture (the same pixels, or thumbnails so alike that they are one exposure)
become one group first, so that a duplicate never sits on both sides.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused

T = TypeVar("T")

FILE: Final = "split.csv"
FOLDS: Final = ("train", "validation", "calibration", "test")
CROSS: Final = "cross-"
SHARES: Final = (0.7, 0.1, 0.1, 0.1)
NEAR_DUPLICATE_CORRELATION: Final = 0.999
_THUMBNAIL: Final = 24
# Products that are looked at together: 128 MB of them, however many pictures there are.
_MOST_AT_ONCE: Final = 1 << 25


def fold_of(group: str, seed: int, shares: Sequence[float] = SHARES) -> str:
    """The fold of a group: its hash with the seed as a number in 0..1, against the shares."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    edge = 0.0
    for fold, share in zip(FOLDS, shares, strict=True):
        edge += share
        if place < edge:
            return fold
    return FOLDS[-1]


def crossed(group: str, seed: int, parts: int) -> str:
    """The part of a group in a cross-validation, `cross-0` and on: every part is as likely."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return f"{CROSS}{int.from_bytes(digest[:8], 'big') * parts >> 64}"


def role(fold: str) -> str:
    """What images of a fold are for.

    Of the parts of a cross-validation the first finds the threshold, the second the calibration, and
    all others are the test.
    """
    if not fold.startswith(CROSS):
        return fold
    return ("validation", "calibration", "test")[min(2, int(fold.removeprefix(CROSS)))]


def joined_groups(groups: Sequence[str], pictures: NDArray[np.uint8]) -> list[str]:
    """Group names after joining groups that share a near-identical picture.

    `pictures`: (n, H, W) uint8. Thumbnails of 24x24, z-scored; a correlation above 0.999 counts as
    the same exposure (exact copies correlate 1).
    """
    parent = {group: group for group in groups}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    for first, second in near_duplicates(pictures):
        a, b = sorted((root(groups[first]), root(groups[second])))
        parent[b] = a
    return [root(group) for group in groups]


def near_duplicates(pictures: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Pairs of indices whose thumbnails correlate above the limit."""
    flat = _thumbnails(pictures)
    return _alike(flat, flat)


def turned_duplicates(pictures: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Pairs that are near-identical once one is mirrored or turned by quarters, and not as they stand.

    What looks the same mirrored or turned, as a round or even picture does, is no evidence and left out.
    """
    flat = _thumbnails(pictures)
    square = flat.reshape(-1, _THUMBNAIL, _THUMBNAIL)
    pairs: set[tuple[int, int]] = set()
    for mirrored in (False, True):
        for quarters in range(4):
            if not mirrored and not quarters:
                continue
            other = np.rot90(square[:, :, ::-1] if mirrored else square, quarters, axes=(1, 2))
            moved = np.ascontiguousarray(other).reshape(len(flat), -1)
            telling = (flat * moved).sum(axis=1) < NEAR_DUPLICATE_CORRELATION
            pairs.update(pair for pair in _alike(moved, flat) if telling[pair[0]])
    return sorted(pairs - set(_alike(flat, flat)))


def _thumbnails(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 576) float32, each of mean 0 and length 1, so that a product is a correlation."""
    import cv2

    side = (_THUMBNAIL, _THUMBNAIL)
    flat = np.stack([cv2.resize(p, side, interpolation=cv2.INTER_AREA).ravel() for p in pictures])
    flat = flat.astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6
    return flat


def _alike(first: NDArray[np.float32], second: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs (a, b), a before b, of which thumbnail a of the first correlates with b of the second."""
    pairs: list[tuple[int, int]] = []
    step = max(1, min(1024, _MOST_AT_ONCE // max(1, len(second))))
    for start in range(0, len(first), step):
        close = first[start : start + step] @ second.T > NEAR_DUPLICATE_CORRELATION
        for row, column in zip(*np.nonzero(close), strict=True):
            if start + row < column:
                pairs.append((int(start + row), int(column)))
    return pairs


def write(path: Path, rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Write (image, sha256, label, group, fold) rows as CSV, one an image, in the given order."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(("image", "sha256", "label", "group", "fold"))
        writer.writerows(rows)


def prepared_again(run: Path, data: Path, prepare: Callable[[], T], *, holds: str) -> T:
    """What a finished run was prepared from, which has to be what it was trained on.

    `holds` says in the plural what `data` holds. Raises `InputRefused` where the run is not finished or its
    split would be another one; the split stays as it was.
    """
    split_file = run / FILE
    if not split_file.is_file() or not (run / "best.safetensors").is_file():
        raise InputRefused("This run cannot be packaged.", f"{run} has no split or no weights.")
    before = split_file.read_bytes()
    found = prepare()
    if split_file.read_bytes() != before:
        split_file.write_bytes(before)
        raise InputRefused(
            "This run cannot be packaged.", f"{data} holds other {holds} than it was trained on."
        )
    return found
