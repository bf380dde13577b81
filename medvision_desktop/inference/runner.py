"""Run one request: gate, network, labels, maps. Loaded models are kept.

    run(request) -> InferenceResult

It raises only for models that may not run and for cancelling; what an image does to a network is
a result too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.findings import (
    AnalysisState,
    GateCheck,
    GateReport,
    HeatMap,
    InferenceResult,
    LabelScore,
)
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.provenance import InputRef, RunManifest
from medvision_desktop.inference import cam, classify, device, engine
from medvision_desktop.inference.engine import Engine
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.modelkit import reference, registry
from medvision_desktop.modelkit.manifest import ANOMALY
from medvision_desktop.modelkit.preprocess import VERSION, display_gray, normalised, squared
from medvision_desktop.modelkit.reference import Reference
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.pixels.digest import pixel_digest
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.inference.gradcam import GradCam

Floats = NDArray[np.float32]

LOOKS_LIKE: Final = "Looks like a chest film"
UNLIKE: Final = "looks_unlike_chest_film"
_SEED: Final = 0


@dataclass(eq=False)
class Loaded:
    """A model that may run. `maps_fit`: the phantom's corners came out where they are."""

    package: ModelPackage
    engine: Engine
    reference: Reference
    maps_fit: bool
    gradcam: GradCam | None = None


class Runner:
    """Keeps loaded models by folder and weights. One request at a time."""

    def __init__(self, engine_name: str) -> None:
        self.engine_name = device.chosen(engine_name)
        self._loaded: dict[Path, Loaded] = {}

    def load(self, directory: Path, weights_sha256: str = "") -> Loaded:
        """The model in a folder, verified and checked. Raises `ModelRefused`."""
        known = self._loaded.get(directory)
        if known is not None and weights_sha256 in ("", known.package.ref.weights_sha256):
            return known
        package = registry.open_unchanged(directory, weights_sha256)
        manifest = package.manifest
        ready = engine.load(package, self.engine_name)
        fit = cam.maps_keep_their_place(ready, manifest.preprocessing)
        peaks = reference.read(directory / reference.FILE, manifest.labels)
        self._loaded[directory] = Loaded(package, ready, peaks, fit)
        return self._loaded[directory]

    def run(
        self,
        request: InferenceRequest,
        model: Loaded,
        gate: Loaded | None,
        *,
        progress: ProgressSink = no_progress,
        cancel: CancelToken | None = None,
    ) -> InferenceResult:
        """Gate, network and maps of one frame. Raises `Cancelled`."""
        steps = _Steps(progress, cancel or CancelToken(), 3 + request.want_maps)
        started, began = datetime.now(tz=UTC), time.perf_counter()
        steps.next("Preparing the image")
        gray = display_gray(request.frame)
        report = request.gate
        if gate is not None:
            steps.next("Checking that it is a chest film")
            report = _with_pixel_gate(report, gate, model.package, gray)
        if not report.ok:
            return _refused(model.package, report, time.perf_counter() - began)
        steps.next("Running the network")
        spec = model.package.manifest.preprocessing
        batch = normalised(squared(gray, spec.size, spec.stretch), spec)[np.newaxis]
        logits, maps = model.engine.run(batch)
        if not np.isfinite(logits).all():
            return _failed(model.package, report, time.perf_counter() - began)
        labels = classify.scores(model.package, logits[0].tolist(), unevaluated=request.unevaluated)
        found: tuple[HeatMap, ...] = ()
        if request.want_maps:
            steps.next("Where it looked")
            found = self._maps(request, model, batch, maps[0], labels, steps.token)
        seconds = time.perf_counter() - began
        manifest = _manifest(request.frame, model, started, seconds, _method(model, request))
        message = _no_maps(model, request)
        return InferenceResult(
            AnalysisState.DONE, model.package.ref, report, labels, found, manifest, seconds, message
        )

    def _maps(
        self,
        request: InferenceRequest,
        model: Loaded,
        batch: Floats,
        summands: Floats,
        labels: tuple[LabelScore, ...],
        cancel: CancelToken,
    ) -> tuple[HeatMap, ...]:
        if _no_maps(model, request):
            return ()
        rows, columns = request.frame.rows, request.frame.columns
        manifest = model.package.manifest
        size, mirrored = manifest.preprocessing.size, manifest.mirrored
        found = []
        for score in labels:
            cancel.check()
            label = score.label.removesuffix(classify.NOT_EVALUATED)
            index, peak = manifest.labels.index(label), model.reference.map_peak[label]
            method = _method(model, request)
            if method == cam.RECONSTRUCTION:
                grid = cam.error(score, summands[index], peak)
                found.append(cam.in_source(score.label, method, grid, rows, columns))
                continue
            if method == "gradcam":
                drawn = self._gradcam(model).grid(batch, index)
                grid = cam.gradcam(drawn, summands.shape[-1], mirrored=mirrored)
            else:
                grid = cam.native(score, summands[index], peak, size, mirrored=mirrored)
            heat = cam.in_source(score.label, method, grid, rows, columns)
            if request.random_maps and score.positive:
                own, by_chance = cam.deletion_scores(
                    model.engine,
                    batch,
                    index,
                    np.clip(summands[index], 0, None),
                    negative=model.reference.typical_negative,
                    maps=request.random_maps,
                    seed=_SEED,
                    mirrored=mirrored,
                )
                heat = replace(heat, faithfulness=own, random_faithfulness=by_chance)
            found.append(heat)
        return tuple(found)

    def _gradcam(self, model: Loaded) -> GradCam:
        from medvision_desktop.inference.gradcam import GradCam
        from medvision_desktop.modelkit.networks.build import from_package

        if model.gradcam is None:
            model.gradcam = GradCam(from_package(model.package))
        return model.gradcam


