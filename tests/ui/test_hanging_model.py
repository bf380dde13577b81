"""Hanging a study by protocol: stages, priors, and the reader's own arrangement, which wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.hanging import HangingRule, PaneRule, StageRule
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import Patient
from medvision_desktop.ui.notify import Notifier, Toast
from medvision_desktop.ui.viewmodels import links, viewer_actions
from medvision_desktop.ui.viewmodels.hanging import HangingModel
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from tests.helpers import viewer_cases as cases

JOHN = Patient("Doe^John", "17", "1950-01-01", "M")


def dated(loaded: LoadedSeries, key: str, day: str, patient: Patient = cases.INGRID) -> LoadedSeries:
    """A series as the only one of a study of its own."""
    study = replace(loaded.study, key=key, date=day, patient=patient)
    return replace(loaded, study=study)


class Room:
    """A viewer and its hanging over series in memory."""

    def __init__(self, *loaded: LoadedSeries) -> None:
        self.errors: list[BaseException] = []
        self.toasts: list[Toast] = []
        self.lanes = Lanes(self.errors.append)
        notifier = Notifier(self._crash_sheet)
        notifier.toasted.connect(self.toasts.append)
        self.viewer = ViewerModel(cases.bench(), self.lanes, notifier, read=cases.Shelf(*loaded))
        for number in range(len(self.viewer.panes)):
            self.viewer.set_size(number, 400, 300, 1.0)
        self.hanging = HangingModel(self.viewer, lambda: [one.study for one in loaded], notifier)

    def _crash_sheet(self, error: BaseException) -> str:
        self.errors.append(error)
        return "sheet"

    def settle(self) -> None:
        assert self.lanes.drain()
        QCoreApplication.processEvents()

    def open(self, loaded: LoadedSeries) -> None:
        self.hanging.open(loaded.study, loaded.series)
        self.settle()

    @property
    def shown(self) -> list[str]:
        return [
            pane.series.uid if pane.series else ""
            for pane in (self.viewer.panes[n] for n in self.viewer.visible)
        ]


@pytest.fixture
def make(qapp: QCoreApplication) -> Iterator[Any]:
    rooms: list[Room] = []

    def build(*loaded: LoadedSeries) -> Room:
        rooms.append(Room(*loaded))
        return rooms[-1]

    yield build
    for room in rooms:
        room.lanes.close()
        assert room.errors == []


def two_scans(**second: Any) -> tuple[LoadedSeries, LoadedSeries]:
    now = dated(cases.scan("now"), "study-now", "2004-08-26")
    old = dated(cases.scan("old", **second), "study-old", "2002-05-19")
    return now, old


def test_a_scan_with_a_prior_hangs_beside_it_and_its_pane_says_when_it_was(make: Any) -> None:
    now, old = two_scans()
    room = make(now, old)
    room.open(now)
    assert (room.viewer.layout.name, room.shown, room.viewer.active) == ("1x2", ["now", "old"], 0)
    texts = [line.text for line in room.viewer.view(1).corner.top_left]
    assert "Prior 19 May 2002, 2 y 3 mo before" in texts
    assert not any("Prior" in line.text for line in room.viewer.view(0).corner.top_left)
    assert [room.viewer.view(pane).band for pane in (0, 1)] == [0, 0]


def test_scans_of_one_frame_of_reference_scroll_together_by_position(make: Any) -> None:
    now, old = two_scans(count=5)
    room = make(now, old)
    room.open(now)
    room.viewer.set_index(0, 3)
    assert [room.viewer.panes[pane].shown.index for pane in (0, 1)] == [3, 3]


def test_without_a_common_frame_the_reader_is_told_and_lays_them_beside_each_other(make: Any) -> None:
    now, old = two_scans()
    frames = tuple(
        replace(frame, geometry=replace(frame.geometry, frame_of_reference="other"))
        for frame in old.stack.frames
    )
    old = replace(old, stack=replace(old.stack, frames=frames))
    room = make(now, old)
    room.open(now)
    assert [toast.text for toast in room.toasts] == ["Scrolling is not linked"]
    room.viewer.set_index(0, 3)
    assert [room.viewer.panes[pane].shown.index for pane in (0, 1)] == [3, 0]
    assert room.toasts[0].action is not None
    room.toasts[0].action()
    room.viewer.set_index(0, 5)
    assert [room.viewer.panes[pane].shown.index for pane in (0, 1)] == [5, 2]


def test_the_next_stage_keeps_the_image_and_the_window_of_the_series(make: Any) -> None:
    now, old = two_scans()
    room = make(now, old)
    room.open(now)
    viewer_actions.perform(room.viewer, "view.preset_6")
    room.viewer.set_index(0, 4)
    before = room.viewer.panes[0].display.voi
    assert room.hanging.step(1)
    assert (room.viewer.layout.name, room.shown) == ("1x1", ["now"])
    assert room.viewer.panes[0].shown.index == 4
    assert room.viewer.panes[0].display.voi == before
    assert room.hanging.step(-1)
    assert room.shown == ["now", "old"]


def test_another_patient_is_never_a_prior_and_never_linked_unasked(make: Any) -> None:
    now = dated(cases.scan("now"), "study-now", "2004-08-26")
    john = dated(cases.scan("john"), "study-john", "2002-05-19", JOHN)
    room = make(now, john)
    room.open(now)
    assert room.viewer.layout.name == "1x1"
    room.viewer.set_layout("1x2")
    room.viewer.open(john.study, john.series, pane=1)
    room.settle()
    assert [room.viewer.view(pane).band for pane in (0, 1)] == [1, 2]
    room.viewer.set_active(0)
    before = room.viewer.panes[1]
    viewer_actions.perform(room.viewer, "view.preset_6")
    room.viewer.set_index(0, 5)
    assert room.viewer.panes[1] is before
    assert not links.same_space(room.viewer.panes[0], room.viewer.panes[1])
    room.viewer.lay_beside()
    assert room.toasts[-1].text == "Two patients scroll together"


def test_the_readers_own_arrangement_wins(make: Any) -> None:
    now, old = two_scans()
    other = dated(cases.scan("other"), "study-other", "2004-01-01", JOHN)
    room = make(now, old, other)
    room.open(other)
    room.viewer.set_layout("2x2")
    room.viewer.set_active(2)
    room.open(now)
    assert room.viewer.layout.name == "2x2"
    assert room.viewer.panes[2].series == now.series
    room.hanging.hang_beside(now.study, old.study)
    room.settle()
    assert room.viewer.layout.name == "2x2"
    assert sorted(room.shown) == ["", "now", "old", "other"]


def test_another_series_of_the_study_on_screen_does_not_chase_the_prior_away(make: Any) -> None:
    film = cases.film("pa")
    now = dated(film, "study-now", "2004-08-26")
    old = dated(cases.film("old"), "study-old", "2002-05-19")
    lateral = replace(cases.film("lateral"), study=now.study)
    room = make(now, old, lateral)
    room.open(now)
    assert room.shown == ["pa", "old"]
    room.open(lateral)
    assert room.shown == ["lateral", "old"]


def test_a_stage_gives_each_pane_its_window_and_its_plane(make: Any) -> None:
    brain = cases.brain()
    wishes = (PaneRule(preset="2–98 %"), PaneRule(plane=Plane.CORONAL, preset="All values"))
    room = make(brain)
    room.hanging.rules = (HangingRule("all", (StageRule("both", "1x2", wishes),)),)
    room.open(brain)
    left, right = room.viewer.panes[:2]
    assert (left.plane, right.plane) == (None, Plane.CORONAL)
    assert [pane.display.voi.explanation for pane in (left, right)] == ["2–98 %", "All values"]
    viewer_actions.perform(room.viewer, "view.preset_5")
    assert room.viewer.panes[1].display.voi == right.display.voi


def test_a_volume_hangs_in_three_planes_and_comes_back_as_one_stack(make: Any) -> None:
    brain = cases.brain()
    room = make(brain)
    room.open(brain)
    planes = [pane.plane for pane in room.viewer.panes[:3]]
    assert planes == [Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL]
    assert room.hanging.step(1)
    assert room.viewer.layout.name == "1x1"
    assert room.viewer.panes[0].plane is None
    assert room.hanging.step(1)
    assert [pane.plane for pane in room.viewer.panes[:3]] == planes
