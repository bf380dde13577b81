"""A DICOM file's header, read within bounds: nothing is allocated because a header says so."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, cast

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from medvision_desktop.io import dicom_elements
from medvision_desktop.io.dicom_bounds import MOST_BYTES, Bounded, check_items, sequences_read
from medvision_desktop.io.dicom_elements import LONG_VR, PIXEL_TAGS, PixelElement, pixel_element
from medvision_desktop.io.dicom_faults import PARSER_FAULTS, quiet, refused_by_parser
from medvision_desktop.io.dicom_memo import Memo
from medvision_desktop.io.dicom_values import uid

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
NATIVE: Final = frozenset({"", IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})

_DEFER_BYTES: Final = 1 << 20
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class Header:
    """Everything in front of the pixels. `pixels` is None for an object without any.

    `memo` remembers what was worked out from headers like this one. For the deflated syntax
    `pixels.offset` counts in the inflated data set.
    """

    path: Path
    dataset: Dataset
    transfer_syntax: str
    little_endian: bool
    pixels: PixelElement | None
    memo: Memo = field(default_factory=Memo)

    @cached_property
    def sop_instance_uid(self) -> str:
        """What the object is called; "" where it does not say."""
        return uid(self.dataset, "SOPInstanceUID")


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


def read_header(path: Path, *, defer_bytes: int = _DEFER_BYTES) -> Header:
    """The header of a DICOM file. Raises `InputRefused` in words for a reader.

    Values longer than `defer_bytes` are left in the file and read as absent, but for sequences: what
    frames say of themselves lies there, and it grows with their number.
    """
    try:
        with path.open("rb") as file, quiet():
            head = file.read(_CHUNK)
            syntax, start = dicom_elements.meta_of(head)
            if syntax == DEFLATED:
                head = bytes(dicom_elements.inflated(file, start, MOST_BYTES))
                return _parsed(path, io.BytesIO(head), head, syntax, 0, defer_bytes)
            return _parsed(path, file, head, syntax, start, defer_bytes)
    except PARSER_FAULTS as error:
        raise refused_by_parser(error) from error


def inflated(path: Path, end: int) -> bytearray:
    """The first `end` bytes of a deflated data set, as `Header.pixels` counts them, and no more."""
    try:
        with path.open("rb") as file:
            _, start = dicom_elements.meta_of(file.read(_CHUNK))
            return dicom_elements.inflated(file, start, end)
    except (OSError, zlib.error) as error:
        raise refused_by_parser(error) from error


def _parsed(path: Path, file: BinaryIO, head: bytes, syntax: str, start: int, defer_bytes: int) -> Header:
    """The quick walk for what is written as usual, pydicom's tolerant parser for the rest.

    pydicom is given the data set alone: it would inflate a deflated one without a bound.
    """
    file.seek(0, io.SEEK_END)
    size = file.tell()
    implicit, little = _encoding(syntax, head[start : start + 6])
    while little:
        try:
            dataset, pixels = dicom_elements.walk(
                head, start, implicit=implicit, size=size, longest=defer_bytes
            )
            if len(head) > _CHUNK:
                sequences_read(dataset, Bounded(file))
            return Header(path, dataset, syntax, little, pixels)
        except dicom_elements.Beyond:
            if len(head) >= min(size, MOST_BYTES):
                break
            file.seek(0)
            head = file.read(min(8 * len(head), MOST_BYTES))
            check_items(head)
        except dicom_elements.Unusual:
            break
    found: list[tuple[int, str | None, int]] = []

    def stop(tag: int, vr: str | None, length: int) -> bool:
        if tag in PIXEL_TAGS:
            found.append((int(tag), vr, length))
            return True
        return False

    bounded = Bounded(file)
    bounded.seek(start)
    dataset = read_dataset(
        cast("BinaryIO", bounded), implicit, little, stop_when=stop, defer_size=defer_bytes
    )
    pixels_at = bounded.tell()
    sequences_read(dataset, bounded)
    implicit = bool(dataset.original_encoding[0])
    pixels = None
    if found:
        tag, vr, length = found[-1]
        long_form = not implicit and vr in LONG_VR
        pixels = pixel_element(tag, vr, pixels_at + (12 if long_form else 8), length)
    return Header(path, dataset, syntax, little, pixels)


def _encoding(syntax: str, first: bytes) -> tuple[bool, bool]:
    """(implicit VR, little endian); guessed from the first element where no syntax is given."""
    if syntax:
        return syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG
    explicit = first[4:6].isalpha() and first[4:6].isupper()
    return not explicit, not (explicit and first[:1] == b"\0" and first[1:2] != b"\0")