def _method(model: Loaded, request: InferenceRequest) -> str:
    """How the map is made: what an anomaly model shows is its own error, whatever was asked for."""
    if model.package.manifest.task == ANOMALY:
        return cam.RECONSTRUCTION
    return request.cam_method or "native"


_NO_MAPS: Final = "No attention map: the map check of this model failed when it was loaded."
_BY_CHANCE: Final = "No attention map: on true cases this model's maps find hardly more than chance."


def _no_maps(model: Loaded, request: InferenceRequest) -> str:
    """Why no map is shown, empty when maps are shown or were not asked for.

    The package measured its own maps only; Grad-CAM's are another method and stay to be chosen.
    """
    if not request.want_maps:
        return ""
    if not model.maps_fit:
        return _NO_MAPS
    attention = model.package.manifest.attention
    native = (request.cam_method or "native") == "native"
    return _BY_CHANCE if native and attention is not None and attention.by_chance else ""


class _Steps:
    """Names each step before it starts, and lets the reader stop between two."""

    def __init__(self, progress: ProgressSink, token: CancelToken, total: int) -> None:
        self.token = token
        self._progress, self._total, self._done = progress, total, 0

    def next(self, text: str) -> None:
        self.token.check()
        self._progress(Progress(self._done, self._total, text))
        self._done += 1


def _with_pixel_gate(report: GateReport, gate: Loaded, package: ModelPackage, gray: Floats) -> GateReport:
    """The header's report with what the pixels say, in the place that was kept for it."""
    spec, minimum = gate.package.manifest.preprocessing, package.manifest.wanted.pixel_gate_minimum
    logits, _ = gate.engine.run(normalised(squared(gray, spec.size, spec.stretch), spec)[np.newaxis])
    likeness = classify.scores(gate.package, logits[0].tolist())[0].probability
    passed = bool(likeness >= minimum)
    check = GateCheck(LOOKS_LIKE, passed, f"{likeness:.2f} of {minimum:.2f}")
    checks = tuple(check if entry.name == LOOKS_LIKE else entry for entry in report.checks)
    if check not in checks:
        checks = (*checks, check)
    reasons = report.reasons if passed else (*report.reasons, UNLIKE)
    return replace(report, ok=report.ok and passed, reasons=reasons, checks=checks)


def _refused(package: ModelPackage, report: GateReport, seconds: float) -> InferenceResult:
    wanted = report.wanted or package.manifest.wanted.text
    message = f"The model was not run. It wants: {wanted}. It was given: {report.given or 'another image'}."
    return InferenceResult(AnalysisState.REFUSED, package.ref, report, seconds=seconds, message=message)


def _failed(package: ModelPackage, report: GateReport, seconds: float) -> InferenceResult:
    message = "The network gave no number for this image."
    return InferenceResult(AnalysisState.FAILED, package.ref, report, seconds=seconds, message=message)


def _manifest(
    frame: Frame, model: Loaded, started: datetime, seconds: float, cam_method: str
) -> RunManifest:
    given = InputRef(
        pixel_digest(frame.stored), frame.rows, frame.columns, frame.sop_instance_uid, frame.frame_number
    )
    package = model.package
    return RunManifest(
        model=package.ref,
        inputs=(given,),
        preprocessing_version=VERSION,
        thresholds=package.manifest.thresholds,
        calibration_id=package.calibration.id,
        engine=model.engine.name,
        device=model.engine.device,
        seed=_SEED,
        started_utc=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        duration_s=round(seconds, 4),
        cam_method=cam_method,
    )
