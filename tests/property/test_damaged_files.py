"""Whatever bytes arrive, the answer is an image or a refusal in words; never a crash, never a warning."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.settings import Settings

NATIVE = [
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "examples_palette.dcm",
    "liver_1frame.dcm",
    "image_dfl.dcm",
]


def bundled(name: str) -> bytes:
    found = get_testdata_file(name, download=False)
    assert isinstance(found, str)
    return Path(found).read_bytes()


def a_nifti() -> bytes:
    image = nibabel.Nifti1Image(np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7), np.eye(4))
    return bytes(image.to_bytes())


SEEDS = [*(bundled(name) for name in NATIVE), a_nifti()]


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings(image_memory_mb=256))
    made.warm()
    yield made
    made.close()


def try_to_open(content: bytes, decoder: Decoder) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(content)
        found = index([path], scratch=Path(folder))
        assert found.studies or found.refused
        for refused in found.refused:
            assert refused.why.strip().endswith(".")
        for study in found.studies:
            for series in study.series:
                try:
                    loaded = open_series(study, series, decoder=decoder)
                except InputRefused as refusal:
                    assert refusal.what.endswith(".")  # noqa: PT017 - either outcome is right
                else:
                    assert loaded.stack.frames


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12
    ),
    in_header=st.booleans(),
)
@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_file_with_changed_bytes_is_shown_or_refused(
    seed: bytes, changes: list[tuple[float, int]], in_header: bool, decoder: Decoder
) -> None:
    content = bytearray(seed)
    reach = min(len(content), 2000) if in_header else len(content)
    for where, value in changes:
        content[int(where * reach)] = value
    try_to_open(bytes(content), decoder)


@given(seed=st.sampled_from(SEEDS), keep=st.floats(0, 1))
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_file_cut_anywhere_is_shown_or_refused(seed: bytes, keep: float, decoder: Decoder) -> None:
    try_to_open(seed[: int(len(seed) * keep)], decoder)


@given(head=st.binary(max_size=400))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_behind_a_dicom_mark_are_refused(head: bytes, decoder: Decoder) -> None:
    try_to_open(bytes(128) + b"DICM" + head, decoder)


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPGExtended.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
    ],
)
def test_damaged_compressed_images_never_end_the_program(name: str, decoder: Decoder) -> None:
    whole = bundled(name)
    random = np.random.default_rng(20240229)
    for _ in range(25):
        content = bytearray(whole)
        for _ in range(int(random.integers(1, 10))):
            content[int(random.integers(len(content) // 3, len(content)))] = int(random.integers(256))
        try_to_open(bytes(content), decoder)
