"""What a scan of files finds: patients, studies, series and the files behind them.

These are references: headers, never pixels. Text is as the header gives it, decoded, with control
characters removed; it is shown as plain text only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from medvision_desktop.domain.document import DocumentRef

SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.7"
PARAMETRIC_MAP: Final = "1.2.840.10008.5.1.4.1.1.30"
LAYER_CLASSES: Final = frozenset({SEGMENTATION, LABEL_MAP_SEGMENTATION, PARAMETRIC_MAP})
_SLICED: Final = frozenset({"CT", "MR", "PT"})
_FEWEST_SLICES: Final = 8


class SourceKind(Enum):
    """What kind of file a series comes from."""

    DICOM = "DICOM"
    NIFTI = "NIfTI"
    RASTER = "raster"


@dataclass(frozen=True)
class Patient:
    """Who was examined. Empty strings where the header is silent."""

    name: str = ""
    id: str = ""
    birth_date: str = ""  # ISO 8601 date, or ""
    sex: str = ""  # M, F, O or ""


@dataclass(frozen=True)
class InstanceRef:
    """One file of a series. `number_of_frames` is at least 1."""

    path: Path
    sop_instance_uid: str
    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""
    number_of_frames: int = 1
    instance_number: int | None = None
    rows: int = 0
    columns: int = 0


@dataclass(frozen=True)
class SeriesRef:
    """One series: what the worklist shows and what `services.open_study` loads.

    Of a segmentation or a parametric map `refers_to` has the UIDs of the series that it was made of,
    and `segments` how many labels it names.
    """

    uid: str
    kind: SourceKind
    instances: tuple[InstanceRef, ...]
    modality: str = ""
    description: str = ""
    number: int | None = None
    body_part: str = ""
    view_position: str = ""
    laterality: str = ""
    frame_of_reference: str = ""
    sop_class_uid: str = ""
    refers_to: tuple[str, ...] = ()
    segments: int = 0

    @property
    def is_layer(self) -> bool:
        """Whether it lies over images of another series and is none itself."""
        return self.sop_class_uid in LAYER_CLASSES

    @property
    def frame_count(self) -> int:
        """Frames over all instances."""
        return sum(instance.number_of_frames for instance in self.instances)

    @property
    def may_be_a_volume(self) -> bool:
        """Whether it looks, unread, like slices that a volume is made of."""
        if self.kind is SourceKind.NIFTI:
            return True
        return self.modality in _SLICED and not self.is_layer and self.frame_count >= _FEWEST_SLICES


@dataclass(frozen=True)
class PresentationRef:
    """A file that speaks of images of its study: a presentation state or a key object selection."""

    path: Path
    uid: str
    study_uid: str
    is_key_objects: bool = False


@dataclass(frozen=True)
class StudyRef:
    """One study of one patient.

    `key` is the stable key of the study in this program: the Study Instance UID for DICOM, a
    digest of the content for files that have none.
    """

    key: str
    patient: Patient
    series: tuple[SeriesRef, ...]
    uid: str = ""
    date: str = ""  # ISO 8601 date, or ""
    time: str = ""  # HH:MM:SS, or ""
    description: str = ""
    accession: str = ""
    institution: str = ""
    referring_physician: str = ""
    age: str = ""  # DICOM AS, e.g. 064Y, or ""
    is_sample: bool = False
    presentations: tuple[PresentationRef, ...] = ()
    documents: tuple[DocumentRef, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the series, each once, in order."""
        return tuple(dict.fromkeys(series.modality for series in self.series if series.modality))


@dataclass(frozen=True)
class RefusedFile:
    """A file that a scan did not take, and why, in one sentence."""

    path: Path
    why: str


@dataclass(frozen=True)
class ScanResult:
    """All that a scan of files found, in a stable order, with what was refused."""

    studies: tuple[StudyRef, ...] = ()
    refused: tuple[RefusedFile, ...] = field(default=())
