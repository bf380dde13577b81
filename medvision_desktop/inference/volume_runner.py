"""Run one request for a label map: prepare the channels, slide the window, measure, bring it back.

It raises only for models that may not run and for cancelling; what an image does to a network is a
result too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from medvision_desktop.domain.findings import AnalysisState, GateReport, InferenceResult, LabelScore
from medvision_desktop.domain.image import Volume
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin
from medvision_desktop.domain.provenance import InputRef, RunManifest
from medvision_desktop.errors import ModelRefused
from medvision_desktop.inference import device, volume_engine
from medvision_desktop.inference.segment import Labelled, labelled
from medvision_desktop.inference.volume_engine import VolumeEngine
from medvision_desktop.modelkit import registry, volume_reference
from medvision_desktop.modelkit.manifest import Manifest
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.modelkit.volume_reference import VolumeReference
from medvision_desktop.modelkit.volumes import VERSION, network_input, shape_of
from medvision_desktop.pixels.digest import pixel_digest
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_CERTAIN: Final = 0.5
_POOR_DICE: Final = 0.5


@dataclass(frozen=True, eq=False)
class VolumeRequest:
    """Run `model` on `channels` by name; the label map lies on the grid of `channels[on]`.

    `gate`: what the header gate said.
    """

    model: str
    channels: Mapping[str, Volume]
    on: str
    gate: GateReport


@dataclass(eq=False)
class LoadedVolumes:
    """A segmenting model that may run."""

    package: ModelPackage
    engine: VolumeEngine
    reference: VolumeReference


class VolumeRunner:
    """Keeps loaded models by folder and weights. One request at a time."""

    def __init__(self, engine_name: str) -> None:
        self.engine_name = _chosen(engine_name)
        self._loaded: dict[Path, LoadedVolumes] = {}

    def load(self, directory: Path, weights_sha256: str = "") -> LoadedVolumes:
        """The model in a folder, verified and tried once. Raises `ModelRefused`."""
        known = self._loaded.get(directory)
        if known is not None and weights_sha256 in ("", known.package.ref.weights_sha256):
            return known
        package = registry.open_unchanged(directory, weights_sha256)
        ready = volume_engine.load(package, self.engine_name)
        usual = volume_reference.read(directory / volume_reference.FILE, package.manifest.labels)
        self._loaded[directory] = LoadedVolumes(package, ready, usual)
        return self._loaded[directory]

    def run(
        self,
        request: VolumeRequest,
        model: LoadedVolumes,
        *,
        progress: ProgressSink = no_progress,
        cancel: CancelToken | None = None,
    ) -> InferenceResult:
        """Labels, volumes and manifest of one request. Raises `Cancelled` between two windows."""
        package, report = model.package, request.gate
        manifest, found = package.manifest, _segmentation(package)
        started, began = datetime.now(tz=UTC), time.perf_counter()
        if not report.ok:
            wanted = report.wanted or manifest.wanted.text
            message = f"The model was not run. It wants: {wanted}. It was given: {report.given}."
            return InferenceResult(AnalysisState.REFUSED, package.ref, report, message=message)
        progress(Progress(0, 0, "Preparing the volume"))
        source = request.channels[request.on]
        grid = shape_of(source.stored_kji), source.affine_kji_to_lps
        try:
            ready = network_input(request.channels, found.spec)
            said = labelled(
                model.engine, ready, found, manifest.labels, grid, progress=progress, cancel=cancel
            )
        except (ValueError, ArithmeticError) as error:
            message = f"The network came to no label map: {error}."
            return InferenceResult(
                AnalysisState.FAILED,
                package.ref,
                report,
                seconds=time.perf_counter() - began,
                message=message,
            )
        if cancel is not None:
            cancel.check()
        progress(Progress(0, 0, "Measuring"))
        layer = _layer(package, found, said, source)
        scores = _scores(model, found, said, layer)
        run = _manifest(request, model, started, time.perf_counter() - began)
        return InferenceResult(
            AnalysisState.DONE,
            package.ref,
            report,
            scores,
            (),
            run,
            time.perf_counter() - began,
            label_map=layer,
        )


def _chosen(setting: str) -> str:
    """The engine for volumes: OpenVINO before ONNX Runtime, which is slower in three dimensions."""
    name = device.chosen(setting)
    if setting == "auto" and name == "onnxruntime" and importlib.util.find_spec("openvino") is not None:
        return "openvino"
    return name


def _segmentation(package: ModelPackage) -> Segmentation:
    found = package.manifest.segmentation
    if found is None:
        raise ModelRefused(f"The model package {package.manifest.name} makes no label map.")
    return found


def _layer(package: ModelPackage, found: Segmentation, said: Labelled, source: Volume) -> LabelMap:
    name, version = package.ref.name, package.ref.version
    values = np.ascontiguousarray(said.labels)
    digest = hashlib.sha256(f"{package.ref.weights_sha256}{pixel_digest(source.stored_kji)}".encode())
    return LabelMap(
        values_kji=values,
        affine_kji_to_lps=source.affine_kji_to_lps.copy(),
        segments=found.segments(package.manifest.labels),
        uid=f"{name}-{digest.hexdigest()[:16]}",
        title=name,
        source=f"{name} {version}",
        origin=LayerOrigin.MODEL,
        frame_of_reference=source.frame_of_reference,
        badges=("suggestion",),
    )


def _scores(
    model: LoadedVolumes, found: Segmentation, said: Labelled, layer: LabelMap
) -> tuple[LabelScore, ...]:
    manifest = model.package.manifest
    labels, poor = manifest.labels, _poor(manifest)
    made = []
    for number, (label, sure) in enumerate(zip(labels, said.confidence, strict=True), start=1):
        volume = layer.volume_ml(number)
        fits = model.reference.usual(label, volume, sure)
        made.append(_score(label, sure, volume, uncertain=not fits or label in poor))
    for name, parts in found.sums:
        own = [score for score in made if score.label in parts]
        total = sum(score.volume_ml or 0.0 for score in own)
        sure = max(score.probability for score in own)
        usual = model.reference.volume_ml.get(name)
        fits = usual is None or usual[0] <= total <= usual[-1]
        made.append(_score(name, sure, total, uncertain=not fits or name in poor))
    return tuple(made)


def _poor(manifest: Manifest) -> frozenset[str]:
    """Labels that left-out images were outlined so poorly of that nobody should take them as they are."""
    return frozenset(
        entry.label for entry in manifest.metrics if entry.name == "dice" and entry.value < _POOR_DICE
    )


def _score(label: str, sure: float, volume_ml: float, *, uncertain: bool) -> LabelScore:
    return LabelScore(label, sure, sure, _CERTAIN, volume_ml > 0, uncertain, volume_ml)


def _manifest(
    request: VolumeRequest, model: LoadedVolumes, started: datetime, seconds: float
) -> RunManifest:
    package = model.package
    # The grid that the answer lies on first, then the other channels in the order of their names.
    names = (request.on, *sorted(name for name in request.channels if name != request.on))
    return RunManifest(
        model=package.ref,
        inputs=tuple(_given(request.channels[name]) for name in names),
        preprocessing_version=f"{VERSION} {' '.join(names)}",
        thresholds=(),
        calibration_id=package.calibration.id,
        engine=model.engine.name,
        device=model.engine.device,
        seed=0,
        started_utc=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        duration_s=round(seconds, 4),
    )


def _given(volume: Volume) -> InputRef:
    stored = volume.stored_kji
    return InputRef(pixel_digest(stored), int(stored.shape[1]), int(stored.shape[2]), "", 1)
