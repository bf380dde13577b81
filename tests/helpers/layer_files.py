"""Source images, segmentations and parametric maps as highdicom writes them, and DICOM files by hand."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.io.dicom_scan import scan_file


def source_images(
    slices: int = 5,
    rows: int = 12,
    columns: int = 10,
    *,
    spacing: tuple[float, float] = (0.8, 0.6),
    step_mm: float = 2.5,
    directions: Sequence[float] = (1, 0, 0, 0, 1, 0),
    drift: Sequence[float] = (0, 0, 0),
) -> list[Dataset]:
    """An axial CT unless `directions` say otherwise; `drift` moves each slice aside."""
    row, column = np.asarray(directions[:3], float), np.asarray(directions[3:], float)
    normal = np.cross(row, column)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    found = []
    for k in range(slices):
        origin = np.asarray([-30.0, -20.0, 10.0]) + k * (normal * step_mm + np.asarray(drift))
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        said: dict[str, Any] = {
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": generate_uid(),
            "StudyInstanceUID": study,
            "SeriesInstanceUID": series,
            "FrameOfReferenceUID": frame,
            "PatientName": "Doe^Jane",
            "PatientID": "4711",
            "PatientBirthDate": "",
            "PatientSex": "O",
            "StudyID": "1",
            "StudyDate": "20240229",
            "StudyTime": "081530",
            "AccessionNumber": "",
            "ReferringPhysicianName": "",
            "Modality": "CT",
            "SeriesNumber": 1,
            "SeriesDescription": "Abdomen",
            "InstanceNumber": k + 1,
            "ImagePositionPatient": [float(value) for value in origin],
            "ImageOrientationPatient": [float(value) for value in directions],
            "PixelSpacing": list(spacing),
            "SliceThickness": step_mm,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": rows,
            "Columns": columns,
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 1,
            "RescaleSlope": 1,
            "RescaleIntercept": 0,
        }
        for keyword, value in said.items():
            setattr(dataset, keyword, value)
        dataset.PixelData = np.full((rows, columns), 100 * k, np.int16).tobytes()
        dataset["PixelData"].VR = "OW"
        found.append(dataset)
    return found


def segmentation(
    source: Sequence[Dataset],
    mask: NDArray[Any],
    kind: str = "BINARY",
    *,
    labels: Sequence[str] = ("Liver",),
    colours: Sequence[tuple[int, int, int]] | None = None,
    **more: Any,
) -> Dataset:
    """A segmentation of the source images; `mask` is (slices, rows, columns) or with segments last."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    described = [
        hd.seg.SegmentDescription(
            number,
            label,
            codes.SCT.Organ,
            codes.SCT.Liver,
            hd.seg.SegmentAlgorithmTypeValues.MANUAL,
            display_color=hd.color.CIELabColor.from_rgb(*colours[number - 1]) if colours else None,
        )
        for number, label in enumerate(labels, 1)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hd.seg.Segmentation(
            source,
            mask,
            kind,
            described,
            generate_uid(),
            100,
            generate_uid(),
            1,
            "Maker",
            "Model",
            "1",
            "123",
            series_description="Liver by hand",
            **more,
        )


def parametric_map(source: Sequence[Dataset], values: NDArray[Any], mappings: Any, **more: Any) -> Dataset:
    """A parametric map of the source images, float, double or integer as `values` are."""
    import highdicom as hd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hd.pm.ParametricMap(
            source,
            values,
            generate_uid(),
            200,
            generate_uid(),
            1,
            "Maker",
            "Model",
            "1",
            "123",
            contains_recognizable_visual_features=False,
            real_world_value_mappings=mappings,
            window_center=float(more.pop("center", 1.0)),
            window_width=float(more.pop("width", 2.0)),
            series_description="ADC",
            **more,
        )


def mapping(
    label: str = "ADC", *, slope: float = 1.0, intercept: float = 0.0, last: float = 65535, first: float = 0
) -> Any:
    """A Real World Value Mapping in mm2/s."""
    import highdicom as hd
    from pydicom.sr.coding import Code

    unit = Code("mm2/s", "UCUM", "square millimeter per second")
    return hd.pm.RealWorldValueMapping(
        lut_label=label,
        lut_explanation=label,
        unit=unit,
        value_range=(first, last),
        slope=slope,
        intercept=intercept,
    )


def saved(dataset: Dataset, path: Path) -> InstanceRef:
    """Written, and as the scan of its folder lists it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path, enforce_file_format=True)
    return scan_file(path).instance


def saved_series(datasets: Sequence[Dataset], folder: Path) -> list[Path]:
    """The source images as files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, dataset in enumerate(datasets):
        path = folder / f"{number:03d}.dcm"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
