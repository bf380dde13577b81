"""Places of rows by arithmetic are the places that adding up heights gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.ui.widgets.row_places import RowPlaces


@st.composite
def lists(draw: st.DrawFn) -> tuple[RowPlaces, list[int]]:
    """Places, and the height of every row written out one by one from the design's measures."""
    studies = draw(st.integers(0, 30))
    if draw(st.booleans()):
        return RowPlaces(studies, rail=True), [56] * studies
    if not studies or draw(st.booleans()):
        return RowPlaces(studies), [79] * studies
    expanded, series = draw(st.integers(0, studies - 1)), draw(st.integers(1, 6))
    heights = [79] * (expanded + 1) + [44] * (series - 1) + [49] + [79] * (studies - expanded - 1)
    return RowPlaces(len(heights), expanded, series), heights


@given(lists())
def test_places_add_up(case: tuple[RowPlaces, list[int]]) -> None:
    places, heights = case
    assert [places.height(row) for row in range(places.count)] == heights
    assert [places.top(row) for row in range(places.count + 1)] == [
        sum(heights[:row]) for row in range(len(heights) + 1)
    ]
    assert places.total == sum(heights)


@given(lists(), st.integers(-50, 3000))
def test_the_row_at_a_line_is_the_one_that_covers_it(case: tuple[RowPlaces, list[int]], y: int) -> None:
    places, heights = case
    row = places.at(y)
    if 0 <= y < sum(heights):
        assert places.top(row) <= y < places.top(row) + heights[row]
    else:
        assert row == -1
