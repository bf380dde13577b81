"""Which series stands on which pane: hanging, companions, planes, closing."""

from __future__ import annotations

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.ui.viewmodels import arrangement, linking, links
from medvision_desktop.ui.viewmodels.arrangement import Arrangement
from medvision_desktop.ui.viewmodels.awaited import Refusal
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.series_cache import key_of
from tests.helpers import viewer_cases as cases


def opened(now: Arrangement, loaded: LoadedSeries, pane: int | None = None) -> Arrangement:
    now = arrangement.opened(now, loaded.study, loaded.series, pane)
    key = key_of(loaded.study.key, loaded.series.uid)
    return arrangement.arrived(now, key, loaded, complete=True)


def on(now: Arrangement) -> list[str]:
    return [pane.series.uid if pane.series else "" for pane in now.panes[: len(now.layout.cells)]]


def test_a_chest_film_hangs_twice_plain_and_for_its_layers() -> None:
    now = opened(Arrangement(), cases.film())
    assert (now.layout.name, on(now), now.active) == ("1x2", ["film", "film"], 0)
    assert [linking.layer_pane(now, n) for n in (0, 1)] == [False, True]
    assert now.panes[1].companion


def test_a_stack_hangs_alone_and_a_volume_file_in_its_three_planes() -> None:
    assert opened(Arrangement(), cases.scan()).layout.name == "1x1"
    now = opened(Arrangement(), cases.brain())
    assert now.layout.name == "mpr"
    assert [pane.plane for pane in now.panes[:4]] == [Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL, None]


def test_one_pane_alone_carries_the_layers_itself() -> None:
    now = arrangement.chosen(opened(Arrangement(), cases.film()), "1x1")
    assert isinstance(now, Arrangement)
    assert linking.layer_pane(now, 0)


def test_a_second_film_replaces_both_panes_of_the_first() -> None:
    now = opened(opened(Arrangement(), cases.film("a")), cases.film("b"))
    assert on(now) == ["b", "b"]


def test_a_series_dropped_on_a_pane_leaves_the_others_alone() -> None:
    now = opened(opened(Arrangement(), cases.film("a")), cases.film("b"), pane=1)
    assert (on(now), now.active) == (["a", "b"], 1)
    assert not now.panes[1].companion


def test_panes_the_reader_arranged_are_kept_when_another_kind_is_opened() -> None:
    now = arrangement.chosen(opened(Arrangement(), cases.scan()), "2x2")
    assert isinstance(now, Arrangement)
    now = opened(arrangement.activated(now, 2), cases.film())
    assert now.layout.name == "2x2"
    assert on(now) == ["scan", "", "film", ""]


def test_the_layout_the_reader_chose_for_a_kind_is_used_for_the_next_of_that_kind() -> None:
    now = arrangement.chosen(opened(Arrangement(), cases.film("a")), "1x1")
    assert isinstance(now, Arrangement)
    now = opened(now, cases.brain())
    assert now.layout.name == "mpr"
    now = opened(now, cases.film("b"))
    assert (now.layout.name, on(now)) == ("1x1", ["b"])


def test_three_planes_meet_in_the_slice_that_was_on_screen() -> None:
    loaded = cases.brain()
    now = arrangement.chosen(opened(Arrangement(), loaded), "1x1")
    assert isinstance(now, Arrangement)
    now = links.indexed(now, 0, 7, links.Links())
    now = arrangement.chosen(now, "mpr")
    assert isinstance(now, Arrangement)
    axial = now.panes[0].shown
    assert axial is not None
    assert axial.frame.geometry is not None
    assert axial.frame.geometry.position_mm == 7.0


def test_leaving_the_planes_gives_the_stack_back_near_the_point() -> None:
    now = opened(Arrangement(), cases.brain())
    now = arrangement.at_point(now, (3.0, 4.0, 21.0))
    now = arrangement.chosen(now, "1x1")
    assert isinstance(now, Arrangement)
    shown = now.panes[0].shown
    assert shown is not None
    assert (shown.plane, shown.index) == (None, 21)


def test_a_stack_without_a_volume_says_why_it_has_no_planes() -> None:
    loaded = cases.scan()
    uneven = LoadedSeries(loaded.study, loaded.series, loaded.stack, None, "Slice spacing varies.")
    now = opened(Arrangement(), uneven)
    assert str(arrangement.chosen(now, "mpr")).startswith("Slice spacing varies.")


def test_a_volume_file_that_is_no_volume_opens_as_the_stack_it_is() -> None:
    whole = cases.brain()
    flat = LoadedSeries(whole.study, whole.series, whole.stack, None, "It has a time axis.")
    now = opened(Arrangement(), flat)
    assert (now.layout.name, on(now)) == ("1x1", ["brain"])
    assert now.panes[1].status is PaneStatus.EMPTY


def test_what_arrives_for_a_pane_that_moved_on_is_dropped() -> None:
    first, second = cases.scan("first"), cases.scan("second")
    now = arrangement.opened(Arrangement(), first.study, first.series, None)
    now = arrangement.opened(now, second.study, second.series, None)
    assert arrangement.arrived(now, key_of(first.study.key, "first"), first, complete=True) is now
    assert now.wanted() == {key_of(second.study.key, "second")}


def test_a_refused_series_says_so_on_every_pane_that_waited_for_it() -> None:
    loaded = cases.film()
    now = arrangement.opened(Arrangement(), loaded.study, loaded.series, None)
    now = arrangement.failed(now, key_of("study-1", "film"), Refusal("It is torn."))
    assert [pane.status for pane in now.panes[:2]] == [PaneStatus.REFUSED, PaneStatus.REFUSED]


def test_two_patients_on_screen_get_a_band_each_and_one_patient_none() -> None:
    now = opened(Arrangement(), cases.film())
    assert [linking.band(now, n) for n in (0, 1)] == [0, 0]
    now = opened(now, cases.brain(), pane=1)
    assert [linking.band(now, n) for n in (0, 1)] == [1, 2]


def test_closing_the_only_study_leaves_one_empty_pane() -> None:
    now = arrangement.closed(opened(Arrangement(), cases.film()), "study-1")
    assert (now.layout.name, now.panes[0].status) == ("1x1", PaneStatus.EMPTY)
