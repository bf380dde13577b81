"""Scale factors of Philips PET images in counts: private, so only where their creator is named."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset

from medvision_desktop.io.dicom_private import private_numbers

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
    found = private_numbers(dataset, _GROUP, _CREATOR, element)
    return found[0] if len(found) == 1 and found[0] > 0 else None
