"""Planes of real volumes against nibabel's canonical orientation."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.image import Volume
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.pixels.modality import to_modality
from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.services import open_study
from medvision_desktop.settings import Settings


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings())
    yield made
    made.close()


def volume_of(path: Path, decoder: Decoder, scratch: Path) -> Volume:
    study = open_study.index([path], scratch=scratch).studies[0]
    loaded = open_study.open_series(study, study.series[0], decoder=decoder)
    assert loaded.volume is not None, loaded.not_a_volume
    return loaded.volume


def compare(path: Path, decoder: Decoder, scratch: Path) -> None:
    """Every plane of `path`, pixel by pixel, against an array that nibabel turned to RAS."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    ras = np.asarray(image.get_fdata())
    ras = ras[..., 0] if ras.ndim == 4 else ras
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine  # RAS millimetres to LPS
    right, front, head = (count - 1 for count in ras.shape)
    volume = volume_of(path, decoder, scratch)
    # Axial from the feet: right on the left, front on top. Others: head on top.
    pictures = {
        Plane.AXIAL: (lambda n: ras[::-1, ::-1, n].T, lambda n: (right, front, n)),
        Plane.CORONAL: (lambda n: ras[::-1, front - n, ::-1].T, lambda n: (right, front - n, head)),
        Plane.SAGITTAL: (lambda n: ras[n, ::-1, ::-1].T, lambda n: (n, front, head)),
    }
    for plane, (picture, corner) in pictures.items():
        stack = PlaneStack(volume, plane)
        for index in (0, stack.count // 3, stack.count - 1):
            assert np.allclose(to_modality(stack.frame(index)), picture(index), rtol=1e-5, atol=1e-3)
            expected = affine @ np.asarray([*corner(index), 1.0])
            assert np.allclose(stack.point_lps_mm(index, 0, 0), expected[:3], atol=1e-3)


def test_the_brain_template_is_cut_as_nibabel_orients_it(decoder: Decoder, tmp_path: Path) -> None:
    found = importlib.util.find_spec("nilearn")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "datasets" / "data"
    path = next(folder.glob("mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"))
    compare(path, decoder, tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("folder", ["nifti", "hippocampus"])
def test_real_volumes_are_cut_as_nibabel_orients_them(
    folder: str, data_dir: Path, decoder: Decoder, tmp_path: Path
) -> None:
    paths = sorted((data_dir / folder).rglob("*.nii*"))[:4]
    assert paths
    for path in paths:
        compare(path, decoder, tmp_path)
