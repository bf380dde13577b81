"""One network, loaded and ready: the same question to ONNX Runtime, OpenVINO or torch.

Every engine takes (n, channels, size, size) float32 and gives logits (n, labels) and class
activation maps (n, labels, rows, columns), both float32.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import ModelRefused
from medvision_desktop.inference import device
from medvision_desktop.modelkit.registry import ModelPackage

Floats = NDArray[np.float32]


class Engine(Protocol):
    """A loaded network. `text` is for people: "ONNX Runtime CPU"; `name` and `device` for the record."""

    name: str
    device: str
    text: str

    def run(self, batch: Floats) -> tuple[Floats, Floats]:
        """Logits and maps of a batch."""


def load(package: ModelPackage, name: str) -> Engine:
    """The executed weights of a package in an engine. Raises `ModelRefused` if shapes do not fit."""
    engine: Engine
    if name == "openvino":
        engine = OpenVinoEngine(package.executed())
    elif name == "torch":
        engine = TorchEngine(package)
    else:
        engine = OnnxRuntimeEngine(package.executed())
    check(package, engine)
    return engine


def check(package: ModelPackage, engine: Engine) -> None:
    """Run once on zeros: outputs must have the declared shapes, be finite and sum to the logit.

    logit - mean(map) is the bias, so for two inputs that difference must agree.
    """
    spec, manifest = package.manifest.preprocessing, package.manifest
    shape = (1, spec.channels, spec.size, spec.size)
    ramp = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    found = [engine.run(batch) for batch in (np.zeros(shape, np.float32), ramp)]
    wanted = (1, len(manifest.labels)), (1, len(manifest.labels), *manifest.grid)
    for logits, maps in found:
        if (logits.shape, maps.shape) != wanted:
            why = f"It gives {logits.shape} and {maps.shape} where the manifest says {wanted}."
            raise ModelRefused(f"The model package {manifest.name} may not run.", why, "Install it again.")
        if not (np.isfinite(logits).all() and np.isfinite(maps).all()):
            raise ModelRefused(f"The model package {manifest.name} may not run.", "It gives no numbers.")
    bias = [logits - maps.mean(axis=(2, 3)) for logits, maps in found]
    if float(np.abs(bias[0] - bias[1]).max()) > 1e-3:
        raise ModelRefused(
            f"The model package {manifest.name} may not run.", "Its map does not sum to its score."
        )


def onnx_session(content: bytes) -> Any:
    """A session of ONNX Runtime on the CPU, on as many threads as the window can spare."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = device.threads()
    options.log_severity_level = 3
    # A spinning pool takes the core that the window needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU."""

    name, device, text = "onnxruntime", "cpu", "ONNX Runtime CPU"

    def __init__(self, content: bytes) -> None:
        self._session = onnx_session(content)
        self._input = self._session.get_inputs()[0].name

    def run(self, batch: Floats) -> tuple[Floats, Floats]:
        """Logits and maps of a batch."""
        logits, maps = self._session.run(["logits", "maps"], {self._input: batch})
        return np.asarray(logits, dtype=np.float32), np.asarray(maps, dtype=np.float32)


class OpenVinoEngine:
    """OpenVINO on the CPU."""

    name, device, text = "openvino", "cpu", "OpenVINO CPU"

    def __init__(self, content: bytes) -> None:
        core = silent_openvino().Core()
        hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": device.threads()}
        # float32 wherever the processor offers less: the parity in the manifest is to 1e-4.
        hints["INFERENCE_PRECISION_HINT"] = "f32"
        self._compiled: Any = core.compile_model(core.read_model(content), "CPU", hints)

    def run(self, batch: Floats) -> tuple[Floats, Floats]:
        """Logits and maps of a batch."""
        found = self._compiled([batch])
        return np.array(found["logits"], dtype=np.float32), np.array(found["maps"], dtype=np.float32)


def silent_openvino() -> Any:
    """The openvino module without its telemetry, which would call out the moment it is imported.

    Nothing leaves this computer. An entry of None makes the import of the telemetry package fail, for
    which openvino has a silent stand-in (openvino/tools/ovc/telemetry_stub.py).
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # documented for sys.modules
    import openvino

    return openvino


class TorchEngine:
    """torch from the safetensors, on CUDA or MPS where there is one."""

    name = "torch"

    def __init__(self, package: ModelPackage, where: str | None = None) -> None:
        from medvision_desktop.modelkit.networks.build import from_package

        self.device = where or device.torch_device()
        self.text = f"torch {self.device.upper()}"
        self.network = from_package(package).to(self.device)

    def run(self, batch: Floats) -> tuple[Floats, Floats]:
        """Logits and maps of a batch."""
        import torch

        with torch.inference_mode():
            logits, maps = self.network(torch.from_numpy(batch).to(self.device))
        return logits.float().cpu().numpy(), maps.float().cpu().numpy()
