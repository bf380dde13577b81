"""To an image that a report names: where its series is on screen at once, else once it is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from medvision_desktop.domain.document import ImageName
from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.measurement import Place
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.ui.viewmodels import mark_places
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.viewer import ViewerModel


def series_with(studies: tuple[StudyRef, ...], uid: str) -> tuple[StudyRef, SeriesRef] | None:
    """The first series of images that holds a SOP instance; None where no study has it."""
    for study in studies:
        for series in study.series:
            if not series.is_layer and any(one.sop_instance_uid == uid for one in series.instances):
                return study, series
    return None


class ImageJump(QObject):
    """`show_series(study key, series uid)` asks for a series as a click in the worklist does."""

    def __init__(self, viewer: ViewerModel, show_series: Callable[[str, str], object]) -> None:
        super().__init__()
        self._viewer, self._show_series = viewer, show_series
        self._awaited: Place | None = None
        self._index: int | None = None
        viewer.paneChanged.connect(self._on_pane)

    def go(self, studies: tuple[StudyRef, ...], image: ImageName) -> bool:
        """Show an image of these studies; False where none of them has it."""
        found = series_with(studies, image.uid)
        if found is None:
            return False
        study, series = found
        place = Place(study.key, series.uid, image.uid, image.frame)
        self._awaited = None
        if mark_places.go_to_image(self._viewer, place) or self._go_through_planes(place):
            return True
        self._awaited, self._index = place, None
        self._show_series(study.key, series.uid)
        return True

    def _on_pane(self, number: int) -> None:
        """More of a series is here. A reader who has scrolled since is left where they look."""
        place = self._awaited
        pane = self._viewer.panes[number]
        waits = number != self._viewer.active or pane.shown is None or pane.status is PaneStatus.PARTIAL
        if place is None or pane.shown is None or waits:
            return
        known = self._index in (None, pane.shown.index)
        if pane.series_key != (place.study_key, place.series_uid) or not known:
            self._awaited = None
            return
        self._index = pane.shown.index
        self._awaited = None  # going there tells of the pane again
        if not (mark_places.go_to_image(self._viewer, place) or self._go_through_planes(place)):
            self._awaited = place

    def _go_through_planes(self, place: Place) -> bool:
        """Where the series is on screen as planes of its volume: all of them to the image's middle."""
        for number in self._viewer.visible:
            pane = self._viewer.panes[number]
            if pane.series_key != (place.study_key, place.series_uid) or pane.plane is None:
                continue
            for _, frame in faces_of(pane.shown.loaded.stack.frames) if pane.shown is not None else ():
                here = (frame.sop_instance_uid, frame.frame_number)
                if here == (place.sop_instance_uid, place.frame_number) and frame.geometry is not None:
                    middle = (frame.rows - 1) / 2, (frame.columns - 1) / 2
                    self._viewer.set_point(frame.geometry.point_lps_mm(*middle))
                    return True
        return False
