"""Frames of objects that place their first frame and say by a vector where the others lie.

Older than functional groups and still written: RT Dose (PS3.3 C.8.8.3.2, Grid Frame Offset Vector) and
reconstructed nuclear medicine (C.8.4.8 Slice Vector, C.8.4.15 Spacing Between Slices).
"""

from __future__ import annotations

import math
from typing import Final

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.io.dicom_values import items_of, number, numbers, text, texts, whole

_DETECTOR: Final = Tag(0x0054, 0x0022)
_FRAMES: Final = Tag(0x0028, 0x0008)
# Objects of cross-sections: frames behind the first one do not lie where the first one does.
_STACKED: Final = frozenset({"CT", "MR", "PT", "NM", "RTDOSE"})
_TIMES: Final = (0x00181063, 0x00181065)  # Frame Time, Frame Time Vector: frames of one place


def plane_owner(dataset: Dataset) -> Dataset:
    """Where position and orientation of the first frame stand: of reconstructed NM with its detector."""
    if _DETECTOR not in dataset or not _is_reconstructed(dataset):
        return dataset
    return (items_of(dataset, "DetectorInformationSequence") or [dataset])[0]


def has_several(dataset: Dataset) -> bool:
    """Whether an object has more frames than one."""
    return _FRAMES in dataset and (whole(dataset, "NumberOfFrames") or 1) > 1


def offset_of(dataset: Dataset, index: int, first: Vector3, normal: Vector3 | None) -> float | None:
    """How far frame `index` lies along the normal from the first one, in mm; None where nobody says so."""
    if not has_several(dataset):
        return 0.0
    if text(dataset, "Modality") == "RTDOSE":
        return _dose_offset(dataset, index, first, normal)
    if _is_reconstructed(dataset):
        return _slice_offset(dataset, index)
    pointers = numbers(dataset, "FrameIncrementPointer")
    if text(dataset, "Modality") not in _STACKED or any(pointer in _TIMES for pointer in pointers):
        return 0.0
    return 0.0 if index == 0 else None


def _dose_offset(dataset: Dataset, index: int, first: Vector3, normal: Vector3 | None) -> float | None:
    offsets = numbers(dataset, "GridFrameOffsetVector")
    if index >= len(offsets):
        return 0.0 if index == 0 else None
    if offsets[0] == 0:
        return offsets[index]
    # The other way to write it: patient coordinates of transverse planes, the first one as positioned.
    if normal is not None and abs(abs(normal[2]) - 1) < 1e-3 and math.isclose(offsets[0], first[2]):
        return (offsets[index] - offsets[0]) * normal[2]
    return 0.0 if index == 0 else None


def _slice_offset(dataset: Dataset, index: int) -> float | None:
    """A positive spacing stacks along the normal, a negative one against it (C.8.4.15)."""
    slices, step = numbers(dataset, "SliceVector"), number(dataset, "SpacingBetweenSlices")
    if index >= len(slices) or step is None or step == 0:
        return 0.0 if index == 0 else None
    return (slices[index] - 1) * step


def _is_reconstructed(dataset: Dataset) -> bool:
    kinds = texts(dataset, "ImageType")[2:3]
    return text(dataset, "Modality") == "NM" and bool(kinds) and kinds[0].startswith("RECON")
