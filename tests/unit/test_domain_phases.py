"""Frames that share a place, told apart by what their headers say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain import phases
from medvision_desktop.domain.phases import PhaseFrames, split


def labels(found: tuple[PhaseFrames, ...]) -> list[str]:
    return [one.label for one in found]


def test_frames_of_different_places_are_one_volume() -> None:
    assert split([0.0, 2.0, 4.0], [{phases.B_VALUE: 0.0}] * 3) == ()


def test_frames_that_nothing_tells_apart_are_not_split() -> None:
    assert split([0.0, 0.0, 2.0, 2.0], [{}] * 4) == ()
    assert split([0.0, 0.0, 2.0, 2.0], [{phases.ECHO: 1.0}] * 4) == ()


def test_b_values_are_told_apart_and_named_lowest_first() -> None:
    places = [0.0, 0.0, 0.0, 2.0, 2.0, 2.0]
    facts = [{phases.B_VALUE: b} for b in (1000.0, 0.0, 500.0, 1000.0, 0.0, 500.0)]
    found = split(places, facts)
    assert labels(found) == ["b = 0 s/mm²", "b = 500 s/mm²", "b = 1000 s/mm²"]
    assert [one.numbers for one in found] == [(1, 4), (2, 5), (0, 3)]
    assert all(one.time_ms is None for one in found)


def test_echoes_carry_their_echo_times() -> None:
    facts = [{phases.ECHO: n, phases.ECHO_TIME: 40.0 * n} for n in (1.0, 2.0)] * 2
    assert labels(split([0, 0, 3, 3], facts)) == ["Echo 1, TE 40 ms", "Echo 2, TE 80 ms"]


def test_times_are_counted_from_the_first_although_every_slice_has_its_own() -> None:
    # Two volumes of three slices, interleaved: every slice was taken at another moment.
    taken = {(0, 0): 0.0, (1, 0): 700.0, (2, 0): 300.0, (0, 1): 2000.0, (1, 1): 2700.0, (2, 1): 2300.0}
    places = [float(k) for k, _ in taken]
    found = split(places, [{phases.ACQUISITION: 5e6 + at} for at in taken.values()])
    assert [one.numbers for one in found] == [(0, 1, 2), (3, 4, 5)]
    assert labels(found) == ["t = 0.0 s", "t = 2.0 s"]
    assert [one.time_ms for one in found] == [0.0, 2000.0]


def test_a_temporal_position_wins_over_moments_and_takes_its_time_from_them() -> None:
    facts = [
        {phases.TEMPORAL: n, phases.ACQUISITION: 1e6 + 1500.0 * n + 10 * k}
        for k in range(2)
        for n in (1.0, 2.0)
    ]
    found = split([0, 0, 1, 1], facts)
    assert labels(found) == ["t = 0.0 s", "t = 1.5 s"]
    without = [{phases.TEMPORAL: n} for n in (1.0, 2.0)] * 2
    assert labels(split([0, 0, 1, 1], without)) == ["time 1", "time 2"]


def test_directions_are_counted_within_a_weighting() -> None:
    gradients = [(0.0, ""), (1000.0, "1 0 0"), (1000.0, "0 1 0"), (1000.0, "0 0 1")]
    facts = [{phases.B_VALUE: b, phases.DIRECTION: way} for b, way in gradients] * 2
    found = split([0.0] * 4 + [2.0] * 4, facts)
    assert labels(found) == [
        "b = 0 s/mm²",
        "b = 1000 s/mm², direction 1",
        "b = 1000 s/mm², direction 2",
        "b = 1000 s/mm², direction 3",
    ]


def test_what_is_repeated_alike_is_numbered() -> None:
    facts = [
        {phases.B_VALUE: b, phases.ACQUISITION: at} for b, at in ((0.0, 1.0), (0.0, 2.0), (800.0, 3.0))
    ] * 2
    found = split([0.0] * 3 + [2.0] * 3, facts)
    assert len(found) == 3
    assert len(set(labels(found))) == 3


def test_a_missing_slice_of_one_weighting_does_not_move_the_others() -> None:
    facts = [{phases.B_VALUE: b} for b in (0.0, 900.0, 0.0, 0.0, 900.0)]
    found = split([0, 0, 2, 4, 4], facts)
    assert [one.numbers for one in found] == [(0, 2, 3), (1, 4)]


def test_times_alone_are_not_trusted_where_a_slice_is_missing() -> None:
    assert split([0, 0, 2], [{phases.ACQUISITION: at} for at in (0.0, 10.0, 1.0)]) == ()


def test_a_dimension_of_an_enhanced_object_is_named_as_it_calls_itself() -> None:
    facts = [{phases.DIMENSION + "Contrast": n} for n in (1.0, 2.0)] * 2
    assert labels(split([0, 0, 1, 1], facts)) == ["Contrast 1", "Contrast 2"]


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [(0, "t = 0.0 s"), (40, "t = 40 ms"), (2000, "t = 2.0 s"), (300_000, "t = 5.0 min")],
)
def test_a_time_is_said_in_its_own_size(time_ms: float, text: str) -> None:
    assert phases.time_text(time_ms) == text


@given(st.integers(2, 5), st.integers(2, 6), st.randoms())
def test_every_frame_is_in_one_volume_whatever_the_order(volumes: int, slices: int, chance: object) -> None:
    frames = [(k, n) for k in range(slices) for n in range(volumes)]
    chance.shuffle(frames)  # type: ignore[attr-defined]
    facts = [{phases.TEMPORAL: float(n)} for _, n in frames]
    found = split([2.0 * k for k, _ in frames], facts)
    assert len(found) == volumes
    assert sorted(number for one in found for number in one.numbers) == list(range(len(frames)))
    for at, one in enumerate(found):
        assert {frames[number][1] for number in one.numbers} == {at}
        assert np.unique([frames[number][0] for number in one.numbers]).size == slices


def test_images_of_one_place_stay_one_film() -> None:
    assert split([3.0, 3.0, 3.0], [{phases.TRIGGER: 40.0 * n} for n in range(3)]) == ()
