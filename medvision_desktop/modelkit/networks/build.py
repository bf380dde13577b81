"""Networks by the name in a manifest: an allow-list, so a package is data and never code."""

from __future__ import annotations

from torch import nn

from medvision_desktop.errors import ModelRefused
from medvision_desktop.modelkit.manifest import AUTOENCODER
from medvision_desktop.modelkit.networks import attention, known
from medvision_desktop.modelkit.networks.autoencoder import Autoencoder
from medvision_desktop.modelkit.networks.classifier import Classifier
from medvision_desktop.modelkit.networks.efficientnet import EfficientNet
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.modelkit.segmentation import Segmentation


def network(name: str, classes: int, *, dropout: float = 0.2) -> Classifier:
    """A fresh network. Raises `ModelRefused` for a name that is not on the list."""
    if name == "efficientnet-b0":
        return EfficientNet(classes, stages=9, dropout=dropout)
    if name == "efficientnet-b0-dense":
        return EfficientNet(classes, stages=9, dropout=dropout, dense=True)
    if name == "efficientnet-b0-dense-mirrored":
        return EfficientNet(classes, stages=9, dropout=dropout, dense=True, mirrored=True)
    if name == "efficientnet-b0-front":
        return EfficientNet(classes, stages=6, dropout=dropout)
    if name in attention.LOOKS:
        return attention.classifier(name, classes)
    if name in known.PARTS:
        return known.classifier(name, classes, dropout=dropout)
    raise ModelRefused(f"There is no network {name!r}.")


def segmenter(name: str, found: Segmentation, labels: int) -> nn.Module:
    """A fresh network of volumes: (n, planes, k, j, i) to logits (n, labels + 1, k, j, i).

    Raises `ModelRefused` for a name that is not on the list.
    """
    from medvision_desktop.modelkit.networks import unet3d

    if name not in unet3d.SIZES:
        raise ModelRefused(f"There is no network {name!r}.")
    return unet3d.ResidualUNet(found.spec.planes, labels, unet3d.SIZES[name])


def from_package(package: ModelPackage) -> nn.Module:
    """The network of a package with its safetensors weights, in evaluation mode."""
    from safetensors.torch import load

    manifest = package.manifest
    made: nn.Module
    if manifest.segmentation is not None:
        made = segmenter(manifest.network, manifest.segmentation, len(manifest.labels))
    elif manifest.network == AUTOENCODER:
        made = Autoencoder()
    else:
        made = network(manifest.network, len(manifest.labels))
    try:
        made.load_state_dict(load(package.safetensors()))
    except (RuntimeError, ValueError) as error:
        raise ModelRefused(
            f"The model package {package.manifest.name} may not run.",
            f"Its weights do not fit {package.manifest.network}.",
            "Install it again.",
        ) from error
    return made.eval()
