"""Copies of the voxels of label maps, made on a lane of their own: a large one would hold the event loop.

Who has been handed a map may rely on it (the record, whoever counts), so every change is made on a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from medvision_desktop.pixels.label_edit import Labels
from medvision_desktop.ui.workers.lane import Lane

# What is smaller is copied at once, in a few milliseconds.
_LARGE: Final = 16 << 20


class LabelCopies:
    """Keeps one copy ready. Used from the GUI thread; `unhandled` takes what goes wrong on the lane.

    `failed` is called when a copy that was asked for cannot be made.
    """

    def __init__(self, unhandled: Callable[[Exception], None]) -> None:
        self._lane = Lane("labels", unhandled)
        self._unhandled = unhandled
        self.failed: Callable[[], None] | None = None
        self._ready: tuple[Labels, Labels] | None = None
        self._asked: Labels | None = None
        self._then: Callable[[], None] | None = None

    def take(self, values: Labels) -> Labels | None:
        """A copy of these voxels that nobody else has; None for a large map until one was asked for."""
        ready = self._ready
        if ready is not None and ready[0] is values:
            self._ready = None
            return ready[1]
        return values.copy() if values.nbytes <= _LARGE else None

    def ask(self, values: Labels, then: Callable[[], None] | None = None) -> None:
        """Make a copy, and call `then` when `take` has one. Of what was asked before nothing is told."""
        self._then = then
        if values.nbytes <= _LARGE or self._asked is values:
            return
        self._asked, self._ready = values, None
        self._lane.submit(
            lambda *_: values.copy(),
            done=lambda copy: self._on_copied(values, copy),
            failed=self._on_failed,
            key="copy",
        )

    def drain(self) -> bool:
        """Wait for what was asked; for tests."""
        return self._lane.drain()

    def close(self) -> None:
        """End the lane."""
        self._forget()
        self._lane.close()

    def _on_copied(self, values: Labels, copy: Labels) -> None:
        self._asked, self._ready = None, (values, copy)
        then, self._then = self._then, None
        if then is not None:
            then()

    def _on_failed(self, error: Exception) -> None:
        self._forget()
        if self.failed is not None:
            self.failed()
        self._unhandled(error)

    def _forget(self) -> None:
        self._asked = self._ready = self._then = None
