"""Networks by the names of torchvision, made into classifiers whose map is a part of their forward pass.

Of each network everything up to its last feature map is torchvision's, with its parameter names behind
`features.`, so that its ImageNet files fit. The head is ours throughout: one linear layer on the mean.
That is the network's own head for ResNet, DenseNet, MobileNetV2, EfficientNet and Inception (without its
auxiliary classifier). It is less than the original in two: VGG had two hidden layers of 4096 on the 7x7
map, MobileNetV3 one of 1024 or 1280 on the mean; those layers leave no map that sums to the logit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from torch import nn

from medvision_desktop.modelkit.networks.classifier import Classifier

Parts = tuple[nn.Sequential, int]

# Smallest side of the input that leaves a map at all.
SMALLEST: Final[Mapping[str, int]] = MappingProxyType({"inception-v3": 96})


def _until(network: nn.Module, *left_out: str) -> nn.Sequential:
    """The children of a network in their order, without the named ones."""
    kept = [(name, child) for name, child in network.named_children() if name not in left_out]
    return nn.Sequential(OrderedDict(kept))


def _resnet(depth: int) -> Callable[[], Parts]:
    """He et al. 2016."""

    def made() -> Parts:
        from torchvision import models

        network: Any = getattr(models, f"resnet{depth}")(weights=None)
        return _until(network, "avgpool", "fc"), int(network.fc.in_features)

    return made


def _vgg(plan: str, *, norm: bool) -> Callable[[], Parts]:
    """Simonyan and Zisserman 2015; with batch norm it can be trained without ImageNet, too."""

    def made() -> Parts:
        from torchvision.models import vgg

        # The whole network would fill half a gigabyte with layers that are not used.
        features = vgg.make_layers(vgg.cfgs[plan], batch_norm=norm)
        _he(features)
        return features, 512

    return made


def _densenet(depth: int) -> Callable[[], Parts]:
    """Huang et al. 2017. The last activation, which torchvision has in `forward`, is a layer here."""

    def made() -> Parts:
        from torchvision import models

        network: Any = getattr(models, f"densenet{depth}")(weights=None)
        features: nn.Sequential = network.features
        features.add_module("relu5", nn.ReLU(inplace=True))
        return features, int(network.classifier.in_features)

    return made


def _efficientnet(number: int) -> Callable[[], Parts]:
    """Tan and Le 2019."""

    def made() -> Parts:
        from torchvision import models

        network: Any = getattr(models, f"efficientnet_b{number}")(weights=None)
        return network.features, int(network.classifier[-1].in_features)

    return made


def _mobilenet(name: str, width: int) -> Callable[[], Parts]:
    """Sandler et al. 2018, Howard et al. 2019."""

    def made() -> Parts:
        from torchvision import models

        network: Any = getattr(models, f"mobilenet_{name}")(weights=None)
        return network.features, width

    return made


def _inception() -> Parts:
    """Szegedy et al. 2016, without the auxiliary classifier."""
    from torchvision import models

    network = models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    features = _until(network, "avgpool", "dropout", "fc")
    _he(features)
    return features, 2048


def _he(features: nn.Module) -> None:
    """Initial weights for rectified units (He et al. 2015), in place."""
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


PARTS: Final[Mapping[str, Callable[[], Parts]]] = MappingProxyType(
    {
        **{f"resnet-{depth}": _resnet(depth) for depth in (18, 34, 50, 101)},
        "vgg-16": _vgg("D", norm=False),
        "vgg-19": _vgg("E", norm=False),
        "vgg-16-bn": _vgg("D", norm=True),
        "vgg-19-bn": _vgg("E", norm=True),
        **{f"densenet-{depth}": _densenet(depth) for depth in (121, 169, 201)},
        **{f"efficientnet-b{number}": _efficientnet(number) for number in (1, 2, 3, 4)},
        "mobilenet-v2": _mobilenet("v2", 1280),
        "mobilenet-v3-small": _mobilenet("v3_small", 576),
        "mobilenet-v3-large": _mobilenet("v3_large", 960),
        "inception-v3": _inception,
    }
)


def classifier(name: str, classes: int, *, dropout: float = 0.2) -> Classifier:
    """A fresh network of `PARTS`. Raises `KeyError`."""
    features, width = PARTS[name]()
    return Classifier(features, width, classes, dropout=dropout)
