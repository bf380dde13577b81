"""A shelf of frames: what is near to the reader comes first and goes last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.frame_shelf import FrameShelf, faces_of, without_pixels
from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused


def frame(number: int) -> Frame:
    return Frame(np.full((2, 3), number, np.uint16), frame_number=number + 1)


def claimed(shelf: FrameShelf) -> list[int]:
    found = []
    while (index := shelf.claim()) is not None:
        found.append(index)
    return found


@given(st.integers(1, 60).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, count - 1))))
def test_frames_are_given_out_by_their_distance_from_the_reader(case: tuple[int, int]) -> None:
    count, wanted = case
    shelf = FrameShelf(count)
    shelf.want(wanted)
    order = claimed(shelf)
    assert sorted(order) == list(range(count))
    distances = [abs(index - wanted) for index in order]
    assert distances == sorted(distances)


@given(st.lists(st.integers(0, 39), min_size=1, max_size=30), st.integers(1, 12))
def test_a_shelf_never_holds_more_than_it_may_and_always_what_the_reader_looks_at(
    looks: list[int], most: int
) -> None:
    shelf = FrameShelf(40, most=most)
    for look in looks:
        shelf.want(look)
        while (index := shelf.claim()) is not None:
            shelf.put(index, frame(index))
        held = [at for at, one in enumerate(shelf.outcomes()) if one is not None]
        assert len(held) <= most
        assert look in held
        assert max(held) - min(held) < most


def test_where_the_reader_goes_decides_what_is_next() -> None:
    shelf = FrameShelf(100)
    assert [shelf.claim() for _ in range(3)] == [0, 1, 2]
    shelf.want(50)
    assert [shelf.claim() for _ in range(3)] == [50, 51, 49]
    shelf.want(1)
    assert shelf.claim() == 3


def test_what_was_let_go_is_still_known_by_its_header() -> None:
    shelf = FrameShelf(5, most=2)
    for at in range(3):
        shelf.put(at, frame(at))
    assert shelf.at(2) is None  # the reader looks at the first one
    assert [number for number, _ in faces_of(shelf)] == [0, 1, 2]
    bare = dict(faces_of(shelf))[2]
    assert bare.frame_number == 3
    assert bare.stored.shape == (2, 3)
    assert bare.stored.base is not None
    assert bare.stored.strides == (0, 0)


def test_a_place_that_cannot_be_read_says_why() -> None:
    shelf = FrameShelf(2)
    shelf.put(1, InputRefused("The file cannot be read."))
    with pytest.raises(InputRefused, match="cannot be read"):
        shelf[1]
    with pytest.raises(InputRefused, match="not been read yet"):
        shelf[0]
    with pytest.raises(IndexError):
        shelf[2]


def test_a_claim_that_is_given_back_is_given_out_again() -> None:
    shelf = FrameShelf(3)
    assert claimed(shelf) == [0, 1, 2]
    shelf.give_back(1)
    assert claimed(shelf) == [1]


def test_the_header_of_a_frame_takes_no_memory() -> None:
    bare = without_pixels(Frame(np.zeros((500, 500), np.int16), units="HU"))
    assert bare.units == "HU"
    assert bare.stored.base is not None
    assert bare.stored.base.nbytes == 2
