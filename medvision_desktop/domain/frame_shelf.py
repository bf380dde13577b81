"""Frames of a series that arrive one by one, in the order of their distance from where the reader looks.

A shelf has a place for every frame from the beginning. Readers of files fill it from other threads; a
series that is larger than its shelf may hold is read again where the reader looks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import overload

import numpy as np

from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused
from medvision_desktop.work import CancelToken

Outcome = Frame | InputRefused


class FrameShelf(Sequence[Frame]):
    """Places for `count` frames, of which at most `most` hold one. Thread-safe.

    `told`: called with the shelf and the index of every frame that arrives, on the thread that brought it.
    It must not hold the shelf itself: the two would keep each other, and the pixels, alive.
    """

    def __init__(self, count: int, *, most: int | None = None) -> None:
        self._places: list[Outcome | None] = [None] * count
        self._faces: dict[int, Frame] = {}
        self._taken = bytearray(count)
        self._most = max(1, count if most is None else min(most, count))
        self._held = 0
        self._lock = threading.RLock()
        self._wanted = 0
        self._near = self._far = 0  # what lies between them was given out since the reader came here
        self.told: Callable[[FrameShelf, int], None] | None = None

    # What is here.

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Frame, ...]: ...

    def __getitem__(self, index: int | slice) -> Frame | tuple[Frame, ...]:
        """A frame, read now if it is not here. Raises `InputRefused` where it cannot be read."""
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        at = range(len(self))[index]
        found = self._places[at]
        if isinstance(found, InputRefused):
            raise found
        if found is not None:
            return found
        return self.read_now(at)

    def read_now(self, index: int) -> Frame:
        """One frame, while the caller waits, for whoever asks for it as for that of a tuple.

        Raises `InputRefused`, as a shelf without files does.
        """
        raise InputRefused(f"Image {index + 1} has not been read yet.")

    def at(self, index: int) -> Outcome | None:
        """A frame, why it cannot be read, or None while it is not here. Never waits."""
        return self._places[index]

    def faces(self) -> tuple[tuple[int, Frame], ...]:
        """Index and frame of all whose headers were read; the pixels of some may have been let go."""
        with self._lock:
            known = dict(self._faces)
            known.update((at, one) for at, one in enumerate(self._places) if isinstance(one, Frame))
        return tuple(sorted(known.items(), key=lambda entry: entry[0]))

    def outcomes(self) -> tuple[Outcome | None, ...]:
        """What is in every place."""
        with self._lock:
            return tuple(self._places)

    def arrived(self) -> bytes:
        """One byte a place: 1 where a frame is, or the word that it cannot be read."""
        with self._lock:
            return bytes(one is not None for one in self._places)

    def fill(self, cancel: CancelToken) -> None:
        """Read what is missing near the frame that is wanted. A shelf without files has nothing to read."""
        cancel.check()

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels that are here."""
        with self._lock:
            return sum(one.stored.nbytes for one in self._places if isinstance(one, Frame))

    # Where the reader looks, and what is read next.

    @property
    def wanted(self) -> int:
        """The frame the reader looks at."""
        return self._wanted

    def want(self, index: int) -> bool:
        """The reader looks at a frame: what is near it comes next. Whether anything near is missing."""
        with self._lock:
            self._wanted = min(max(0, index), len(self) - 1)
            self._near = self._far = self._wanted
            low, high = self._window()
            return 0 in self._taken[low:high]

    def claim(self) -> int | None:
        """The nearest frame that nobody has read or is reading; None when all within bounds are."""
        with self._lock:
            low, high = self._window()
            while self._near > low or self._far < high:
                ahead, behind = self._far - self._wanted, self._wanted - self._near + 1
                if self._far < high and (ahead <= behind or self._near <= low):
                    at, self._far = self._far, self._far + 1
                else:
                    self._near -= 1
                    at = self._near
                if not self._taken[at]:
                    self._taken[at] = 1
                    return at
            return None

    def hold(self, indices: Iterable[int]) -> None:
        """These are being read together with one that was claimed."""
        with self._lock:
            for at in indices:
                self._taken[at] = 1

    def put(self, index: int, outcome: Outcome) -> None:
        """A frame is here, or the word that it cannot be read. What is farthest away makes room for it."""
        with self._lock:
            self._taken[index] = 1
            self._held += isinstance(outcome, Frame) - isinstance(self._places[index], Frame)
            self._places[index] = outcome
            if self._held > self._most:
                self._let_go()
        if self.told is not None:
            self.told(self, index)

    def give_back(self, index: int) -> None:
        """A claimed frame was not read after all."""
        with self._lock:
            if self._places[index] is None:
                self._taken[index] = 0
                self._near = self._far = self._wanted

    def _window(self) -> tuple[int, int]:
        """The frames that may be here at once, around the one that is looked at."""
        low = min(max(0, self._wanted - self._most // 2), len(self) - self._most)
        return low, low + self._most

    def _let_go(self) -> None:
        held = (at for at, one in enumerate(self._places) if isinstance(one, Frame))
        farthest = max(held, key=lambda at: abs(at - self._wanted))
        frame = self._places[farthest]
        if isinstance(frame, Frame):
            self._faces[farthest] = without_pixels(frame)
        self._places[farthest] = None
        self._taken[farthest] = 0
        self._held -= 1


def without_pixels(frame: Frame) -> Frame:
    """What a frame's header says, over an image of its size that takes no memory and holds only zeros."""
    empty = np.broadcast_to(np.zeros((), frame.stored.dtype), frame.stored.shape)
    return replace(frame, stored=empty)


def faces_of(frames: Sequence[Frame]) -> Iterator[tuple[int, Frame]]:
    """Index and header of every frame that is known, without reading any: for places, not for pixels."""
    return iter(frames.faces()) if isinstance(frames, FrameShelf) else enumerate(frames)
