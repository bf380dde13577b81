"""Any part of a gzip file without unpacking it: a reader that can begin in the middle.

While the file is read through once, the state of the decompressor is kept now and then (zlib's own copy,
some tens of kilobytes). Any place is then reached from the state before it. Nothing goes to a disk.
"""

from __future__ import annotations

import bisect
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from medvision_desktop.work import CancelToken

_INPUT: Final = 1 << 16
_OUTPUT: Final = 1 << 20
_APART: Final = 32 << 20
_GZIP: Final = 31  # window bits: with a gzip header and its checksum (zlib manual)


@dataclass(frozen=True, eq=False)
class _State:
    """Where a decompressor stands: bytes given out, place in the file, and input that it has not taken."""

    given: int
    place: int
    left: bytes
    inflater: Any


class InflatedFile:
    """The inflated bytes of a gzip file, read from any place. Not thread-safe.

    Raises `OSError`, and `zlib.error` for what is damaged; a checksum is compared where a member ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._states = [_State(0, 0, b"", zlib.decompressobj(_GZIP))]
        self._now = self._states[0]

    def walk(self, most: int, cancel: CancelToken) -> int:
        """Read on to the end, or until `most` bytes were given out; how many it were in all."""
        with self._path.open("rb") as file:
            while self._now.given < most:
                cancel.check()
                if self._step(file, min(_OUTPUT, most - self._now.given)) is None:
                    break
        return self._now.given

    def read(self, offset: int, length: int, cancel: CancelToken) -> bytes:
        """`length` bytes from `offset` on, fewer at the end."""
        self._go_before(offset)
        found = bytearray()
        with self._path.open("rb") as file:
            while len(found) < length:
                cancel.check()
                at = self._now.given
                want = min(_OUTPUT, offset - at if at < offset else length - len(found))
                part = self._step(file, want)
                if part is None:
                    break
                if at >= offset:
                    found += part
        return bytes(found)

    def _go_before(self, offset: int) -> None:
        """Stand at the nearest known state before a place, unless the reader stands nearer."""
        known = bisect.bisect_right([state.given for state in self._states], offset) - 1
        state = self._states[known]
        if state.given > self._now.given or self._now.given > offset:
            # The state is used again: what stands there now is a copy.
            self._now = _State(state.given, state.place, state.left, state.inflater.copy())

    def _step(self, file: BinaryIO, most: int) -> bytes | None:
        """The next bytes, at most so many; None at the end."""
        now = self._now
        data, place, inflater = now.left, now.place, now.inflater
        if not data:
            file.seek(place)
            data = file.read(_INPUT)
            place += len(data)
            if inflater.eof and not data:
                return None
        if inflater.eof:
            data = data.lstrip(b"\0")  # members may be padded
            if not data:
                self._now = _State(now.given, place, b"", inflater)
                return b""
            inflater = zlib.decompressobj(_GZIP)
        if not data:
            raise zlib.error("the file ends within a member")
        if inflater is self._states[0].inflater:
            inflater = inflater.copy()
        part: bytes = inflater.decompress(data, most)
        left = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        self._now = _State(now.given + len(part), place, left, inflater)
        if self._now.given - self._states[-1].given >= _APART:
            self._states.append(_State(self._now.given, place, left, inflater.copy()))
        return part
