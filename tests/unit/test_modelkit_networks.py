"""Every network of the allow-list gives logits and maps that sum to them, in torch and in ONNX."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision import models

from medvision_desktop.errors import ModelRefused
from medvision_desktop.inference.engine import OnnxRuntimeEngine
from medvision_desktop.modelkit import manifest
from medvision_desktop.modelkit.networks import build, known
from medvision_desktop.modelkit.networks.classifier import Classifier
from medvision_desktop.training import export

FAMILIES = ("resnet-18", "vgg-16-bn", "densenet-121", "mobilenet-v3-small")


def _filled(name: str, classes: int = 3) -> Classifier:
    torch.manual_seed(1)
    network = build.network(name, classes)
    torch.nn.init.normal_(network.classifier.weight, std=0.1)
    torch.nn.init.normal_(network.classifier.bias)
    return network.eval()


def test_the_allow_list_is_what_can_be_built() -> None:
    own = {name for name in manifest.NETWORKS if name.startswith("efficientnet-b0")}
    assert own | set(known.PARTS) <= set(manifest.NETWORKS)
    with pytest.raises(ModelRefused, match="no network"):
        build.network("resnet-50; import os", 2)


@pytest.mark.parametrize("name", sorted(known.PARTS))
def test_the_mean_of_the_map_and_the_bias_are_the_logit(name: str) -> None:
    network = _filled(name, 2)
    images = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits, maps = network(images)
        pooled = network.classifier(network.pooled(images))
    assert maps.shape[:2] == (1, 2)
    bias = network.classifier.bias.detach()
    np.testing.assert_allclose(logits, maps.mean(dim=(2, 3)) + bias, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits, pooled, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("resnet-18", "resnet18"), ("mobilenet-v2", "mobilenet_v2"), ("densenet-121", "densenet121")],
)
def test_features_are_those_of_torchvision(name: str, theirs: str) -> None:
    """With torchvision's own tensors and head the answer is torchvision's."""
    peer = getattr(models, theirs)(weights=None, num_classes=4).eval()
    head = next(layer for layer in reversed(list(peer.modules())) if isinstance(layer, torch.nn.Linear))
    ours = build.network(name, 4).eval()
    own = {key.removeprefix("features."): value for key, value in peer.state_dict().items()}
    ours.features.load_state_dict({key: own[key] for key in ours.features.state_dict()})
    ours.classifier.load_state_dict(head.state_dict())
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        np.testing.assert_allclose(ours(images)[0], peer(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_onnx_form_computes_the_same(name: str) -> None:
    network = _filled(name)
    content = export.to_onnx(network, 64)
    batches = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32)
    logits, maps = export.differences(network, content, batches)
    assert logits < 1e-4
    assert maps < 1e-4
    found = OnnxRuntimeEngine(content).run(batches)
    np.testing.assert_allclose(
        found[0], found[1].mean(axis=(2, 3)) + network.classifier.bias.detach().numpy(), atol=1e-4
    )


def test_a_mirrored_network_gives_the_mean_of_both_sides() -> None:
    features = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3, padding=1))
    network = Classifier(features, 5, 2, mirrored=True).eval()
    torch.nn.init.normal_(network.classifier.weight)
    images = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits, maps = network(images)
        again, turned = network(images.flip(3))
    np.testing.assert_allclose(logits, again, atol=1e-6)
    np.testing.assert_allclose(maps, turned.flip(3), atol=1e-6)
