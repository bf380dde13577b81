"""What headers say that tells apart frames of one place: times, diffusion weightings, echoes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydicom.datadict import dictionary_description, dictionary_has_tag
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medvision_desktop.domain import phases
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.study import SeriesRef
from medvision_desktop.io import dicom_diffusion
from medvision_desktop.io.dicom_alike import HeaderReader
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_values import items_of, number, numbers, text, texts, value_of, whole
from medvision_desktop.work import CancelToken

_PLACES: Final = frozenset(
    {"In-Stack Position Number", "Image Position (Patient)", "Stack ID", "Image Orientation (Patient)"}
)
# Vectors of nuclear medicine (PS3.3 C.8.4.8), one number a frame.
_VECTORS: Final = (
    ("TimeSlotVector", "time slot"),
    ("TimeSliceVector", "time slice"),
    ("PhaseVector", "phase"),
    ("EnergyWindowVector", "energy window"),
    ("RRIntervalVector", "R-R interval"),
)
_DAY_MS: Final = 86_400_000.0
_EMPTY: Final[Mapping[str, float | str]] = MappingProxyType({})


def facts_of_frames(
    series: SeriesRef, frames: Sequence[Frame], cancel: CancelToken
) -> list[Mapping[str, float | str]]:
    """The facts of every frame, from headers read once more: few series need them.

    Raises `InputRefused` when a file is gone, and `Cancelled`.
    """
    paths = {instance.sop_instance_uid: instance.path for instance in series.instances}
    headers, found = HeaderReader(), []
    kept: tuple[str, Dataset] | None = None
    with quiet():
        for frame in frames:
            cancel.check()
            uid = frame.sop_instance_uid
            if kept is None or kept[0] != uid:
                path = paths.get(uid) or series.instances[0].path
                kept = uid, headers.read(path).dataset
            found.append(facts_of(kept[1], frame.frame_number - 1))
    return found


def facts_of(dataset: Dataset, index: int) -> Mapping[str, float | str]:
    """The facts of frame `index` by the names of `domain.phases`; times in milliseconds."""
    found: dict[str, float | str] = {}
    for name, value in (
        *_times(dataset, index),
        *_weightings(dataset, index),
        *_dimensions(dataset, index),
    ):
        if value is not None and name not in found:
            found[name] = value
    kind = texts(dataset, "ImageType")[2:]
    if kind:
        found[phases.KIND] = " ".join(kind)
    return MappingProxyType(found) if found else _EMPTY


def _times(dataset: Dataset, index: int) -> Iterator[tuple[str, float | None]]:
    content = group_of(dataset, index, "FrameContentSequence")
    yield phases.TEMPORAL, _plain(whole(content, "TemporalPositionIndex"))
    yield phases.TEMPORAL, _plain(whole(dataset, "TemporalPositionIdentifier"))
    heart = group_of(dataset, index, "CardiacSynchronizationSequence")
    yield phases.TRIGGER, number(heart, "NominalCardiacTriggerDelayTime")
    yield phases.TRIGGER, number(dataset, "TriggerTime")
    offset = number(group_of(dataset, index, "TemporalPositionSequence"), "TemporalPositionTimeOffset")
    yield phases.REFERENCE, None if offset is None else offset * 1000.0
    yield phases.REFERENCE, number(dataset, "FrameReferenceTime")
    yield phases.ACQUISITION, _moment_ms(str(value_of(content, "FrameAcquisitionDateTime") or ""))
    yield phases.ACQUISITION, _moment_ms(text(dataset, "AcquisitionDateTime"))
    yield phases.ACQUISITION, _clock_ms(text(dataset, "AcquisitionTime"))


def _weightings(dataset: Dataset, index: int) -> Iterator[tuple[str, float | str | None]]:
    weighting = dicom_diffusion.weighting_of(dataset, index)
    if weighting is not None:
        yield phases.B_VALUE, weighting[0]
        yield phases.DIRECTION, weighting[1]
    echo = group_of(dataset, index, "MREchoSequence")
    yield phases.ECHO_TIME, number(echo, "EffectiveEchoTime")
    yield phases.ECHO_TIME, number(dataset, "EchoTime")
    yield phases.ECHO, _plain(whole(dataset, "EchoNumbers"))
    yield phases.INVERSION, number(dataset, "InversionTime")


def _dimensions(dataset: Dataset, index: int) -> Iterator[tuple[str, float]]:
    """Dimension indices (PS3.3 C.7.6.17) that are not of places, by the name of what they index."""
    for keyword, name in _VECTORS:
        vector = numbers(dataset, keyword)
        if index < len(vector):
            yield phases.DIMENSION + name, vector[index]
    values = numbers(group_of(dataset, index, "FrameContentSequence"), "DimensionIndexValues")
    if not values:
        return
    for item, value in zip(items_of(dataset, "DimensionIndexSequence"), values, strict=False):
        name = text(item, "DimensionDescriptionLabel") or _name_of(value_of(item, "DimensionIndexPointer"))
        if _name_of(value_of(item, "DimensionIndexPointer")) not in _PLACES:
            yield phases.DIMENSION + (name or "index"), float(value)


def _name_of(pointer: object) -> str:
    if not isinstance(pointer, int):
        return ""
    tag = Tag(pointer)
    return dictionary_description(tag) if dictionary_has_tag(tag) else ""


def _plain(value: int | None) -> float | None:
    return None if value is None else float(value)


def _clock_ms(clock: str) -> float | None:
    """Milliseconds of a DICOM TM, HHMMSS.FFFFFF with or without colons; None for anything else."""
    digits, _, part = clock.replace(":", "").partition(".")
    if len(digits) != 6 or not digits.isdigit() or not (part.isdigit() or not part):
        return None
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
    return seconds * 1000.0 + (float(f"0.{part}") * 1000.0 if part else 0.0)


def _moment_ms(moment: str) -> float | None:
    """Milliseconds of a DICOM DT, counted so that later days come later."""
    day, clock = moment[:8], moment[8:].split("+", maxsplit=1)[0].split("-", maxsplit=1)[0]
    since = _clock_ms(clock)
    if since is None or len(day) != 8 or not day.isdigit():
        return None
    months = int(day[:4]) * 12 + int(day[4:6])
    return (months * 31 + int(day[6:])) * _DAY_MS + since
