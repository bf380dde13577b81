"""Where a frame lies and how large its pixels are, as far as the header says so.

Where it is silent or contradicts itself the answer is None: no letters, no millimetres.
"""

from __future__ import annotations

import math
from typing import Final

from pydicom.dataset import Dataset

from medvision_desktop.domain.geometry import (
    PatientOrientation,
    PixelSpacing,
    PlaneGeometry,
    SpacingSource,
    Vector3,
    direction_letters,
)
from medvision_desktop.domain.quantities import UltrasoundRegion
from medvision_desktop.io import dicom_vectors
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_values import number, numbers, text, texts

PROJECTIONS: Final = frozenset({"CR", "DX", "MG", "RF", "XA", "IO", "PX", "RG", "XC", "DS", "DF"})
_PLANAR: Final = frozenset({"CT", "MR", "PT", "NM", "RTDOSE", "SEG"})


def spacing_of(dataset: Dataset, index: int) -> PixelSpacing | None:
    """Pixel spacing of a frame and what it is measured on (PS3.3 10.7.1.1 and 10.7.1.3).

    At the patient for cross-sections; for projections calibrated, else corrected by the estimated
    magnification, else at the detector.
    """
    measures = group_of(dataset, index, "PixelMeasuresSequence")
    at_patient = _pair(measures, "PixelSpacing")
    projection = text(dataset, "Modality") in PROJECTIONS
    detector = dataset
    if projection:  # enhanced objects say it in functional groups
        calibration = group_of(dataset, index, "ProjectionPixelCalibrationSequence")
        in_beam = _pair(calibration, "ObjectPixelSpacingInCenterOfBeam")
        if in_beam is not None:
            return PixelSpacing(*in_beam, SpacingSource.CALIBRATED)
        detector = group_of(dataset, index, "FramePixelDataPropertiesSequence")
    imager = _pair(detector, "ImagerPixelSpacing") or _pair(dataset, "NominalScannedPixelSpacing")
    if at_patient is None:
        return _at_detector(dataset, imager)
    if directions_of(dataset, index) is not None or text(dataset, "Modality") in _PLANAR:
        return PixelSpacing(*at_patient, SpacingSource.PATIENT)
    calibrated = text(dataset, "PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
    if calibrated or (imager is not None and not _same(at_patient, imager)):
        return PixelSpacing(*at_patient, SpacingSource.CALIBRATED)
    if projection:  # equal to the detector's, or alone and without a word on calibration
        return _at_detector(dataset, imager or at_patient)
    return PixelSpacing(*at_patient, SpacingSource.CALIBRATED)


def aspect_of(
    dataset: Dataset, spacing: PixelSpacing | None, regions: tuple[UltrasoundRegion, ...] = ()
) -> float:
    """Height of a pixel divided by its width: from the spacing, else Pixel Aspect Ratio, else 1.

    Of ultrasound from its regions, where all that are of space agree.
    """
    if spacing is not None:
        return spacing.row_mm / spacing.column_mm
    ratio = _pair(dataset, "PixelAspectRatio")
    if ratio is not None:
        return ratio[0] / ratio[1]
    ratios = [abs(one.down / one.right_step) for one in regions if one.is_spatial]
    agree = bool(ratios) and all(math.isclose(one, ratios[0], rel_tol=0.01) for one in ratios)
    return ratios[0] if agree else 1.0


def directions_of(dataset: Dataset, index: int) -> tuple[Vector3, Vector3] | None:
    """Unit vectors along a row and down a column, None unless they are orthogonal directions."""
    plane = group_of(dataset, index, "PlaneOrientationSequence")
    plane = dicom_vectors.plane_owner(dataset) if plane is dataset else plane
    values = numbers(plane, "ImageOrientationPatient")
    if len(values) != 6:
        return None
    row, column = _unit(values[:3]), _unit(values[3:])
    if row is None or column is None or abs(sum(a * b for a, b in zip(row, column, strict=True))) > 1e-3:
        return None
    return row, column


def origin_of(dataset: Dataset, index: int) -> Vector3 | None:
    """Patient position of the centre of the first pixel in millimetres, or None."""
    plane = group_of(dataset, index, "PlanePositionSequence")
    own = plane is not dataset
    first = own_origin_of(plane if own else dicom_vectors.plane_owner(dataset))
    return first if own or first is None else _behind(dataset, index, first)


def own_origin_of(plane: Dataset) -> Vector3 | None:
    """Image Position (Patient) as the data set or functional group itself says it."""
    values = numbers(plane, "ImagePositionPatient")
    return (values[0], values[1], values[2]) if len(values) == 3 else None


def places_itself(dataset: Dataset) -> bool:
    """Whether an object of one frame says its position itself, as classic objects do: `own_origin_of`."""
    if dicom_vectors.has_several(dataset) or dicom_vectors.plane_owner(dataset) is not dataset:
        return False
    return group_of(dataset, 0, "PlanePositionSequence") is dataset


def _behind(dataset: Dataset, index: int, first: Vector3) -> Vector3 | None:
    """Where frame `index` lies of an object that says where its first one does."""
    directions = directions_of(dataset, index) if dicom_vectors.has_several(dataset) else None
    normal = None if directions is None else normal_of(*directions)
    offset = dicom_vectors.offset_of(dataset, index, first, normal)
    if not offset:
        return None if offset is None else first
    if normal is None:
        return None
    return (
        first[0] + offset * normal[0],
        first[1] + offset * normal[1],
        first[2] + offset * normal[2],
    )


def is_mosaic(dataset: Dataset) -> bool:
    """Whether an image is a sheet of slices side by side, as Siemens writes them.

    Its position is that of no slice in it, so nothing on it has a place; directions and spacing hold.
    """
    return "MOSAIC" in texts(dataset, "ImageType")


def geometry_of(dataset: Dataset, index: int) -> PlaneGeometry | None:
    """The plane of a frame, None unless position, directions and a spacing at the patient are known."""
    if is_mosaic(dataset):
        return None
    return plane_at(
        origin_of(dataset, index),
        spacing_of(dataset, index),
        directions_of(dataset, index),
        text(dataset, "FrameOfReferenceUID"),
    )


def plane_at(
    origin: Vector3 | None,
    spacing: PixelSpacing | None,
    directions: tuple[Vector3, Vector3] | None,
    reference: str,
) -> PlaneGeometry | None:
    """`geometry_of` what is known already."""
    if directions is None or origin is None or spacing is None:
        return None
    if spacing.source is not SpacingSource.PATIENT:
        return None
    return PlaneGeometry(origin, directions[0], directions[1], spacing, reference)


def normal_of(right: Vector3, down: Vector3) -> Vector3:
    """The vector product of the directions of an image."""
    return (
        right[1] * down[2] - right[2] * down[1],
        right[2] * down[0] - right[0] * down[2],
        right[0] * down[1] - right[1] * down[0],
    )


def position_of(normal: Vector3, origin: Vector3) -> float:
    """How far along a normal a position lies."""
    return normal[0] * origin[0] + normal[1] * origin[1] + normal[2] * origin[2]


def patient_orientation_of(dataset: Dataset, index: int) -> PatientOrientation | None:
    """Letters without a plane: from the directions, else Patient Orientation (PS3.3 C.7.6.1.1.1)."""
    directions = directions_of(dataset, index)
    if directions is not None:
        row, column = (direction_letters(direction) for direction in directions)
    else:
        values = texts(dataset, "PatientOrientation")
        if len(values) != 2:
            return None
        row, column = values
    try:
        return PatientOrientation(row, column)
    except ValueError:
        return None


def _at_detector(dataset: Dataset, spacing: tuple[float, float] | None) -> PixelSpacing | None:
    if spacing is None:
        return None
    magnification = number(dataset, "EstimatedRadiographicMagnificationFactor")
    if magnification is not None and 0.1 < magnification < 100:
        row_mm, column_mm = (value / magnification for value in spacing)
        return PixelSpacing(row_mm, column_mm, SpacingSource.ERMF)
    return PixelSpacing(*spacing, SpacingSource.DETECTOR)


def _pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    values = numbers(dataset, keyword)
    if len(values) != 2 or not all(1e-6 < value < 1e6 for value in values):
        return None
    return values[0], values[1]


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-4) for a, b in zip(one, other, strict=True))


def _unit(values: tuple[float, ...]) -> Vector3 | None:
    length = math.sqrt(sum(value * value for value in values))
    if not 0.99 < length < 1.01:
        return None
    return values[0] / length, values[1] / length, values[2] / length
