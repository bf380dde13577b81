"""Scale factors of Philips PET images in counts: private, so only where their creator is named."""

from __future__ import annotations

import math
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medvision_desktop.io.dicom_faults import PARSER_FAULTS

_GROUP: Final = 0x7053
_CREATOR: Final = "Philips PET Private Group"
_SUV: Final = 0x00
_ACTIVITY: Final = 0x09


def suv_scale(dataset: Dataset) -> float | None:
    """What counts are multiplied with to give SUVbw (7053,xx00); None without, or if not above 0."""
    return _factor(dataset, _SUV)


def activity_scale(dataset: Dataset) -> float | None:
    """What counts are multiplied with to give Bq/mL (7053,xx09); None without, or if not above 0."""
    return _factor(dataset, _ACTIVITY)


def _factor(dataset: Dataset, element: int) -> float | None:
    try:
        block = next((n for n in range(0x10, 0x100) if _said(dataset, n) == _CREATOR), None)
        words = "" if block is None else _said(dataset, (block << 8) | element)
        factor = float(words) if words else math.nan
    except PARSER_FAULTS:
        return None
    return factor if math.isfinite(factor) and factor > 0 else None


def _said(dataset: Dataset, element: int) -> str:
    """The value of an element of the group as text; "" without. Implicit VR leaves them as bytes."""
    tag = Tag(_GROUP, element)
    value: Any = dataset[tag].value if tag in dataset else None
    words = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return words.strip(" \0")
