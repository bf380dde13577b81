"""Histograms and percentiles without padding, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest

from medvision_desktop.domain.image import Frame, Photometric, Rescale
from medvision_desktop.pixels import histogram

RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.float32])
def test_percentiles_of_a_series_are_numpys_of_all_its_values(dtype: type[np.generic]) -> None:
    shapes = [(20, 30), (7, 11)]
    frames = [
        Frame((RANDOM.normal(size=shape) * 30 + 60).astype(dtype), modality=Rescale(-1.5, 4.0))
        for shape in shapes
    ]
    values = np.concatenate([frame.stored.astype(float).ravel() * -1.5 + 4.0 for frame in frames])
    assert histogram.series_range(frames) == pytest.approx(tuple(np.percentile(values, (0.5, 99.5))))


def test_padding_is_left_out_of_percentiles() -> None:
    stored = np.asarray([[-2000] * 100 + list(range(101))], np.int16)
    frame = Frame(stored, padding=(-2000, -2000))
    assert histogram.series_range([frame], (0, 100)) == (0, 100)


def test_what_is_not_a_number_is_left_out_of_percentiles() -> None:
    frame = Frame(np.asarray([[np.nan, 1.0, 2.0, np.inf]], np.float32))
    assert histogram.series_range([frame], (0, 100)) == (1, 2)


def test_colour_or_nothing_but_padding_has_no_percentiles() -> None:
    assert histogram.series_range([Frame(np.zeros((2, 2, 3), np.uint8), Photometric.RGB)]) is None
    assert histogram.series_range([Frame(np.zeros((2, 2), np.uint16), padding=(0, 0))]) is None
    assert histogram.series_range([]) is None


def test_one_pixel_is_all_its_percentiles() -> None:
    assert histogram.series_range([Frame(np.asarray([[9]], np.uint16))]) == (9, 9)


def test_a_histogram_counts_every_value_once() -> None:
    values = RANDOM.integers(-1000, 3000, 5000).astype(np.int16)
    found = histogram.of(values)
    assert found.counts.sum() == 5000
    assert len(found.edges) == len(found.counts) + 1
    assert found.edges[0] <= values.min()
    assert found.edges[-1] >= values.max()


def test_bins_of_integers_hold_the_same_number_of_grey_levels() -> None:
    every_level_once = np.arange(1000, dtype=np.int16)
    counts = histogram.of(every_level_once).counts
    assert set(counts[:-1].tolist()) == {4}
    assert counts.sum() == 1000


def test_a_histogram_of_one_value_or_of_none_is_still_drawable() -> None:
    assert histogram.of(np.full(5, 3.0)).counts.sum() == 5
    assert histogram.of(np.full(5, np.nan)).counts.sum() == 0


def test_the_histogram_of_a_frame_is_of_its_modality_values_without_padding() -> None:
    frame = Frame(np.asarray([[0, 10, 20]], np.uint16), modality=Rescale(2.0, -1.0), padding=(0, 0))
    found = histogram.of_frame(frame)
    assert found.counts.sum() == 2
    assert found.edges[0] <= 19 <= found.edges[1]
