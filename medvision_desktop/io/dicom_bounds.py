"""What a header may hold at most, so that a small file takes neither minutes nor gigabytes to read.

An empty item of a sequence takes 8 bytes in a file, a thousand in memory and 50 microseconds: it is not
the size of a header that has to be bounded, but what it is made of.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from medvision_desktop.errors import InputRefused

MOST_BYTES: Final = 64 << 20
# Functional groups of 60,000 frames, each of about eight items.
MOST_ITEMS: Final = 1 << 19
_MOST_READS: Final = 1 << 22
_FIRST_LOOK: Final = 1 << 13
_CHUNK: Final = 1 << 20
_ITEMS: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


class Bounded:
    """A file for a parser: never more is asked of it than it holds, and items and reads are counted.

    `read` raises `InputRefused` once a header is made of more parts than can be true.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        self._reads = 0
        self._items = 0
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        self._reads += 1
        if self._reads > _MOST_READS:
            raise too_many()
        if size > _CHUNK or size < 0:
            left = max(0, self.size - self.tell())
            size = left if size < 0 else min(size, left)
        data = self._file.read(size)
        if data.startswith(_ITEMS):
            self._items += 1
            if self._items == _FIRST_LOOK:
                self._look_ahead()
        return data

    def _look_ahead(self) -> None:
        """Counting bytes is a thousand times quicker than parsing them; done only where there are many."""
        here = self.tell()
        count = 0
        for _ in range(MOST_BYTES // _CHUNK):
            data = self._file.read(_CHUNK)
            count += items_in(data)
            if count > MOST_ITEMS:
                raise too_many()
            if len(data) < _CHUNK:
                break
        self.seek(here)


def check_items(data: bytes) -> None:
    """Raises `InputRefused` where the bytes hold more items than a header can need."""
    if items_in(data) > MOST_ITEMS:
        raise too_many()


def items_in(data: bytes) -> int:
    """How many items of sequences the bytes hold at most (PS3.5 7.5)."""
    return max(data.count(mark) for mark in _ITEMS)


def sequences_read(dataset: Dataset, file: Bounded) -> None:
    """Read the sequences that a parser has left in the file because of their length.

    Raises `InputRefused` where they are too large, or cut short.
    """
    total = size = 0
    for tag in list(dataset.keys()):
        element: Any = dataset.get_item(tag, keep_deferred=True)
        if not isinstance(element, RawDataElement) or element.VR not in ("SQ", None):
            continue
        if element.VR is None and not _is_sequence(int(element.tag)):
            continue
        data = element.value
        if data is None and element.length > file.size - element.value_tell:
            raise InputRefused("The file is cut short.", "It ends inside of its header.")
        size += element.length
        if size > MOST_BYTES:
            raise too_many()
        if data is None:
            file.seek(element.value_tell)
            data = file.read(element.length)
            dataset[tag] = element._replace(value=data)
        if data:
            total += items_in(data)
            if total > MOST_ITEMS:
                raise too_many()


def _is_sequence(tag: int) -> bool:
    return dictionary_has_tag(tag) and dictionary_VR(tag) == "SQ"


def too_many() -> InputRefused:
    """The refusal of a header that is made of more parts than any image needs."""
    return InputRefused(
        "The header of the file cannot be right.", "It has more parts than an image can need."
    )
