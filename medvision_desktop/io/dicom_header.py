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
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.uid import UID

from medvision_desktop.errors import InputRefused

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

_PIXEL_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_LONG_VR: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_UNDEFINED: Final = 0xFFFFFFFF
_DEFER_BYTES: Final = 1 << 20
_HEADER_LIMIT: Final = 64 << 20
_META_LIMIT: Final = 1 << 16
_BIDI: Final = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# The parser's own messages quote header values, so they go nowhere; and it must not refuse what
# is merely untidy (reading tolerantly is decided here, value by value).
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
config.settings.reading_validation_mode = config.IGNORE


@dataclass(frozen=True, eq=False)
class PixelElement:
    """Where the pixel data element lies: offset of its value, its length (None: encapsulated)."""

    tag: int
    vr: str
    offset: int
    length: int | None


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
            syntax, start = _meta(file.read(_META_LIMIT))
            file.seek(0)
            if syntax == DEFLATED:
                return _parsed(path, io.BytesIO(_reinflated(file, start, _HEADER_LIMIT)), syntax)
            return _parsed(path, file, syntax)
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
    """The first `end` bytes of a deflated file as `Header.pixels` counts them, and no more."""
    try:
        with path.open("rb") as file:
            _, start = _meta(file.read(_META_LIMIT))
            file.seek(0)
            return _reinflated(file, start, end)
    except (OSError, zlib.error) as error:
        raise refused_by_parser(error) from error


def _parsed(path: Path, file: BinaryIO, syntax: str) -> Header:
    found: list[tuple[int, str | None, int]] = []

    def stop(tag: int, vr: str | None, length: int) -> bool:
        if tag in _PIXEL_TAGS:
            found.append((int(tag), vr, length))
            return True
        return False

    dataset = read_partial(file, stop_when=stop, defer_size=_DEFER_BYTES, force=True)
    implicit, little = dataset.original_encoding
    pixels = None
    if found:
        tag, vr, length = found[-1]
        long_form = not implicit and vr is not None and vr in _LONG_VR
        offset = file.tell() + (12 if long_form else 8)
        pixels = PixelElement(tag, vr or "OW", offset, None if length == _UNDEFINED else length)
    return Header(path, dataset, syntax, little is not False, pixels)


def _meta(head: bytes) -> tuple[str, int]:
    """Transfer syntax from the file meta group (always explicit little endian), and where it ends."""
    at = 132 if head[128:132] == b"DICM" else 0
    syntax = ""
    while at + 8 <= len(head):
        group, element, vr, length = struct.unpack("<HH2sH", head[at : at + 8])
        if group != 0x0002:
            break
        value = at + 8
        if vr.decode("latin-1") in _LONG_VR:
            if value + 4 > len(head):
                break
            (length,) = struct.unpack("<I", head[value : value + 4])
            value += 4
        if element == 0x0010:
            syntax = head[value : value + min(length, 128)].decode("ascii", "ignore").strip(" \0")
        at = value + length
    return syntax, at


def _reinflated(file: BinaryIO, start: int, end: int) -> bytes:
    """Preamble and meta as an undeflated file, then the data set inflated up to `end` bytes."""
    meta = file.read(start).replace(DEFLATED.encode(), EXPLICIT_LITTLE.encode() + b"\0" * 3)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    parts, size = [meta], len(meta)
    while size < end and not inflater.eof:
        chunk = inflater.unconsumed_tail or file.read(1 << 16)
        if not chunk:
            break
        part = inflater.decompress(chunk, min(1 << 20, end - size))
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def value_of(dataset: Dataset, keyword: str) -> Any:
    """The value of a keyword as pydicom converts it, None when absent, empty or not convertible."""
    try:
        value = dataset.get(keyword)
    except PARSER_FAULTS:
        return None
    return None if value is None or value in ("", b"") else value


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
