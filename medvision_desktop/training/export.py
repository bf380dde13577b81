"""The ONNX form of a trained network, and the proof that it computes the same."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medvision_desktop.modelkit.networks.classifier import Classifier


def to_onnx(network: nn.Module, size: int) -> bytes:
    """The network as ONNX with outputs `logits` and `maps` and a free batch size.

    The legacy exporter is meant: it takes 3 s where the new one takes 45 s.
    """
    network.eval()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = Path(folder, "model.onnx")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, size, size),),
            target,
            dynamo=False,
            input_names=["image"],
            output_names=["logits", "maps"],
            dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}, "maps": {0: "n"}},
            opset_version=17,
        )
        return target.read_bytes()


def differences(network: nn.Module, content: bytes, batches: NDArray[np.float32]) -> tuple[float, float]:
    """Largest differences between torch and the ONNX form, of logits and of maps.

    A map's values reach tens, so its difference counts against its own largest absolute value; a logit's
    does, too, where that is above 1.
    """
    from medvision_desktop.inference.engine import OnnxRuntimeEngine

    engine = OnnxRuntimeEngine(content)
    network.eval()
    worst = [0.0, 0.0]
    with torch.inference_mode():
        for batch in batches:
            theirs = network(torch.from_numpy(batch[np.newaxis]))
            ours = engine.run(batch[np.newaxis])
            for index in range(2):
                gap = float(np.abs(theirs[index].numpy() - ours[index]).max())
                scale = max(1.0, float(np.abs(ours[index]).max()))
                worst[index] = max(worst[index], gap / scale)
    return worst[0], worst[1]


def centred(network: Classifier) -> None:
    """Take the mean over the classes out of the classifier, in place.

    A softmax does not see it: only differences between classes count. The maps then show what speaks
    for a class against the others, and not what speaks for all of them alike.
    """
    with torch.no_grad():
        weight, bias = network.classifier.weight, network.classifier.bias
        weight.sub_(weight.mean(dim=0, keepdim=True))
        bias.sub_(bias.mean())


def halved(network: nn.Module) -> dict[str, Tensor]:
    """The network's tensors with the weights of convolutions and of the classifier in half precision."""
    wide = {name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    return {
        name: value if name.rpartition(".")[0] in wide else value.half()
        for name, value in network.state_dict().items()
    }


def rounded(network: nn.Module) -> None:
    """Round the network, in place, to what `halved` keeps of it."""
    network.load_state_dict(
        {name: value.to(network.state_dict()[name].dtype) for name, value in halved(network).items()}
    )
