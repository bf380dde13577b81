"""Edges around letters, compared with the distance of every pixel to the nearest ink."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from medvision_desktop.pixels import lettering

ROSE = (200, 100, 50)


def parts(words: NDArray[np.uint32]) -> tuple[NDArray[np.int64], ...]:
    """Opacity, red, green and blue."""
    return tuple((words >> shift & 0xFF).astype(np.int64) for shift in (24, 16, 8, 0))


@pytest.mark.parametrize("reach", [1.0, 2.0, 3.0, 6.0])
def test_an_edge_lies_where_ink_is_within_reach(reach: float) -> None:
    ink = np.zeros((40, 60), np.uint8)
    ink[15:25, 20:22] = ink[12, 30:45] = 255
    opacity, *colour = parts(lettering.edged(ink, ROSE, [(reach, 0.5)]))
    away = ndimage.distance_transform_edt(ink == 0)
    near = (away > 0) & (away <= reach + 0.3)
    assert np.all(opacity[ink == 255] == 255)
    assert np.all(np.abs(opacity[near] - 127.5) <= 1)
    assert np.all(opacity[away > reach + 0.3] == 0)
    for level, found in zip(ROSE, colour, strict=True):
        assert np.all(found[ink == 255] == level)
        assert np.all(found[ink == 0] == 0)  # edges are black


def test_rings_add_up_and_a_reach_between_pixels_fades() -> None:
    ink = np.zeros((21, 21), np.uint8)
    ink[10, 10] = 255
    opacity, *_ = parts(lettering.edged(ink, ROSE, [(3.0, 0.4), (1.5, 0.75)]))
    line = opacity[10, 10:15] / 255
    one, half = 1 - 0.6 * 0.25, 1 - 0.6 * (1 - 0.75 / 2)
    assert line == pytest.approx([1.0, one, half, 0.4, 0.0], abs=0.003)


def test_half_covered_pixels_mix_letter_and_edge() -> None:
    ink = np.full((9, 9), 128, np.uint8)
    opacity, red, green, blue = parts(lettering.edged(ink, ROSE, [(1.0, 1.0)]))
    cover = 128 / 255
    assert opacity[4, 4] == pytest.approx(255 * (1 - (1 - cover) ** 2), abs=1)
    assert [red[4, 4], green[4, 4], blue[4, 4]] == pytest.approx([cover * level for level in ROSE], abs=1)
    assert np.all(np.maximum(np.maximum(red, green), blue) <= opacity)  # premultiplied
