"""Oblique planes off the event loop: made ready before they are needed, drawn with care once they rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final
from weakref import WeakSet, ref

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from medvision_desktop.domain.image import Frame, Volume
from medvision_desktop.pixels import oblique, sampling
from medvision_desktop.pixels.oblique import Planes
from medvision_desktop.pixels.reslice import ROUGH_BADGE
from medvision_desktop.ui.viewmodels.pane_state import Shown, with_frame
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lane, Lanes
from medvision_desktop.work import CancelToken, ProgressSink

_REST_MS: Final = 150
_QUIET_MS: Final = 100
_MOST_WAITS: Final = 30


class PlaneCare(QObject):
    """Watches the viewer: thick slabs are coarse while they move, and whole when they rest.

    `compiled`: another part of what samples oblique planes is here.
    """

    compiled = Signal()

    def __init__(self, lanes: Lanes, viewer: ViewerModel) -> None:
        super().__init__()
        self._lanes, self._viewer = lanes, viewer
        # Of its own: nothing that the reader waits for stands behind the compiler.
        self._lane = Lane("planes", lanes.unhandled)
        # Weakly: a volume goes when its study is closed.
        self._warmed: WeakSet[Volume] = WeakSet()
        self._has_compiler = False
        self._steps: deque[Callable[[], None]] = deque()
        self._waits = 0
        self._quiet = QTimer(self)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._go_on)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._refine)
        viewer.layoutChanged.connect(self._warm)
        viewer.loaded.connect(lambda *_: self._warm())
        viewer.paneChanged.connect(self._on_pane_changed)

    def stop(self) -> None:
        """Ask for nothing any more."""
        self._rest.stop()
        self._quiet.stop()
        self._steps.clear()
        self._lane.close()

    def prepare(self) -> None:
        """Bring in the compiler, and what it makes for most volumes, before one is opened.

        Takes 150 MB, which a reader of films alone can do without.
        """
        self._bring_compiler()
        usual = np.zeros((1, 1, 1), np.int16)
        self._steps.extend(partial(sampling.warm, usual, padding) for padding in ((0.0, 0.0), None))
        self._quiet.start()

    def _bring_compiler(self) -> None:
        if not self._has_compiler:
            self._has_compiler = True
            self._steps.extend(sampling.stages())

    def _warm(self) -> None:
        shown = self._viewer.panes[0].shown
        volume = shown.planes.volume if shown is not None and shown.planes is not None else None
        if volume is None or volume in self._warmed:
            return
        self._warmed.add(volume)
        self._bring_compiler()
        self._steps.append(partial(_warm, ref(volume)))
        self._quiet.start()

    def _go_on(self) -> None:
        """The next step, if nothing else is going on: what the reader waits for goes first.

        But some work takes minutes, and planes are not to stay coarse for as long.
        """
        if self._lane.jobs:
            return
        if self._waits < _MOST_WAITS and any(lane.jobs for lane in self._lanes.all):
            self._waits += 1
            return
        if not self._steps:
            self._quiet.stop()
            self._waits = 0
            self._rest.start()  # what was drawn coarse meanwhile is drawn whole now
            return
        step = self._steps.popleft()
        self._lane.submit(lambda *_: step(), done=lambda _: self.compiled.emit())

    def _on_pane_changed(self, number: int) -> None:
        if _rough(self._viewer.panes[number].shown) is not None:
            self._rest.start()

    def _refine(self) -> None:
        for number in self._viewer.visible:
            shown = self._viewer.panes[number].shown
            stack = _rough(shown)
            if shown is None or stack is None:
                continue

            def work(
                _progress: ProgressSink,
                _cancel: CancelToken,
                careful: Planes = stack,
                index: int = shown.index,
            ) -> Frame:
                return careful.with_care().frame(index)

            self._lanes.io.submit(work, done=partial(self._on_done, number, shown), key=f"plane {number}")

    def _on_done(self, number: int, asked: Shown, frame: Frame) -> None:
        pane = self._viewer.panes[number]
        now = pane.shown
        if now is not None and now.planes is asked.planes and now.index == asked.index:
            self._viewer.put_panes({number: with_frame(pane, frame)})


def _warm(known: ref[Volume]) -> None:
    volume = known()
    if volume is not None:
        oblique.warm(volume)


def _rough(shown: Shown | None) -> Planes | None:
    """The stack of a pane whose image is coarse; None for all others."""
    if shown is None or shown.planes is None:
        return None
    return shown.planes if ROUGH_BADGE in shown.frame.badges else None
