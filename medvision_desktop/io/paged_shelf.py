"""A shelf of frames that knows the files they come from, and reads what the reader looks at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from medvision_desktop.domain.frame_shelf import FrameShelf
from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.work import CancelToken, Progress, ProgressSink


class Pages(Protocol):
    """Frames in files, read by their place in the order in which they are shown. Thread-safe.

    `width`: how many batches may be decoded at a time, where `is_compressed` and not `is_one_file`.
    `is_dear`: reading any single frame takes about as long as reading all.
    """

    count: int

    @property
    def width(self) -> int: ...  # noqa: D102 - see above

    @property
    def is_compressed(self) -> bool: ...  # noqa: D102

    @property
    def is_one_file(self) -> bool: ...  # noqa: D102

    @property
    def is_dear(self) -> bool: ...  # noqa: D102

    def frame_bytes(self) -> int:
        """Bytes of one frame in memory; 0 where nothing can be read."""
        ...

    def batch(self, place: int) -> Sequence[int]:
        """Places that are best read with this one."""
        ...

    def read(
        self, places: Sequence[int], cancel: CancelToken
    ) -> Iterator[tuple[int, Frame | InputRefused]]:
        """The frames of a batch, each or why it cannot be read. Raises `Cancelled`."""
        ...


def most_frames(pages: Pages, memory_bytes: int) -> int:
    """How many frames fit into the memory for images."""
    size = pages.frame_bytes()
    return pages.count if not size else min(pages.count, max(1, memory_bytes // size))


class PagedShelf(FrameShelf):
    """A shelf that knows the files its frames come from."""

    def __init__(self, pages: Pages, most: int) -> None:
        super().__init__(pages.count, most=most)
        self._pages = pages
        self._counting = threading.Lock()
        self.reads = 0
        self._arrives: Callable[[int], None] | None = None

    def fill(self, cancel: CancelToken) -> None:
        """Read what is missing near the frame that is wanted, nearest first. Raises `Cancelled`."""
        several = self._pages.is_compressed and not self._pages.is_one_file
        width = min(self._pages.width, len(self)) if several else 1
        if width == 1:
            self._work(cancel)
            return
        stop = CancelToken()
        with ThreadPoolExecutor(width, thread_name_prefix="decode") as pool:
            jobs = [pool.submit(self._work, cancel, stop) for _ in range(width)]
            try:
                for job in jobs:
                    job.result()
            finally:
                stop.cancel()

    def fill_telling(
        self, first: Callable[[Sequence[Frame]], None] | None, progress: ProgressSink, cancel: CancelToken
    ) -> None:
        """As `fill`; `first` gets the shelf as soon as a frame is here. Raises `Cancelled`."""
        shown = first is None

        def arrived(index: int) -> None:
            nonlocal shown
            if not shown and first is not None and isinstance(self.at(index), Frame):
                shown = True
                first(self)
            progress(Progress(min(self.reads, self._most), self._most, "Loading images"))

        self._arrives = arrived
        try:
            self.fill(cancel)
        finally:
            self._arrives = None  # it knows the shelf: the two would keep each other, and the pixels, alive

    def spread(self, count: int, cancel: CancelToken) -> list[Frame]:
        """So many frames from all over the series, read where they are not here; they are not kept.

        Only those that are here where any other is dear to read. Raises `Cancelled`.
        """
        found = []
        for at in sorted({round(step * (len(self) - 1) / max(1, count - 1)) for step in range(count)}):
            cancel.check()
            here = self.at(at)
            if here is None and not self._pages.is_dear:
                here = next((one for _, one in self._pages.read((at,), cancel)), None)
            if isinstance(here, Frame):
                found.append(here)
        if found:
            return found
        held = [one for one in self.outcomes() if isinstance(one, Frame)]
        return held[:: max(1, len(held) // count)]

    def _work(self, cancel: CancelToken, stop: CancelToken | None = None) -> None:
        with quiet():  # once a series, not once a file
            while (index := self.claim()) is not None:
                self._bring(self._pages.batch(index), cancel, stop)
                if stop is not None and stop.cancelled:
                    return

    def _bring(self, places: Sequence[int], cancel: CancelToken, stop: CancelToken | None) -> None:
        self.hold(places)
        done: set[int] = set()
        try:
            for place, outcome in self._pages.read(places, cancel):
                self.put(place, outcome)
                done.add(place)
                self._tell(place)
                if stop is not None and stop.cancelled:
                    return
        finally:
            for place in places:
                if place not in done:
                    self.give_back(place)

    def _tell(self, place: int) -> None:
        with self._counting:
            self.reads += 1
            if self._arrives is not None:
                self._arrives(place)

    def read_now(self, index: int) -> Frame:
        """One frame, from its file. Raises `InputRefused`."""
        for place, outcome in self._pages.read((index,), CancelToken()):
            self.put(place, outcome)
            if isinstance(outcome, InputRefused):
                raise outcome
            return outcome
        raise InputRefused("The image cannot be read.")
