"""Segmentations, parametric maps and label maps in files, read as layers over the images of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medvision_desktop.domain.labelmap import VoxelLayer
from medvision_desktop.domain.study import PARAMETRIC_MAP, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_parametric, dicom_segmentation, nifti_labels
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder


def load(
    series: SeriesRef,
    *,
    decoder: Decoder,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[VoxelLayer, ...]:
    """The layers of a series: of a segmentation, a parametric map, or a NIfTI file of whole numbers.

    Raises `InputRefused` in words for the reader, and `Cancelled`.
    """
    token = cancel or CancelToken()
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
            found += dicom_parametric.load(instance, decoder, token)
        else:
            found += dicom_segmentation.load(instance, decoder, token)
    return tuple(found)


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
