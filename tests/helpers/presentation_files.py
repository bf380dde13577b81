"""Presentation states made for a test."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from medvision_desktop.io.dicom_presentation import PRESENTATION_STATE
from tests.helpers.dicom_files import SERIES_UID, STUDY_UID


def dataset(**elements: Any) -> Dataset:
    """A data set of these elements by keyword."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def image_ref(uid: str, *frames: int) -> Dataset:
    """A reference to an image, or to some of its frames."""
    made = dataset(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=uid)
    if frames:
        made.ReferencedFrameNumber = list(frames)
    return made


def state_for(uid: str, **elements: Any) -> Dataset:
    """A presentation state about an image of `dicom_files.ct`, whose rescale it says; None leaves out."""
    series = dataset(SeriesInstanceUID=SERIES_UID, ReferencedImageSequence=[image_ref(uid)])
    usual = {
        "SOPClassUID": PRESENTATION_STATE,
        "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.99.1",
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.99",
        "Modality": "PR",
        "ContentLabel": "BONE",
        "PresentationCreationDate": "20240301",
        "PresentationCreationTime": "101500",
        "ReferencedSeriesSequence": [series],
        "PresentationLUTShape": "IDENTITY",
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "RescaleType": "HU",
    }
    said = {**usual, **elements}
    return dataset(**{keyword: value for keyword, value in said.items() if value is not None})


def voi_item(center: float, width: float, *references: Dataset) -> Dataset:
    """An item of a Softcopy VOI LUT Sequence."""
    made = dataset(WindowCenter=center, WindowWidth=width)
    if references:
        made.ReferencedImageSequence = list(references)
    return made
