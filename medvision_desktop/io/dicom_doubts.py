"""What a header asks for and this display does not do: each a few words for the badge "Not faithful"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from medvision_desktop.domain.display import VoiFunction
from medvision_desktop.domain.image import ModalityLut
from medvision_desktop.io.dicom_colour import colour_doubts, supplement_of
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_layout import PixelLayout
from medvision_desktop.io.dicom_tables import modality_of, voi_of
from medvision_desktop.io.dicom_values import decimals, items_of, number, text

_SHAPES: Final = ("", "IDENTITY", "INVERSE")
_FUNCTIONS: Final = ("", *(function.value for function in VoiFunction))
_COLOURED: Final = ("COLOR", "MIXED")


def doubts_of(header: Header, layout: PixelLayout, index: int) -> tuple[str, ...]:
    """Everything of frame `index` that is not shown as its header asks."""
    found = [*colour_doubts(header.dataset, layout), *_other_colours(header, layout)]
    if layout.photometric.startswith("MONOCHROME"):
        found += _grey(header, layout, index)
    if text(header.dataset, "RecommendedViewingMode") == "SUB":
        found.append("the subtraction that it recommends is not done")
    return tuple(found)


def _other_colours(header: Header, layout: PixelLayout) -> Iterator[str]:
    dataset = header.dataset
    coloured = text(dataset, "PixelPresentation") in _COLOURED and layout.samples == 1
    if coloured and layout.photometric != "PALETTE COLOR" and supplement_of(header, layout) is None:
        yield "the colours of its supplemental palette are not shown"
    if layout.samples == 3 and layout.bits_stored > 8:
        yield f"{layout.bits_stored}-bit colour is shown with 8 bits"
    if "AlphaPaletteColorLookupTableData" in dataset:
        yield "the transparency of its palette is not applied"


def _grey(header: Header, layout: PixelLayout, index: int) -> Iterator[str]:
    dataset = header.dataset
    values = group_of(dataset, index, "PixelValueTransformationSequence")
    window = group_of(dataset, index, "FrameVOILUTSequence")
    if number(values, "RescaleSlope") == 0:
        yield "a rescale slope of zero is ignored"
    if items_of(dataset, "ModalityLUTSequence"):
        table = modality_of(dataset, index, layout, little=header.little_endian)
        if not isinstance(table, ModalityLut):
            yield "its modality LUT cannot be read"
    if text(dataset, "PresentationLUTShape").upper() not in _SHAPES:
        yield "its presentation LUT shape is not applied"
    if text(window, "VOILUTFunction").upper() not in _FUNCTIONS:
        yield "its VOI LUT function is not known and a line is drawn"
    asked = len(items_of(dataset, "VOILUTSequence"))
    asked += min(len(decimals(window, "WindowCenter")), len(decimals(window, "WindowWidth")))
    if asked > len(voi_of(dataset, index, layout, little=header.little_endian)):
        yield "a window or VOI LUT of its header cannot be used"
