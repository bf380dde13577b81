"""Parametric maps: written by highdicom, read by us, compared with plain arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_parametric
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.settings import Settings
from tests.helpers.layer_files import mapping, parametric_map, saved, source_images


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings())
    yield made
    made.close()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_the_quantity_itself(tmp_path: Path, decoder: Decoder, dtype: type) -> None:
    values = np.random.default_rng(0).normal(1.5, 0.5, (5, 12, 10)).astype(dtype)
    written = parametric_map(source_images(), values, [mapping(last=1e6, first=-1e6)])
    found = dicom_parametric.load(saved(written, tmp_path / "p.dcm"), decoder)
    assert len(found) == 1
    assert np.allclose(found[0].values_kji, values, rtol=1e-6)
    assert found[0].units == "mm2/s"
    assert found[0].title == "ADC"
    low, high = found[0].shown
    assert low == pytest.approx(np.percentile(values, 0.5), rel=1e-4)
    assert high == pytest.approx(np.percentile(values, 99.5), rel=1e-4)


def test_integers_become_the_quantity_by_slope_and_intercept(tmp_path: Path, decoder: Decoder) -> None:
    values = np.random.default_rng(1).integers(0, 4000, (5, 12, 10)).astype(np.uint16)
    written = parametric_map(source_images(), values, [mapping(slope=0.001, intercept=-0.5, last=3000)])
    found = dicom_parametric.load(saved(written, tmp_path / "p.dcm"), decoder)[0]
    wanted = np.where(values <= 3000, values * 0.001 - 0.5, np.nan)
    assert np.allclose(found.values_kji, wanted, atol=1e-5, equal_nan=True)


def test_two_quantities_in_one_object_are_two_maps(tmp_path: Path, decoder: Decoder) -> None:
    values = np.random.default_rng(2).normal(1, 0.3, (5, 12, 10, 2)).astype(np.float32)
    written = parametric_map(
        source_images(),
        values,
        [[mapping("ADC", last=1e3, first=-1e3)], [mapping("f", last=1e3, first=-1e3)]],
    )
    found = dicom_parametric.load(saved(written, tmp_path / "p.dcm"), decoder)
    assert [one.title for one in found] == ["ADC", "f"]
    for part, one in enumerate(found):
        assert np.allclose(one.values_kji, values[..., part], rtol=1e-6)


def test_what_is_not_a_number_stays_missing(tmp_path: Path, decoder: Decoder) -> None:
    values = np.ones((5, 12, 10), np.float32)
    values[2, 3, 4] = np.nan
    values[2, 3, 5] = np.inf
    written = parametric_map(source_images(), values, [mapping(last=1e6, first=-1e6)])
    found = dicom_parametric.load(saved(written, tmp_path / "p.dcm"), decoder)[0]
    assert np.isnan(found.values_kji[2, 3, 4])
    assert np.isnan(found.values_kji[2, 3, 5])
    assert np.count_nonzero(np.isnan(found.values_kji)) == 2


def test_integers_that_nobody_explains_are_refused(tmp_path: Path, decoder: Decoder) -> None:
    values = np.ones((5, 12, 10), np.uint16)
    written = parametric_map(source_images(), values, [mapping()])
    for holder in (written.SharedFunctionalGroupsSequence[0], *written.PerFrameFunctionalGroupsSequence):
        if "RealWorldValueMappingSequence" in holder:
            del holder.RealWorldValueMappingSequence
    with pytest.raises(InputRefused, match="what quantity"):
        dicom_parametric.load(saved(written, tmp_path / "p.dcm"), decoder)


def test_a_map_that_ends_early_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    written = parametric_map(
        source_images(), np.ones((5, 12, 10), np.float32), [mapping(last=10.0, first=0.0)]
    )
    instance = saved(written, tmp_path / "p.dcm")
    data = instance.path.read_bytes()
    instance.path.write_bytes(data[:-500])
    with pytest.raises(InputRefused):
        dicom_parametric.load(instance, decoder)
