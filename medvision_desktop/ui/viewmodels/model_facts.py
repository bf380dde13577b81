"""What the model card says: of the package before a run, of the recorded run after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.findings import AnalysisState
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.errors import ModelRefused
from medvision_desktop.services.review import RecordedAnalysis
from medvision_desktop.ui.viewmodels import words

if TYPE_CHECKING:
    from medvision_desktop.modelkit.registry import Registry

_NETWORKS: Final = {
    "efficientnet-b0": "EfficientNet-B0",
    "efficientnet-b0-dense": "EfficientNet-B0",
    "efficientnet-b0-dense-mirrored": "EfficientNet-B0, twice",
    "efficientnet-b0-front": "EfficientNet-B0, front part",
    "efficientnet-lite0-attention": "EfficientNet-Lite0 with attention, two sizes",
    "autoencoder-256": "Autoencoder",
    "densenet-121": "DenseNet-121",
    "resnet-50": "ResNet-50",
    "unet3d-8": "3D U-Net",
    "unet3d-16": "3D U-Net",
    "unet3d-32": "3D U-Net",
}
_ENGINES: Final = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torch": "PyTorch"}
_GATE_TASK: Final = "gate"
_ANOMALY_TASK: Final = "anomaly"


@dataclass(frozen=True)
class ModelFacts:
    """One model package, as far as the panel speaks of it. `missing` says why it may not run.

    `channels`: sequences that a model of volumes looks at, by name. `modalities`: those that it is for;
    none where it does not ask.
    """

    name: str = ""
    version: str = ""
    title: str = ""
    network: str = ""
    labels: tuple[str, ...] = ()
    input_size: int = 0
    trained_on: str = ""
    intended_use: str = ""
    wanted: str = ""
    confidence_floor: float | None = None
    missing: str = ""
    channels: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()


def facts_of(registry: Registry, name: str) -> ModelFacts:
    """Facts of a package by name; one that is absent or refused is told, not raised."""
    try:
        manifest = registry.get(name).manifest
    except ModelRefused as error:
        return ModelFacts(name=name, missing=str(error))
    network = _NETWORKS.get(manifest.network, manifest.network)
    labels = tuple(label for label in manifest.labels if label not in manifest.not_evaluated)
    number = len(labels)
    multi, found = manifest.task == "multi-label", manifest.segmentation
    return ModelFacts(
        name=manifest.name,
        version=manifest.version,
        title=manifest.title,
        network=f"{network}, {number} label" + ("" if number == 1 else "s"),
        labels=labels,
        input_size=0 if found else manifest.preprocessing.size,
        trained_on=manifest.trained_on,
        intended_use=manifest.intended_use,
        wanted=manifest.wanted.text,
        confidence_floor=None
        if multi or found or manifest.task == _ANOMALY_TASK
        else manifest.confidence_floor,
        channels=found.spec.channels if found else (),
        modalities=manifest.wanted.modalities,
    )


def choices_of(registry: Registry) -> tuple[ModelFacts, ...]:
    """Every package that can be started by hand; gates are not among them."""
    found = []
    for name in registry.names():
        try:
            if registry.get(name).manifest.task == _GATE_TASK:
                continue
        except ModelRefused:
            pass  # listed with what is wrong
        found.append(facts_of(registry, name))
    return tuple(found)


def shown_of(here: Sequence[RecordedAnalysis]) -> RecordedAnalysis | None:
    """The run that the panel shows, of those on one series, the newest first.

    That is the newest, unless it failed and an older one gave an answer.
    """
    answered = (analysis for analysis in here if analysis.state is not AnalysisState.FAILED)
    return next(answered, here[0] if here else None)


def card_rows(
    facts: ModelFacts, analysis: RecordedAnalysis | None, loaded: LoadedSeries | None
) -> tuple[tuple[str, str], ...]:
    """Name and value of each row of the card."""
    if analysis is not None and analysis.state is AnalysisState.REFUSED:
        return (
            ("Wants", analysis.gate.wanted or facts.wanted),
            ("Was given", analysis.gate.given),
            ("Checked", words.clock_seconds(analysis.ran_utc)),
        )
    trained = analysis.trained_on if analysis is not None and analysis.trained_on else facts.trained_on
    if analysis is None:
        return (("Network", facts.network), ("Wants", facts.wanted), ("Trained on", trained))
    return (
        ("Network", facts.network),
        ("Input", _input(facts, analysis, loaded)),
        ("Ran", _ran(analysis)),
        ("Trained on", trained),
    )


def _input(facts: ModelFacts, analysis: RecordedAnalysis, loaded: LoadedSeries | None) -> str:
    manifest = analysis.manifest
    if manifest is None or not manifest.inputs:
        return ""
    given = manifest.inputs[0]
    text = f"{given.columns} × {given.rows}"
    if facts.input_size and facts.version == analysis.model.version:
        text += f" → {facts.input_size} × {facts.input_size}"
    view = loaded.series.view_position if loaded and loaded.series.uid == analysis.series_uid else ""
    return f"{view}, {text}" if view else text


def _ran(analysis: RecordedAnalysis) -> str:
    parts = [words.clock_seconds(analysis.ran_utc), words.duration(analysis.seconds)]
    manifest = analysis.manifest
    if manifest is not None:
        engine = _ENGINES.get(manifest.engine, manifest.engine)
        device = "CPU" if manifest.device.lower() == "cpu" else manifest.device
        parts.append(" ".join(part for part in (engine, device) if part))
    return ", ".join(part for part in parts if part)
