"""Small DICOM files made for a test, written by pydicom."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


@dataclass(frozen=True)
class Raw:
    """Bytes that pydicom would not write: what broken and hostile writers put into an element."""

    vr: str
    data: bytes


STUDY_UID = "1.2.826.0.1.3680043.8.498.1"
SERIES_UID = "1.2.826.0.1.3680043.8.498.1.2"
FRAME_OF_REFERENCE = "1.2.826.0.1.3680043.8.498.1.3"


def ct(pixels: NDArray[Any] | None = None, *, z: float = 0.0, number: int = 1, **elements: Any) -> Dataset:
    """An axial CT slice; `elements` by keyword replace what it says, `None` leaves one out."""
    stored = np.arange(12 * 10, dtype=np.int16).reshape(12, 10) if pixels is None else pixels
    dataset = Dataset()
    said: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": generate_uid(entropy_srcs=[str(z), str(number)]),
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": SERIES_UID,
        "FrameOfReferenceUID": FRAME_OF_REFERENCE,
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "PatientName": "Doe^Jane",
        "PatientID": "4711",
        "StudyDate": "20240229",
        "StudyTime": "081530.5",
        "SeriesNumber": 3,
        "InstanceNumber": number,
        "ImagePositionPatient": [-50.0, -60.0, z],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.5, 0.75],
        "SliceThickness": 2.0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "BitsAllocated": stored.dtype.itemsize * 8,
        "BitsStored": stored.dtype.itemsize * 8,
        "HighBit": stored.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(stored.dtype.kind == "i"),
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
    }
    said.update(elements)
    for keyword, value in said.items():
        if isinstance(value, Raw):
            tag = Tag(keyword)
            dataset[tag] = RawDataElement(tag, value.vr, len(value.data), value.data, 0, False, True)
        elif value is not None:
            setattr(dataset, keyword, value)
    data = stored.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if stored.dtype.itemsize > 1 else "OB"
    return dataset


def write(dataset: Dataset, path: Path, *, transfer_syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set as a file with preamble and meta group."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is written here is wrong on purpose
        dataset.save_as(path, enforce_file_format=True)
    return path


def write_stack(folder: Path, positions: list[float], **elements: Any) -> list[Path]:
    """One CT slice for each position, with pixels that tell the slices apart."""
    files = []
    for index, z in enumerate(positions):
        pixels = (np.arange(12 * 10, dtype=np.int16).reshape(12, 10) + 100 * index).astype(np.int16)
        dataset = ct(pixels, z=z, number=index + 1, **elements)
        files.append(write(dataset, folder / f"{index + 1:03d}.dcm"))
    return files
