"""Series made by arithmetic for benches, written as uncompressed DICOM files and removed afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

_SEED: Final = 20
_ROOT: Final = "bench of one machine"
# As much as a scanner says: every element is one more to be read.
_SAID: Final = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "SOPClassUID": CTImageStorage,
    "StudyDate": "20240229",
    "SeriesDate": "20240229",
    "AcquisitionDate": "20240229",
    "ContentDate": "20240229",
    "StudyTime": "101112",
    "SeriesTime": "101150",
    "AccessionNumber": "BENCH",
    "Modality": "CT",
    "Manufacturer": "Nobody",
    "InstitutionName": "Nowhere",
    "ReferringPhysicianName": "Nobody^At^All",
    "StudyDescription": "Made by arithmetic",
    "SeriesDescription": "Thin slices",
    "ManufacturerModelName": "None",
    "PatientName": "Bench",
    "PatientID": "BENCH",
    "PatientBirthDate": "19600101",
    "PatientSex": "O",
    "PatientAge": "064Y",
    "BodyPartExamined": "CHEST",
    "SliceThickness": 1.0,
    "KVP": 120,
    "DataCollectionDiameter": 500,
    "ReconstructionDiameter": 350,
    "GantryDetectorTilt": 0,
    "TableHeight": 100,
    "ExposureTime": 500,
    "XRayTubeCurrent": 200,
    "Exposure": 100,
    "ConvolutionKernel": "B30",
    "PatientPosition": "HFS",
    "StudyID": "1",
    "SeriesNumber": 3,
    "AcquisitionNumber": 1,
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": [0.68, 0.68],
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "WindowCenter": 40,
    "WindowWidth": 400,
    "RescaleIntercept": -1024,
    "RescaleSlope": 1,
    "RescaleType": "HU",
}


def slices(count: int, side: int) -> NDArray[np.uint16]:
    """(count, side, side) values of 12 bits, smooth with noise, every slice another one."""
    generator = np.random.default_rng(_SEED)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    smooth = 1500 + 800 * np.sin(x / 60) * np.cos(y / 50)
    noisy = np.clip(smooth + generator.normal(0, 30, smooth.shape), 0, 4095).astype(np.uint16)
    found = np.empty((count, side, side), np.uint16)
    for number in range(count):
        found[number] = np.roll(noisy, number, axis=0)
    return found


def write_series(folder: Path, count: int, side: int) -> list[Path]:
    """A CT series of `count` slices as files of their own, in order."""
    study, series, reference = (generate_uid(entropy_srcs=[_ROOT, word]) for word in ("st", "se", "fr"))
    paths = []
    for number, pixels in enumerate(slices(count, side)):
        dataset = Dataset()
        for keyword, value in _SAID.items():
            setattr(dataset, keyword, value)
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[_ROOT, str(number)])
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.FrameOfReferenceUID = reference
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient = [-175, -175, number]
        dataset.SliceLocation = number
        dataset.AcquisitionTime = f"1012{number % 60:02}.{number:06}"
        dataset.ContentTime = f"1013{number % 60:02}.{number:06}"
        dataset.Rows = dataset.Columns = side
        dataset.PixelData = pixels.tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        paths.append(folder / f"{number:05}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths
