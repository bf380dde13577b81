"""A small picture of a series: its middle frame with the window that it would open with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef
from medvision_desktop.io import dicom_series, nifti, nifti_header, nifti_pages, raster
from medvision_desktop.pixels import pipeline
from medvision_desktop.work import CancelToken

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder


def thumbnail(
    study: StudyRef,
    series: SeriesRef,
    *,
    decoder: Decoder,
    size: int = 96,
    cancel: CancelToken | None = None,
) -> NDArray[np.uint8]:
    """The middle frame, uint8 HxW or HxWx3 (RGB), the longer side `size` pixels.

    True to the pixels' aspect; not letterboxed. Raises `InputRefused`, and `Cancelled`.
    """
    del study  # a picture of the image alone: nothing of the patient goes into it
    frame = _middle_frame(series, decoder, cancel)
    plan = pipeline.resolve(DisplayState(), frame, modality=series.modality)
    return _fitted(pipeline.render(plan), frame.pixel_aspect, size)


def _middle_frame(series: SeriesRef, decoder: Decoder, cancel: CancelToken | None) -> Frame:
    instance = series.instances[len(series.instances) // 2]
    if series.kind is SourceKind.DICOM:
        return dicom_series.load_frame(instance, instance.number_of_frames // 2, decoder, cancel)
    if series.kind is SourceKind.RASTER:
        return raster.load(instance, decoder, cancel)
    header = nifti_header.read_header(instance.path)
    alone = nifti_pages.middle_frame(instance, header, decoder.image_memory_bytes)
    if alone is not None:
        return alone
    values = nifti.read_volume(instance.path, header, limit_bytes=decoder.image_memory_bytes, cancel=cancel)
    frames = nifti.to_frames(header, values, instance.sop_instance_uid)
    return frames[len(frames) // 2]


def _fitted(drawn: NDArray[Any], aspect: float, size: int) -> NDArray[np.uint8]:
    """`aspect` is the height of a pixel divided by its width."""
    import cv2

    height, width = drawn.shape[0] * aspect, float(drawn.shape[1])
    scale = size / max(height, width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrinks = target[0] <= drawn.shape[1] and target[1] <= drawn.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.ascontiguousarray(cv2.resize(drawn, target, interpolation=method), dtype=np.uint8)
