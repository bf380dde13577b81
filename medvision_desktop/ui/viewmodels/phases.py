"""Which volume of a series with several is shown: times, b-values, echoes.

The planes of a volume change together; a pane that shows images changes alone, so that two volumes of a
series can be laid beside each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.pixels.oblique import ObliqueStack
from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.ui.viewmodels import pane_state
from medvision_desktop.ui.viewmodels.pane_state import PaneState, Shown

if TYPE_CHECKING:
    from medvision_desktop.ui.viewmodels.viewer import ViewerModel


def of(pane: PaneState) -> LoadedSeries | None:
    """The series on a pane, if it has several volumes."""
    loaded = pane.shown.loaded if pane.shown is not None else None
    return loaded if loaded is not None and len(loaded.phases) > 1 and loaded.phase is not None else None


def choose(viewer: ViewerModel, pane: int, number: int) -> bool:
    """Show another volume of the series on a pane; False where there is none, or no planes of it."""
    here = viewer.panes[pane]
    loaded = of(here)
    if loaded is None or not 0 <= number < len(loaded.phases) or number == loaded.phase:
        return False
    together = [pane]
    if here.plane is not None:
        together = [
            at
            for at, other in enumerate(viewer.panes)
            if other.plane is not None and other.series_key == here.series_key
        ]
    fresh = {at: with_phase(viewer.panes[at], number) for at in together}
    viewer.put_panes(fresh)
    return any(fresh[at] is not here for at in together)


def choose_frame(viewer: ViewerModel, pane: int, sop_instance_uid: str, frame_number: int) -> None:
    """Show the volume that a frame belongs to, where the series on a pane has several."""
    loaded = of(viewer.panes[pane])
    for number, phase in enumerate(loaded.phases if loaded is not None else ()):
        for frame in phase.stack.frames:
            if (frame.sop_instance_uid, frame.frame_number) == (sop_instance_uid, frame_number):
                choose(viewer, pane, number)
                return


def step(viewer: ViewerModel, way: int) -> bool:
    """The next volume of the active pane's series, or the one before; the last is followed by the first."""
    loaded = of(viewer.active_pane)
    if loaded is None or loaded.phase is None:
        return False
    return choose(viewer, viewer.active, (loaded.phase + way) % len(loaded.phases))


def with_phase(pane: PaneState, number: int) -> PaneState:
    """A pane at the same place of another volume; the same state where that one has no such planes."""
    shown = pane.shown
    if shown is None:
        return pane
    loaded = shown.loaded.at_phase(number)
    if shown.planes is None:
        return pane_state.with_series(pane, loaded, shown.index)
    if loaded.volume is None:
        return pane
    planes = _same_planes(shown, loaded)
    middle = pane_state.point_lps_mm(shown)
    index = shown.index if middle is None else planes.index_at(middle)
    return pane_state.with_planes(pane, loaded, planes, index)


def _same_planes(shown: Shown, loaded: LoadedSeries) -> PlaneStack | ObliqueStack:
    old, volume = shown.planes, loaded.volume
    if old is None or volume is None:
        raise ValueError("planes of a volume become planes of a volume")
    if isinstance(old, PlaneStack):
        return PlaneStack(volume, old.plane, old.slab, is_quick=old.is_quick)
    through = old.point_lps_mm(shown.index, 0, 0)
    return ObliqueStack(volume, old.plane, old.right, old.down, through, old.slab, is_quick=old.is_quick)
