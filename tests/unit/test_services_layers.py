"""Layers in files: found by a scan, attached to the images they were made of, read as label maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services import layers, open_study
from medvision_desktop.settings import Settings
from tests.helpers.layer_files import saved, saved_series, segmentation, source_images


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings())
    yield made
    made.close()


def test_a_segmentation_is_listed_with_its_study_and_knows_its_images(tmp_path: Path) -> None:
    source = source_images()
    saved_series(source, tmp_path)
    saved(segmentation(source, np.ones((5, 12, 10), np.uint8)), tmp_path / "seg.dcm")
    found = open_study.index([tmp_path], scratch=tmp_path / "scratch")
    assert len(found.studies) == 1
    study = found.studies[0]
    layer = next(series for series in study.series if series.is_layer)
    images = next(series for series in study.series if not series.is_layer)
    assert layer.segments == 1
    assert layer.refers_to == (images.uid,)
    assert layers.sources_of(layer, study) == (images,)


def test_images_stand_before_layers_whatever_their_numbers(tmp_path: Path) -> None:
    source = source_images()
    for one in source:
        one.SeriesNumber = 7
    saved_series(source, tmp_path)
    written = segmentation(source, np.ones((5, 12, 10), np.uint8))
    written.SeriesNumber = 1
    saved(written, tmp_path / "seg.dcm")
    study = open_study.index([tmp_path], scratch=tmp_path / "scratch").studies[0]
    assert [one.modality for one in study.series] == ["CT", "SEG"]


def test_a_layer_whose_images_are_not_named_lies_over_those_of_its_frame_of_reference(
    tmp_path: Path,
) -> None:
    source = source_images()
    saved_series(source, tmp_path)
    written = segmentation(source, np.ones((5, 12, 10), np.uint8))
    del written.ReferencedSeriesSequence
    saved(written, tmp_path / "seg.dcm")
    study = open_study.index([tmp_path], scratch=tmp_path / "scratch").studies[0]
    layer = next(series for series in study.series if series.is_layer)
    assert [one.modality for one in layers.sources_of(layer, study)] == ["CT"]


def nifti(path: Path, values: np.ndarray, affine: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_nifti_label_map_lies_where_nibabel_says(tmp_path: Path, decoder: Decoder, dtype: type) -> None:
    values = np.random.default_rng(0).integers(0, 4, (5, 6, 7)).astype(dtype)
    affine = np.asarray([[0, -2.0, 0.1, 4], [1.5, 0, 0, -3], [0, 0.2, 3, 9], [0, 0, 0, 1]])
    study = open_study.index([nifti(tmp_path / "l.nii.gz", values, affine)], scratch=tmp_path).studies[0]
    layer = layers.load(study.series[0], decoder=decoder)[0]
    assert isinstance(layer, LabelMap)
    for index in [(0, 0, 0), (4, 5, 6), (2, 3, 1)]:
        i, j, k = index
        assert layer.values_kji[k, j, i] == values[index]
        ras = nib.affines.apply_affine(affine, index)
        lps = (layer.affine_kji_to_lps @ (k, j, i, 1))[:3]
        assert np.allclose(lps, ras * (-1, -1, 1), atol=1e-4)
    assert [one.number for one in layer.segments] == [1, 2, 3]


@pytest.mark.parametrize("values", [np.full((3, 3, 3), 0.5, np.float32), np.full((3, 3, 3), 300, np.int16)])
def test_measurements_are_no_labels(tmp_path: Path, decoder: Decoder, values: np.ndarray) -> None:
    study = open_study.index([nifti(tmp_path / "l.nii", values, np.eye(4))], scratch=tmp_path).studies[0]
    with pytest.raises(InputRefused, match="no label map"):
        layers.load(study.series[0], decoder=decoder)


def test_images_are_no_layer(tmp_path: Path, decoder: Decoder) -> None:
    saved_series(source_images(), tmp_path)
    study = open_study.index([tmp_path], scratch=tmp_path / "scratch").studies[0]
    with pytest.raises(InputRefused, match="It holds images"):
        layers.load(study.series[0], decoder=decoder)


def test_one_file_is_listed_as_what_can_be_laid_over_images(tmp_path: Path) -> None:
    source = source_images()
    saved(segmentation(source, np.ones((5, 12, 10), np.uint8)), tmp_path / "seg.dcm")
    assert [one.is_layer for one in layers.listed(tmp_path / "seg.dcm")] == [True]
    path = nifti(tmp_path / "l.nii.gz", np.ones((3, 3, 3), np.uint8), np.eye(4))
    assert len(layers.listed(path)) == 1
    image = saved_series(source, tmp_path / "ct")[0]
    for other in (image, tmp_path / "absent", Path(__file__)):
        with pytest.raises(InputRefused):
            layers.listed(other)
