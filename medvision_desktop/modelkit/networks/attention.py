"""A frozen backbone that looks at several sizes and depths, and for each label attention over places.

With the standardised features f of a place, weights w and bias b of a label, and its attention a,

    logit_c = b_c + sum over x, y of  a_c(x, y) (w_c . f(x, y)),    sum over x, y of a_c = 1

as in attention pooling (Ilse et al. 2018), so the summand is the map. It is given times the number of
places, so that as for every network here the logit is the bias and the mean of the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from medvision_desktop.modelkit.networks.classifier import Classifier

# Stages of B0 whose maps are taken, with their stride; and how wide they are together.
TAPS: Final = ((3, 8), (5, 16), (6, 32), (7, 32), (8, 32))
WIDTHS: Final = (40, 112, 192, 320, 1280)
PER_LOOK: Final = sum(WIDTHS)
_STRIDE: Final = 32


class Looks(nn.Module):
    """What a backbone finds at several depths, in the image and in the image made smaller.

    `smaller`: how many times smaller each look is; the first is 1. (B, 3, H, W) to (B, n, H / 32, W / 32),
    where n is 1944 for each look. What is finer than a cell is averaged over it; a look at a smaller
    image gives each of its cells to those below it.
    """

    def __init__(self, backbone: nn.Sequential, smaller: Sequence[int]) -> None:
        super().__init__()
        self.backbone = backbone
        self.smaller = tuple(smaller)

    def forward(self, images: Tensor) -> Tensor:
        """All looks beside each other."""
        found = [self.look(images, times) for times in self.smaller]
        widened = [
            look if times == 1 else functional.interpolate(look, scale_factor=float(times), mode="nearest")
            for look, times in zip(found, self.smaller, strict=True)
        ]
        return torch.cat(widened, dim=1)

    def look(self, images: Tensor, times: int) -> Tensor:
        """One look, (B, 1944, H / 32 / times, W / 32 / times)."""
        shown = images if times == 1 else functional.avg_pool2d(images, times)
        strides = dict(TAPS)
        kept = []
        for stage, layer in enumerate(self.backbone):
            shown = layer(shown)
            if stage in strides:
                over = _STRIDE // strides[stage]
                kept.append(shown if over == 1 else functional.avg_pool2d(shown, over))
        return torch.cat(kept, dim=1)


class Scaled(nn.Module):
    """Features shifted and scaled by what they are like on the training images."""

    centre: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def forward(self, found: Tensor) -> Tensor:
        """(B, n, h, w) to the same."""
        return (found - self.centre[:, None, None]) * self.scale[:, None, None]


class AttentionClassifier(Classifier):
    """Looks, scaled, with a linear classifier and one linear map of attention for each label.

    `attention` begins at zero, which is the mean over all places. Each image is seen a second time in
    the mirror, as `Classifier` does.
    """

    def __init__(self, backbone: nn.Sequential, classes: int, *, smaller: Sequence[int] = (1, 2)) -> None:
        width = PER_LOOK * len(smaller)
        looks = nn.Sequential(Looks(backbone, smaller), Scaled(width))
        super().__init__(looks, width, classes, dropout=0.0, mirrored=True)
        self.attention = nn.Linear(width, classes, bias=False)
        nn.init.zeros_(self.attention.weight)

    @property
    def looks(self) -> Looks:
        """The frozen part."""
        return cast("Looks", self.features[0])

    @property
    def scaled(self) -> Scaled:
        """The scaling."""
        return cast("Scaled", self.features[1])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, classes) and maps (B, classes, h, w) of images (B, 3, H, W)."""
        maps = self._maps(images)
        if self.mirrored:
            maps = (maps + self._maps(images.flip(3)).flip(3)) / 2
        return maps.mean(dim=(2, 3)) + self.classifier.bias, maps

    def _maps(self, images: Tensor) -> Tensor:
        found = self.features(images)
        evidence = torch.einsum("bfhw,cf->bchw", found, self.classifier.weight)
        wish = torch.einsum("bfhw,cf->bchw", found, self.attention.weight)
        cells = evidence.shape[2] * evidence.shape[3]
        shares = torch.softmax(wish.flatten(2), dim=2).reshape(evidence.shape)
        return shares * evidence * cells

    def pooled(self, images: Tensor) -> Tensor:
        """Mean features (B, n) of the image and its mirror image, scaled."""
        both: Tensor = self.features(images) + self.features(images.flip(3))
        return both.mean(dim=(2, 3)) / 2


def classifier(name: str, classes: int) -> AttentionClassifier:
    """A fresh network of `LOOKS`. Raises `KeyError`."""
    backbone, smaller = LOOKS[name]
    if backbone == "b0":
        from torchvision.models import efficientnet_b0

        return AttentionClassifier(efficientnet_b0(weights=None).features, classes, smaller=smaller)
    from medvision_desktop.modelkit.networks import lite

    return AttentionClassifier(lite.features(), classes, smaller=smaller)


# Names of networks: the backbone, and how many times smaller each look is.
LOOKS: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "efficientnet-lite0-attention": ("lite0", (1, 2)),
    "efficientnet-lite0-attention-one": ("lite0", (1,)),
    "efficientnet-b0-attention-one": ("b0", (1,)),
}
