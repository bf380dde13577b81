"""The badge "Not faithful": what a header asks for and does not get is said, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from medvision_desktop.io.dicom_doubts import doubts_of
from medvision_desktop.io.dicom_header import read_header
from medvision_desktop.io.dicom_layout import layout_of
from medvision_desktop.io.dicom_presentation import read_state
from tests.helpers.dicom_files import ct, write
from tests.helpers.presentation_files import dataset, image_ref, state_for, voi_item


def doubts(tmp_path: Path, **elements: Any) -> tuple[str, ...]:
    """What is doubted about a CT slice with these elements."""
    header = read_header(write(ct(**elements), tmp_path / "a.dcm"))
    return doubts_of(header, layout_of(header), 0)


def lut(descriptor: list[int]) -> Dataset:
    """A table of sixteen entries under a descriptor that may not fit."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "OW", np.arange(16, dtype="<u2").tobytes())
    return item


def test_an_ordinary_header_raises_no_doubt(tmp_path: Path) -> None:
    usual = {"WindowCenter": [40, 300], "WindowWidth": [80, 1500], "VOILUTFunction": "SIGMOID"}
    assert doubts(tmp_path, **usual, PresentationLUTShape="INVERSE") == ()


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"RescaleSlope": 0}, "a rescale slope of zero is ignored"),
        ({"WindowCenter": 40, "WindowWidth": 0}, "a window or VOI LUT of its header cannot be used"),
        ({"VOILUTSequence": [lut([400, 0, 16])]}, "a window or VOI LUT of its header cannot be used"),
        ({"ModalityLUTSequence": [lut([400, 0, 16])]}, "its modality LUT cannot be read"),
        ({"PresentationLUTShape": "LIN OD"}, "its presentation LUT shape is not applied"),
        ({"VOILUTFunction": "CURVED"}, "its VOI LUT function is not known and a line is drawn"),
        ({"RecommendedViewingMode": "SUB"}, "the subtraction that it recommends is not done"),
        ({"PixelPresentation": "COLOR"}, "the colours of its supplemental palette are not shown"),
    ],
)
def test_what_is_not_done_is_said(tmp_path: Path, elements: dict[str, Any], said: str) -> None:
    assert doubts(tmp_path, **elements) == (said,)


def test_a_table_that_fits_raises_no_doubt(tmp_path: Path) -> None:
    elements = {"VOILUTSequence": [lut([16, 0, 16])], "ModalityLUTSequence": [lut([16, 0, 16])]}
    assert doubts(tmp_path, **elements) == ()


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", "examples_overlay.dcm", "examples_palette.dcm"]
)
def test_usual_images_raise_no_doubt(name: str) -> None:
    header = read_header(Path(str(get_testdata_file(name, download=False))))
    assert doubts_of(header, layout_of(header), 0) == ()


def test_what_of_a_presentation_state_is_not_done_is_said(tmp_path: Path) -> None:
    area = dataset(
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[10, 12],
        PresentationSizeMode="TRUE SIZE",
    )
    compound = dataset(
        CompoundGraphicSequence=[dataset(CompoundGraphicType="ARROW", CompoundGraphicInstanceID=1)],
    )
    state = state_for(
        "1.2.3",
        DisplayedAreaSelectionSequence=[area],
        GraphicAnnotationSequence=[compound],
        SoftcopyVOILUTSequence=[voi_item(1, 2, image_ref("1.2.3"))],
        MaskSubtractionSequence=[dataset(MaskOperation="AVG_SUB")],
    )
    found = read_state(write(state, tmp_path / "state.dcm")).doubts
    assert len(found) == 3
    for doubt, words in zip(found, ("size", "compound graphics", "mask"), strict=True):
        assert words in doubt


def test_a_compound_graphic_that_simple_ones_draw_raises_no_doubt(tmp_path: Path) -> None:
    compound = dataset(
        CompoundGraphicSequence=[dataset(CompoundGraphicType="ARROW", CompoundGraphicInstanceID=1)],
        GraphicObjectSequence=[dataset(GraphicType="POLYLINE", CompoundGraphicInstanceID=1)],
    )
    state = state_for("1.2.3", GraphicAnnotationSequence=[compound])
    assert read_state(write(state, tmp_path / "state.dcm")).doubts == ()
