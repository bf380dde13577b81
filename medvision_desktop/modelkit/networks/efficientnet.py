"""EfficientNet-B0 (Tan and Le 2019) whose class activation map is a part of its forward pass.

The layout and parameter names are torchvision's.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from medvision_desktop.modelkit.networks.classifier import Classifier

FEATURES: Final = {6: 112, 9: 1280}
_REPEATS: Final = (1, 2, 2, 3, 3, 4, 1)
_DENSE_STAGES: Final = (6, 7)
_LITE_EPSILON: Final = 1e-3
_EPSILON: Final = 1e-5


class EfficientNet(Classifier):
    """Classifier of 3-channel images: B0, or its first `stages` of nine for an easier question.

    The side is a multiple of the stride: 32 for all nine stages, 16 for the first six. `dense` takes the
    last halving out and spreads the filters behind it instead (the a trous form, Yu and Koltun 2016): the
    same weights give the same answers at every second place and new ones between, so the map has four
    times as many cells. `mirrored` is `Classifier`'s.
    """

    def __init__(
        self,
        classes: int,
        *,
        stages: int = 9,
        dropout: float = 0.2,
        dense: bool = False,
        mirrored: bool = False,
    ) -> None:
        from torchvision.models import efficientnet_b0

        features: nn.Sequential = efficientnet_b0(weights=None).features[:stages]
        if dense:
            _spread(features)
        super().__init__(features, FEATURES[stages], classes, dropout=dropout, mirrored=mirrored)


def lite0_into_b0(lite: dict[str, Tensor], network: EfficientNet) -> int:
    """Copy EfficientNet-Lite0 tensors into B0 where they fit; returns how many were copied.

    Lite0 has the same convolutions and no squeeze-and-excitation: those blocks are set to pass
    their input nearly unchanged (scale sigmoid(4) = 0.98 whatever they see) and learn from there.
    Batch-norm gains are adjusted from Lite0's epsilon to ours, so each layer computes the same.
    """
    own = network.state_dict()
    copied = 0
    for ours, theirs in lite0_names():
        for name in ("weight", "bias", "running_mean", "running_var"):
            source, target = f"{theirs}.{name}", f"features.{ours}.{name}"
            if source not in lite or target not in own:
                continue
            value = lite[source]
            if name == "weight" and f"{theirs}.running_var" in lite:
                variance = lite[f"{theirs}.running_var"]
                value = value * torch.sqrt((variance + _EPSILON) / (variance + _LITE_EPSILON))
            if own[target].shape != value.shape:
                raise ValueError(f"{source} does not fit {target}")
            own[target].copy_(value)
            copied += 1
    for name, value in own.items():
        if name.endswith("fc2.weight"):
            value.zero_()
        elif name.endswith("fc2.bias"):
            value.fill_(4.0)
    network.load_state_dict(own)
    return copied


def _spread(features: nn.Sequential) -> None:
    """Take the stride out of stage 6 and dilate every depthwise filter behind it, in place."""
    depthwise = [
        layer
        for stage in _DENSE_STAGES
        for layer in features[stage].modules()
        if isinstance(layer, nn.Conv2d) and layer.groups > 1
    ]
    depthwise[0].stride = (1, 1)
    for layer in depthwise[1:]:
        layer.dilation = (2, 2)
        layer.padding = (layer.kernel_size[0] - 1, layer.kernel_size[1] - 1)


def lite0_names() -> list[tuple[str, str]]:
    """Layer names in torchvision's B0 beside those of the Lite0 package."""
    pairs = [("0.0", "_conv_stem"), ("0.1", "_bn0"), ("8.0", "_conv_head"), ("8.1", "_bn1")]
    lite = 0
    for stage, repeats in enumerate(_REPEATS, start=1):
        for repeat in range(repeats):
            ours, theirs = f"{stage}.{repeat}.block", f"_blocks.{lite}"
            depthwise = 0 if stage == 1 else 1
            if stage > 1:
                pairs += [(f"{ours}.0.0", f"{theirs}._expand_conv"), (f"{ours}.0.1", f"{theirs}._bn0")]
            pairs += [
                (f"{ours}.{depthwise}.0", f"{theirs}._depthwise_conv"),
                (f"{ours}.{depthwise}.1", f"{theirs}._bn1"),
                (f"{ours}.{depthwise + 2}.0", f"{theirs}._project_conv"),
                (f"{ours}.{depthwise + 2}.1", f"{theirs}._bn2"),
            ]
            lite += 1
    return pairs
