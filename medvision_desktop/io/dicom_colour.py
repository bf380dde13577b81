"""What a header asks for of colours beyond RGB: profiles, colour spaces, supplemental palettes."""

from __future__ import annotations

from typing import Any, Final

from pydicom.dataset import Dataset

from medvision_desktop.domain.image import Palette
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_layout import PixelLayout
from medvision_desktop.io.dicom_palette import palette_of
from medvision_desktop.io.dicom_values import items_of, text

_COLOURED: Final = ("COLOR", "MIXED")
_PROFILE: Final = 0x00282000
_SRGB: Final = (b"sRGB", "sRGB".encode("utf-16-be"))
_PROFILE_NOT_APPLIED: Final = "its ICC profile is not applied"


def colour_doubts(dataset: Dataset, layout: PixelLayout) -> tuple[str, ...]:
    """What of its colours is not shown as the header asks; an sRGB profile asks for nothing more."""
    if layout.samples != 3 and layout.photometric != "PALETTE COLOR":
        return ()
    holders = [dataset, *items_of(dataset, "OpticalPathSequence")[:1]]
    if any(_is_other(holder) for holder in holders):
        return (_PROFILE_NOT_APPLIED,)
    space = text(dataset, "ColorSpace")
    return (f"its colour space {space} is shown as sRGB",) if space not in ("", "SRGB") else ()


def _is_other(dataset: Dataset) -> bool:
    """Whether there is an ICC profile that does not call itself sRGB; one too long to read is none."""
    if _PROFILE not in dataset or text(dataset, "ColorSpace") == "SRGB":
        return False
    value: Any = getattr(dataset.get_item(_PROFILE, keep_deferred=True), "value", None)
    data = bytes(value) if isinstance(value, bytes | bytearray) else b""
    return not any(name in data for name in _SRGB)


def supplement_of(header: Header, layout: PixelLayout) -> Palette | None:
    """The palette of those stored values of a grey image that are colours (PS3.3 C.7.6.19), or None.

    Its `first_mapped` is the lowest of them.
    """
    dataset = header.dataset
    if layout.photometric != "MONOCHROME2" or text(dataset, "PixelPresentation") not in _COLOURED:
        return None
    return palette_of(dataset, little=header.little_endian)
