"""From stored values to brightness, as the header says: rescale, LUTs, windows, padding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvision_desktop.domain.display import Voi, VoiFunction, VoiLut, VoiWindow
from medvision_desktop.domain.image import ModalityLut, Rescale
from medvision_desktop.io.dicom_faults import PARSER_FAULTS
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_layout import PixelLayout
from medvision_desktop.io.dicom_values import (
    decimals,
    items_of,
    number,
    numbers,
    text,
    texts,
    value_of,
    whole,
)

_UNITS = {"BQML": "Bq/mL", "CNTS": "counts", "US": ""}


def modality_of(
    dataset: Dataset, index: int, layout: PixelLayout, *, little: bool
) -> Rescale | ModalityLut:
    """Modality LUT, else slope and intercept, else the identity (PS3.3 C.11.1).

    A slope of zero or one that is no number reads as the identity.
    """
    for item in items_of(dataset, "ModalityLUTSequence")[:1]:
        table = _table(item, signed=layout.signed, little=little)
        if table is not None:
            return ModalityLut(*table)
    values = group_of(dataset, index, "PixelValueTransformationSequence")
    slope, intercept = number(values, "RescaleSlope"), number(values, "RescaleIntercept")
    if slope is None or slope == 0:
        return Rescale(1.0, intercept or 0.0) if slope is None and intercept else Rescale()
    return Rescale(slope, intercept or 0.0)


def units_of(dataset: Dataset, index: int) -> str:
    """Units of the modality values; "" where unspecified. CT without a word means Hounsfield."""
    values = group_of(dataset, index, "PixelValueTransformationSequence")
    kind = text(values, "RescaleType")
    if kind:
        return _UNITS.get(kind, kind)
    modality = text(dataset, "Modality")
    if modality == "PT":
        units = text(dataset, "Units")
        return _UNITS.get(units, units)
    original = texts(dataset, "ImageType")[:1] == ("ORIGINAL",)
    has_rescale = number(values, "RescaleSlope") is not None
    return "HU" if modality == "CT" and original and has_rescale else ""


def voi_of(dataset: Dataset, index: int, layout: PixelLayout, *, little: bool) -> tuple[Voi, ...]:
    """VOI LUTs, then windows, in the header's order (PS3.3 C.11.2); what is invalid is left out."""
    owner = group_of(dataset, index, "FrameVOILUTSequence")
    found: list[Voi] = []
    for item in items_of(dataset, "VOILUTSequence"):
        table = _table(item, signed=_lut_input_signed(dataset, index, layout), little=little)
        if table is not None:
            first, entries, bits = table
            found.append(VoiLut(first, entries, bits, text(item, "LUTExplanation")))
    names = {function.value: function for function in VoiFunction}
    function = names.get(text(owner, "VOILUTFunction").upper(), VoiFunction.LINEAR)
    explanations = texts(owner, "WindowCenterWidthExplanation")
    pairs = zip(decimals(owner, "WindowCenter"), decimals(owner, "WindowWidth"), strict=False)
    for position, (center, width) in enumerate(pairs):
        if center is None or width is None:
            continue
        explanation = explanations[position] if position < len(explanations) else ""
        if width >= 1 or (function is not VoiFunction.LINEAR and width > 0):
            found.append(VoiWindow(center, width, function, explanation))
    return tuple(found)


def padding_of(dataset: Dataset, layout: PixelLayout) -> tuple[float, float] | None:
    """Inclusive range of stored values that are padding (PS3.3 C.7.5.1.1.2), or None."""
    if layout.is_float:
        return _float_padding(dataset)
    first, last = whole(dataset, "PixelPaddingValue"), whole(dataset, "PixelPaddingRangeLimit")
    if first is None or layout.samples != 1:
        return None
    ends = sorted(_as_stored(entry, layout) for entry in (first, first if last is None else last))
    return float(ends[0]), float(ends[1])


def _float_padding(dataset: Dataset) -> tuple[float, float] | None:
    for width in ("Float", "DoubleFloat"):
        first = number(dataset, f"{width}PixelPaddingValue")
        if first is not None:
            last = number(dataset, f"{width}PixelPaddingRangeLimit")
            return (first, first) if last is None else (min(first, last), max(first, last))
    return None


def _as_stored(value: int, layout: PixelLayout) -> int:
    """US and SS are mixed up in the wild: read the bits as Pixel Representation says."""
    size = 1 << layout.bits_allocated
    value %= size
    return value - size if layout.signed and value >= size // 2 else value


def _lut_input_signed(dataset: Dataset, index: int, layout: PixelLayout) -> bool:
    """The VOI LUT's input is signed when the modality values can be (PS3.3 C.11.2.1.1)."""
    if items_of(dataset, "ModalityLUTSequence"):
        return False
    values = group_of(dataset, index, "PixelValueTransformationSequence")
    slope, intercept = number(values, "RescaleSlope") or 1, number(values, "RescaleIntercept") or 0
    return layout.signed or slope < 0 or intercept < 0


def _table(item: Dataset, *, signed: bool, little: bool) -> tuple[int, NDArray[np.uint16], int] | None:
    """(first mapped, entries, bits) of LUT Descriptor and LUT Data; None when they do not fit."""
    descriptor = numbers(item, "LUTDescriptor")
    data = value_of(item, "LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    count, first, bits = int(descriptor[0]) % 65536 or 65536, int(descriptor[1]), int(descriptor[2])
    first = (
        first - 65536 if signed and first >= 32768 else first + 65536 if not signed and first < 0 else first
    )
    try:
        words = _words(data, little=little)
    except PARSER_FAULTS:
        return None
    if words.size * 2 in (count, count + 1) and bits <= 8:  # 8-bit entries packed two to a word
        words = words.astype("<u2").view(np.uint8).astype(np.uint16)
    if words.size < count or not 1 <= bits <= 16:
        return None
    return first, words[:count].copy(), bits


def _words(data: Any, *, little: bool) -> NDArray[np.uint16]:
    if isinstance(data, bytes):
        even = data[: len(data) & ~1]
        return np.frombuffer(even, "<u2" if little else ">u2").astype(np.uint16)
    parts = data if hasattr(data, "__len__") else [data]
    return np.asarray([int(part) & 0xFFFF for part in parts], dtype=np.uint16)
