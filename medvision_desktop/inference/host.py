"""The parent's side of inference: verifies the package, asks the child, brings the result back.

It imports no engine: the window stays quick whatever runs the networks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from medvision_desktop.children.process import ChildProcess
from medvision_desktop.domain.findings import AnalysisState, InferenceResult
from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import AnalysisFailed
from medvision_desktop.inference import device, volume_wire, wire
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.inference.volume_runner import VolumeRequest
from medvision_desktop.modelkit.registry import ModelPackage, Registry
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

# A waiting pool must not spin: it would take the core that draws the window.
_ENVIRONMENT: Final = {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0"}
_TIMEOUT_S: Final = 120.0
_VOLUME_TIMEOUT_S: Final = 1800.0
_DEVICE_TEXT: Final = {"onnxruntime": "ONNX Runtime CPU", "openvino": "OpenVINO CPU", "torch": "torch"}


class InferenceHost:
    """Runs models of a registry in one child process. Thread-safe: one request at a time."""

    def __init__(self, registry: Registry, *, engine: str = "auto", cam_method: str = "native") -> None:
        self._registry = registry
        self._engine = engine
        self._cam_method = cam_method
        self._child = ChildProcess("inference", environment=_ENVIRONMENT)
        self._device_text = ""

    @property
    def device_text(self) -> str:
        """What runs the networks, for the status bar: as the child said, else as it will be chosen."""
        if self._device_text:
            return self._device_text
        if self._engine == "auto" and device.may_have_accelerator():
            return "torch"
        return _DEVICE_TEXT[self._engine if self._engine != "auto" else device.chosen("auto")]

    @property
    def pid(self) -> int | None:
        """Process id of the child while it lives."""
        return self._child.pid

    def warm(self, model: str, *, cancel: CancelToken | None = None) -> str:
        """Load a model ahead of its first use; returns `device_text`. Raises as `run`."""
        answer, _ = self._child.request(
            "warm", self._packages(self._registry.get(model)), cancel=cancel, timeout_s=_TIMEOUT_S
        )
        self._device_text = str(answer["device"])
        return self._device_text

    def run(
        self,
        request: InferenceRequest,
        *,
        progress: ProgressSink = no_progress,
        cancel: CancelToken | None = None,
    ) -> InferenceResult:
        """Run one request in the child.

        Raises `ModelRefused`, `Cancelled`, `ChildFailed` when the child died over it, and
        `AnalysisFailed` when the network gave no number.
        """
        words, arrays = wire.pack_frame(request.frame)
        arguments = {
            **self._packages(self._registry.get(request.model)),
            "frame": words,
            "gate": wire.pack_gate(request.gate),
            "want_maps": request.want_maps,
            "cam_method": request.cam_method or self._cam_method,
            "random_maps": request.random_maps,
            "unevaluated": request.unevaluated,
        }
        answer, maps = self._child.request(
            "run", arguments, arrays, progress=progress, cancel=cancel, timeout_s=_TIMEOUT_S
        )
        self._device_text = str(answer["device"])
        result = wire.unpack_result(answer["result"], maps)
        if result.state is AnalysisState.FAILED:
            raise AnalysisFailed("The network came to no result.", result.message, "Run again.")
        return _with_uid(result, request)

    def segment(
        self,
        request: VolumeRequest,
        *,
        progress: ProgressSink = no_progress,
        cancel: CancelToken | None = None,
    ) -> InferenceResult:
        """Make a label map in the child. Raises as `run`; cancelling ends at the next window."""
        words, arrays = volume_wire.pack_request(request)
        arguments = {**self._packages(self._registry.get(request.model)), **words}
        answer, found = self._child.request(
            "segment", arguments, arrays, progress=progress, cancel=cancel, timeout_s=_VOLUME_TIMEOUT_S
        )
        self._device_text = str(answer["device"])
        frame = request.channels[request.on].frame_of_reference
        result = volume_wire.unpack_result(answer["result"], found, frame)
        if result.state is AnalysisState.FAILED:
            raise AnalysisFailed("The network came to no result.", result.message, "Run again.")
        return result

    def peer(self, model: str, frame: Frame, rounds: int) -> list[float]:
        """Seconds of each round of the benchmark's peer in this child, see `inference.peer`."""
        words, arrays = wire.pack_frame(frame)
        arguments = {**self._packages(self._registry.get(model)), "frame": words, "rounds": rounds}
        answer, _ = self._child.request("peer", arguments, arrays)
        return [float(seconds) for seconds in answer["seconds"]]

    def close(self) -> None:
        """End the child."""
        self._child.close()

    def kill(self) -> None:
        """End the child from another thread; a running request raises `ChildFailed`."""
        self._child.kill()

    def _packages(self, package: ModelPackage) -> dict[str, Any]:
        gate = package.manifest.wanted.pixel_gate
        return {
            "engine": self._engine,
            "model": _entry(package),
            "segments": package.manifest.segmentation is not None,
            "pixel_gate": _entry(self._registry.get(gate)) if gate else None,
        }


def _entry(package: ModelPackage) -> dict[str, str]:
    return {"directory": str(package.directory.absolute()), "weights_sha256": package.ref.weights_sha256}


def _with_uid(result: InferenceResult, request: InferenceRequest) -> InferenceResult:
    """The UID that stayed here, put back into the run manifest."""
    manifest = result.manifest
    if manifest is None:
        return result
    inputs = tuple(
        replace(given, sop_instance_uid=request.frame.sop_instance_uid) for given in manifest.inputs
    )
    return replace(result, manifest=replace(manifest, inputs=inputs))
