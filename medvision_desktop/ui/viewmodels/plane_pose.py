"""How the plane on a pane lies and is looked at, without the volume: what an undo may keep for long."""

from __future__ import annotations

from dataclasses import dataclass

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.geometry import Plane, Vector3
from medvision_desktop.pixels.oblique import ObliqueStack
from medvision_desktop.pixels.reslice import PlaneStack, Slab
from medvision_desktop.ui.viewmodels.pane_state import PaneState, with_display, with_planes
from medvision_desktop.ui.viewmodels.series_cache import SeriesKey


@dataclass(frozen=True)
class PlanePose:
    """`ways`: right, down and a point of an oblique plane (LPS, mm); None along the volume's own grid."""

    series_key: SeriesKey | None
    plane: Plane
    ways: tuple[Vector3, Vector3, Vector3] | None
    slab: Slab
    index: int
    display: DisplayState


def pose_of(pane: PaneState) -> PlanePose | None:
    """The pose of a pane's plane; None where it shows none."""
    shown = pane.shown
    if shown is None or shown.planes is None:
        return None
    stack = shown.planes
    ways = (stack.right, stack.down, stack.through) if isinstance(stack, ObliqueStack) else None
    return PlanePose(pane.series_key, stack.plane, ways, stack.slab, shown.index, pane.display)


def posed(pane: PaneState, pose: PlanePose) -> PaneState | None:
    """The pane in a pose; None where it does not show that plane of that series."""
    shown = pane.shown
    if shown is None or shown.planes is None:
        return None
    volume, plane = shown.planes.volume, shown.planes.plane
    if (pane.series_key, plane) != (pose.series_key, pose.plane):
        return None
    if pose.ways is None:
        return _looked(pane, PlaneStack(volume, plane, pose.slab, is_quick=True), pose)
    return _looked(pane, ObliqueStack(volume, plane, *pose.ways, pose.slab, is_quick=True), pose)


def _looked(pane: PaneState, stack: PlaneStack | ObliqueStack, pose: PlanePose) -> PaneState | None:
    if pane.shown is None:
        return None
    index = min(pose.index, stack.count - 1)  # another volume of the series may have fewer
    return with_display(with_planes(pane, pane.shown.loaded, stack, index), pose.display)
