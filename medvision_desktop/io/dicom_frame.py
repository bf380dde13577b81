"""One frame of a DICOM object: decoded pixels and what the header says about showing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.domain.layers import OverlayPlane
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_real, dicom_space, dicom_tables
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_layers import overlays_of, shutter_of
from medvision_desktop.io.dicom_layout import PixelLayout, to_eight_bits
from medvision_desktop.io.dicom_palette import palette_of
from medvision_desktop.io.dicom_values import iso_time, number, numbers, text, texts, value_of, whole
from medvision_desktop.pixels import collimation

# Films whose unexposed border is covered, unless the header has a shutter of its own.
_FILMS: Final = frozenset({"CR", "DX", "RG"})
_LOSSY: Final = frozenset(
    {
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.91",
        "1.2.840.10008.1.2.4.203",
    }
)


def frame_of(
    header: Header, layout: PixelLayout, index: int, values: NDArray[Any], *, doubts: tuple[str, ...] = ()
) -> Frame:
    """A `Frame` of decoded values (HxW, or HxWx3 RGB) of frame `index`, counted from 0."""
    with quiet():
        return _frame(header, layout, index, values, doubts)


def _frame(
    header: Header, layout: PixelLayout, index: int, values: NDArray[Any], doubts: tuple[str, ...]
) -> Frame:
    dataset, little = header.dataset, header.little_endian
    shape = text(dataset, "PresentationLUTShape")
    photometric = _photometric(layout, shape)
    overlays, unread = overlays_of(header, layout, index)
    not_faithful = [*doubts, *unread]
    shutter = shutter_of(dataset, overlays, layout.rows, layout.columns)
    if shutter is None and text(dataset, "ShutterShape"):
        not_faithful.append("the display shutter cannot be read")
    if text(dataset, "PixelPresentation") in ("COLOR", "MIXED"):
        not_faithful.append("the colours of its supplemental palette are not shown")
    if photometric is Photometric.RGB:
        if layout.bits_stored > 8:
            not_faithful.append(f"{layout.bits_stored}-bit colour is shown with 8 bits")
        values = to_eight_bits(values, layout.bits_stored)
    spacing = dicom_space.spacing_of(dataset, index)
    geometry = dicom_space.geometry_of(dataset, index, spacing)
    grey = photometric in (Photometric.MONOCHROME1, Photometric.MONOCHROME2)
    palette = palette_of(dataset, little=little) if photometric is Photometric.PALETTE_COLOR else None
    if photometric is Photometric.PALETTE_COLOR and palette is None:
        raise InputRefused("The colours cannot be shown.", "The palette is missing or cannot be right.")
    slope = number(group_of(dataset, index, "PixelValueTransformationSequence"), "RescaleSlope")
    if grey and slope == 0:
        not_faithful.append("a rescale slope of zero is ignored")
    modality = dicom_tables.modality_of(dataset, index, layout, little=little)
    frame = Frame(
        stored=values,
        photometric=photometric,
        bits_stored=8 if photometric is Photometric.RGB else layout.bits_stored,
        signed=layout.signed and grey,
        modality=modality,
        units=dicom_tables.units_of(dataset, index) if grey else "",
        voi=dicom_tables.voi_of(dataset, index, layout, little=little) if grey else (),
        presentation_inverse=photometric is Photometric.MONOCHROME2 and shape == "INVERSE",
        palette=palette,
        padding=dicom_tables.padding_of(dataset, layout) if grey else None,
        geometry=geometry,
        patient_orientation=None if geometry else dicom_space.patient_orientation_of(dataset, index),
        spacing=spacing,
        pixel_aspect=dicom_space.aspect_of(dataset, spacing),
        sop_instance_uid=text(dataset, "SOPInstanceUID"),
        frame_number=index + 1,
        badges=_badges(header, layout),
        not_faithful=tuple(not_faithful),
        corner=_corner(dataset, index),
        shutter=shutter,
        dimension_index=_dimension_index(dataset, index),
        real=dicom_real.real_values_of(dataset, index, modality) if grey else (),
        regions=dicom_real.ultrasound_regions_of(dataset),
        overlays=tuple(plane for plane in overlays if shutter is None or not _is_bitmap(dataset, plane)),
    )
    if shutter is None and layout.frames == 1 and text(dataset, "Modality") in _FILMS:
        return replace(frame, shutter=collimation.border_of(frame))
    return frame


def _is_bitmap(dataset: Dataset, plane: OverlayPlane) -> bool:
    """Whether a plane is the shutter, and so no layer."""
    return "BITMAP" in texts(dataset, "ShutterShape") and plane.group == whole(
        dataset, "ShutterOverlayGroup"
    )


def _dimension_index(dataset: Dataset, index: int) -> tuple[int, ...]:
    content = group_of(dataset, index, "FrameContentSequence")
    return tuple(int(value) for value in numbers(content, "DimensionIndexValues"))


def _photometric(layout: PixelLayout, shape: str) -> Photometric:
    """How values are meant to look.

    A Presentation LUT Shape says what the values are once the window is applied: IDENTITY means
    P-Values, low is black (PS3.3 C.11.6.1.2). Under MONOCHROME1 the two contradict each other, and
    the shape counts because it is the later stage, which is also what DCMTK draws.
    """
    if layout.samples == 3:
        return Photometric.RGB
    if layout.photometric == "MONOCHROME1" and shape == "IDENTITY":
        return Photometric.MONOCHROME2
    return Photometric(layout.photometric)


def _badges(header: Header, layout: PixelLayout) -> tuple[str, ...]:
    dataset = header.dataset
    badges = []
    if layout.photometric == "MONOCHROME1" and text(dataset, "PresentationLUTShape") == "IDENTITY":
        badges.append("Header contradicts itself on polarity")
    if texts(dataset, "ImageType")[:1] == ("DERIVED",):
        badges.append("Derived")
    if text(dataset, "LossyImageCompression") == "01" or _is_lossy(header):
        # One ratio for each time the image was compressed; the last is the newest.
        ratios = [ratio for ratio in numbers(dataset, "LossyImageCompressionRatio") if ratio > 1]
        badges.append(f"Lossy {_ratio(ratios[-1])}:1" if ratios else "Lossy")
    return tuple(badges)


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _is_lossy(header: Header) -> bool:
    """A lossy syntax without the flag; JPEG 2000 (.91) may be reversible, then the flag says 00."""
    return header.transfer_syntax in _LOSSY and text(header.dataset, "LossyImageCompression") != "00"


def _corner(dataset: Dataset, index: int) -> Mapping[str, str]:
    measures = group_of(dataset, index, "PixelMeasuresSequence")
    content = group_of(dataset, index, "FrameContentSequence")
    moment = str(value_of(content, "FrameAcquisitionDateTime") or "")
    entries = {
        "series_description": text(dataset, "SeriesDescription"),
        "series_number": text(dataset, "SeriesNumber"),
        "instance_number": text(dataset, "InstanceNumber"),
        "slice_thickness_mm": _millimetres(number(measures, "SliceThickness")),
        "slice_location_mm": _millimetres(_location(dataset, index)),
        "manufacturer": text(dataset, "Manufacturer"),
        "model": text(dataset, "ManufacturerModelName"),
        "institution": text(dataset, "InstitutionName"),
        "acquisition_time": iso_time(dataset, "AcquisitionTime") or _clock(moment[8:14]),
        "kvp": _millimetres(number(dataset, "KVP")),
        "body_part": text(dataset, "BodyPartExamined"),
        "view": text(dataset, "ViewPosition"),
    }
    return MappingProxyType({key: entry for key, entry in entries.items() if entry})


def _clock(digits: str) -> str:
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}" if len(digits) == 6 and digits.isdigit() else ""


def _location(dataset: Dataset, index: int) -> float | None:
    """Slice position along the normal where the plane is known, else Slice Location."""
    directions, origin = dicom_space.directions_of(dataset, index), dicom_space.origin_of(dataset, index)
    if directions is None or origin is None:
        return number(dataset, "SliceLocation")
    return float(np.dot(np.cross(*directions), origin))


def _millimetres(value: float | None) -> str:
    return "" if value is None else f"{round(value, 3) + 0.0:g}"
