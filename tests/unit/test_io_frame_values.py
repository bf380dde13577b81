"""What a frame says about itself: meaning of values, windows, spacing, orientation, badges."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

from medvision_desktop.domain.display import VoiFunction, VoiLut, VoiWindow
from medvision_desktop.domain.geometry import PatientOrientation, SpacingSource
from medvision_desktop.domain.image import Frame, ModalityLut, Photometric, Rescale
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_layout import PixelLayout
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.io.dicom_series import load_frame
from medvision_desktop.io.dicom_tables import padding_of
from medvision_desktop.pixels.modality import declared_range
from tests.helpers.dicom_files import Raw, ct, write

SampleFile = Callable[[str], Path]
FLOATS = PixelLayout(
    rows=4,
    columns=4,
    frames=1,
    samples=1,
    bits_allocated=32,
    bits_stored=32,
    high_bit=31,
    signed=False,
    planar=False,
    photometric="MONOCHROME2",
    is_float=True,
)


@pytest.fixture
def made(tmp_path: Path, decoder: Decoder) -> Callable[..., Frame]:
    def build(**elements: Any) -> Frame:
        path = write(ct(**elements), tmp_path / "made.dcm")
        return load_frame(scan_file(path).instance, 0, decoder)

    return build


def test_the_chest_radiograph_says_what_its_header_says(decoder: Decoder, sample_file: SampleFile) -> None:
    frame = load_frame(scan_file(sample_file("RG1_UNCR.dcm")).instance, 0, decoder)
    assert frame.photometric is Photometric.MONOCHROME1
    assert (frame.rows, frame.columns, frame.bits_stored, frame.signed) == (1955, 1841, 15, False)
    assert frame.spacing is None  # the header says 0.000 by 0.000
    assert frame.pixel_aspect == 1.0
    assert frame.geometry is None
    assert frame.patient_orientation == PatientOrientation("L", "F")
    assert frame.badges == ("Derived",)
    assert frame.voi == (VoiWindow(15000, 30000),)
    assert frame.corner["body_part"] == "CHEST"
    assert frame.corner["view"] == "PA"
    assert frame.corner["kvp"] == "150"
    assert frame.corner["manufacturer"] == "Philips Medical Systems"


def test_the_sample_ct_is_in_hounsfield_units_with_its_padding(
    decoder: Decoder, sample_file: SampleFile
) -> None:
    frame = load_frame(scan_file(sample_file("693_UNCR.dcm")).instance, 0, decoder)
    assert frame.modality == Rescale(1.0, -1024.0)
    assert frame.units == "HU"
    assert frame.padding == (-2000.0, -2000.0)
    assert frame.geometry is not None
    assert frame.geometry.origin_lps_mm == (-122.5, -112.4, 47.0)
    assert frame.spacing is not None
    assert frame.spacing.source is SpacingSource.PATIENT
    assert frame.corner["slice_thickness_mm"] == "5"
    assert frame.corner["slice_location_mm"] == "47"


@pytest.mark.parametrize(
    ("centers", "widths", "windows"),
    [
        (b"40\\", b"400\\", [(40, 400)]),
        (b"40\\50", b"400\\wide", [(40, 400)]),
        (b"\\50 ", b"400\\500", [(50, 500)]),
        (b"4E1", b"+400.0", [(40, 400)]),
        (b"40,5", b"400", []),
        (b"40\0", b"1e999", []),
    ],
)
def test_a_window_that_is_no_number_costs_no_other_window(
    centers: bytes, widths: bytes, windows: list[tuple[float, float]], made: Callable[..., Frame]
) -> None:
    frame = made(WindowCenter=Raw("DS", centers), WindowWidth=Raw("DS", widths))
    assert frame.voi == tuple(VoiWindow(center, width) for center, width in windows)
    asked = [part for part in widths.rstrip(b"\\").split(b"\\") if part]
    said = "a window or VOI LUT of its header cannot be used"
    assert (said in frame.not_faithful) == (len(windows) < len(asked))


def test_words_in_small_letters_mean_the_same(made: Callable[..., Frame]) -> None:
    small = {
        "PhotometricInterpretation": b"monochrome2",
        "VOILUTFunction": b"sigmoid",
        "PresentationLUTShape": b"inverse",
    }
    frame = made(WindowCenter=1, WindowWidth=2, **{name: Raw("CS", word) for name, word in small.items()})
    assert frame.photometric is Photometric.MONOCHROME2
    assert frame.presentation_inverse
    assert frame.voi == (VoiWindow(1, 2, VoiFunction.SIGMOID),)
    assert frame.not_faithful == ()


def test_a_modality_lut_gives_what_pydicom_gives(decoder: Decoder, sample_file: SampleFile) -> None:
    path = sample_file("mlut_18.dcm")
    frame = load_frame(scan_file(path).instance, 0, decoder)
    assert isinstance(frame.modality, ModalityLut)
    index = np.clip(
        frame.stored.astype(int) - frame.modality.first_mapped, 0, len(frame.modality.entries) - 1
    )
    dataset = pydicom.dcmread(path)
    assert np.array_equal(frame.modality.entries[index], apply_modality_lut(dataset.pixel_array, dataset))


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_modality_lut_spans_the_bits_of_its_descriptor(bits: int, made: Callable[..., Frame]) -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, 0, bits])
    item.add_new("LUTData", "OW", np.arange(4, dtype="<u2").tobytes())
    assert declared_range(made(ModalityLUTSequence=[item])) == (0, 2**bits - 1)


def test_a_voi_lut_gives_what_pydicom_gives(decoder: Decoder, sample_file: SampleFile) -> None:
    path = sample_file("vlut_04.dcm")
    frame = load_frame(scan_file(path).instance, 0, decoder)
    table = frame.voi[0]
    assert isinstance(table, VoiLut)
    dataset = pydicom.dcmread(path)
    index = np.clip(frame.stored.astype(int) - table.first_mapped, 0, len(table.entries) - 1)
    assert np.array_equal(table.entries[index], apply_voi_lut(dataset.pixel_array, dataset))


@pytest.mark.parametrize("name", ["OBXXXX1A.dcm", "gdcm-US-ALOKA-16.dcm", "OT-PAL-8-face.dcm"])
def test_a_palette_gives_the_colours_pydicom_gives(
    name: str, decoder: Decoder, sample_file: SampleFile
) -> None:
    path = sample_file(name)
    frame = load_frame(scan_file(path).instance, 0, decoder)
    assert frame.photometric is Photometric.PALETTE_COLOR
    assert frame.palette is not None
    index = np.clip(
        frame.stored.astype(int) - frame.palette.first_mapped, 0, len(frame.palette.entries) - 1
    )
    dataset = pydicom.dcmread(path, force=True)
    assert np.array_equal(frame.palette.entries[index], apply_color_lut(frame.stored, dataset))


def test_every_window_of_the_header_is_kept_with_its_name(made: Callable[..., Frame]) -> None:
    frame = made(
        WindowCenter=[40, -600], WindowWidth=[400, 1500], WindowCenterWidthExplanation=["SOFT", "LUNG"]
    )
    assert frame.voi == (
        VoiWindow(40, 400, VoiFunction.LINEAR, "SOFT"),
        VoiWindow(-600, 1500, VoiFunction.LINEAR, "LUNG"),
    )


@pytest.mark.parametrize("function", ["SIGMOID", "LINEAR_EXACT"])
def test_the_voi_function_of_the_header_is_kept(function: str, made: Callable[..., Frame]) -> None:
    frame = made(WindowCenter=40, WindowWidth=0.5, VOILUTFunction=function)
    assert frame.voi == (VoiWindow(40, 0.5, VoiFunction(function)),)


@pytest.mark.parametrize("width", ["0", "0.5", "-400", "nan"])
def test_a_window_that_the_standard_forbids_is_left_out(width: str, made: Callable[..., Frame]) -> None:
    assert made(WindowCenter="40", WindowWidth=width).voi == ()


def test_a_voi_lut_comes_before_the_windows(made: Callable[..., Frame]) -> None:
    item = Dataset()
    item.LUTDescriptor = [4, -2, 12]
    item["LUTDescriptor"].VR = "SS"
    item.LUTData = [0, 1000, 2000, 4095]
    item["LUTData"].VR = "US"
    item.LUTExplanation = "steep"
    frame = made(VOILUTSequence=[item], WindowCenter=40, WindowWidth=400)
    table = frame.voi[0]
    assert isinstance(table, VoiLut)
    assert (table.first_mapped, table.bits, table.explanation) == (-2, 12, "steep")
    assert table.entries.tolist() == [0, 1000, 2000, 4095]
    assert frame.voi[1] == VoiWindow(40, 400)


def test_a_negative_slope_makes_the_input_of_a_voi_lut_signed(made: Callable[..., Frame]) -> None:
    item = Dataset()
    item.LUTDescriptor = [4, -3000, 12]
    item["LUTDescriptor"].VR = "SS"
    item.LUTData = [0, 1000, 2000, 4095]
    item["LUTData"].VR = "US"
    frame = made(PixelRepresentation=0, RescaleSlope=-1, RescaleIntercept=0, VOILUTSequence=[item])
    table = frame.voi[0]
    assert isinstance(table, VoiLut)
    assert table.first_mapped == -3000


@pytest.mark.parametrize("width", ["Float", "DoubleFloat"])
@pytest.mark.parametrize("ends", [(0.5, 2.0), (2.0, 0.5)])
def test_padding_of_float_pixels_may_be_a_range(width: str, ends: tuple[float, float]) -> None:
    dataset = Dataset()
    setattr(dataset, f"{width}PixelPaddingValue", ends[0])
    assert padding_of(dataset, FLOATS) == (ends[0], ends[0])
    setattr(dataset, f"{width}PixelPaddingRangeLimit", ends[1])
    assert padding_of(dataset, FLOATS) == (0.5, 2.0)


def test_a_padding_value_written_unsigned_is_read_as_the_pixels_are(made: Callable[..., Frame]) -> None:
    low, high = (Raw("US", struct.pack("<H", 0x10000 + value)) for value in (-2000, -1900))
    frame = made(PixelPaddingValue=low, PixelPaddingRangeLimit=high)
    assert frame.padding == (-2000.0, -1900.0)


@pytest.mark.parametrize("slope", [0, Raw("DS", b"abc "), "inf"])
def test_a_slope_that_is_none_leaves_stored_values(slope: Any, made: Callable[..., Frame]) -> None:
    frame = made(RescaleSlope=slope)
    assert isinstance(frame.modality, Rescale)
    assert frame.modality.slope == 1.0


def test_monochrome1_with_an_inverse_shape_is_not_inverted_twice(made: Callable[..., Frame]) -> None:
    frame = made(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    assert frame.photometric is Photometric.MONOCHROME1
    assert not frame.presentation_inverse
    assert made(PresentationLUTShape="INVERSE").presentation_inverse


FLAT = {
    "ImagePositionPatient": None,
    "ImageOrientationPatient": None,
    "PixelSpacing": None,
    "Modality": "DX",
}


@pytest.mark.parametrize(
    ("elements", "row_mm", "source"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.2]}, 0.2, SpacingSource.DETECTOR),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.2, 0.2]}, 0.2, SpacingSource.DETECTOR),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.16, 0.16]}, 0.16, SpacingSource.CALIBRATED),
        (
            {"PixelSpacing": [0.16, 0.16], "PixelSpacingCalibrationType": "FIDUCIAL"},
            0.16,
            SpacingSource.CALIBRATED,
        ),
        (
            {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25},
            0.16,
            SpacingSource.ERMF,
        ),
        ({"PixelSpacing": [0.2, 0.2]}, 0.2, SpacingSource.DETECTOR),
    ],
)
def test_a_radiograph_says_what_its_spacing_is_measured_on(
    elements: dict[str, Any], row_mm: float, source: SpacingSource, made: Callable[..., Frame]
) -> None:
    spacing = made(**{**FLAT, **elements}).spacing
    assert spacing is not None
    assert spacing.row_mm == pytest.approx(row_mm)
    assert spacing.source is source


@pytest.mark.parametrize("spacing", [[0, 0], [0.5, 0], [-0.5, 0.5], ["", ""], Raw("DS", b"1\\x "), [0.5]])
def test_a_spacing_that_cannot_be_is_none(spacing: Any, made: Callable[..., Frame]) -> None:
    frame = made(PixelSpacing=spacing)
    assert frame.spacing is None
    assert frame.geometry is None


def test_without_a_spacing_the_directions_still_give_letters(made: Callable[..., Frame]) -> None:
    frame = made(PixelSpacing=None)
    assert frame.patient_orientation == PatientOrientation("L", "P")


@pytest.mark.parametrize("letters", [[], ["L"], ["L", "Q"], ["", ""]])
def test_an_orientation_that_cannot_be_shows_no_letters(
    letters: list[str], made: Callable[..., Frame]
) -> None:
    assert made(**FLAT, PatientOrientation=letters).orientation is None


@pytest.mark.parametrize(
    "cosines",
    [
        [0, 0, 0, 0, 0, 0],
        [1, 0, 0, 1, 0, 0],
        [1, 0, 0, 0, 1],
        [2, 0, 0, 0, 1, 0],
        Raw("DS", b"x\\0\\0\\0\\1\\0 "),
    ],
)
def test_directions_that_are_no_directions_give_no_plane(cosines: Any, made: Callable[..., Frame]) -> None:
    assert made(ImageOrientationPatient=cosines).orientation is None


def test_pixel_aspect_comes_from_the_ratio_where_no_spacing_is_known(made: Callable[..., Frame]) -> None:
    assert made(**FLAT, PixelAspectRatio=[6, 5]).pixel_aspect == pytest.approx(1.2)
    assert made(PixelSpacing=[0.5, 0.75]).pixel_aspect == pytest.approx(0.5 / 0.75)


def test_a_lossy_image_says_how_much(made: Callable[..., Frame]) -> None:
    frame = made(
        LossyImageCompression="01", LossyImageCompressionRatio=[4, 10.4], ImageType=["DERIVED", "PRIMARY"]
    )
    assert frame.badges == ("Derived", "Lossy 10:1")


def test_what_is_not_drawn_is_said(made: Callable[..., Frame]) -> None:
    frame = made(ShutterShape="RECTANGULAR")
    assert frame.not_faithful == ("the display shutter cannot be read",)


@pytest.mark.parametrize(
    ("elements", "units"),
    [
        ({}, "HU"),
        ({"RescaleType": "HU"}, "HU"),
        ({"RescaleType": "US"}, ""),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, ""),
        ({"Modality": "PT", "Units": "BQML"}, "Bq/mL"),
        ({"Modality": "MR"}, ""),
    ],
)
def test_units_are_those_of_the_modality_values(
    elements: dict[str, Any], units: str, made: Callable[..., Frame]
) -> None:
    assert made(**elements).units == units


@pytest.mark.parametrize(
    "elements",
    [
        {"Rows": 0},
        {"Columns": 0},
        {"Rows": 65535, "Columns": 65535},
        {"BitsAllocated": 12},
        {"BitsStored": 17},
        {"HighBit": 3, "BitsStored": 12},
        {"SamplesPerPixel": 3},
        {"PhotometricInterpretation": "CMYK"},
        {"NumberOfFrames": 2147483647},
    ],
)
def test_a_pixel_description_that_contradicts_itself_is_refused(
    elements: dict[str, Any], tmp_path: Path
) -> None:
    path = write(ct(**elements), tmp_path / "made.dcm")
    with pytest.raises(InputRefused, match=r"cannot be right") as refusal:
        scan_file(path)
    assert refusal.value.why.endswith(".")


def test_an_enhanced_object_is_read_frame_by_frame(decoder: Decoder, sample_file: SampleFile) -> None:
    path = sample_file("eCT_Supplemental.dcm")
    dataset = pydicom.dcmread(path)
    for index, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        frame = load_frame(scan_file(path).instance, index, decoder)
        assert frame.geometry is not None
        position = group.PlanePositionSequence[0].ImagePositionPatient
        assert frame.geometry.origin_lps_mm == pytest.approx([float(value) for value in position])
        assert frame.modality == Rescale(1.0, -1024.0)


def test_the_presentation_shape_counts_where_it_contradicts_monochrome1(made: Callable[..., Frame]) -> None:
    frame = made(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="IDENTITY")
    assert frame.photometric is Photometric.MONOCHROME2
    assert not frame.presentation_inverse
    assert "Header contradicts itself on polarity" in frame.badges
    agreeing = made(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    assert agreeing.photometric is Photometric.MONOCHROME1
    assert agreeing.badges == made(PhotometricInterpretation="MONOCHROME1").badges
