"""The use cases over the readers: sample studies and thumbnails."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from medvision_desktop.domain.study import SourceKind
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.services.samples import sample_studies
from medvision_desktop.services.thumbnails import thumbnail
from tests.helpers.dicom_files import ct, write, write_stack


def test_a_fresh_machine_has_six_sample_studies() -> None:
    scan = sample_studies()
    assert scan.refused == ()
    assert [study.series[0].modality for study in scan.studies] == ["CR", "CR", "MR", "CT", "US", "MR"]
    assert all(study.is_sample for study in scan.studies)
    assert scan.studies[0].series[0].body_part == "CHEST"
    assert scan.studies[-1].series[0].kind is SourceKind.NIFTI


def test_every_sample_opens_and_the_template_is_a_volume(decoder: Decoder) -> None:
    loaded = [open_series(study, study.series[0], decoder=decoder) for study in sample_studies().studies]
    assert [one.volume is not None for one in loaded] == [False] * 5 + [True]
    assert loaded[-1].volume is not None
    assert loaded[-1].volume.values_kji.shape == (189, 233, 197)


def test_the_template_lies_where_its_header_says(decoder: Decoder) -> None:
    import nibabel

    study = sample_studies().studies[-1]
    volume = open_series(study, study.series[0], decoder=decoder).volume
    assert volume is not None
    image = nibabel.as_closest_canonical(nibabel.load(study.series[0].instances[0].path))
    wanted = np.asarray(image.dataobj)[::-1, ::-1].transpose(2, 1, 0)
    assert np.array_equal(volume.values_kji, wanted)
    assert np.allclose((volume.affine_kji_to_lps @ [0, 0, 0, 1])[:3], [-98, -98, -72])


def test_listing_the_samples_imports_no_heavy_package() -> None:
    code = (
        "import sys; from medvision_desktop.services.samples import sample_studies; sample_studies();"
        "heavy = ('nilearn', 'sklearn', 'torch', 'pandas', 'SimpleITK');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_thumbnails_fill_the_longer_side_and_are_not_empty(decoder: Decoder) -> None:
    for study in sample_studies().studies:
        picture = thumbnail(study, study.series[0], decoder=decoder)
        assert picture.dtype == np.uint8
        assert max(picture.shape[:2]) == 96
        assert int(picture.max()) - int(picture.min()) > 60


def test_a_thumbnail_shows_the_middle_of_a_series(tmp_path: Path, decoder: Decoder) -> None:
    for number, value in enumerate([0, 0, 2000, 0, 0], start=1):
        pixels = np.full((12, 10), value, np.int16)
        write(
            ct(pixels, z=float(number), number=number, WindowCenter=500, WindowWidth=400),
            tmp_path / f"{number}",
        )
    (study,) = index([tmp_path], scratch=tmp_path).studies
    assert thumbnail(study, study.series[0], decoder=decoder).min() == 255


def test_a_thumbnail_keeps_the_shape_of_the_pixels(tmp_path: Path, decoder: Decoder) -> None:
    pixels = np.zeros((20, 20), np.int16)
    write(ct(pixels, PixelSpacing=[2.0, 1.0]), tmp_path / "a")  # pixels twice as high as wide
    (study,) = index([tmp_path], scratch=tmp_path).studies
    assert thumbnail(study, study.series[0], decoder=decoder, size=80).shape == (80, 40)


def test_a_series_whose_files_are_gone_is_refused_in_words(tmp_path: Path, decoder: Decoder) -> None:
    files = write_stack(tmp_path, [0.0, 2.0])
    (study,) = index([tmp_path], scratch=tmp_path).studies
    for file in files:
        file.unlink()
    with pytest.raises(InputRefused, match="No such file"):
        open_series(study, study.series[0], decoder=decoder)
    with pytest.raises(InputRefused):
        thumbnail(study, study.series[0], decoder=decoder)


def test_the_pixels_of_a_series_go_with_the_last_who_holds_it(decoder: Decoder, tmp_path: Path) -> None:
    write_stack(tmp_path, [0, 1, 2, 3, 4])
    (study,) = index([tmp_path], scratch=tmp_path).studies
    gc.collect()
    gc.disable()  # nothing may keep itself alive until a collection comes
    try:
        loaded = open_series(study, study.series[0], decoder=decoder, first=lambda _: None)
        pixels = weakref.ref(loaded.stack.frames[0].stored.base)
        assert pixels() is not None
        del loaded
        assert pixels() is None
    finally:
        gc.enable()
