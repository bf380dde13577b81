"""Classifiers whose class activation map is a part of their forward pass: convolutions and one linear head.

The classifier is linear on the mean of the last feature map f (after its final activation), so with
weights w and bias b

    logit_c = b_c + mean over x, y of  w_c . f(x, y)

and the summand is the map (class activation mapping, Zhou et al. 2016).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """`features` (B, 3, H, W) to (B, `width`, h, w), and a linear head on the mean of what they find.

    `mirrored` looks at each image a second time in the mirror and gives the mean, the second map turned
    back. The head begins at zero: every answer is as likely.
    """

    def __init__(
        self,
        features: nn.Sequential,
        width: int,
        classes: int,
        *,
        dropout: float = 0.2,
        mirrored: bool = False,
    ) -> None:
        super().__init__()
        self.mirrored = mirrored
        self.features = features
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(width, classes)
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, classes) and maps (B, classes, h, w) of images (B, 3, H, W)."""
        if self.training:
            found = self.features(images)
            maps = torch.einsum("bfhw,cf->bchw", found, self.classifier.weight)
            return self.classifier(self.dropout(found.mean(dim=(2, 3)))), maps
        maps = self._maps(images)
        if self.mirrored:
            maps = (maps + self._maps(images.flip(3)).flip(3)) / 2
        return maps.mean(dim=(2, 3)) + self.classifier.bias, maps

    def _maps(self, images: Tensor) -> Tensor:
        return torch.einsum("bfhw,cf->bchw", self.features(images), self.classifier.weight)

    def pooled(self, images: Tensor) -> Tensor:
        """Penultimate features (B, n): what the linear classifier sees."""
        found: Tensor = self.features(images)
        return found.mean(dim=(2, 3))
