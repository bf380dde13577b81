"""Which model Run AI stands for: the reader's usual one, unless the images on screen are not for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.errors import ModelRefused
from medvision_desktop.modelkit.manifest import Manifest
from medvision_desktop.services import channels
from medvision_desktop.services.gate import (
    AGE_OUTSIDE_TRAINING,
    NO_HEADER,
    WRONG_MODALITY,
    header_gate,
    modality_line,
)
from medvision_desktop.services.volume_gate import volume_gate

if TYPE_CHECKING:
    from medvision_desktop.modelkit.registry import Registry

_GATE: Final = "gate"
_PROJECTIONS: Final = frozenset({"CR", "DX", "DR", "RG", "MG", "PX", "IO"})
# Looking at every voxel of a larger volume would keep the record waiting.
_MOST_VOXELS: Final = 8_000_000


@dataclass(frozen=True)
class Offer:
    """A model by name; `fits`: nothing that is known without running it rules the images out."""

    name: str
    fits: bool


def offered(registry: Registry, loaded: LoadedSeries, frame_index: int, usual: str) -> Offer:
    """The usual model where nothing rules the images out; else the one of the others with fewest doubts.

    For a patient of an age that the usual model has not seen, one that says it has seen that age comes
    before it. Where none fits it is the usual one again: its gate then says why.
    """
    known = {name: found for name, found in _asked(registry, loaded, frame_index) if found is not None}
    fitting = sorted(known)
    if usual in known:
        if AGE_OUTSIDE_TRAINING not in known[usual]:
            return Offer(usual, fits=True)
        fitting = [name for name in fitting if _has_seen_age(registry, name, known[name])]
    name = min(fitting, key=lambda name: len(known[name]), default=usual)
    return Offer(name, fits=name in known)


def _has_seen_age(registry: Registry, name: str, doubts: frozenset[str]) -> bool:
    """Whether a model says which ages it has seen, and the patient's is one of them."""
    return registry.get(name).manifest.wanted.age_years is not None and AGE_OUTSIDE_TRAINING not in doubts


def _asked(
    registry: Registry, loaded: LoadedSeries, frame_index: int
) -> Iterator[tuple[str, frozenset[str] | None]]:
    for name in registry.names():
        try:
            manifest = registry.get(name).manifest
        except ModelRefused:
            continue
        if manifest.task != _GATE:
            yield name, _doubts(loaded, frame_index, manifest)


def _doubts(loaded: LoadedSeries, frame_index: int, manifest: Manifest) -> frozenset[str] | None:
    """Which doubts there are, None where the images are ruled out."""
    if manifest.segmentation is not None:
        return _doubts_of_volume(loaded, manifest)
    modalities = set(manifest.wanted.modalities)
    if modalities and modalities <= _PROJECTIONS and loaded.volume is not None:
        return None  # a file without a header does not say so, but a volume is no film
    frames = loaded.stack.frames
    frame = frames[min(frame_index, len(frames) - 1)]
    report = header_gate(loaded.study, loaded.series, frame, manifest)
    return frozenset(report.reasons) - {NO_HEADER} if report.ok else None


def _doubts_of_volume(loaded: LoadedSeries, manifest: Manifest) -> frozenset[str] | None:
    found = manifest.segmentation
    if found is None or loaded.volume is None:
        return None
    names = found.spec.channels
    if len(names) > 1:
        given = channels.suggested(loaded.study, loaded.series, names)
        known = [name for name in names if channels.sequence_of(channels.said_of(loaded.series)) == name]
        fits = not found.needed or any(name in given for name in found.needed)
        wrong = modality_line(loaded.series, manifest.wanted, header=True).reason == WRONG_MODALITY
        return frozenset(channels.missing(names, given)) if known and fits and not wrong else None
    if loaded.volume.stored_kji.size > _MOST_VOXELS:
        return None
    report = volume_gate({names[0]: loaded}, names[0], manifest)
    return frozenset(report.reasons) - {NO_HEADER} if report.ok else None
