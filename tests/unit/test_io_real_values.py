"""Quantities of pixels and axes: every number here is worked out by hand from the header."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.measurement import MeasurementKind, shape_lines
from medvision_desktop.domain.quantities import UltrasoundRegion, region_of
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_real import suv_factor
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.io.dicom_series import load_frame
from medvision_desktop.pixels import pipeline
from medvision_desktop.ui.viewmodels.measure import probe_lines
from tests.helpers.dicom_files import ct, write

F18_HALF_LIFE_S = 6586.2
PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)


@pytest.fixture
def made(tmp_path: Path, decoder: Decoder) -> Callable[..., Frame]:
    def make(dataset: Dataset) -> Frame:
        return load_frame(scan_file(write(dataset, tmp_path / "one.dcm")).instance, 0, decoder)

    return make


def pet(tracer: dict[str, Any] | None = None, **elements: Any) -> Dataset:
    """70 kg, 350 MBq of F-18, scanned one hour after the injection."""
    said = {
        "RadiopharmaceuticalStartTime": "090000",
        "RadionuclideTotalDose": 350e6,
        "RadionuclideHalfLife": F18_HALF_LIFE_S,
        **(tracer or {}),
    }
    item = Dataset()
    for keyword, value in said.items():
        if value is not None:
            setattr(item, keyword, value)
    usual = {
        "Modality": "PT",
        "Units": "BQML",
        "CorrectedImage": ["ATTN", "SCAT", "DECY"],
        "DecayCorrection": "START",
        "PatientWeight": 70,
        "SeriesDate": "20240229",
        "SeriesTime": "100000",
        "AcquisitionDate": "20240229",
        "AcquisitionTime": "100230.5",
        "RadiopharmaceuticalInformationSequence": [item],
        "RescaleSlope": 2.5,
        "RescaleIntercept": 0,
    }
    return ct(PIXELS, **{**usual, **elements})


def test_suv_is_activity_by_decayed_dose_and_weight(made: Callable[..., Frame]) -> None:
    frame = made(pet())
    (real,) = frame.real
    assert (real.label, real.units) == ("SUVbw", "g/ml")
    dose_at_scan = 350e6 * 0.5 ** (3600 / F18_HALF_LIFE_S)
    assert real.of(np.asarray([4]))[0] == pytest.approx(4 * 2.5 * 70_000 / dose_at_scan, rel=1e-9)


def test_a_dose_corrected_to_its_administration_does_not_decay_again() -> None:
    assert suv_factor(pet(DecayCorrection="ADMIN")) == pytest.approx(70_000 / 350e6)


def test_the_date_of_the_injection_counts_where_it_is_given() -> None:
    late = {"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": "20240228233000.00"}
    decayed = 350e6 * 0.5 ** (10.5 * 3600 / F18_HALF_LIFE_S)
    assert suv_factor(pet(late)) == pytest.approx(70_000 / decayed)


def test_what_is_suv_already_stays_what_it_is() -> None:
    assert suv_factor(pet(Units="GML")) == 1.0
    assert suv_factor(pet(Units="GML", SUVType="LBM")) is None


@pytest.mark.parametrize(
    "elements",
    [
        {"Units": "CNTS"},
        {"CorrectedImage": ["DECY"]},
        {"CorrectedImage": ["ATTN"]},
        {"CorrectedImage": None},
        {"DecayCorrection": "NONE"},
        {"PatientWeight": None},
        {"PatientWeight": 0},
        {"SeriesTime": "110000"},
        {"AcquisitionTime": None},
        {"RadiopharmaceuticalInformationSequence": None},
        {"tracer": {"RadionuclideTotalDose": None}},
        {"tracer": {"RadionuclideTotalDose": 0}},
        {"tracer": {"RadionuclideHalfLife": None}},
        {"tracer": {"RadiopharmaceuticalStartTime": "103000"}},
        {"tracer": {"RadiopharmaceuticalStartTime": None}},
        {"Modality": "NM"},
    ],
    ids=str,
)
def test_there_is_no_suv_where_the_header_does_not_allow_it(
    elements: dict[str, Any], made: Callable[..., Frame]
) -> None:
    tracer = elements.get("tracer")
    frame = made(pet(tracer, **{key: value for key, value in elements.items() if key != "tracer"}))
    assert frame.real == ()


def mapping(**elements: Any) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "mm2/s", "UCUM", "mm2/s"
    item = Dataset()
    item.MeasurementUnitsCodeSequence = [code]
    item.LUTLabel = "ADC"
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def with_bounds(item: Dataset, first: int, last: int) -> Dataset:
    item.add_new("RealWorldValueFirstValueMapped", "SS", first)
    item.add_new("RealWorldValueLastValueMapped", "SS", last)
    return item


def test_a_linear_mapping_holds_within_its_bounds(made: Callable[..., Frame]) -> None:
    item = with_bounds(mapping(RealWorldValueSlope=0.001, RealWorldValueIntercept=0.5), 2, 9)
    (real,) = made(ct(PIXELS, RealWorldValueMappingSequence=[item])).real
    assert (real.label, real.units) == ("ADC", "mm2/s")
    assert real.of(np.asarray([2, 9])).tolist() == pytest.approx([0.502, 0.509])
    assert np.isnan(real.of(np.asarray([1, 10]))).all()


def test_a_mapping_may_be_a_table_and_may_lie_in_a_functional_group(made: Callable[..., Frame]) -> None:
    item = with_bounds(mapping(RealWorldValueLUTData=[1.5, -2.0, 7.25]), 3, 5)
    groups = Dataset()
    groups.RealWorldValueMappingSequence = [item]
    (real,) = made(ct(PIXELS, PerFrameFunctionalGroupsSequence=[groups])).real
    assert real.of(np.asarray([3, 4, 5])).tolist() == [1.5, -2.0, 7.25]
    assert np.isnan(real.of(np.asarray([2, 6]))).all()


def test_the_probe_says_the_quantity(made: Callable[..., Frame]) -> None:
    item = with_bounds(mapping(RealWorldValueSlope=0.5, RealWorldValueIntercept=0.0), 0, 5)
    frame = made(ct(PIXELS, RealWorldValueMappingSequence=[item]))
    plan = pipeline.resolve(DisplayState(), frame)
    inside, outside = pipeline.probe(plan, 1, 1), pipeline.probe(plan, 2, 3)
    assert inside is not None
    assert outside is not None
    assert inside.real == (("ADC", 2.5, "mm2/s"),)
    assert "ADC 2.5 mm2/s" in probe_lines(inside)
    assert outside.real == ()


def region(**elements: Any) -> Dataset:
    item = Dataset()
    usual = {
        "RegionSpatialFormat": 1,
        "RegionLocationMinX0": 10,
        "RegionLocationMinY0": 20,
        "RegionLocationMaxX1": 109,
        "RegionLocationMaxY1": 219,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.02,
        "PhysicalDeltaY": 0.01,
        "ReferencePixelX0": 50,
        "ReferencePixelY0": 0,
        "ReferencePixelPhysicalValueX": 0.0,
        "ReferencePixelPhysicalValueY": 0.0,
    }
    for keyword, value in {**usual, **elements}.items():
        setattr(item, keyword, value)
    return item


ULTRASOUND = {
    "Modality": "US",
    "ImagePositionPatient": None,
    "ImageOrientationPatient": None,
    "PixelSpacing": None,
}
WIDE = np.zeros((240, 320), np.uint8)
SPECTRAL = {
    "RegionSpatialFormat": 3,
    "RegionLocationMinX0": 120,
    "RegionLocationMaxX1": 300,
    "PhysicalUnitsXDirection": 4,
    "PhysicalUnitsYDirection": 7,
    "PhysicalDeltaX": 0.005,
    "PhysicalDeltaY": -0.5,
    "ReferencePixelX0": 0,
    "ReferencePixelY0": 100,
}


def test_lengths_in_an_ultrasound_region_are_millimetres_of_its_axes(made: Callable[..., Frame]) -> None:
    frame = made(ct(WIDE, SequenceOfUltrasoundRegions=[region(), region(**SPECTRAL)], **ULTRASOUND))
    assert [found.kind for found in frame.regions] == ["2D", "spectral"]
    # 30 rows of 0.1 mm and 20 columns of 0.2 mm: a 3-4-5 triangle.
    assert shape_lines(frame, MeasurementKind.LENGTH, [(30.0, 20.0), (60.0, 40.0)]) == (
        "5.0 mm (ultrasound region)",
    )
    assert shape_lines(frame, MeasurementKind.RECTANGLE, [(30.0, 20.0), (60.0, 40.0)]) == (
        "Area 12.0 mm² (ultrasound region)",
    )


@pytest.mark.parametrize(
    ("regions", "said", "aspect"),
    [
        ([{}], {}, 0.5),
        ([{}, SPECTRAL], {}, 0.5),
        ([{}, {"PhysicalDeltaY": 0.02}], {}, 1.0),  # they contradict each other
        ([SPECTRAL], {}, 1.0),
        ([{}], {"PixelAspectRatio": [3, 2]}, 1.5),
    ],
)
def test_ultrasound_is_drawn_as_high_and_as_wide_as_its_regions_of_space_say(
    regions: list[dict[str, Any]], said: dict[str, Any], aspect: float, made: Callable[..., Frame]
) -> None:
    items = [region(**one) for one in regions]
    frame = made(ct(WIDE, SequenceOfUltrasoundRegions=items, **ULTRASOUND, **said))
    assert frame.pixel_aspect == pytest.approx(aspect)


def test_in_a_trace_a_line_is_a_time_and_a_velocity(made: Callable[..., Frame]) -> None:
    frame = made(ct(WIDE, SequenceOfUltrasoundRegions=[region(), region(**SPECTRAL)], **ULTRASOUND))
    assert shape_lines(frame, MeasurementKind.LENGTH, [(60.0, 140.0), (140.0, 220.0)]) == (
        "40 cm/s",
        "0.4 s",
    )
    found = pipeline.probe(pipeline.resolve(DisplayState(), frame), 60, 140)
    assert found is not None
    # Row 60 lies 60 pixels above the base line at 20 + 100, column 140 is 20 pixels from the start.
    assert found.axes == ("30 cm/s", "0.1 s")
    assert "At 30 cm/s, 0.1 s" in probe_lines(found)


def test_across_regions_there_are_only_pixels(made: Callable[..., Frame]) -> None:
    frame = made(ct(WIDE, SequenceOfUltrasoundRegions=[region(), region(**SPECTRAL)], **ULTRASOUND))
    assert shape_lines(frame, MeasurementKind.LENGTH, [(60.0, 100.0), (60.0, 150.0)]) == ("50 px",)


@pytest.mark.parametrize(
    "elements",
    [
        {"PhysicalDeltaX": 0.0, "PhysicalDeltaY": 0.0},
        {"RegionLocationMaxX1": 5},
        {"PhysicalUnitsXDirection": 0, "PhysicalUnitsYDirection": 0},
    ],
    ids=["no step", "no area", "no units"],
)
def test_a_region_without_meaning_is_left_out(elements: dict[str, Any], made: Callable[..., Frame]) -> None:
    frame = made(ct(WIDE, SequenceOfUltrasoundRegions=[region(**elements)], **ULTRASOUND))
    assert frame.regions == ()


def test_the_smaller_of_two_regions_is_the_one_on_top() -> None:
    large = UltrasoundRegion(0, 99, 0, 99, 0.1, 0.1, "cm", "cm")
    small = UltrasoundRegion(10, 20, 10, 20, 1.0, 1.0, "s", "s")
    assert region_of((large, small), (15, 15)) is small
    assert region_of((large, small), (15, 15), (50, 50)) is large
    assert region_of((large, small), (150, 15)) is None
    assert not math.isnan(large.down)


def mapped(label: str, slope: float, first: int = 0, last: int = 100, kind: str = "US") -> Dataset:
    """An item of a Real World Value Mapping Sequence."""
    item = Dataset()
    item.LUTLabel = label
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, 0.0
    item.add_new("RealWorldValueFirstValueMapped", kind, first)
    item.add_new("RealWorldValueLastValueMapped", kind, last)
    return item


@pytest.mark.parametrize("owner", ["PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"])
def test_all_mappings_of_a_frame_are_read(owner: str, made: Callable[..., Frame]) -> None:
    groups = Dataset()
    groups.RealWorldValueMappingSequence = [mapped("T1", 2.0), mapped("PD", 0.5)]
    frame = made(ct(PIXELS, **{owner: [groups]}))
    assert [(real.label, real.slope) for real in frame.real] == [("T1", 2.0), ("PD", 0.5)]


@pytest.mark.parametrize(("first", "last", "kind"), [(-5, 5, "SS"), (65531, 5, "US")])
def test_the_ends_of_a_mapping_are_signed_as_the_pixels(
    first: int, last: int, kind: str, made: Callable[..., Frame]
) -> None:
    frame = made(ct(PIXELS, RealWorldValueMappingSequence=[mapped("ADC", 2.0, first, last, kind)]))
    values = frame.real[0].of(np.asarray([-6, -5, 0, 5, 6]))
    assert np.array_equal(values, [math.nan, -10, 0, 10, math.nan], equal_nan=True)
