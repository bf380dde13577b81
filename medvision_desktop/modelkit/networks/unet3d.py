"""Residual 3D U-Nets for label maps: MONAI's network, in the sizes that a package may name.

Kerfoot et al. 2019 (left-ventricle quantification with residual U-Net), as `monai.networks.nets.UNet`.
Every level halves the grid, the first included, so that two slow cores can train and run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from torch import Tensor, nn


@dataclass(frozen=True)
class Size:
    """Channels of each level; `seen`: how many of full resolution go into the last convolution."""

    channels: tuple[int, ...]
    seen: int


SIZES: Final[Mapping[str, Size]] = MappingProxyType(
    {
        "unet3d-8": Size((8, 16, 32), 4),
        "unet3d-16": Size((16, 32, 64, 128), 4),
        "unet3d-32": Size((32, 64, 128), 4),
    }
)


class ResidualUNet(nn.Module):
    """(n, planes, k, j, i) in, logits (n, labels + 1, k, j, i) out; background is channel 0.

    Extents are multiples of `multiple`.
    """

    def __init__(self, planes: int, labels: int, size: Size) -> None:
        super().__init__()
        from monai.networks.nets.unet import UNet

        made: Any = UNet(
            spatial_dims=3,
            in_channels=planes,
            out_channels=size.seen,
            channels=size.channels,
            strides=(2,) * (len(size.channels) - 1),
            num_res_units=2,
        )
        self.body: nn.Module = made
        self.classifier = nn.Conv3d(size.seen, labels + 1, kernel_size=1)

    def forward(self, volume: Tensor) -> Tensor:
        """Logits of every voxel."""
        found: Tensor = self.classifier(self.body(volume))
        return found


def multiple(name: str) -> int:
    """What the extents of an input have to be a multiple of."""
    return 1 << (len(SIZES[name].channels) - 1)
