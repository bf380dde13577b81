"""Thumbnails for whoever shows them, made one at a time on the io lane, the one asked for last first."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

Picture = NDArray[np.uint8]

SIZE_PX: Final = 288
# Rows that scrolled past while one was made are asked for again when they come back.
_MOST_WAITING: Final = 64
_MOST_KEPT: Final = 512


class Thumbnails(QObject):
    """`ready` carries study key and series UID when a picture is there (or will never be)."""

    ready = Signal(str, str)

    def __init__(self, bench: Workbench, lanes: Lanes) -> None:
        super().__init__()
        self._bench = bench
        self._lanes = lanes
        self._made: OrderedDict[tuple[str, str], Picture | None] = OrderedDict()
        self._waiting: OrderedDict[tuple[str, str], tuple[StudyRef, SeriesRef]] = OrderedDict()
        self._busy = False

    def get(self, study: StudyRef, series: SeriesRef) -> Picture | None:
        """HxW grey or HxWx3 RGB, the longer side at most `SIZE_PX`; None while there is none."""
        key = (study.key, series.uid)
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        self._waiting[key] = (study, series)
        self._waiting.move_to_end(key)
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popitem(last=False)
        self._next()
        return None

    def forget(self, study_key: str) -> None:
        """Drop the pictures of a study that leaves the worklist or changed."""
        for kept in (self._made, self._waiting):
            for key in [key for key in kept if key[0] == study_key]:
                del kept[key]

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        key, (study, series) = self._waiting.popitem(last=True)
        self._busy = True
        self._lanes.io.submit(
            partial(_make, self._bench, study, series),
            done=partial(self._keep, key),
            failed=lambda _error: self._keep(key, None),
            cancelled=lambda: self._keep(key, None),
        )

    def _keep(self, key: tuple[str, str], picture: Picture | None) -> None:
        self._busy = False
        self._made[key] = picture
        while len(self._made) > _MOST_KEPT:
            self._made.popitem(last=False)
        self.ready.emit(*key)
        self._next()


def _make(
    bench: Workbench, study: StudyRef, series: SeriesRef, _progress: ProgressSink, cancel: CancelToken
) -> Picture:
    from medvision_desktop.services.thumbnails import thumbnail

    cancel.check()
    return thumbnail(study, series, decoder=bench.decoder, size=SIZE_PX)
