"""A DICOM file's header, read within bounds, and its values as plain Python.

Headers come from anywhere: values of a wrong type read as absent, text is decoded by Specific
Character Set and cleaned of control characters, and nothing is allocated because a header says so.
"""

from __future__ import annotations

import io
import logging
import math
import struct
import threading
import unicodedata
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID
from pydicom.values import convert_value

from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_elements
from medvision_desktop.io.dicom_elements import LONG_VR, PIXEL_TAGS, PixelElement, pixel_element

# What the parser may raise on a file that is not what it claims to be; anything else is ours.
PARSER_FAULTS: Final = (
    InvalidDicomError,
    BytesLengthException,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
NATIVE: Final = frozenset({"", IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})

_PLAIN_VR: Final = frozenset(
    {"AS", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM"}
    | {"UI", "UL", "US", "UT"}
)
_DEFER_BYTES: Final = 1 << 20
_HEADER_LIMIT: Final = 64 << 20
_CHUNK: Final = 1 << 16
_BIDI: Final = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# The parser's own messages quote header values, so they go nowhere; and it must not refuse what
# is merely untidy (reading tolerantly is decided here, value by value).
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
config.settings.reading_validation_mode = config.IGNORE


@dataclass(frozen=True, eq=False)
class Header:
    """Everything in front of the pixels. `pixels` is None for an object without any.

    For the deflated syntax `pixels.offset` counts in the inflated data set.
    """

    path: Path
    dataset: Dataset
    transfer_syntax: str
    little_endian: bool
    pixels: PixelElement | None


class _Silence:
    """Warning filters belong to the process: the first thread in sets them, the last one out restores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._filters = warnings.catch_warnings()

    def enter(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._filters.__exit__(None, None, None)


_silence: Final = _Silence()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the parser's warnings, which quote header values, off the terminal. Reading values warns too."""
    _silence.enter()
    try:
        yield
    finally:
        _silence.leave()


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first bytes are DICOM: the DICM mark behind any preamble, or a bare data set."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 8:
        return False
    for order in ("<", ">"):
        group, element = struct.unpack(f"{order}HH", head[:4])
        length = struct.unpack(f"{order}I", head[4:8])[0]
        explicit = head[4:6].isalpha() and head[4:6].isupper()
        if group in (0x0002, 0x0008) and element < 0x0100 and (explicit or length < 256):
            return True
    return False


def read_header(path: Path) -> Header:
    """The header of a DICOM file. Raises `InputRefused` in words for a reader."""
    try:
        with path.open("rb") as file, quiet():
            head = file.read(_CHUNK)
            syntax, start = dicom_elements.meta_of(head)
            if syntax == DEFLATED:
                head = dicom_elements.inflated(file, start, _HEADER_LIMIT)
                return _parsed(path, io.BytesIO(head), head, syntax, 0)
            return _parsed(path, file, head, syntax, start)
    except PARSER_FAULTS as error:
        raise refused_by_parser(error) from error


def refused_by_parser(error: BaseException) -> InputRefused:
    """A refusal for what the parser raised, without quoting the file."""
    if isinstance(error, InputRefused):
        return error
    if isinstance(error, OSError) and error.strerror:
        return InputRefused(
            "The file cannot be read.", f"{error.strerror}.", "Check the file and its rights."
        )
    return InputRefused(
        "The file cannot be read as DICOM.",
        f"Its data set does not parse ({type(error).__name__}).",
        "Ask for the file to be sent again.",
    )


def inflated(path: Path, end: int) -> bytes:
    """The first `end` bytes of a deflated data set, as `Header.pixels` counts them, and no more."""
    try:
        with path.open("rb") as file:
            _, start = dicom_elements.meta_of(file.read(_CHUNK))
            return dicom_elements.inflated(file, start, end)
    except (OSError, zlib.error) as error:
        raise refused_by_parser(error) from error


def _parsed(path: Path, file: BinaryIO, head: bytes, syntax: str, start: int) -> Header:
    """The quick walk for what is written as usual, pydicom's tolerant parser for the rest.

    pydicom is given the data set alone: it would inflate a deflated one without a bound.
    """
    file.seek(0, io.SEEK_END)
    size = file.tell()
    implicit, little = _encoding(syntax, head[start : start + 6])
    if little:
        try:
            dataset, pixels = dicom_elements.walk(head, start, implicit=implicit, size=size)
            return Header(path, dataset, syntax, little, pixels)
        except dicom_elements.Unusual:
            pass
    found: list[tuple[int, str | None, int]] = []

    def stop(tag: int, vr: str | None, length: int) -> bool:
        if tag in PIXEL_TAGS:
            found.append((int(tag), vr, length))
            return True
        return False

    file.seek(start)
    dataset = read_dataset(file, implicit, little, stop_when=stop, defer_size=_DEFER_BYTES)
    implicit = bool(dataset.original_encoding[0])
    pixels = None
    if found:
        tag, vr, length = found[-1]
        long_form = not implicit and vr in LONG_VR
        pixels = pixel_element(tag, vr, file.tell() + (12 if long_form else 8), length)
    return Header(path, dataset, syntax, little, pixels)


def _encoding(syntax: str, first: bytes) -> tuple[bool, bool]:
    """(implicit VR, little endian); guessed from the first element where no syntax is given."""
    if syntax:
        return syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
    explicit = first[4:6].isalpha() and first[4:6].isupper()
    return not explicit, not (explicit and first[:1] == b"\0" and first[1:2] != b"\0")


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
    value = value_of(dataset, keyword)
    if value is None:
        return ()
    parts = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    try:
        values = tuple(float(part) for part in parts)
    except (TypeError, ValueError, OverflowError):
        return ()
    return values if all(math.isfinite(entry) for entry in values) else ()


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first number of an element, or None."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


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


def clean(value: str, *, limit: int = 256) -> str:
    """Plain text in one line: control, format and direction-changing characters removed."""
    kept = []
    for sign in value[: 4 * limit]:
        if sign in "\r\n\t\f":
            kept.append(" ")
        elif sign not in _BIDI and unicodedata.category(sign) not in ("Cc", "Cs", "Co", "Cn"):
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
