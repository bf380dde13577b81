"""Quantities of pixels: Real World Value Mapping, and SUVbw where the header allows it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset

from medvision_desktop.domain.image import ModalityLut, Rescale
from medvision_desktop.domain.quantities import RealValue, UltrasoundRegion
from medvision_desktop.io import dicom_philips
from medvision_desktop.io.dicom_groups import items_of_group
from medvision_desktop.io.dicom_values import items_of, number, numbers, text, texts, whole

SUV_UNITS: Final = "g/ml"
_UNITS: Final = {3: "cm", 4: "s", 5: "Hz", 7: "cm/s"}
_KINDS: Final = {1: "2D", 2: "M-mode", 3: "spectral", 4: "waveform", 5: "graphics"}
# Beyond this the tracer is gone, and a header that says so is wrong.
_MOST_HALF_LIVES: Final = 20


def real_values_of(dataset: Dataset, index: int, modality: Rescale | ModalityLut) -> tuple[RealValue, ...]:
    """Mappings of the header in their order, then SUVbw."""
    signed = whole(dataset, "PixelRepresentation") == 1
    items = items_of_group(dataset, index, "RealWorldValueMappingSequence")
    values = [value for item in items if (value := _mapping(item, signed=signed)) is not None]
    factor = suv_factor(dataset)
    if factor is not None and isinstance(modality, Rescale):
        values.append(RealValue("SUVbw", SUV_UNITS, modality.slope * factor, modality.intercept * factor))
    return tuple(values)


def _mapping(item: Dataset, *, signed: bool) -> RealValue | None:
    first, last = (
        _bound(item, f"RealWorldValue{end}ValueMapped", signed=signed) for end in ("First", "Last")
    )
    codes = items_of(item, "MeasurementUnitsCodeSequence")
    units = text(codes[0], "CodeValue") if codes else ""
    label = text(item, "LUTLabel") or text(item, "LUTExplanation") or "Real-world value"
    units = "" if units == "1" else units
    low = -math.inf if first is None else first
    high = math.inf if last is None else last
    table = numbers(item, "RealWorldValueLUTData")
    if table and first is not None and len(table) == high - low + 1:
        return RealValue(label, units, first=low, last=high, entries=np.asarray(table))
    slope, intercept = number(item, "RealWorldValueSlope"), number(item, "RealWorldValueIntercept")
    if slope is None or intercept is None:
        return None
    return RealValue(label, units, slope, intercept, low, high)


def _bound(item: Dataset, keyword: str, *, signed: bool) -> float | None:
    """An end of the stored values that are mapped, signed as they are, whatever VR it is written with."""
    found = number(item, f"DoubleFloat{keyword}")
    if found is not None:
        return found
    value = number(item, keyword)
    return value - 65536 if value is not None and signed and value >= 32768 else value


def suv_factor(dataset: Dataset) -> float | None:
    """What a modality value of a PET image is multiplied with to give SUVbw in g/ml; None without one.

    None as soon as anything that it needs is missing, contradictory or says that decay and
    attenuation were not corrected (QIBA, "Vendor-neutral pseudo-code for SUV calculation").
    """
    if text(dataset, "Modality") != "PT":
        return None
    corrected, units = texts(dataset, "CorrectedImage"), text(dataset, "Units")
    if "ATTN" not in corrected or "DECY" not in corrected:
        return None
    if units == "GML":
        return 1.0 if text(dataset, "SUVType") in ("", "BW") else None
    if units == "BQML":
        return _by_dose(dataset)
    if units != "CNTS":
        return None
    # Counts of Philips scanners come with a factor for SUV, or with one for activity.
    direct = dicom_philips.suv_scale(dataset)
    if direct is not None:
        return direct
    activity, by_dose = dicom_philips.activity_scale(dataset), _by_dose(dataset)
    return None if activity is None or by_dose is None else activity * by_dose


def _by_dose(dataset: Dataset) -> float | None:
    """Body weight in grams by the dose that was left when decay was corrected to; None without."""
    weight_kg, tracers = (
        number(dataset, "PatientWeight"),
        items_of(dataset, "RadiopharmaceuticalInformationSequence"),
    )
    if weight_kg is None or not 0 < weight_kg < 1000 or len(tracers) != 1:
        return None
    dose_bq, half_life_s = (
        number(tracers[0], "RadionuclideTotalDose"),
        number(tracers[0], "RadionuclideHalfLife"),
    )
    if dose_bq is None or dose_bq <= 0 or half_life_s is None or half_life_s <= 0:
        return None
    correction = text(dataset, "DecayCorrection")
    if correction == "ADMIN":
        return weight_kg * 1000 / dose_bq
    if correction != "START":
        return None
    elapsed = _since_injection(dataset, tracers[0])
    if elapsed is None or not 0 <= elapsed < _MOST_HALF_LIVES * half_life_s:
        return None
    return weight_kg * 1000 / (dose_bq * math.exp2(-elapsed / half_life_s))


def _since_injection(dataset: Dataset, tracer: Dataset) -> float | None:
    """Seconds from injection to the time that decay is corrected to, the start of the series.

    A Series Time after the acquisition is of a later series made from this one: then nobody knows.
    """
    start = _moment(text(dataset, "SeriesDate"), text(dataset, "SeriesTime"))
    acquired = _moment(text(dataset, "AcquisitionDate"), text(dataset, "AcquisitionTime"))
    if start is None or acquired is None or start > acquired:
        return None
    whole_moment = text(tracer, "RadiopharmaceuticalStartDateTime")
    if whole_moment:
        injected = _moment(whole_moment[:8], whole_moment[8:].split("+")[0].split("-")[0])
    else:
        injected = _moment(text(dataset, "SeriesDate"), text(tracer, "RadiopharmaceuticalStartTime"))
    return None if injected is None else (start - injected).total_seconds()


def _moment(date: str, time: str) -> datetime | None:
    digits, _, fraction = time.partition(".")
    digits = digits.ljust(6, "0")
    if len(date) != 8 or len(digits) != 6 or not (date + digits).isdigit() or not time:
        return None
    try:
        moment = datetime.strptime(date + digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 - one clock, differences only
        return moment + timedelta(seconds=float(f"0.{fraction}") if fraction.isdigit() else 0.0)
    except ValueError:
        return None


def ultrasound_regions_of(dataset: Dataset) -> tuple[UltrasoundRegion, ...]:
    """Regions whose axes have a unit (PS3.3 C.8.5.5); what contradicts itself is left out."""
    found = [_region(item) for item in items_of(dataset, "SequenceOfUltrasoundRegions")]
    return tuple(region for region in found if region is not None)


def _region(item: Dataset) -> UltrasoundRegion | None:
    edges = [whole(item, f"RegionLocation{name}") for name in ("MinY0", "MaxY1", "MinX0", "MaxX1")]
    top, bottom, left, right = edges
    if top is None or bottom is None or left is None or right is None or top > bottom or left > right:
        return None
    down, across = _step(item, "PhysicalDeltaY"), _step(item, "PhysicalDeltaX")
    units = [_UNITS.get(whole(item, f"PhysicalUnits{axis}Direction") or 0, "") for axis in "YX"]
    unit_down, unit_right = (unit if step else "" for unit, step in zip(units, (down, across), strict=True))
    if not unit_down and not unit_right:
        return None
    zero_row, zero_column = number(item, "ReferencePixelY0"), number(item, "ReferencePixelX0")
    value_down, value_right = (number(item, f"ReferencePixelPhysicalValue{axis}") for axis in "YX")
    return UltrasoundRegion(
        top=top,
        bottom=bottom,
        left=left,
        right=right,
        down=down,
        right_step=across,
        unit_down=unit_down,
        unit_right=unit_right,
        # The reference pixel counts from the corner of the region.
        zero_row=top + (zero_row or 0.0),
        zero_column=left + (zero_column or 0.0),
        value_down=value_down if zero_row is not None else None,
        value_right=value_right if zero_column is not None else None,
        kind=_KINDS.get(whole(item, "RegionSpatialFormat") or 0, ""),
    )


def _step(item: Dataset, keyword: str) -> float:
    value: Any = number(item, keyword)
    return float(value) if value is not None and math.isfinite(value) else 0.0
