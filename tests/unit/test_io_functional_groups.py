"""Windows, rescale and values that differ from frame to frame, and pixels that are floats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medvision_desktop.domain.display import DisplayState, VoiFunction, VoiWindow
from medvision_desktop.domain.image import Frame, Rescale
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.io.dicom_series import load_frame
from medvision_desktop.pixels import modality, pipeline
from tests.helpers.dicom_files import ct, write

Load = Callable[..., Frame]


@pytest.fixture
def load(tmp_path: Path, decoder: Decoder) -> Load:
    def made(dataset: Dataset, index: int = 0) -> Frame:
        return load_frame(scan_file(write(dataset, tmp_path / "one.dcm")).instance, index, decoder)

    return made


def group(**sequences: dict[str, Any]) -> Dataset:
    made = Dataset()
    for sequence, elements in sequences.items():
        item = Dataset()
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        setattr(made, sequence, [item])
    return made


def three_frames(**elements: Any) -> Dataset:
    pixels = np.arange(3 * 4 * 5, dtype=np.int16).reshape(12, 5)
    usual = {"Rows": 4, "NumberOfFrames": 3, "RescaleSlope": None, "RescaleIntercept": None}
    return ct(pixels, **{**usual, **elements})


def test_each_frame_has_its_own_window_and_the_shared_one_serves_the_rest(load: Load) -> None:
    shared = group(FrameVOILUTSequence={"WindowCenter": 7, "WindowWidth": 70})
    own = group(FrameVOILUTSequence={"WindowCenter": 5, "WindowWidth": 50, "VOILUTFunction": "SIGMOID"})
    dataset = three_frames(
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[Dataset(), own, Dataset()],
        WindowCenter=1,
        WindowWidth=10,
    )
    assert [load(dataset, index).voi for index in range(3)] == [
        (VoiWindow(7, 70),),
        (VoiWindow(5, 50, VoiFunction.SIGMOID),),
        (VoiWindow(7, 70),),
    ]


def test_each_frame_has_its_own_rescale(load: Load) -> None:
    groups = [
        group(PixelValueTransformationSequence={"RescaleSlope": slope, "RescaleIntercept": -slope})
        for slope in (1, 2, 0.5)
    ]
    dataset = three_frames(PerFrameFunctionalGroupsSequence=groups)
    for index, slope in enumerate((1.0, 2.0, 0.5)):
        frame = load(dataset, index)
        assert frame.modality == Rescale(slope, -slope)
        first = 20 * index
        expected = np.arange(first, first + 20).reshape(4, 5) * slope - slope
        assert np.allclose(modality.to_modality(frame), expected)


def test_each_frame_has_its_own_place_and_spacing(load: Load) -> None:
    groups = [
        group(
            PlanePositionSequence={"ImagePositionPatient": [1.0, 2.0, 3.0 * index]},
            PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
            PixelMeasuresSequence={"PixelSpacing": [0.5 + index, 0.25 + index]},
        )
        for index in range(3)
    ]
    flat = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    dataset = three_frames(PerFrameFunctionalGroupsSequence=groups, **flat)
    for index in range(3):
        frame = load(dataset, index)
        assert frame.geometry is not None
        assert frame.geometry.origin_lps_mm == (1.0, 2.0, 3.0 * index)
        assert (frame.geometry.spacing.row_mm, frame.geometry.spacing.column_mm) == (
            0.5 + index,
            0.25 + index,
        )


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_float_pixels_are_drawn_through_the_window_to_the_last_bit(
    keyword: str, kind: str, load: Load
) -> None:
    values = np.linspace(-1.5, 2.5, 48).reshape(6, 8).astype(kind)
    values[0, 0] = np.nan
    values[0, 1] = np.inf
    dataset = ct(np.zeros((6, 8), np.int16), RescaleSlope=None, RescaleIntercept=None)
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, name)
    dataset.BitsAllocated = values.dtype.itemsize * 8
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 0.5, 2.0, "LINEAR_EXACT"
    setattr(dataset, keyword, values.tobytes())
    frame = load(dataset)
    assert frame.stored.dtype == np.dtype(kind).newbyteorder("=")
    shown = pipeline.render_float(pipeline.resolve(DisplayState(), frame))
    expected = np.clip((values.astype(np.float64) + 0.5) / 2, 0, 1)
    expected[0, :2] = 0  # what is no finite number is no image
    assert np.allclose(shown, expected, atol=1e-7)
