"""Pictures made from pictures: turned, inverted, cut, and ones that never were a film.

The gate learns from them what is not an upright frontal chest film. Each variant is a word, so it
can stand in a file, and follows from the word and a seed alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medvision_desktop.training import confounds

Gray = NDArray[np.uint8]
_SIDE: Final = 224


def changed(gray: Gray, variant: str) -> Gray:
    """`gray` (HxW uint8) changed as the word says. Raises `KeyError` for an unknown word."""
    name, _, rest = variant.partition(":")
    return np.ascontiguousarray(_CHANGES[name](gray, _random(variant, rest)))


def drawn(variant: str) -> Gray:
    """A picture made of nothing but the word, HxW uint8."""
    name, _, rest = variant.partition(":")
    return np.ascontiguousarray(_DRAWN[name](_random(variant, rest)))


def _random(variant: str, rest: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{variant}/{rest}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _corner(gray: Gray, random: np.random.Generator) -> Gray:
    """A third of the film's width and height, enlarged: anatomy without its place."""
    height, width = gray.shape
    tall, wide = int(height * random.uniform(0.22, 0.4)), int(width * random.uniform(0.22, 0.4))
    top, left = int(random.integers(0, height - tall)), int(random.integers(0, width - wide))
    return gray[top : top + tall, left : left + wide]


def _shuffled(gray: Gray, random: np.random.Generator) -> Gray:
    """The film in three by three tiles, in another order."""
    height, width = gray.shape[0] // 3, gray.shape[1] // 3
    tiles = [
        gray[r * height : (r + 1) * height, c * width : (c + 1) * width] for r in range(3) for c in range(3)
    ]
    order = random.permutation(9)
    rows = [np.hstack([tiles[order[3 * r + c]] for c in range(3)]) for r in range(3)]
    return np.vstack(rows)


def _edges_masked(gray: Gray, _: np.random.Generator) -> Gray:
    """The outer tenth of every side painted over with the middle gray: markers, edges and format gone."""
    masked, (rows, columns) = gray.copy(), _edge(gray)
    level = np.uint8(np.median(gray))
    masked[:rows], masked[-rows:], masked[:, :columns], masked[:, -columns:] = level, level, level, level
    return masked


def _edges_only(gray: Gray, _: np.random.Generator) -> Gray:
    """Nothing but the outer tenth of every side."""
    masked, (rows, columns) = gray.copy(), _edge(gray)
    masked[rows:-rows, columns:-columns] = np.uint8(np.median(gray))
    return masked


def _lung_crop(gray: Gray, _: np.random.Generator) -> Gray:
    """Nothing but the box around the lungs."""
    top, left, bottom, right = _lung_box(gray)
    return gray[top:bottom, left:right]


def _lungs_masked(gray: Gray, _: np.random.Generator) -> Gray:
    """Everything but the box around the lungs."""
    masked, (top, left, bottom, right) = gray.copy(), _lung_box(gray)
    masked[top:bottom, left:right] = np.uint8(np.median(gray))
    return masked


