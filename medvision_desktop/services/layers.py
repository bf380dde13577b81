"""Segmentations, parametric maps and label maps in files, read as layers over the images of a study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.labelmap import VoxelLayer
from medvision_desktop.domain.study import PARAMETRIC_MAP, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import (
    dicom_header,
    dicom_parametric,
    dicom_scan,
    dicom_segmentation,
    nifti,
    nifti_header,
    nifti_labels,
)
from medvision_desktop.io.dicom_sources import SourcePlaces
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder

_HEAD: Final = 4096


def load(
    series: SeriesRef,
    *,
    decoder: Decoder,
    study: StudyRef | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[VoxelLayer, ...]:
    """The layers of a series: of a segmentation, a parametric map, or a NIfTI file of whole numbers.

    `study`: where source images are looked for by frames that do not say themselves where they lie.
    Raises `InputRefused` in words for the reader, and `Cancelled`.
    """
    token = cancel or CancelToken()
    sources = SourcePlaces(study)
    found: list[VoxelLayer] = []
    for position, instance in enumerate(series.instances):
        progress(Progress(position, len(series.instances), "Reading a layer"))
        token.check()
        if series.kind is SourceKind.NIFTI:
            found.append(nifti_labels.load(instance, decoder, token))
        elif not series.is_layer:
            raise InputRefused(
                "The series cannot be shown as a layer.",
                "It holds images.",
                "Choose a segmentation, a parametric map or a NIfTI label map.",
            )
        elif series.sop_class_uid == PARAMETRIC_MAP:
            found += dicom_parametric.load(instance, decoder, token, sources)
        else:
            found += dicom_segmentation.load(instance, decoder, token, sources)
    return tuple(found)


def listed(path: Path) -> tuple[SeriesRef, ...]:
    """What can be laid over images in one file. Raises `InputRefused`, also for archives and pictures."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise InputRefused("The file cannot be read.", f"{error.strerror or 'No reason given'}.") from error
    if dicom_header.looks_like_dicom(head):
        found = dicom_scan.scan_file(path)
        series = replace(found.series, instances=(found.instance,))
        if series.is_layer:
            return (series,)
    elif nifti_header.looks_like_nifti(nifti_header.inflated(head)):
        return nifti.scan(path).series
    raise InputRefused(
        "The file is no layer.",
        "It holds no labels and no parametric map.",
        "Choose a segmentation, a parametric map or a NIfTI label map.",
    )


def sources_of(layer: SeriesRef, study: StudyRef) -> tuple[SeriesRef, ...]:
    """The image series of the study that a layer lies over: those it names, else those of its space.

    The one with the most images comes first.
    """
    images = [series for series in study.series if not series.is_layer]
    # A series in several parts has UIDs of its own behind a `#`.
    named = [series for series in images if series.uid.split("#")[0] in layer.refers_to]
    same = [
        series
        for series in images
        if layer.frame_of_reference and series.frame_of_reference == layer.frame_of_reference
    ]
    return tuple(sorted(named or same, key=lambda series: -series.frame_count))
