"""The frozen phase of transfer learning: features of all images once, then the best linear head on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medvision_desktop.modelkit.networks.classifier import Classifier

# How freely the head may follow the images, whatever their number.
_STRENGTH: Final = 500.0


def unset(network: Classifier) -> bool:
    """Whether the head is as it was made: nothing has been learnt or loaded."""
    return not bool(network.classifier.weight.any())


def recalibrate(network: Classifier, batches: Iterable[Tensor]) -> None:
    """Batch-norm statistics of our images in place of what was there, cumulative means over `batches`."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    kept = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None
    network.train()
    place = next(network.parameters()).device
    with torch.no_grad():
        for batch in batches:
            if len(batch) > 1:  # one image alone may have no deviation
                network.features(batch.to(place))
    for layer, momentum in zip(norms, kept, strict=True):
        layer.momentum = momentum


def fit(
    network: Classifier, batches: Iterable[Tensor], labels: NDArray[np.int64], *, softmax: bool
) -> None:
    """Features of all `batches` once, kept, then the head by class-balanced logistic regression, in place.

    `labels`: (n, classes), below 0 where not known. Labels with one answer only stay at zero.
    """
    network.eval()
    with torch.no_grad():
        features = torch.cat([network.pooled(batch) for batch in batches]).double().numpy()
        if softmax:
            weights, biases = _solved(features, labels.argmax(axis=1))
            network.classifier.weight.copy_(torch.from_numpy(weights))
            network.classifier.bias.copy_(torch.from_numpy(biases))
            return
        for label, answers in enumerate(labels.T):
            known = answers >= 0
            if len(set(answers[known].tolist())) == 2:
                weights, biases = _solved(features[known], answers[known] > 0)
                network.classifier.weight[label].copy_(torch.from_numpy(weights[0]))
                network.classifier.bias[label].copy_(torch.from_numpy(biases)[0])


def _solved(features: NDArray[np.float64], target: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.linear_model import LogisticRegression

    solver = LogisticRegression(C=_STRENGTH / len(features), class_weight="balanced", max_iter=500)
    solver.fit(features, target)
    return solver.coef_, solver.intercept_