def _edge(gray: Gray) -> tuple[int, int]:
    return max(1, gray.shape[0] // 10), max(1, gray.shape[1] // 10)


def _lung_box(gray: Gray) -> tuple[int, int, int, int]:
    top, left, bottom, right = confounds.INSIDE["lungs"]
    height, width = gray.shape
    return round(top * height), round(left * width), round(bottom * height), round(right * width)


def _uniform(random: np.random.Generator) -> Gray:
    level = random.integers(0, 256)
    noise = random.normal(0, random.choice([0.0, 1.0, 4.0]), (_SIDE, _SIDE))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def _noise(random: np.random.Generator) -> Gray:
    coarse = int(2 ** random.integers(2, 8))
    small = random.integers(0, 256, (coarse, coarse)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _gradient(random: np.random.Generator) -> Gray:
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / _SIDE - 0.5
    if random.random() < 0.5:
        plane = x * np.cos(angle) + y * np.sin(angle)
    else:
        plane = np.hypot(x - random.uniform(-0.3, 0.3), y - random.uniform(-0.3, 0.3))
    plane = (plane - plane.min()) / (plane.max() - plane.min())
    return np.asarray(plane * 255, dtype=np.uint8)


def _shapes(random: np.random.Generator) -> Gray:
    """Lines, rectangles and letters: test patterns, scanned pages, screens."""
    page = np.full((_SIDE, _SIDE), int(random.integers(0, 256)), np.uint8)
    for _ in range(int(random.integers(3, 25))):
        level = int(random.integers(0, 256))
        a, b = (tuple(int(v) for v in random.integers(0, _SIDE, 2)) for _ in range(2))
        kind = random.integers(0, 4)
        if kind == 0:
            cv2.line(page, a, b, level, int(random.integers(1, 6)))
        elif kind == 1:
            cv2.rectangle(page, a, b, level, int(random.choice([-1, 1, 3])))
        elif kind == 2:
            cv2.circle(page, a, int(random.integers(3, 70)), level, int(random.choice([-1, 1, 3])))
        else:
            cv2.putText(page, "Ward 7 L R 42", a, cv2.FONT_HERSHEY_SIMPLEX, 0.6, level, 1)
    return page


def _limb(random: np.random.Generator) -> Gray:
    """A drawn limb: one to five bones with bright edges in soft tissue, in air, at any angle.

    A stand-in for films of arms, legs, hands and feet, of which there are none to train on.
    """
    side = 320
    picture = np.full((side, side), random.uniform(0, 25), np.float32)
    width = random.uniform(0.2, 0.6) * side
    axis, taper = side * random.uniform(0.35, 0.65), random.uniform(-0.25, 0.25)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    half = width / 2 * (1 + taper * (y / side - 0.5) * 2)
    inside = 1 - ((x - axis) / half) ** 2
    picture += np.sqrt(np.clip(inside, 0, 1)) * random.uniform(40, 120)
    bones = int(random.choice([1, 2, 2, 5]))
    for index in range(bones):
        centre = axis + (index - (bones - 1) / 2) * width / bones * 0.8
        centre = centre + (y - side / 2) * random.uniform(-0.08, 0.08)
        thick = (
            width
            / (bones * random.uniform(2.6, 4.5))
            * (1 + 0.8 * random.random() * np.abs(y / side - 0.5) * 2)
        )
        place = np.abs(x - centre) / thick
        rim = np.clip(1 - np.abs(place - 0.85) / 0.3, 0, 1)
        picture += (np.clip(1 - place**4, 0, 1) * random.uniform(20, 60) + rim * random.uniform(30, 90)) * (
            inside > 0
        )
        if random.random() < 0.5:
            gap = random.uniform(0.15, 0.85) * side
            picture -= np.where((np.abs(y - gap) < 5) & (place < 1.3), 60, 0)
    picture += cv2.GaussianBlur(random.normal(0, 25, (side, side)).astype(np.float32), (0, 0), 2.0)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), float(random.uniform(0, 360)), 1.2)
    turned = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(turned, 0, 255), dtype=np.uint8)


_CHANGES: Final[Mapping[str, Callable[[Gray, np.random.Generator], Gray]]] = MappingProxyType(
    {
        "inverted": lambda gray, _: np.subtract(255, gray),
        "quarter": lambda gray, _: np.rot90(gray, 1),
        "half": lambda gray, _: np.rot90(gray, 2),
        "three-quarters": lambda gray, _: np.rot90(gray, 3),
        "corner": _corner,
        "shuffled": _shuffled,
        "edges-masked": _edges_masked,
        "edges-only": _edges_only,
        "lung-crop": _lung_crop,
        "lungs-masked": _lungs_masked,
    }
)
_DRAWN: Final[Mapping[str, Callable[[np.random.Generator], Gray]]] = MappingProxyType(
    {"uniform": _uniform, "noise": _noise, "gradient": _gradient, "shapes": _shapes, "limb": _limb}
)
