"""The viewer model: reading off the event loop, linked panes, actions by id, attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication

from medvision_desktop.domain.display import VoiFunction, VoiWindow
from medvision_desktop.domain.geometry import EdgeLetters
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.errors import InputRefused
from medvision_desktop.pixels import pipeline
from medvision_desktop.ui.actions import ACTIONS
from medvision_desktop.ui.notify import Notifier, Toast
from medvision_desktop.ui.viewmodels import viewer_actions
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from tests.helpers import viewer_cases as cases


class Room:
    """A viewer over series in memory."""

    def __init__(self, *loaded: LoadedSeries) -> None:
        self.errors: list[BaseException] = []
        self.toasts: list[Toast] = []
        self.lanes = Lanes(self.errors.append)
        self.notifier = Notifier(self._crash_sheet)
        self.notifier.toasted.connect(self.toasts.append)
        self.shelf = cases.Shelf(*loaded)
        self.viewer = ViewerModel(cases.bench(), self.lanes, self.notifier, read=self.shelf)
        for number in range(4):
            self.viewer.set_size(number, 400, 300, 1.0)

    def _crash_sheet(self, error: BaseException) -> str:
        self.errors.append(error)
        return "sheet"

    def open(self, loaded: LoadedSeries, pane: int | None = None) -> None:
        self.viewer.open(loaded.study, loaded.series, pane=pane)
        assert self.lanes.drain()
        QCoreApplication.processEvents()


@pytest.fixture
def make(qapp: QCoreApplication) -> Iterator[Any]:
    rooms: list[Room] = []

    def build(*loaded: LoadedSeries) -> Room:
        rooms.append(Room(*loaded))
        return rooms[-1]

    yield build
    for room in rooms:
        room.lanes.close()


def indices(viewer: ViewerModel) -> list[int | None]:
    return [pane.shown.index if pane.shown else None for pane in viewer.panes]


def test_the_first_image_is_shown_while_the_rest_is_still_read(make: Any, qtbot: Any) -> None:
    scan = cases.scan()
    room = make(scan)
    room.shelf.hold("scan")
    arrived: list[int] = []
    room.viewer.loaded.connect(lambda pane, _: arrived.append(pane))
    room.viewer.open(scan.study, scan.series)
    qtbot.waitUntil(lambda: room.viewer.panes[0].status is PaneStatus.PARTIAL, timeout=3000)
    assert indices(room.viewer)[0] == 0
    assert not arrived
    view = room.viewer.view(0)
    assert any("Reading 9 images" in line.text for line in view.corner.bottom_left)
    room.shelf.release("scan")
    assert room.lanes.drain()
    assert room.viewer.panes[0].status is PaneStatus.SHOWN
    # The reader was looking at image 1; the rest coming in does not take it away.
    assert (indices(room.viewer)[0], arrived) == (0, [0])


def test_opening_another_series_stops_the_reading_of_the_one_before(make: Any, qtbot: Any) -> None:
    slow, quick = cases.scan("slow"), cases.scan("quick")
    room = make(slow, quick)
    room.shelf.hold("slow")
    room.viewer.open(slow.study, slow.series)
    qtbot.waitUntil(lambda: room.shelf.read == ["slow"], timeout=3000)
    room.open(quick)
    shown = room.viewer.panes[0].shown
    assert shown is not None
    assert shown.loaded is quick
    assert not room.errors


def test_a_series_seen_before_is_not_read_again(make: Any) -> None:
    one, two = cases.scan("one"), cases.scan("two")
    room = make(one, two)
    for loaded in (one, two, one):
        room.open(loaded)
    assert room.shelf.read == ["one", "two"]


def test_a_refused_series_says_what_why_and_what_now_in_its_pane(make: Any) -> None:
    scan = cases.scan()
    room = make(scan)
    room.shelf.errors["scan"] = InputRefused("It is torn.", "Half of it is missing.", "Copy it again.")
    room.open(scan)
    refusal = room.viewer.view(0).refusal
    assert refusal is not None
    assert (refusal.what, refusal.why, refusal.now) == (
        "It is torn.",
        "Half of it is missing.",
        "Copy it again.",
    )
    assert not room.errors


def test_a_fault_of_ours_goes_to_the_crash_sheet_and_the_viewer_lives_on(make: Any) -> None:
    scan, film = cases.scan(), cases.film()
    room = make(scan, film)
    room.shelf.errors["scan"] = ZeroDivisionError()
    room.open(scan)
    assert [type(error) for error in room.errors] == [ZeroDivisionError]
    room.open(film)
    assert room.viewer.panes[0].status is PaneStatus.SHOWN


def test_every_action_of_the_table_for_tools_views_slices_layouts_and_layers_is_known() -> None:
    ours = ("tool.", "view.", "slice.", "layout.", "layers.")
    wanted = {action.id for action in ACTIONS if action.id.startswith(ours)}
    assert wanted - viewer_actions.action_ids() == {"view.full_screen", "view.presets"}


def test_actions_that_need_an_image_say_no_without_one(make: Any) -> None:
    viewer = make().viewer
    for action in ("view.invert", "view.fit", "slice.next", "view.preset_1", "layers.attention"):
        assert not viewer.perform(action)
    assert not viewer.perform("report.sign")


def test_slices_step_page_and_end_and_stay_within_the_series(make: Any) -> None:
    scan = cases.scan(count=25)
    room = make(scan)
    room.open(scan)
    viewer, seen = room.viewer, []
    for action in ("first", "next", "next", "previous", "page_down", "last", "next", "page_up", "page_up"):
        assert viewer.perform(f"slice.{action}")
        seen.append(indices(viewer)[0])
    assert seen == [0, 1, 2, 1, 11, 24, 24, 14, 4]


def test_panes_of_one_film_are_windowed_together_until_unlinked(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    viewer = room.viewer
    viewer.perform("view.invert")
    assert [pane.display.invert for pane in viewer.panes[:2]] == [True, True]
    viewer.perform("view.link")
    viewer.perform("view.invert")
    assert [pane.display.invert for pane in viewer.panes[:2]] == [False, True]


def test_planes_share_window_and_polarity_but_not_zoom(make: Any) -> None:
    brain = cases.brain()
    room = make(brain)
    room.open(brain)
    viewer = room.viewer
    viewer.perform("view.invert")
    viewer.perform("view.one_to_one")
    assert [pane.display.invert for pane in viewer.panes[:3]] == [True] * 3
    assert [pane.display.zoom for pane in viewer.panes[:3]] == [1.0, None, None]


def test_a_point_takes_all_planes_through_it_and_a_scroll_moves_only_its_own(make: Any) -> None:
    brain = cases.brain()
    room = make(brain)
    room.open(brain)
    viewer = room.viewer
    viewer.set_point((3.0, 5.0, 7.0))
    sagittal = viewer.panes[2].shown
    assert sagittal is not None
    assert sagittal.frame.geometry is not None
    assert sagittal.frame.geometry.origin_lps_mm[0] == 3.0
    # The voxel under the crosshair of every plane is the voxel at that point.
    assert brain.volume is not None
    wanted = float(brain.volume.values_kji[7, 5, 3])
    for number in range(3):
        shown, crosshair = viewer.panes[number].shown, viewer.view(number).crosshair
        view = viewer.view(number).transform
        assert shown is not None
        assert crosshair is not None
        assert view is not None
        pixel = view.pixel_at(*crosshair.point)
        assert pixel is not None
        assert float(shown.frame.stored[pixel]) == wanted
    before = indices(viewer)
    viewer.perform("slice.next")
    after = indices(viewer)
    assert [a is not None and b is not None and b - a for a, b in zip(before, after, strict=True)][:3] == [
        1,
        0,
        0,
    ]


def test_the_lines_of_two_planes_cross_in_the_third_and_wear_their_planes(make: Any) -> None:
    brain = cases.brain()
    room = make(brain)
    room.open(brain)
    crosshair = room.viewer.view(0).crosshair
    assert crosshair is not None
    by_plane = {line.plane.value: line for line in crosshair.lines}
    assert set(by_plane) == {"coronal", "sagittal"}
    assert by_plane["sagittal"].start[0] == by_plane["sagittal"].end[0] == crosshair.point[0]
    assert by_plane["coronal"].start[1] == by_plane["coronal"].end[1] == crosshair.point[1]


def test_the_crosshair_comes_to_hand_with_the_planes_and_goes_with_them(make: Any) -> None:
    brain = cases.brain()
    room = make(brain)
    room.open(brain)
    assert room.viewer.tool is Tool.CROSSHAIR
    room.viewer.perform("layout.1x1")
    assert room.viewer.tool is Tool.WINDOW


def test_three_planes_of_a_film_are_refused_in_words(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    assert not room.viewer.perform("layout.mpr")
    assert [toast.text for toast in room.toasts] == ["Three planes need a volume."]
    assert room.viewer.layout.name == "1x2"


def test_attention_lies_over_the_right_pane_and_the_left_stays_as_it_was(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    viewer = room.viewer
    plain = viewer.view(0)
    viewer.show_attention("Pneumonia", cases.heat(film))
    assert [viewer.view(n).attention is not None for n in (0, 1)] == [False, True]
    assert viewer.view(0).corner == plain.corner
    assert any("AI overlay" in line.text for line in viewer.view(1).corner.bottom_right)


def test_c_and_o_take_the_map_away_and_bring_it_back(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    viewer = room.viewer
    viewer.show_attention("Pneumonia", cases.heat(film))

    def is_on() -> bool:
        return viewer.view(1).attention is not None

    seen = []
    for action in ("layers.attention", "layers.attention", "layers.toggle", "layers.toggle"):
        viewer.perform(action)
        seen.append(is_on())
    assert seen == [False, True, False, True]


def test_a_map_of_another_series_is_not_shown_here(make: Any) -> None:
    film, other = cases.film("film"), cases.film("other")
    room = make(film, other)
    room.open(film)
    room.viewer.show_attention("Pneumonia", cases.heat(other), series_uid="other")
    assert room.viewer.view(1).attention is None


def test_a_late_map_moves_nothing_else(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    viewer = room.viewer
    viewer.perform("view.flip_h")
    before = (viewer.layout, viewer.active, viewer.panes, viewer.tool)
    viewer.show_attention("Pneumonia", cases.heat(film))
    assert (viewer.layout, viewer.active, viewer.panes, viewer.tool) == before


def test_letters_follow_flips_and_turns(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    viewer = room.viewer
    assert viewer.view(0).letters == EdgeLetters(left="R", right="L", top="H", bottom="F")
    viewer.perform("view.flip_h")
    assert viewer.view(0).letters == EdgeLetters(left="L", right="R", top="H", bottom="F")
    viewer.perform("view.reset")
    viewer.perform("view.rotate_right")
    assert viewer.view(0).letters == EdgeLetters(left="F", right="H", top="R", bottom="L")


def test_a_film_without_spacing_has_no_ruler_and_says_so(make: Any) -> None:
    film, scan = cases.film(), cases.scan()
    room = make(film, scan)
    room.open(film)
    for number in range(4):
        room.viewer.set_size(number, 640, 480, 1.0)
    view = room.viewer.view(0)
    assert view.ruler is None
    assert view.corner.bottom_left[-1].text == "Pixel spacing not given: px"
    room.open(scan)
    ruler = room.viewer.view(0).ruler
    assert ruler is not None
    # 40 rows of 1 mm fill 480 px, so 1 mm is 12 px.
    assert ruler.length_px == pytest.approx(12 * float(ruler.text.removesuffix(" mm")))


def test_presets_window_and_the_first_goes_back_to_the_header(make: Any) -> None:
    scan = cases.scan()
    room = make(scan)
    room.open(scan)
    viewer = room.viewer
    assert viewer.perform("view.preset_2")
    voi = viewer.panes[0].display.voi
    assert isinstance(voi, VoiWindow)
    assert (voi.center, voi.width) == (40, 80)
    assert viewer.perform("view.preset_1")
    shown = viewer.panes[0].shown
    assert shown is not None
    assert shown.plan.voi == VoiWindow(50, 100)


def test_names_are_hidden_in_every_pane_when_masked(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    room.viewer.set_masked(True)
    for number in (0, 1):
        words = " ".join(line.text for line in room.viewer.view(number).corner.top_left)
        assert "Larsen" not in words
        assert "9RG1" not in words


def test_a_snapshot_is_the_whole_image_as_windowed_and_names_nobody(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    viewer = room.viewer
    viewer.perform("view.invert")
    viewer.show_attention("Pneumonia", cases.heat(film))
    taken = viewer.snapshot()
    assert taken is not None
    assert (taken.viewport.width, taken.viewport.height) == (800, 1000)
    assert taken.plan.inverted
    assert "Larsen" not in taken.caption + taken.overlay_caption
    assert "Pneumonia" in taken.overlay_caption
    # The picture is the one of the pipeline: the same plan at source resolution, inverted.
    plain = pipeline.render(taken.plan)
    assert plain[0, 0] > plain[0, -1]
    assert np.array_equal(taken.plan.frame.stored, film.stack.frames[0].stored)


def test_closing_a_study_empties_its_panes_and_forgets_its_pixels(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    room.viewer.close_study("study-1")
    assert [pane.status for pane in room.viewer.panes] == [PaneStatus.EMPTY] * len(room.viewer.panes)
    room.open(film)
    assert room.shelf.read == ["film", "film"]


def test_a_sigmoid_window_says_so_in_the_corner(make: Any) -> None:
    film = cases.film()
    room = make(film)
    room.open(film)
    viewer = room.viewer
    viewer_actions.apply_voi(viewer, VoiWindow(10500, 19000, VoiFunction.SIGMOID))
    words = [line.text for line in viewer.view(0).corner.bottom_right]
    assert "W 19000  L 10500  ·  sigmoid" in words
