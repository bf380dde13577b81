"""Where the network looked: class activation maps in the frame's own pixels, and checks of them.

The native map is the summand of the logit (Zhou et al. 2016), so it costs nothing. Grad-CAM
(Selvaraju et al. 2017) comes from pytorch-grad-cam. Neither is a lesion's outline.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.findings import HeatMap, LabelScore
from medvision_desktop.inference.engine import Engine
from medvision_desktop.modelkit.preprocess import Preprocessing

Floats = NDArray[np.float32]

METHODS: Final = ("native", "gradcam")
# What the map of an anomaly model is called: not attention.
RECONSTRUCTION: Final = "reconstruction error"
DELETED_SHARES: Final = (0.1, 0.3)
# Corners of the phantom (down, right) in the order top left, top right, bottom left, bottom right;
# and where each would come out for the identity and the seven other turns and mirrorings.
_CORNERS: Final = ((0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8))
_TURNS: Final = (
    (0, 1, 2, 3),
    (1, 3, 0, 2),
    (3, 2, 1, 0),
    (2, 0, 3, 1),
    (1, 0, 3, 2),
    (2, 3, 0, 1),
    (0, 2, 1, 3),
    (3, 1, 2, 0),
)
_MASK_EDGE: Final = 0.01  # of the side
_AIR_PERCENTILE: Final = 20.0
_PIXELS_AT_ONCE: Final = 4 * 224 * 224
_FLAT: Final = 1e-6  # a map lower than this is rounding, not attention


def native(score: LabelScore, summand: Floats, peak: float, size: int, *, mirrored: bool = False) -> Floats:
    """What speaks for a label, from its summand (h, w), on a grid over the whole frame, in 0..1.

    Where the answer is yes, in parts of the map's own highest value: the question then is where.
    Where it is no, in parts of `peak`, the height that true cases usually reach, so the map stays as
    dim as the answer is weak.
    """
    highest = float(summand.max())
    top = highest if score.positive and highest > 0 else max(peak, highest)
    grid = np.clip(summand / np.float32(top), 0, 1).astype(np.float32)
    return aligned(grid, size, mirrored=mirrored)


def error(score: LabelScore, summand: Floats, peak: float) -> Floats:
    """Reconstruction error (h, w), whose cells are blocks of pixels, in 0..1: scaled as `native` is."""
    highest = float(summand.max())
    top = highest if score.positive and highest > 0 else max(peak, highest)
    return np.asarray(np.clip(summand / np.float32(max(top, _FLAT)), 0, 1), dtype=np.float32)


def gradcam(drawn: Floats, cells: int, *, mirrored: bool = False) -> Floats:
    """A map of pytorch-grad-cam, drawn at the network's size, on a grid over the whole frame.

    The package draws each of the `cells` along a side around the cell's middle; see `aligned`.
    """
    shift = (drawn.shape[0] / cells - 1) / 2
    moved = cv2.warpAffine(
        drawn,
        np.array([[1, 0, 0 if mirrored else -shift], [0, 1, -shift]], dtype=np.float64),
        drawn.shape[::-1],
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, dtype=np.float32)


def in_source(label: str, method: str, grid: Floats, rows: int, columns: int) -> HeatMap:
    """A grid that covers the whole frame, as preprocessing resizes the whole frame."""
    return HeatMap(label, method, grid, (0.0, 0.0, float(columns), float(rows)))


def aligned(cells: Floats, size: int, *, mirrored: bool = False) -> Floats:
    """A map's cells (h, w) on a grid of 4h x 4w that covers the network's input of `size` pixels.

    A strided convolution with symmetric padding looks around pixel stride * i for cell i, not around
    the middle of the i-th square: half a stride further up and left. Drawn without that, attention
    lies 6 % of the picture too low and too far to the right. The mean over an image and its mirror
    image lies in the middle from left to right.
    """
    rows, columns = cells.shape
    y = (np.arange(4 * rows) + 0.5) / 4 - 0.5 * rows / size
    x = (np.arange(4 * columns) + 0.5) / 4 - (0.5 if mirrored else 0.5 * columns / size)
    down, along = (grid.astype(np.float32) for grid in np.meshgrid(y, x, indexing="ij"))
    moved = cv2.remap(cells, along, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)


def maps_keep_their_place(engine: Engine, spec: Preprocessing) -> bool:
    """Whether a change in a known corner of the input changes the maps in that corner.

    A phantom: a smooth picture, and the same with a textured patch in each corner in turn. A deep
    network sees the whole picture in every cell, so what counts is where the maps change more than
    they do for the other corners. Of the eight ways in which a map can be turned or mirrored, the
    right one must fit best.
    """
    energy = np.zeros((4, 4))
    base = _phantom(spec)
    for texture in _textures(spec):
        patched = [_patched(base, texture, *corner) for corner in _CORNERS]
        maps = _in_parts(engine, patched)[1]
        own = np.abs(maps - maps.mean(axis=0)).sum(axis=1)
        quadrants = np.array([_quadrants(change) for change in own])
        energy += quadrants / max(float(quadrants.sum()), 1e-12)
    energy -= energy.mean(axis=0)
    fits = [sum(energy[corner, place] for corner, place in enumerate(turn)) for turn in _TURNS]
    return bool(fits[0] > max(fits[1:]))


def deletion_scores(
    engine: Engine,
    batch: Floats,
    label: int,
    grid: Floats,
    *,
    negative: float,
    maps: int,
    seed: int,
    mirrored: bool = False,
) -> tuple[float, float]:
    """How much of the answer goes with the places the map's cells point at, and with random places.

    The most attended 10 and 30 % of the input are painted over; the score is how far the logit falls
    on its way to `negative`, the logit of a typical negative, averaged: 0 not at all, 1 all the way.
    The same for `maps` maps whose cells were shuffled (deletion, Petsiuk et al. 2018). A faithful
    map scores above random.
    """
    random = np.random.default_rng(seed)
    shuffled = (random.permutation(grid.ravel()).reshape(grid.shape) for _ in range(maps))
    grids = [grid, *shuffled]
    side = batch.shape[-1]
    drawn = [aligned(each, side, mirrored=mirrored) for each in grids]
    inputs = [batch[0]] + [_deleted(batch[0], each, share) for each in drawn for share in DELETED_SHARES]
    logits = _in_parts(engine, inputs)[0][:, label].astype(np.float64)
    way = max(float(logits[0]) - negative, 1e-6)
    fallen = np.clip((logits[0] - logits[1:]) / way, 0, 1)
    scores = fallen.reshape(len(grids), len(DELETED_SHARES)).mean(axis=1)
    return float(scores[0]), float(scores[1:].mean()) if maps else float("nan")


def _in_parts(engine: Engine, inputs: list[Floats]) -> tuple[Floats, Floats]:
    """Logits and maps of many inputs: an engine keeps the memory of its largest batch, so few at once."""
    each = max(1, _PIXELS_AT_ONCE // inputs[0].shape[-1] ** 2)
    parts = [engine.run(np.stack(inputs[at : at + each])) for at in range(0, len(inputs), each)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _deleted(image: Floats, grid: Floats, share: float) -> Floats:
    """The image with its most attended part as dark as its darkest fifth.

    Dark is what air is on a film. Blurring, the usual choice, will not do: a blurred lung is a hazy
    lung, and the network says so.
    """
    side = image.shape[-1]
    attention = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
    mask = (attention >= np.quantile(attention, 1 - share)).astype(np.float32)
    mask = cv2.GaussianBlur(mask, (0, 0), side * _MASK_EDGE)
    mixed: Floats = image * (1 - mask) + np.float32(np.percentile(image[0], _AIR_PERCENTILE)) * mask
    return mixed.astype(np.float32)


def _phantom(spec: Preprocessing) -> Floats:
    y, x = np.mgrid[0 : spec.size, 0 : spec.size].astype(np.float32) / spec.size - 0.5
    body = np.exp(-(x**2 + y**2) / 0.18) - 0.5
    return np.repeat(body[np.newaxis].astype(np.float32), spec.channels, axis=0)


def _textures(spec: Preprocessing) -> tuple[Floats, Floats]:
    x = np.arange(spec.size, dtype=np.float32) / spec.size
    waves = np.tile(0.5 * np.sin(60 * x), (spec.size, 1)).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 1, (spec.size, spec.size)).astype(np.float32)
    return waves, noise


def _patched(base: Floats, texture: Floats, top: float, left: float) -> Floats:
    side = base.shape[-1]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    weight = np.exp(-((x - left) ** 2 + (y - top) ** 2) / (2 * 0.08**2))
    mixed: Floats = (base * (1 - weight) + texture * weight).astype(np.float32)
    return mixed


def _quadrants(change: NDArray[np.floating]) -> list[float]:
    rows, columns = change.shape[0] // 2, change.shape[1] // 2
    parts = (
        change[:rows, :columns],
        change[:rows, -columns:],
        change[-rows:, :columns],
        change[-rows:, -columns:],
    )
    return [float(part.sum()) for part in parts]
