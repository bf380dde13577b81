"""A convolutional autoencoder: what it cannot draw again from a small description, it has not seen before.

Four levels, each half the side, down to a description (latent) of 256 numbers. Learnt on normal images
alone, its squared difference from the image is larger where an image is unlike them.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

LATENT: Final = 256
SIDE: Final = 128
_WIDTHS: Final = (16, 32, 64, 64)
_CELL: Final = 4
_SMALLEST: Final = SIDE // 2 ** len(_WIDTHS)


class Autoencoder(nn.Module):
    """(B, 3, 128, 128) grey images to a score (B, 1) and a map (B, 1, 32, 32) of reconstruction error.

    A cell of the map is the mean squared difference over 4 x 4 pixels, in squared deviations of the
    training images; the score is the mean of the map. In training the answer is the drawn image itself.
    """

    mirrored = False

    def __init__(self) -> None:
        super().__init__()
        down: list[nn.Module] = []
        before = 1
        for width in _WIDTHS:
            down += [
                nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.SiLU(inplace=True),
            ]
            before = width
        self.features = nn.Sequential(*down)
        flat = _WIDTHS[-1] * _SMALLEST**2
        self.latent = nn.Linear(flat, LATENT)
        self.widen = nn.Linear(LATENT, flat)
        up: list[nn.Module] = []
        for width in (*_WIDTHS[-2::-1], _WIDTHS[0]):
            up += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv2d(before, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.SiLU(inplace=True),
            ]
            before = width
        self.drawing = nn.Sequential(*up, nn.Conv2d(before, 1, 3, padding=1))

    def drawn(self, grey: Tensor) -> Tensor:
        """(B, 1, 128, 128) images drawn from their descriptions."""
        found = self.latent(self.features(grey).flatten(1))
        wide = self.widen(found).reshape(-1, _WIDTHS[-1], _SMALLEST, _SMALLEST)
        again: Tensor = self.drawing(functional.silu(wide))
        return again

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Score and map; in training the drawn images (B, 1, 128, 128)."""
        grey = images[:, :1]
        again = self.drawn(grey)
        if self.training:
            return again
        error = functional.avg_pool2d(torch.square(grey - again), _CELL)
        return error.mean(dim=(2, 3)), error
