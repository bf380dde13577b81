"""A linear head on features that stay as they are, and attention over places, both by convex-like fits.

Logistic regression of each label with both its answers weighted to count the same and the squares of
the weights held back (ridge). Weights are combinations of the images' features, so it is solved in as many
numbers as there are images or features, whichever is less. Nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medvision_desktop.training import losses

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

_STEPS: Final = 100
_ATTENTION_STEPS: Final = 30
# Attention sees places through so many directions in which places differ most.
_DIRECTIONS: Final = 16
_LEAST_DEVIATION: Final = 1e-3
_SAMPLED: Final = 1000
_AT_ONCE: Final = 16


@dataclass(frozen=True, eq=False)
class Linear:
    """logit = bias + weight . ((f - centre) * scale). `weight` (labels, f), others (f,) and (labels,)."""

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def of_means(self, means: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, labels) logits of mean features (n, f): attention that is the same everywhere."""
        found = ((means - self.centre) * self.scale) @ self.weight.T + self.bias
        return np.asarray(found, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Attentive:
    """Attention weights (labels, f) over scaled features, by place directions (directions, labels)."""

    attention: NDArray[np.float32]
    small: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Places:
    """Of places of images: `evidence` (n, 2, places, labels), `seen` (n, 2, places, directions).

    `basis` (f, directions) leads from scaled features to what is seen.
    """

    evidence: NDArray[np.float32]
    seen: NDArray[np.float32]
    basis: NDArray[np.float32]

    @classmethod
    def of(cls, fitted: Linear, cells: NDArray[np.float16], rows: Rows) -> Places:
        """Of the training images `rows` of `cells` (n, 2, places, f), with directions found on them."""
        return _projected(fitted, cells, rows, _basis(fitted, cells, rows))

    def same(self, fitted: Linear, cells: NDArray[np.float16], rows: Rows) -> Places:
        """Of other images, in the same directions."""
        return _projected(fitted, cells, rows, self.basis)


def linear(
    means: NDArray[np.float32], labels: NDArray[np.int64], ridge: float, used: NDArray[np.bool_]
) -> Linear:
    """The head on mean features (n, f), of which those that are not `used` get no weight.

    `labels` (n, labels) 0 or 1. A label with one answer only gets no weight at all.
    """
    centre = means.mean(axis=0, dtype=np.float64)
    scale = 1 / (means.std(axis=0, dtype=np.float64) + _LEAST_DEVIATION)
    shown = ((means[:, used] - centre[used]) * scale[used]).astype(np.float64)
    axes = _axes(shown)
    small = torch.from_numpy(shown @ axes)
    truth = torch.from_numpy(labels.astype(np.float64))
    weight = torch.zeros(small.shape[1], labels.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(labels.shape[1], dtype=torch.float64, requires_grad=True)

    def loss() -> Tensor:
        held: Tensor = 0.5 * ridge * torch.square(weight).sum()
        return _loss(small @ weight + bias, truth, labels) + held

    _minimised(loss, [weight, bias], _STEPS)
    full = np.zeros((labels.shape[1], means.shape[1]))
    full[:, used] = (axes @ weight.detach().numpy()).T
    return Linear(*(np.asarray(part, dtype=np.float32) for part in (centre, scale, full, bias.detach())))


def _axes(shown: Doubles) -> Doubles:
    """(f, r) orthonormal directions that span the rows of `shown` (n, f)."""
    wide = shown.shape[1] > len(shown)
    squares, vectors = np.linalg.eigh(shown @ shown.T if wide else shown.T @ shown)
    kept = squares > squares.max() * 1e-10
    found: Doubles = shown.T @ (vectors[:, kept] / np.sqrt(squares[kept])) if wide else vectors[:, kept]
    return found


def attentive(fitted: Linear, places: Places, labels: NDArray[np.int64], ridge: float) -> Attentive:
    """Attention of each label that makes the loss of a fitted head smaller, and the bias with it.

    It begins as the mean over all places; `ridge` holds it there.
    """
    evidence, seen = (torch.from_numpy(part).flatten(0, 1) for part in (places.evidence, places.seen))
    truth = torch.from_numpy(np.repeat(labels, 2, axis=0).astype(np.float32))
    small = torch.zeros(seen.shape[2], labels.shape[1], requires_grad=True)
    bias = torch.from_numpy(fitted.bias.copy()).requires_grad_()

    def loss() -> Tensor:
        logits = (torch.softmax(seen @ small, dim=1) * evidence).sum(dim=1) + bias
        held: Tensor = 0.5 * ridge * torch.square(small).sum()
        return _loss(logits, truth, labels) + held

    _minimised(loss, [small, bias], _ATTENTION_STEPS)
    kept = small.detach().numpy()
    return Attentive((places.basis @ kept).T.astype(np.float32), kept, bias.detach().numpy())


def of_places(found: Attentive, places: Places) -> Doubles:
    """(n, labels) logits, the mean of those of an image and its mirror image."""
    wish = places.seen @ found.small
    wish = np.exp(wish - wish.max(axis=2, keepdims=True))
    shares = wish / wish.sum(axis=2, keepdims=True)
    logits: Doubles = ((shares * places.evidence).sum(axis=2) + found.bias).mean(axis=1)
    return logits


def _loss(logits: Tensor, truth: Tensor, labels: NDArray[np.int64]) -> Tensor:
    """The weighted cross-entropy of each label, added up over labels: each is fitted on its own."""
    found: Tensor = losses.binary(logits, truth, labels) * labels.shape[1]
    return found


def _minimised(loss: Callable[[], Tensor], free: list[Tensor], steps: int) -> None:
    """Minimise in place by L-BFGS."""
    solver: Any = torch.optim.LBFGS(free, max_iter=steps, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> float:
        solver.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        return float(value.detach())

    solver.step(closure)


def _basis(fitted: Linear, cells: NDArray[np.float16], rows: Rows) -> NDArray[np.float32]:
    """Directions in which places differ most, each scaled to a deviation of 1, over a thousand places."""
    places = cells.shape[2]
    spread = np.linspace(0, len(rows) * places - 1, min(_SAMPLED, len(rows) * places)).astype(int)
    taken = np.stack([cells[rows[at // places], at % 2, at % places] for at in spread.tolist()])
    shown = (taken.astype(np.float32) - fitted.centre) * fitted.scale
    squares, vectors = np.linalg.eigh((shown @ shown.T).astype(np.float64))
    best = slice(max(0, len(squares) - _DIRECTIONS), None)
    axes = shown.T @ (vectors[:, best] / np.sqrt(np.maximum(squares[best], 1e-12)))
    found: NDArray[np.float32] = (axes / ((shown @ axes).std(axis=0) + 1e-6)).astype(np.float32)
    return found


def _projected(
    fitted: Linear, cells: NDArray[np.float16], rows: Rows, basis: NDArray[np.float32]
) -> Places:
    both = np.concatenate([fitted.weight.T, basis], axis=1)
    ready = fitted.scale[:, None] * both
    moved = (fitted.centre * fitted.scale) @ both
    found = np.empty((len(rows), *cells.shape[1:3], both.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        chosen = cells[rows[start : start + _AT_ONCE]].astype(np.float32)
        found[start : start + _AT_ONCE] = chosen @ ready - moved
    labels = len(fitted.weight)
    return Places(found[..., :labels], found[..., labels:], basis)
