"""From one measurement of a study to the next: back to the very image, cut, slab and volume of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.measurement import Measurement, Place
from medvision_desktop.pixels.oblique import ObliqueStack, Planes
from medvision_desktop.pixels.reslice import PlaneStack, Slab, SlabMode
from medvision_desktop.ui.viewmodels import pane_state, phases, planes
from medvision_desktop.ui.viewmodels.layouts import MPR

if TYPE_CHECKING:
    from medvision_desktop.ui.viewmodels.viewer import ViewerModel


def step(viewer: ViewerModel, way: int) -> bool:
    """Go to the next measurement of the active pane's study, or the one before; False without any."""
    study = viewer.active_pane.study
    marks = viewer.marks.of_study(study.key) if study is not None else ()
    if not marks:
        return False
    ids = [one.id for one in marks]
    now = ids.index(viewer.marks.selected[0]) if viewer.marks.selected[0] in ids else -max(0, way)
    return any(go(viewer, marks[(now + way * far) % len(marks)]) for far in range(1, len(marks) + 1))


def go(viewer: ViewerModel, measurement: Measurement) -> bool:
    """Show the place of a measurement and give it to the keys; False where its series is not on screen."""
    place = measurement.place
    there = _go_to_plane(viewer, place) if place.plane else go_to_image(viewer, place)
    if there:
        viewer.marks.select(measurement.id)
    return there


def slab_of(place: Place) -> Slab:
    """The slab that a measurement was drawn through, from how its place says it ("MIP 10.0 mm")."""
    mode, _, thickness = place.slab.removesuffix(" mm").partition(" ")
    known = {one.value: one for one in SlabMode}
    try:
        return Slab(known[mode], float(thickness))
    except (KeyError, ValueError):
        return Slab()


def go_to_image(viewer: ViewerModel, place: Place) -> bool:
    """Show an image where its series is on screen as images; False where it is not, or not read yet."""
    wanted = (place.sop_instance_uid, place.frame_number)
    for number in sorted(viewer.visible, key=lambda one: one != viewer.active):
        pane = viewer.panes[number]
        if pane.series_key != (place.study_key, place.series_uid) or pane.plane is not None:
            continue
        phases.choose_frame(viewer, number, *wanted)
        shown = viewer.panes[number].shown
        for index, frame in faces_of(shown.loaded.stack.frames) if shown is not None else ():
            if (frame.sop_instance_uid, frame.frame_number) == wanted:
                viewer.set_index(number, index)
                viewer.set_active(number)
                return True
    return False


def _go_to_plane(viewer: ViewerModel, place: Place) -> bool:
    number = [plane.value for plane in planes.ORDER].index(place.plane)
    series = (place.study_key, place.series_uid)
    if viewer.layout.name != MPR and (
        viewer.active_pane.series_key != series or not viewer.set_layout(MPR)
    ):
        return False
    if viewer.panes[number].series_key != series:
        return False
    phases.choose(viewer, number, place.phase)
    viewer.set_slab(slab_of(place))
    pane = viewer.panes[number]
    if pane.shown is None or pane.shown.planes is None:
        return False
    stack = _stack_of(pane.shown.planes, place)
    index = place.index if place.cut is None else stack.index_at(place.cut.origin_lps_mm)
    if not 0 <= index < stack.count:
        return False
    viewer.put_panes({number: pane_state.with_planes(pane, pane.shown.loaded, stack, index)})
    viewer.set_active(number)
    return True


def _stack_of(now: Planes, place: Place) -> Planes:
    """The planes that a place is one of: the very cut, or those of the grid."""
    cut = place.cut
    if cut is not None:
        through = cut.origin_lps_mm
        return ObliqueStack(
            now.volume, now.plane, cut.row_lps, cut.column_lps, through, now.slab, is_quick=True
        )
    if isinstance(now, ObliqueStack):
        return PlaneStack(now.volume, now.plane, now.slab, is_quick=True)
    return now
