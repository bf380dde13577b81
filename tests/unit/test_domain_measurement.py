"""Measurements against closed forms: anisotropic pixels, units and where they come from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medvision_desktop.domain.geometry import PixelSpacing, SpacingSource
from medvision_desktop.domain.image import Frame, Photometric, Rescale
from medvision_desktop.domain.measurement import (
    Measurement,
    MeasurementKind,
    Place,
    Ruler,
    angle_deg,
    area,
    cardiothoracic_ratio,
    cobb_deg,
    distance,
    ruler_of,
    shape_lines,
)
from medvision_desktop.pixels import region

K = MeasurementKind
WIDE = Ruler(down=2.0, right=0.5, unit="mm")
SQUARE = Ruler(1.0, 1.0, "px")


def frame(spacing: PixelSpacing | None = None, **more: object) -> Frame:
    stored = np.arange(20 * 30, dtype=np.int16).reshape(20, 30)
    return Frame(stored, signed=True, spacing=spacing, **more)  # type: ignore[arg-type]


def test_a_length_counts_rows_and_columns_by_their_own_spacing() -> None:
    # 3 rows of 2 mm and 16 columns of 0.5 mm: 6 by 8 by 10.
    assert distance(WIDE, (1, 1), (4, 17)) == pytest.approx(10)


def test_an_angle_is_that_of_millimetres_and_not_of_pixels() -> None:
    # Arms along the row and down the diagonal of 1 row by 4 columns, which is square in mm.
    assert angle_deg(WIDE, (0, 8), (0, 0), (1, 4)) == pytest.approx(45)
    assert angle_deg(SQUARE, (0, 8), (0, 0), (4, 0)) == pytest.approx(90)
    assert angle_deg(SQUARE, (0, 8), (0, 0), (0, -3)) == pytest.approx(180)
    assert angle_deg(SQUARE, (0, 0), (0, 0), (0, -3)) == 0


@pytest.mark.parametrize("turned", [False, True])
def test_a_cobb_angle_does_not_depend_on_the_side_a_line_was_drawn_from(turned: bool) -> None:
    upper = ((0.0, 0.0), (-math.tan(math.radians(25)) * 10, 10.0))
    lower = ((30.0, 0.0), (30 + math.tan(math.radians(15)) * 10, 10.0))
    points = (*upper, *(reversed(lower) if turned else lower))
    assert cobb_deg(SQUARE, points) == pytest.approx(40)


def test_a_curve_of_more_than_ninety_degrees_is_measured() -> None:
    steep = math.tan(math.radians(50)) * 10
    assert cobb_deg(SQUARE, ((0, 0), (-steep, 10), (30, 0), (30 + steep, 10))) == pytest.approx(100)


def test_areas_are_sides_ellipse_and_shoelace_in_millimetres() -> None:
    corners = ((2.0, 4.0), (6.0, 12.0))
    assert area(WIDE, K.RECTANGLE, corners) == pytest.approx(4 * 2 * 8 * 0.5)
    assert area(WIDE, K.ELLIPSE, corners) == pytest.approx(math.pi * 4 * 2)
    triangle = ((0.0, 0.0), (0.0, 6.0), (4.0, 0.0))
    assert area(WIDE, K.POLYGON, triangle) == pytest.approx(0.5 * 8 * 3)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=3, max_size=9),
    st.floats(-20, 20),
    st.floats(-20, 20),
)
def test_an_area_stays_when_the_region_is_shifted(
    points: list[tuple[float, float]], rows: float, columns: float
) -> None:
    there = [(row + rows, column + columns) for row, column in points]
    assert area(WIDE, K.POLYGON, there) == pytest.approx(area(WIDE, K.POLYGON, points), abs=1e-6)


def test_the_cardiothoracic_ratio_is_heart_by_chest_and_nothing_without_a_chest() -> None:
    assert cardiothoracic_ratio(WIDE, ((5, 10), (5, 22), (9, 2), (9, 26))) == pytest.approx(0.5)
    assert cardiothoracic_ratio(WIDE, ((5, 10), (5, 22), (9, 2), (9, 2))) is None


@pytest.mark.parametrize(
    ("spacing", "text"),
    [
        (PixelSpacing(0.5, 0.5, SpacingSource.PATIENT), "5.0 mm"),
        (PixelSpacing(0.5, 0.5, SpacingSource.DETECTOR), "5.0 mm (detector)"),
        (PixelSpacing(0.5, 0.5, SpacingSource.ERMF), "5.0 mm (ERMF-corrected)"),
        (None, "10 px"),
    ],
)
def test_a_length_says_where_its_unit_comes_from(spacing: PixelSpacing | None, text: str) -> None:
    assert shape_lines(frame(spacing), K.LENGTH, ((2, 3), (8, 11))) == (text,)


def test_a_region_says_its_area_in_squares_and_a_ratio_its_two_widths() -> None:
    film = frame(PixelSpacing(0.5, 0.5, SpacingSource.DETECTOR))
    assert shape_lines(film, K.RECTANGLE, ((0, 0), (4, 8))) == ("Area 8.0 mm² (detector)",)
    assert shape_lines(frame(), K.ELLIPSE, ((0, 0), (20, 20))) == ("Area 314 px²",)
    lines = shape_lines(film, K.CARDIOTHORACIC, ((5, 8), (5, 18), (9, 2), (9, 22)))
    assert lines == ("CTR 0.50", "5.0 mm of 10.0 mm (detector)")


def test_pixels_that_are_not_square_have_their_aspect_without_a_spacing() -> None:
    assert distance(ruler_of(frame(pixel_aspect=2.0)), (0, 0), (3, 8)) == pytest.approx(10)


def test_statistics_are_those_of_the_pixels_whose_centres_are_inside() -> None:
    image = frame(modality=Rescale(2.0, -100.0), units="HU")
    found = region.statistics(image, K.RECTANGLE, ((1.5, 2.2), (3.9, 5.0)))
    wanted = [2 * (30 * row + column) - 100 for row in (2, 3) for column in (3, 4, 5)]
    assert found is not None
    assert (found.mean, found.sd) == pytest.approx((np.mean(wanted), np.std(wanted)))
    assert (found.minimum, found.maximum, found.count) == (min(wanted), max(wanted), 6)
    assert region.statistics_lines(found)[0].startswith("Mean 58.0 HU  SD ")


def test_an_ellipse_and_a_polygon_hold_the_pixels_that_arithmetic_says() -> None:
    image = frame()
    inside = [
        30 * row + column
        for row in range(20)
        for column in range(30)
        if ((row - 10) / 6) ** 2 + ((column - 15) / 9) ** 2 <= 1
    ]
    values = region.values(image, K.ELLIPSE, ((4, 6), (16, 24)))
    assert sorted(values) == inside
    # Below the diagonal of a square, away from its edges.
    half = region.values(image, K.POLYGON, ((0.5, 0.6), (10.5, 10.6), (10.5, 0.6)))
    assert sorted(half) == [30 * r + c for r in range(1, 11) for c in range(1, r + 1)]


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.floats(-5, 25, width=32), st.floats(-5, 35, width=32)), min_size=3, max_size=40
    ).map(lambda points: tuple((row + 0.013, column + 0.017) for row, column in points))
)
def test_a_polygon_of_any_outline_holds_the_pixels_that_a_ray_from_each_says(
    points: tuple[tuple[float, float], ...],
) -> None:
    def is_inside(row: int, column: int) -> bool:
        odd = False
        for (r0, c0), (r1, c1) in zip(points, (*points[1:], points[0]), strict=True):
            if (r0 <= row) != (r1 <= row):
                odd ^= column <= c0 + (row - r0) * (c1 - c0) / (r1 - r0)
        return odd

    wanted = [30 * row + column for row in range(20) for column in range(30) if is_inside(row, column)]
    assert sorted(region.values(frame(), K.POLYGON, points)) == wanted


def test_padding_colour_and_what_lies_outside_the_image_are_not_counted() -> None:
    image = frame(padding=(0.0, 40.0))
    assert region.values(image, K.RECTANGLE, ((0, 0), (1, 29))).min() == 41
    assert region.statistics(image, K.RECTANGLE, ((-9, -9), (-2, -2))) is None
    colour = Frame(np.zeros((4, 4, 3), np.uint8), Photometric.RGB)
    assert region.statistics(colour, K.RECTANGLE, ((0, 0), (3, 3))) is None


def test_a_window_from_a_region_spans_its_values() -> None:
    window = region.window_of(frame(), ((0, 0), (19, 29)))
    assert window is not None
    low, high = np.percentile(np.arange(600), (1, 99))
    assert (window.center, window.width) == pytest.approx(((low + high) / 2, high - low))


def test_a_measurement_that_exists_has_the_points_of_its_kind() -> None:
    place = Place("study", "series")
    with pytest.raises(ValueError, match="length with 3 points"):
        Measurement("1", K.LENGTH, ((0, 0),) * 3, place)
    with pytest.raises(ValueError, match="finite"):
        Measurement("1", K.LENGTH, ((0, 0), (math.inf, 0)), place)
    moved = Measurement("1", K.LENGTH, ((0, 0), (1, 1)), place).moved(1, (5, 6)).shifted(1, 2)
    assert moved.points == ((1, 2), (6, 8))
