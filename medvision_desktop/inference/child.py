"""The inference child: owns ONNX Runtime, OpenVINO and torch, so that the window never imports them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from medvision_desktop.children.serve import Answer, Handler
from medvision_desktop.inference import volume_wire, wire
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.inference.runner import Loaded, Runner
from medvision_desktop.inference.volume_runner import LoadedVolumes, VolumeRunner
from medvision_desktop.modelkit import registry
from medvision_desktop.work import CancelToken, Progress, ProgressSink


def handlers() -> Mapping[str, Handler]:
    """Operations of the child by name."""
    served = _Served()
    return {"warm": served.warm, "run": served.run, "peer": served.peer, "segment": served.segment}


class _Served:
    """One runner an engine, made when first asked for."""

    def __init__(self) -> None:
        self._runners: dict[str, Runner] = {}
        self._segmenters: dict[str, VolumeRunner] = {}

    def warm(
        self,
        arguments: dict[str, Any],
        arrays: dict[str, NDArray[Any]],  # noqa: ARG002 - the handlers' common signature
        progress: ProgressSink,
        cancel: CancelToken,
    ) -> Answer:
        """Load the named packages; says which engine runs them."""
        if arguments["segments"]:
            return {"device": self._segmenter(arguments, progress)[1].engine.text}, {}
        model, _ = self._models(arguments, progress, cancel)
        return {"device": model.engine.text}, {}

    def run(
        self,
        arguments: dict[str, Any],
        arrays: dict[str, NDArray[Any]],
        progress: ProgressSink,
        cancel: CancelToken,
    ) -> Answer:
        """Run one request."""
        model, gate = self._models(arguments, progress, cancel)
        request = InferenceRequest(
            model=model.package.manifest.name,
            frame=wire.unpack_frame(arguments["frame"], arrays),
            gate=wire.unpack_gate(arguments["gate"]),
            want_maps=bool(arguments["want_maps"]),
            cam_method=str(arguments["cam_method"]),
            random_maps=int(arguments["random_maps"]),
            unevaluated=bool(arguments["unevaluated"]),
        )
        runner = self._runners[arguments["engine"]]
        result = runner.run(request, model, gate, progress=progress, cancel=cancel)
        words, maps = wire.pack_result(result)
        return {"result": words, "device": model.engine.text}, maps

    def segment(
        self,
        arguments: dict[str, Any],
        arrays: dict[str, NDArray[Any]],
        progress: ProgressSink,
        cancel: CancelToken,
    ) -> Answer:
        """Run one request for a label map."""
        runner, model = self._segmenter(arguments, progress)
        request = volume_wire.unpack_request(arguments, arrays, model.package.manifest.name)
        result = runner.run(request, model, progress=progress, cancel=cancel)
        words, found = volume_wire.pack_result(result)
        return {"result": words, "device": model.engine.text}, found

    def peer(
        self,
        arguments: dict[str, Any],
        arrays: dict[str, NDArray[Any]],
        progress: ProgressSink,  # noqa: ARG002 - the handlers' common signature
        cancel: CancelToken,  # noqa: ARG002
    ) -> Answer:
        """Time eager torch with Grad-CAM on the same frame, for the benchmark."""
        from medvision_desktop.inference import peer

        package = registry.open_package(Path(arguments["model"]["directory"]))
        frame = wire.unpack_frame(arguments["frame"], arrays)
        return {"seconds": peer.timed(package, frame, int(arguments["rounds"]))}, {}

    def _segmenter(
        self, arguments: dict[str, Any], progress: ProgressSink
    ) -> tuple[VolumeRunner, LoadedVolumes]:
        engine, entry = str(arguments["engine"]), arguments["model"]
        if engine not in self._segmenters:
            progress(Progress(0, 0, "Starting the engine"))
            self._segmenters[engine] = VolumeRunner(engine)
        progress(Progress(0, 0, "Loading the model"))
        runner = self._segmenters[engine]
        return runner, runner.load(Path(entry["directory"]), entry["weights_sha256"])

    def _models(
        self, arguments: dict[str, Any], progress: ProgressSink, cancel: CancelToken
    ) -> tuple[Loaded, Loaded | None]:
        name = str(arguments["engine"])
        if name not in self._runners:
            progress(Progress(0, 0, "Starting the engine"))
            self._runners[name] = Runner(name)
        loaded: list[Loaded | None] = []
        for key in ("model", "pixel_gate"):
            cancel.check()
            entry = arguments.get(key)
            if entry is None:
                loaded.append(None)
                continue
            progress(Progress(0, 0, "Loading the model"))
            loaded.append(self._runners[name].load(Path(entry["directory"]), entry["weights_sha256"]))
        model, gate = loaded
        if model is None:
            raise KeyError("model")
        return model, gate
