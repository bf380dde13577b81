"""Series that were opened lately, kept while they fit the memory the reader gave."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from medvision_desktop.domain.frame_shelf import FrameShelf
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import SeriesRef

SeriesKey = tuple[str, str]


def key_of(study_key: str, series_uid: str) -> SeriesKey:
    """What a series is known by: its study's key and its own UID."""
    return (study_key, series_uid)


def bytes_of(loaded: LoadedSeries) -> int:
    """Bytes of pixels held by a loaded series; arrays shared by stack and volume count once."""
    frames = loaded.stack.frames
    if isinstance(frames, FrameShelf):
        return frames.nbytes
    arrays = [frame.stored for frame in frames]
    volumes = (loaded.volume, *(phase.volume for phase in loaded.phases))
    arrays += [one.stored_kji for one in volumes if one is not None]
    owners = {}
    for array in arrays:
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        owners[id(owner)] = int(owner.nbytes)
    return sum(owners.values())


class SeriesCache:
    """Least recently used first to go. The newest is kept even when it alone is over the limit."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._reserved = 0
        self._kept: OrderedDict[SeriesKey, tuple[LoadedSeries, int]] = OrderedDict()

    def get(self, key: SeriesKey) -> LoadedSeries | None:
        """The series, which becomes the newest; None when it is not here."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def put(self, key: SeriesKey, loaded: LoadedSeries) -> None:
        """Keep a series, dropping the oldest ones that no longer fit."""
        self._kept[key] = (loaded, bytes_of(loaded))
        self._kept.move_to_end(key)
        self._make_room()

    def reserve(self, bytes_: int) -> None:
        """So much of the memory is in use by layers over the images."""
        self._reserved = bytes_
        self._make_room()

    def has_room_for(self, series: SeriesRef) -> bool:
        """Whether a series probably fits beside what is kept: two bytes a pixel, as the scan found them."""
        pixels = sum(one.rows * one.columns * one.number_of_frames for one in series.instances)
        return 2 * pixels + self._held <= self._limit

    @property
    def _held(self) -> int:
        return self._reserved + sum(size for _, size in self._kept.values())

    def _make_room(self) -> None:
        while len(self._kept) > 1 and self._held > self._limit:
            self._kept.popitem(last=False)

    def forget(self, study_key: str) -> None:
        """Drop every series of a study."""
        for key in [key for key in self._kept if key[0] == study_key]:
            del self._kept[key]
