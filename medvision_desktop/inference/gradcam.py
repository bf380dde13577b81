"""Grad-CAM through pytorch-grad-cam: a backward pass in torch, for who wants to compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class _Logits(nn.Module):
    """The network without its own map: the package expects one output."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)[0]
        return logits


class GradCam:
    """Grad-CAM of a classifier at its last feature map, after the final activation.

    Before that activation the map is another one (correlation 0.987 for DenseNet-121).
    """

    def __init__(self, network: nn.Module) -> None:
        from pytorch_grad_cam import GradCAM

        features: Any = network.features
        # A mirrored network runs its features twice; each look is explained on its own.
        self._mirrored = bool(getattr(network, "mirrored", False))
        network.mirrored = False  # type: ignore[assignment]  # a plain attribute of ours
        self._cam: Any = GradCAM(model=_Logits(network), target_layers=[features[-1]])

    def grid(self, batch: NDArray[np.float32], label: int) -> NDArray[np.float32]:
        """(size, size) float32 in 0..1, scaled to its own maximum as Grad-CAM is."""
        found = self._plain(batch, label)
        if self._mirrored:
            turned = self._plain(np.ascontiguousarray(batch[..., ::-1]), label)
            found = (found + turned[:, ::-1]) * np.float32(0.5)
        return found

    def _plain(self, batch: NDArray[np.float32], label: int) -> NDArray[np.float32]:
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        with torch.enable_grad():
            found = self._cam(input_tensor=torch.from_numpy(batch), targets=[ClassifierOutputTarget(label)])
        return np.asarray(found[0], dtype=np.float32)
