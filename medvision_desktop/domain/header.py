"""A file's header for people to read, and how fast its frames want to be played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_FPS: Final = 15.0


@dataclass(frozen=True)
class HeaderRow:
    """One element. `value` is plain text of bounded length; `depth` counts sequences around it.

    `is_private`: not the standard's. `is_personal`: may name the patient, so it is masked with names.
    """

    depth: int
    tag: str
    name: str
    vr: str
    value: str
    is_private: bool = False
    is_personal: bool = False


@dataclass(frozen=True)
class CineTimes:
    """How long each frame stands, in milliseconds, and which element says so ("" when none does).

    One time for all frames, or one for each; after the last the first follows at once. Times for another
    number of frames than there are count by their mean.
    """

    frame_ms: tuple[float, ...] = (1000.0 / DEFAULT_FPS,)
    source: str = ""

    def index_at(self, elapsed_ms: float, count: int) -> int:
        """Which of `count` frames stands after a time; it comes round again."""
        if len(self.frame_ms) != count:
            return int(elapsed_ms / self.mean_ms) % max(1, count)
        left = elapsed_ms % sum(self.frame_ms)
        for index, stands in enumerate(self.frame_ms):
            if left < stands:
                return index
            left -= stands
        return count - 1

    @property
    def mean_ms(self) -> float:
        """How long a frame stands on average."""
        return sum(self.frame_ms) / len(self.frame_ms)

    @property
    def fps(self) -> float:
        """Frames a second, on average."""
        return 1000.0 / self.mean_ms
