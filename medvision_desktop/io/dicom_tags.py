"""Every element of a DICOM header as a row of plain text, bounded in number, depth and length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydicom.datadict import dictionary_description, dictionary_has_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from medvision_desktop.domain.header import CineTimes, HeaderRow
from medvision_desktop.io.dicom_faults import PARSER_FAULTS, quiet
from medvision_desktop.io.dicom_header import read_header
from medvision_desktop.io.dicom_values import clean, number, numbers

MOST_ROWS: Final = 4000
_DEEPEST: Final = 6
_LONGEST: Final = 200
_LONGEST_PRIVATE: Final = 64
_MOST_VALUES: Final = 32
_BINARY: Final = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW"})
_PERSONAL: Final = frozenset({0x00080050, 0x00081048, 0x00081050, 0x00081070, 0x00081080, 0x00321032})
# Frame times outside this are mistakes: from two hundred frames a second to one in ten seconds.
_FRAME_MS: Final = (5.0, 10_000.0)


def header_rows(path: Path) -> tuple[HeaderRow, ...]:
    """The header, its sequences unfolded, at most `MOST_ROWS`. Raises `InputRefused`."""
    header = read_header(path)
    rows: list[HeaderRow] = []
    with quiet():
        for row in _rows(header.dataset, 0):
            if len(rows) == MOST_ROWS:
                rows.append(HeaderRow(0, "", "", "", f"Only the first {MOST_ROWS} elements are listed."))
                break
            rows.append(row)
    if header.pixels is not None and len(rows) <= MOST_ROWS:
        rows.append(HeaderRow(0, "(7FE0,0010)", "Pixel Data", "", "Shown as the image"))
    return tuple(rows)


def cine_times(path: Path) -> CineTimes:
    """How fast to play: Recommended Display Frame Rate, Frame Time (or its vector), Cine Rate, else 15/s.

    PS3.3 C.7.6.5. The times of a vector are increments before each frame, the first of them unused.
    Raises `InputRefused`.
    """
    dataset = read_header(path).dataset
    with quiet():
        rate = number(dataset, "RecommendedDisplayFrameRate")
        if rate and _is_sound(1000.0 / rate):
            return CineTimes((1000.0 / rate,), "Recommended Display Frame Rate")
        vector = numbers(dataset, "FrameTimeVector")
        if len(vector) > 1 and all(_is_sound(each) for each in vector[1:]):
            usual = sum(vector[1:]) / len(vector[1:])
            return CineTimes((*vector[1:], usual), "Frame Time Vector")
        time = number(dataset, "FrameTime")
        if time and _is_sound(time):
            return CineTimes((time,), "Frame Time")
        rate = number(dataset, "CineRate")
        if rate and _is_sound(1000.0 / rate):
            return CineTimes((1000.0 / rate,), "Cine Rate")
    return CineTimes()


def _is_sound(frame_ms: float) -> bool:
    return _FRAME_MS[0] <= frame_ms <= _FRAME_MS[1]


def _rows(dataset: Dataset, depth: int) -> Iterator[HeaderRow]:
    for tag in sorted(dataset.keys()):
        item = dataset.get_item(tag, keep_deferred=True)
        vr = str(getattr(item, "VR", "") or "")
        if vr == "SQ":
            yield from _sequence(dataset, tag, depth)
        else:
            yield _row(dataset, tag, item, vr, depth)


def _sequence(dataset: Dataset, tag: BaseTag, depth: int) -> Iterator[HeaderRow]:
    try:
        items = [item for item in dataset[tag].value if isinstance(item, Dataset)]
    except PARSER_FAULTS:
        yield _told(tag, "SQ", depth, "Cannot be read")
        return
    many = f"{len(items)} item" + ("" if len(items) == 1 else "s")
    yield _told(tag, "SQ", depth, many)
    if depth >= _DEEPEST:
        return
    for count, item in enumerate(items, start=1):
        if len(items) > 1:
            yield HeaderRow(depth + 1, "", f"Item {count}", "", "")
        yield from _rows(item, depth + 1)


def _row(dataset: Dataset, tag: BaseTag, item: Any, vr: str, depth: int) -> HeaderRow:
    held = getattr(item, "value", None)
    if isinstance(item, RawDataElement) and item.length and held is None:
        return _told(tag, vr, depth, f"{item.length} bytes, not read")
    try:
        element = dataset[tag]
        vr = str(element.VR)
        if vr == "SQ":
            return _told(tag, vr, depth, "Items of a private sequence")
        return _told(tag, vr, depth, _text(element))
    except PARSER_FAULTS:
        return _told(tag, vr, depth, "Cannot be read")


def _told(tag: BaseTag, vr: str, depth: int, value: str) -> HeaderRow:
    private = tag.is_private
    known = not private and dictionary_has_tag(tag)
    other = "Group Length" if tag.element == 0 else "Private" if private else "Unknown"
    name = dictionary_description(tag) if known else other
    personal = vr == "PN" or tag.group == 0x0010 or int(tag) in _PERSONAL or private
    return HeaderRow(depth, f"({tag.group:04X},{tag.element:04X})", name, vr, value, private, personal)


def _text(element: DataElement) -> str:
    value = element.value
    if element.VR in _BINARY or isinstance(value, bytes):
        return f"{len(value or b'')} bytes"
    longest = _LONGEST_PRIVATE if element.tag.is_private else _LONGEST
    many = list(value) if element.VM > 1 else [value]
    shown = "\\".join(str(each) for each in many[:_MOST_VALUES] if each is not None)
    text = clean(shown, limit=longest)
    cut = len(many) > _MOST_VALUES or len(shown) > longest
    return f"{text[: longest - 1].rstrip('…')}…" if cut else text
