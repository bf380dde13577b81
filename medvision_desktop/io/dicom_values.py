"""Values of a data set as plain Python.

Headers come from anywhere: a value of a wrong type reads as absent, text is decoded by Specific
Character Set and cleaned of control characters.
"""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import Any, Final

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID
from pydicom.values import convert_value

from medvision_desktop.io.dicom_faults import PARSER_FAULTS

_PLAIN_VR: Final = frozenset(
    {"AS", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM"}
    | {"UI", "UL", "US", "UT"}
)
# Control, format (direction marks among them), surrogate, private and unassigned characters; the
# two joiners are format characters that Persian and Indic names are spelt with.
_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_JOINERS: Final = frozenset("\u200c\u200d")


def value_of(dataset: Dataset, keyword: str) -> Any:
    """The value of a keyword as pydicom converts it, None when absent, empty or not convertible.

    A value too long to have been read with the header counts as absent.
    """
    tag = _tag_of(keyword)
    try:
        element: Any = dataset.get_item(tag, keep_deferred=True)
        if isinstance(element, RawDataElement):
            if element.value is None and element.length:
                return None
            vr = element.VR or _usual_vr(tag)
            if vr in _PLAIN_VR and element.value is not None:
                value = _converted(
                    vr,
                    bytes(element.value),
                    element.is_implicit_VR,
                    element.is_little_endian,
                    _encodings(dataset),
                )
            else:
                value = dataset.get(keyword)
        else:
            value = None if element is None else element.value
    except PARSER_FAULTS:
        return None
    return None if value is None or value in ("", b"") else value


@lru_cache(maxsize=512)
def _tag_of(keyword: str) -> BaseTag:
    return Tag(keyword)


@lru_cache(maxsize=512)
def _usual_vr(tag: BaseTag) -> str:
    return str(dictionary_VR(tag))


def _encodings(dataset: Dataset) -> tuple[str, ...]:
    named = dataset.original_character_set
    return (named,) if isinstance(named, str) else tuple(named or ())


# The files of a series say mostly the same, so that one conversion serves hundreds of them.
@lru_cache(maxsize=8192)
def _converted(vr: str, data: bytes, implicit: bool, little: bool, encodings: tuple[str, ...]) -> Any:
    raw = RawDataElement(Tag(0, 0), vr, len(data), data, 0, implicit, little)
    return convert_value(vr, raw, list(encodings) or None)


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Items of a sequence, [] when absent or not a sequence."""
    value = value_of(dataset, keyword)
    try:
        return [item for item in value if isinstance(item, Dataset)] if value is not None else []
    except PARSER_FAULTS:
        return []


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Finite numbers of a (multi-valued) element; () when absent or when any is not a number."""
    plain = _decimals(dataset, _tag_of(keyword))
    if plain is not None:
        return plain
    value = value_of(dataset, keyword)
    if value is None:
        return ()
    parts = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    try:
        values = tuple(float(part) for part in parts)
    except (TypeError, ValueError, OverflowError):
        return ()
    return values if all(math.isfinite(entry) for entry in values) else ()


def _decimals(dataset: Dataset, tag: BaseTag) -> tuple[float, ...] | None:
    """Finite decimal strings straight from their bytes, as most positions are; None for all else."""
    element: Any = dataset.get_item(tag, keep_deferred=True)
    if not isinstance(element, RawDataElement) or (element.VR or _usual_vr(tag)) != "DS":
        return None
    try:
        values = tuple(map(float, (element.value or b"").split(b"\\")))
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first number of an element, or None."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


def decimals(dataset: Dataset, keyword: str) -> tuple[float | None, ...]:
    """Each value of a decimal string by itself, None for what is no finite number; () when absent.

    An empty value at the end does not count: careless writers end a list with its separator.
    """
    values = numbers(dataset, keyword)
    if values:
        return values
    try:
        element: Any = dataset.get_item(_tag_of(keyword), keep_deferred=True)
        written = bytes(element.value).decode("ascii", "replace")
    except (AttributeError, TypeError, *PARSER_FAULTS):
        return ()
    parts = [part.strip(" \0") for part in written.split("\\")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(_decimal(part) for part in parts)


def _decimal(written: str) -> float | None:
    try:
        value = float(written)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(dataset: Dataset, keyword: str) -> int | None:
    """The first value of an element as a whole number, or None."""
    value = number(dataset, keyword)
    return int(value) if value is not None and value == int(value) else None


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Text values of an element, decoded and cleaned."""
    value = value_of(dataset, keyword)
    if value is None or isinstance(value, bytes):
        return ()
    parts = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    try:
        return tuple(clean(str(part)) for part in parts)
    except PARSER_FAULTS:
        return ()


def text(dataset: Dataset, keyword: str) -> str:
    """The first text value of an element, decoded and cleaned; "" when absent."""
    values = texts(dataset, keyword)
    return values[0] if values else ""


def uid(dataset: Dataset, keyword: str) -> str:
    """A unique identifier, as `text` gives it, straight from its bytes where it is written as usual."""
    tag = _tag_of(keyword)
    element: Any = dataset.get_item(tag, keep_deferred=True)
    if isinstance(element, RawDataElement) and (element.VR or _usual_vr(tag)) == "UI":
        value = bytes(element.value or b"").rstrip(b"\0 ")
        if value.isascii() and b"\\" not in value:
            return clean(value.decode("ascii"))
    return text(dataset, keyword)


def clean(value: str, *, limit: int = 256) -> str:
    """Plain text in one line: control, format and direction-changing characters removed."""
    if value.isascii() and value.isprintable():  # nearly all of them
        return " ".join(value[: 4 * limit].split())[:limit]
    kept = []
    for sign in value[: 4 * limit]:
        if sign in "\r\n\t\f":
            kept.append(" ")
        elif sign in _JOINERS or unicodedata.category(sign) not in _UNSHOWN:
            kept.append(sign)
    return " ".join("".join(kept).split())[:limit]


def person(dataset: Dataset, keyword: str) -> str:
    """A person name as 'Family, Given Middle'; the ideographic form where there is no other."""
    value = value_of(dataset, keyword)
    if value is None:
        return ""
    try:
        groups = str(value).split("=")
    except PARSER_FAULTS:
        return ""
    for group in groups:
        parts = [clean(part) for part in group.split("^")]
        given = " ".join(part for part in parts[1:3] if part)
        name = ", ".join(part for part in (parts[0], given) if part)
        if name:
            return name
    return ""


def iso_date(dataset: Dataset, keyword: str) -> str:
    """A DA value as YYYY-MM-DD, "" when it is none. Reads the ACR-NEMA form with points too."""
    digits = text(dataset, keyword).replace(".", "")
    if len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return ""
    year, month, day = digits[:4], digits[4:6], digits[6:]
    valid = "01" <= month <= "12" and "01" <= day <= "31"
    return f"{year}-{month}-{day}" if valid else ""


def iso_time(dataset: Dataset, keyword: str) -> str:
    """A TM value as HH:MM:SS, "" when it is none. Reads the ACR-NEMA form with colons too."""
    digits = text(dataset, keyword).split(".")[0].replace(":", "")
    if len(digits) not in (2, 4, 6) or not (digits.isascii() and digits.isdigit()):
        return ""
    digits = digits.ljust(6, "0")
    valid = digits[:2] <= "23" and digits[2:4] <= "59" and digits[4:] <= "60"
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:]}" if valid else ""


def uid_name(uid: str) -> str:
    """The standard's name of a UID, or "unknown"."""
    name = UID(uid).name if uid else ""
    return name if name and name != uid else "unknown"
