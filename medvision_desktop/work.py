"""What long work is given: a way to say how far it is, and a way to be stopped.

Work is a plain function `work(progress, cancel)` that captured everything it needs. It runs on a
lane of the window, or straight from the command line; it knows neither.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from medvision_desktop.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """How far the work is: `done` of `total` (0 when not known), and what it is doing."""

    done: int = 0
    total: int = 0
    text: str = ""

    @property
    def fraction(self) -> float | None:
        """0..1, or None when the total is not known."""
        return min(1.0, self.done / self.total) if self.total > 0 else None


class ProgressSink(Protocol):
    """Takes progress; must be cheap, because work may call it for every file or patch."""

    def __call__(self, progress: Progress, /) -> None:
        """Take one report."""


class CancelToken:
    """Set once by whoever wants the work to stop, or held and let go; asked between steps of the work."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._free = threading.Event()
        self._free.set()

    def cancel(self) -> None:
        """Ask the work to stop, also where it is held."""
        self._event.set()
        self._free.set()

    def hold(self) -> None:
        """Ask the work to wait at its next step. Work that is to stop is not held."""
        if not self._event.is_set():
            self._free.clear()

    def release(self) -> None:
        """Let held work go on."""
        self._free.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._event.is_set()

    @property
    def held(self) -> bool:
        """Whether somebody asked it to wait."""
        return not self._free.is_set()

    def check(self) -> None:
        """Wait while held, then raise `Cancelled` if somebody asked."""
        if not self._free.is_set():
            self._free.wait()
        if self._event.is_set():
            raise Cancelled


def no_progress(progress: Progress, /) -> None:
    """The sink of work that nobody watches."""
