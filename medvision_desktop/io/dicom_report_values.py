"""What one content item of a structured report says, as plain text (PS3.3 C.17.3.2.1, C.18)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pydicom.dataset import Dataset

from medvision_desktop.domain.document import ImageName
from medvision_desktop.io.dicom_values import (
    clean,
    iso_date,
    iso_time,
    items_of,
    numbers,
    person,
    text,
    texts,
    uid_name,
    value_of,
)

_LONGEST: Final = 20_000
_MOST_LINES: Final = 2_000
_MOST_POINTS: Final = 4
_MOST_CELLS: Final = 2_000


def of(item: Dataset, kind: str) -> str:
    """The value of an item of a Value Type; "" where it has none, and a word for what is not known."""
    read = _READERS.get(kind)
    if read is None:
        return f"(a value of the kind {clean(kind, limit=16)})" if kind else ""
    return read(item)


def image_of(item: Dataset) -> ImageName | None:
    """The first image that an IMAGE item points at, at the first frame it names (PS3.3 C.18.4)."""
    for reference in items_of(item, "ReferencedSOPSequence")[:1]:
        uid = text(reference, "ReferencedSOPInstanceUID")
        frames = numbers(reference, "ReferencedFrameNumber")
        if uid:
            return ImageName(uid, max(1, int(frames[0])) if frames else 1)
    return None


def code_value(code: Dataset) -> str:
    """The bare code, where nobody said what it means."""
    return next((found for key in _CODE_VALUES if (found := text(code, key))), "")


def coded(item: Dataset, keyword: str) -> str:
    """Code Meaning of the first code of a sequence, else the code itself."""
    for code in items_of(item, keyword)[:1]:
        return text(code, "CodeMeaning") or code_value(code)
    return ""


def lines(value: object) -> str:
    """A text of several lines, cleaned line by line, at most 20,000 characters."""
    whole = str(value)[:_LONGEST].replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    kept = [clean(line, limit=_LONGEST) for line in whole.split("\n")[:_MOST_LINES]]
    return "\n".join(kept).strip("\n")


def moment(value: str) -> str:
    """A DT value as 2024-02-29 08:15:30; what is none stands as it is."""
    digits = value.split(".", maxsplit=1)[0].split("+", maxsplit=1)[0]
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in (8, 10, 12, 14):
        return value
    day = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    clock = ":".join(digits[at : at + 2] for at in range(8, len(digits), 2))
    return f"{day} {clock}".strip()


def _words(item: Dataset) -> str:
    value = value_of(item, "TextValue")
    return "" if value is None or isinstance(value, bytes) else lines(value)


def _quantity(item: Dataset) -> str:
    found = []
    for measured in items_of(item, "MeasuredValueSequence")[:8]:
        number, unit = text(measured, "NumericValue"), _unit(measured)
        if number:
            found.append(f"{number} {unit}".strip())
    if found:
        return "; ".join(found)
    reason = coded(item, "NumericValueQualifierCodeSequence")
    return f"no value ({reason})" if reason else "no value"


def _unit(measured: Dataset) -> str:
    """The unit as it is written after a number: the UCUM code unless that is one only machines read."""
    for code in items_of(measured, "MeasurementUnitsCodeSequence")[:1]:
        value, meaning = code_value(code), text(code, "CodeMeaning")
        if value in ("1", "{no units}", "no units"):
            return ""
        machine = (
            value.startswith(("{", "[")) or not value or text(code, "CodingSchemeDesignator") != "UCUM"
        )
        return (meaning or value) if machine else value
    return ""


def _date(item: Dataset) -> str:
    return iso_date(item, "Date") or text(item, "Date")


def _time(item: Dataset) -> str:
    return iso_time(item, "Time") or text(item, "Time")


def _identifier(item: Dataset) -> str:
    uid = text(item, "UID")
    name = uid_name(uid)
    return uid if name == "unknown" else f"{name} ({uid})"


def _object(item: Dataset) -> str:
    found = []
    for reference in items_of(item, "ReferencedSOPSequence")[:8]:
        kind = uid_name(text(reference, "ReferencedSOPClassUID")).removesuffix(" Storage")
        words = "object" if kind == "unknown" else kind
        frames = [int(number) for number in numbers(reference, "ReferencedFrameNumber")]
        if frames:
            shown = ", ".join(str(frame) for frame in frames[:20]) + (", ..." if len(frames) > 20 else "")
            words += f", frame{'s' if len(frames) > 1 else ''} {shown}"
        segments = [int(number) for number in numbers(reference, "ReferencedSegmentNumber")]
        if segments:
            words += f", segment {', '.join(str(segment) for segment in segments[:20])}"
        found.append(f"{words} {text(reference, 'ReferencedSOPInstanceUID')}".strip())
    return "; ".join(found) or "no object"


def _outline(item: Dataset) -> str:
    """Points of an outline as (column, row) of the image it was selected from."""
    return _points(item, 2, "column, row")


def _outline_in_space(item: Dataset) -> str:
    return _points(item, 3, "x, y, z in mm")


def _points(item: Dataset, size: int, axes: str) -> str:
    kind = text(item, "GraphicType").lower()
    values = numbers(item, "GraphicData")
    points = [values[at : at + size] for at in range(0, len(values) - size + 1, size)]
    shown = " ".join(f"({', '.join(f'{number:g}' for number in point)})" for point in points[:_MOST_POINTS])
    more = f" and {len(points) - _MOST_POINTS} more" if len(points) > _MOST_POINTS else ""
    return f"{kind or 'outline'} through {shown}{more} ({axes})" if points else kind or "outline"


def _span(item: Dataset) -> str:
    kind = text(item, "TemporalRangeType").lower() or "time"
    for keyword, unit in (
        ("ReferencedSamplePositions", "samples"),
        ("ReferencedTimeOffsets", "s"),
        ("ReferencedDateTime", ""),
    ):
        values = texts(item, keyword)
        if values:
            return f"{kind} at {', '.join(moment(value) for value in values[:20])} {unit}".strip()
    return kind


def _table(item: Dataset) -> str:
    """A TABLE item (PS3.3 C.18.10) as its rows, cells parted by bars."""
    rows: dict[int, dict[int, str]] = {}
    for cell in items_of(item, "CellValuesSequence")[:_MOST_CELLS]:
        row, column = numbers(cell, "TableRowNumber"), numbers(cell, "TableColumnNumber")
        if row and column:
            value = _cell(cell)
            rows.setdefault(int(row[0]), {})[int(column[0])] = value
    written = [" | ".join(cells[column] for column in sorted(cells)) for _, cells in sorted(rows.items())]
    return "\n".join(written) or "an empty table"


def _cell(cell: Dataset) -> str:
    code = coded(cell, "SelectorCodeSequenceValue")
    if code:
        return code
    for element in cell:
        if element.keyword.startswith("Selector") and element.keyword.endswith("Value"):
            return clean(str(element.value))
    return ""


_CODE_VALUES: Final = ("CodeValue", "LongCodeValue", "URNCodeValue")
_READERS: Final[Mapping[str, Callable[[Dataset], str]]] = {
    "TEXT": _words,
    "CODE": lambda item: coded(item, "ConceptCodeSequence"),
    "NUM": _quantity,
    "DATE": _date,
    "TIME": _time,
    "DATETIME": lambda item: moment(text(item, "DateTime")),
    "PNAME": lambda item: person(item, "PersonName"),
    "UIDREF": _identifier,
    "COMPOSITE": _object,
    "IMAGE": _object,
    "WAVEFORM": _object,
    "SCOORD": _outline,
    "SCOORD3D": _outline_in_space,
    "TCOORD": _span,
    "TABLE": _table,
    "CONTAINER": lambda _item: "",
}
