"""What a header lays over its image: display shutters and 60xx overlay planes (PS3.3 C.7.6.11, C.9.2)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medvision_desktop.domain.layers import OverlayPlane, Shutter
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native
from medvision_desktop.io.dicom_faults import PARSER_FAULTS
from medvision_desktop.io.dicom_header import DEFLATED, NATIVE, Header
from medvision_desktop.io.dicom_layout import PixelLayout
from medvision_desktop.io.dicom_values import clean, number, numbers, texts, whole
from medvision_desktop.pixels import layers

GROUPS: Final = tuple(range(0x6000, 0x6020, 2))
_MOST_PIXELS: Final = 1 << 26
_WHITE: Final = 65535.0


def shutter_of(
    dataset: Dataset, planes: tuple[OverlayPlane, ...], rows: int, columns: int
) -> Shutter | None:
    """The display shutter that a header asks for; None without one, or where its numbers are missing.

    Edges and vertices count from 1 and belong to what stays visible.
    """
    shapes = texts(dataset, "ShutterShape")
    rectangle = _rectangle(dataset) if "RECTANGULAR" in shapes else None
    circle = _circle(dataset) if "CIRCULAR" in shapes else None
    points = numbers(dataset, "VerticesOfThePolygonalShutter") if "POLYGONAL" in shapes else ()
    polygon = tuple((row - 1, column - 1) for row, column in zip(points[::2], points[1::2], strict=False))
    group = whole(dataset, "ShutterOverlayGroup") if "BITMAP" in shapes else None
    bitmap = next((plane for plane in planes if plane.group == group), None)
    if rectangle is None and circle is None and len(polygon) < 3 and bitmap is None:
        return None
    level = number(dataset, "ShutterPresentationValue") or 0.0
    return Shutter(
        rectangle=rectangle,
        circle=circle,
        polygon=polygon if len(polygon) >= 3 else (),
        bitmap=None if bitmap is None else layers.placed(bitmap, rows, columns),
        level=min(max(level / _WHITE, 0.0), 1.0),
    )


def overlays_of(
    header: Header, layout: PixelLayout, index: int, words: NDArray[Any] | None = None
) -> tuple[tuple[OverlayPlane, ...], tuple[str, ...]]:
    """Overlay planes of frame `index`, and what of them cannot be drawn, in words.

    A plane lies in an element of its own, or in bits of the pixel words that the image does not use.
    `words`: HxW, those of a compressed frame that keeps such bits; those of a native one are read.
    """
    found: list[OverlayPlane] = []
    doubts: list[str] = []
    for group in GROUPS:
        if Tag(group, 0x0010) not in header.dataset:
            continue
        try:
            plane = _plane(header, layout, group, index, words)
        except (InputRefused, *PARSER_FAULTS):
            plane = None
        if plane is None:
            doubts.append("an overlay plane in the file cannot be read")
        elif plane.bits.any():
            found.append(plane)
    return tuple(found), tuple(dict.fromkeys(doubts))


def _plane(
    header: Header, layout: PixelLayout, group: int, index: int, words: NDArray[Any] | None
) -> OverlayPlane | None:
    dataset = header.dataset
    rows, columns = _entry(dataset, group, 0x0010), _entry(dataset, group, 0x0011)
    if not rows or not columns or not 0 < rows * columns <= _MOST_PIXELS:
        return None
    frames, first = _entry(dataset, group, 0x0015) or 1, _entry(dataset, group, 0x0051) or 1
    position = index + 1 - first if frames > 1 or Tag(group, 0x0051) in dataset else 0
    origin = _raw_numbers(dataset, group, 0x0050) or (1, 1)
    if not 0 <= position < frames:
        bits = np.zeros((rows, columns), np.bool_)
    elif Tag(group, 0x3000) in dataset:
        bits = _separate(header, group, rows, columns, position)
    else:
        bits = _embedded(header, layout, group, index, words)
        rows, columns = bits.shape
    return OverlayPlane(
        bits=bits,
        row=int(origin[0]) - 1,
        column=int(origin[1]) - 1 if len(origin) > 1 else 0,
        is_region=_text(dataset, group, 0x0040) == "R",
        label=_text(dataset, group, 0x1500) or _text(dataset, group, 0x0022),
        group=group,
    )


def _separate(header: Header, group: int, rows: int, columns: int, position: int) -> NDArray[np.bool_]:
    """Bits packed eight to a byte, the first in the lowest, frames without a gap (PS3.5 8.1.1)."""
    first = position * rows * columns
    start, end = first // 8, -(-(first + rows * columns) // 8)
    data = _data(header, group)
    if not header.little_endian:
        data = np.frombuffer(data[: len(data) & ~1], ">u2").astype("<u2").tobytes()
    if len(data) < end:
        raise InputRefused("The overlay is cut short.")
    bits = np.unpackbits(np.frombuffer(data[start:end], np.uint8), bitorder="little")
    skip = first - 8 * start
    return bits[skip : skip + rows * columns].reshape(rows, columns).astype(np.bool_)


def _data(header: Header, group: int) -> bytes:
    """Overlay Data as it lies in the file, also where it was too long to be read with the header."""
    element: Any = header.dataset.get_item(Tag(group, 0x3000), keep_deferred=True)
    value = element.value if element is not None else None
    if value is None and isinstance(element, RawDataElement) and header.transfer_syntax != DEFLATED:
        with header.path.open("rb") as file:
            file.seek(element.value_tell)
            return file.read(min(element.length, _MOST_PIXELS))
    return bytes(value) if isinstance(value, bytes | bytearray) else b""


def _embedded(
    header: Header, layout: PixelLayout, group: int, index: int, words: NDArray[Any] | None
) -> NDArray[np.bool_]:
    position = _entry(header.dataset, group, 0x0102) or 0
    in_image = layout.high_bit + 1 - layout.bits_stored <= position <= layout.high_bit
    there = words is not None or header.transfer_syntax in NATIVE
    if not there or in_image or not 0 <= position < layout.bits_allocated:
        raise InputRefused("The overlay lies in bits that are not there.")
    if words is None:
        words = dicom_native.read_words(header, layout, index)
    return np.asarray((words >> np.asarray(position, words.dtype)) & 1, np.bool_)


def _rectangle(dataset: Dataset) -> tuple[float, float, float, float] | None:
    names = ("UpperHorizontal", "LowerHorizontal", "LeftVertical", "RightVertical")
    edges = [number(dataset, f"Shutter{name}Edge") for name in names]
    top, bottom, left, right = (None if edge is None else edge - 1 for edge in edges)
    if top is None or bottom is None or left is None or right is None or top > bottom or left > right:
        return None
    return top, bottom, left, right


def _circle(dataset: Dataset) -> tuple[float, float, float] | None:
    middle, radius = numbers(dataset, "CenterOfCircularShutter"), number(dataset, "RadiusOfCircularShutter")
    if len(middle) != 2 or radius is None or radius <= 0:
        return None
    return middle[0] - 1, middle[1] - 1, radius


def _raw_numbers(dataset: Dataset, group: int, element: int) -> tuple[float, ...]:
    try:
        value = dataset[Tag(group, element)].value
        parts = value if hasattr(value, "__len__") and not isinstance(value, str | bytes) else [value]
        return tuple(float(part) for part in parts)
    except (KeyError, *PARSER_FAULTS):
        return ()


def _entry(dataset: Dataset, group: int, element: int) -> int | None:
    values = _raw_numbers(dataset, group, element)
    return int(values[0]) if values else None


def _text(dataset: Dataset, group: int, element: int) -> str:
    try:
        return clean(str(dataset[Tag(group, element)].value or ""))
    except (KeyError, *PARSER_FAULTS):
        return ""
