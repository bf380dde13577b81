"""Palette colour tables, plain and segmented, in either byte order (PS3.3 C.7.6.3.1.5, C.7.9)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvision_desktop.domain.image import Palette
from medvision_desktop.io.dicom_values import numbers, value_of, whole

_COLOURS: Final = ("Red", "Green", "Blue")
_MOST: Final = 65536
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def palette_of(dataset: Dataset, *, little: bool) -> Palette | None:
    """The palette of a header, segmented tables expanded; None when it is missing or cannot be right."""
    descriptor = numbers(dataset, "RedPaletteColorLookupTableDescriptor")
    if len(descriptor) != 3:
        return None
    count, first, bits = int(descriptor[0]) % _MOST or _MOST, int(descriptor[1]), int(descriptor[2])
    if bits not in (8, 16):
        return None
    tables = [_table(dataset, colour, count, bits, little=little) for colour in _COLOURS]
    red, green, blue = tables
    if red is None or green is None or blue is None or not len(red) == len(green) == len(blue):
        return None
    if not red.dtype == green.dtype == blue.dtype:
        return None
    if whole(dataset, "PixelRepresentation") == 1 and first >= _MOST // 2:
        first -= _MOST  # a signed number that was written as an unsigned one
    return Palette(first, np.stack([red, green, blue], axis=1))


def _table(dataset: Dataset, colour: str, count: int, bits: int, *, little: bool) -> NDArray[Any] | None:
    plain = _bytes(value_of(dataset, f"{colour}PaletteColorLookupTableData"), little=little)
    if plain is not None:
        return _plain(plain, count, bits, little=little)
    segmented = _bytes(value_of(dataset, f"Segmented{colour}PaletteColorLookupTableData"), little=little)
    if segmented is None:
        return None
    words = _values(segmented, 1 if bits == 8 else 2, little=little)
    expanded = expanded_segments([int(word) for word in words], wide=bits == 16)
    if expanded is None or len(expanded) < count:
        return None
    return np.asarray(expanded[:count], np.uint8 if bits == 8 else np.uint16)


def _plain(data: bytes, count: int, bits: int, *, little: bool) -> NDArray[Any] | None:
    """8-bit entries may be packed two to a word or take a word each, whatever the descriptor says."""
    if len(data) >= 2 * count:
        words = _values(data, 2, little=little)[:count]
        return words.astype(np.uint8) if bits == 8 and int(words.max()) < 256 else words
    if len(data) >= count:
        return _values(data, 1, little=little)[:count].astype(np.uint8)
    return None


def expanded_segments(words: list[int], *, wide: bool) -> list[int] | None:
    """The entries of a segmented table (PS3.3 C.7.9.2), at most 65536; None when it is malformed.

    `words` are its bytes, or 16-bit words if `wide`. An indirect segment copies segments that lie
    before it and are not indirect themselves, so that expansion always ends.
    """
    entries: list[int] = []
    starts: list[int] = []
    at = 0
    while at + 1 < len(words) and len(entries) < _MOST:
        if words[at] == _INDIRECT:
            following = _copied(words, at, starts, entries, wide=wide)
        else:
            starts.append(at)
            following = _one_segment(words, at, entries)
        if following is None:
            # One trailing zero pads the table to an even length.
            return entries if at + 2 >= len(words) and entries else None
        at = following
    return entries if len(entries) <= _MOST else None


def _copied(words: list[int], at: int, starts: list[int], entries: list[int], *, wide: bool) -> int | None:
    """Add what an indirect segment copies; where the next segment begins, None when malformed."""
    data = at + 2
    following = data + (2 if wide else 4)
    if following > len(words) or not entries:
        return None
    offset = sum(part << (index * (16 if wide else 8)) for index, part in enumerate(words[data:following]))
    # The standard counts bytes; files that count words exist.
    first = offset // 2 if wide and offset % 2 == 0 and offset // 2 in starts else offset
    if first not in starts:
        return None
    for start in starts[starts.index(first) :][: words[at + 1]]:
        _one_segment(words, start, entries)
        if len(entries) > _MOST:
            return None
    return following


def _one_segment(words: list[int], at: int, entries: list[int]) -> int | None:
    """Add the entries of one discrete or linear segment; where the next begins, None when malformed."""
    if at + 2 > len(words):
        return None
    kind, length = words[at], words[at + 1]
    if kind == _DISCRETE:
        if at + 2 + length > len(words):
            return None
        entries.extend(words[at + 2 : at + 2 + length])
        return at + 2 + length
    if kind != _LINEAR or not entries or at + 3 > len(words):
        return None
    start, end = entries[-1], words[at + 2]
    steps = np.linspace(start, end, length + 1)[1:]
    entries.extend(int(step) for step in np.around(steps))
    return at + 3


def _bytes(value: Any, *, little: bool) -> bytes | None:
    """The table's bytes as they lie in the file, also where the parser read them as numbers."""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    try:
        words = np.asarray(value, dtype=np.int64) if value is not None else None
    except (TypeError, ValueError, OverflowError):
        return None
    if words is None or words.ndim != 1:
        return None
    return (words & 0xFFFF).astype("<u2" if little else ">u2").tobytes()


def _values(data: bytes, size: int, *, little: bool) -> NDArray[Any]:
    """Entries of 1 or 2 bytes; bytes in big endian words lie swapped in pairs (PS3.5 8.1.2)."""
    even = data[: len(data) & ~1]
    words = np.frombuffer(even, "<u2" if little else ">u2")
    if size == 2:
        return words.astype(np.uint16)
    return np.frombuffer(words.astype("<u2").tobytes() + data[len(even) :], np.uint8)
