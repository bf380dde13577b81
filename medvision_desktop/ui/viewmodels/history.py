"""What can be undone: how images are looked at, and what is drawn on them. Decisions never are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.measurement import Measurement
from medvision_desktop.pixels.label_edit import Patch
from medvision_desktop.ui.viewmodels.pane_state import PaneState, with_display
from medvision_desktop.ui.viewmodels.plane_pose import PlanePose, posed
from medvision_desktop.ui.viewmodels.series_cache import SeriesKey

_DEEPEST: Final = 200
# Voxels that changes of label maps may hold: a fill through a large volume holds all of it twice.
_MOST_BYTES: Final = 512 << 20

Looks = tuple[tuple[SeriesKey | None, DisplayState], ...]


@dataclass(frozen=True)
class ViewStep:
    """How every pane was looked at before and after. Steps of the same `run` in a row are one."""

    before: Looks
    after: Looks
    run: str = ""


@dataclass(frozen=True)
class MarkStep:
    """A measurement before and after; None where there was or is none."""

    before: Measurement | None
    after: Measurement | None


@dataclass(frozen=True, eq=False)
class PlanesStep:
    """Planes by pane, before and after they were turned."""

    before: Mapping[int, PlanePose]
    after: Mapping[int, PlanePose]


@dataclass(frozen=True, eq=False)
class MaskStep:
    """Voxels of a reader's label map before and after; each is the change that leads there."""

    uid: str
    before: Patch
    after: Patch

    @property
    def held_bytes(self) -> int:
        """Memory of its voxels, which both ways share."""
        return self.after.before.nbytes + self.after.after.nbytes


Step = ViewStep | MarkStep | PlanesStep | MaskStep


def looks(panes: tuple[PaneState, ...]) -> Looks:
    """How every pane is looked at now."""
    return tuple((pane.series_key, pane.display) for pane in panes)


def looked_at(panes: tuple[PaneState, ...], wanted: Looks) -> dict[int, PaneState]:
    """Panes looked at as they were then, where they still show the same series."""
    return {
        number: with_display(panes[number], display)
        for number, (key, display) in enumerate(wanted)
        if key is not None and key == panes[number].series_key
    }


def planes_again(panes: tuple[PaneState, ...], wanted: Mapping[int, PlanePose]) -> dict[int, PaneState]:
    """Panes as they were then, where they still show planes of the same series."""
    again = {number: posed(panes[number], pose) for number, pose in wanted.items()}
    return {number: pane for number, pane in again.items() if pane is not None}


class History:
    """Steps done, and steps undone that can be done again."""

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []

    def add(self, step: Step) -> None:
        """Something was done. What was undone before it is forgotten."""
        if step.before == step.after:
            return
        self._undone.clear()
        last = self._done[-1] if self._done else None
        if isinstance(step, ViewStep) and isinstance(last, ViewStep) and step.run and step.run == last.run:
            self._done[-1] = replace(step, before=last.before)
        else:
            self._done.append(step)
        del self._done[: max(len(self._done) - _DEEPEST, self._over())]

    def _over(self) -> int:
        """How many of the oldest steps hold more memory than may be held; never the newest."""
        held = 0
        for number, step in reversed(list(enumerate(self._done))):
            held += step.held_bytes if isinstance(step, MaskStep) else 0
            if held > _MOST_BYTES:
                return min(number + 1, len(self._done) - 1)
        return 0

    def undo(self) -> Step | None:
        """The step to take back; None where there is none."""
        if not self._done:
            return None
        step = self._done.pop()
        self._undone.append(step)
        return step

    def redo(self) -> Step | None:
        """The step to do again; None where there is none."""
        if not self._undone:
            return None
        step = self._undone.pop()
        self._done.append(step)
        return step
