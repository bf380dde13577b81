"""Pages of a PDF as pixels, so that the preview is the document itself and not a likeness of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from medvision_desktop.errors import InputRefused

_MOST_PAGES: Final = 50
_MOST_PIXELS_WIDE: Final = 4096


@dataclass(frozen=True, eq=False)
class PageImage:
    """One page: `pixels` are rows of blue, green, red and a filler byte, `stride` bytes a row."""

    width: int
    height: int
    stride: int
    pixels: bytes


def page_images(pdf: bytes, width_px: int) -> tuple[PageImage, ...]:
    """Every page of `pdf`, `width_px` wide (at most 4096). Raises `InputRefused` for a damaged file.

    The library behind it is not safe in two threads at once: call it on one lane only.
    """
    import pypdfium2

    width_px = max(1, min(width_px, _MOST_PIXELS_WIDE))
    try:
        document = pypdfium2.PdfDocument(pdf)
    except pypdfium2.PdfiumError as error:
        raise InputRefused("The PDF cannot be shown.", "It is damaged or not a PDF.") from error
    try:
        return tuple(_image(document[index], width_px) for index in range(min(len(document), _MOST_PAGES)))
    finally:
        document.close()


def _image(page: object, width_px: int) -> PageImage:
    import pypdfium2

    if not isinstance(page, pypdfium2.PdfPage):
        raise TypeError("not a page")
    try:
        bitmap = page.render(scale=width_px / page.get_width(), prefer_bgrx=True)
        try:
            return PageImage(bitmap.width, bitmap.height, bitmap.stride, bytes(bitmap.buffer))
        finally:
            bitmap.close()
    finally:
        page.close()
