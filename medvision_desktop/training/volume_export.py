"""The ONNX form of a network of volumes, and the proof that it computes the same."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from medvision_desktop.inference.volume_engine import OnnxVolumes, logits_of
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.modelkit.volumes import Floats, VolumeSpec


def to_onnx(network: nn.Module, spec: VolumeSpec) -> bytes:
    """The network as ONNX with the output `logits`, and free batch and extents.

    The legacy exporter is meant: it takes 3 s where the new one takes 45 s.
    """
    network.eval()
    side = spec.multiple * 2
    free = {0: "n", 2: "k", 3: "j", 4: "i"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = Path(folder, "model.onnx")
        torch.onnx.export(
            network,
            (torch.zeros(1, spec.planes, side, side, side),),
            target,
            dynamo=False,
            input_names=["volume"],
            output_names=["logits"],
            dynamic_axes={"volume": free, "logits": free},
            opset_version=17,
        )
        return target.read_bytes()


class _Torch:
    """The trained network itself, asked as an engine is."""

    name, device, text = "torch", "cpu", "torch"

    def __init__(self, network: nn.Module) -> None:
        self._network = network.eval()

    def run(self, batch: Floats) -> Floats:
        with torch.inference_mode():
            return np.asarray(self._network(torch.from_numpy(batch)).numpy(), dtype=np.float32)


def difference(network: nn.Module, content: bytes, volumes: Sequence[Floats], found: Segmentation) -> float:
    """Largest difference between a logit of torch and of the ONNX form, over these planes."""
    outputs = len(found.colours) + 1
    ours, theirs = OnnxVolumes(content), _Torch(network)
    return max(
        float(
            np.abs(
                logits_of(ours, planes, found, outputs) - logits_of(theirs, planes, found, outputs)
            ).max()
        )
        for planes in volumes
    )
