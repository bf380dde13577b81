"""NIfTI images in two files: a header (.hdr) and its pixels (.img) beside it, as Analyze had them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_HEADERS: Final = (".hdr", ".hdr.gz")
_PIXELS: Final = (".img", ".img.gz")
_NIFTI_1: Final = b"ni1\0"
_NIFTI_2: Final = b"ni2\0"


def is_pair_header(head: bytes) -> bool:
    """Whether the first (uncompressed) bytes are a header whose pixels lie in another file."""
    return (len(head) >= 348 and head[344:348] == _NIFTI_1) or (len(head) >= 12 and head[4:8] == _NIFTI_2)


def is_analyze_header(head: bytes) -> bool:
    """Whether the bytes are an Analyze 7.5 header: 348 bytes by its own word, and no mark of NIfTI."""
    size = head[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c")
    return size and len(head) >= 348 and head[344:347] not in (b"ni1", b"n+1")


def pixels_beside(header: Path) -> Path | None:
    """The file of pixels that belongs to a header file; None where it is not there."""
    return _beside(header, _HEADERS, _PIXELS)


def header_beside(pixels: Path) -> Path | None:
    """The header file that belongs to a file of pixels; None where there is none."""
    return _beside(pixels, _PIXELS, _HEADERS)


def _beside(path: Path, own: tuple[str, ...], others: tuple[str, ...]) -> Path | None:
    ending = next((one for one in own if path.name.lower().endswith(one)), None)
    if ending is None:
        return None
    stem = path.name[: -len(ending)]
    in_capitals = path.name[-len(ending) :].isupper()
    for other in others:
        found = path.with_name(stem + (other.upper() if in_capitals else other))
        if found.is_file():
            return found
    return None
