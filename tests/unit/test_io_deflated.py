"""A deflated object of many frames: every frame right, inflated once, no further than its frames reach."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native
from medvision_desktop.io.dicom_header import read_header
from medvision_desktop.io.dicom_layout import layout_of
from tests.helpers.dicom_files import ct, write

FRAMES = np.random.default_rng(4).integers(0, 4000, size=(9, 15, 11)).astype(np.int16)


def deflated(path: Path, **elements: Any) -> Path:
    """Nine frames of an odd number of bytes each."""
    dataset = ct(FRAMES[0], NumberOfFrames=9, **elements)
    dataset.PixelData = FRAMES.tobytes()
    return write(dataset, path, transfer_syntax=DeflatedExplicitVRLittleEndian)


def test_every_frame_is_read_from_one_inflation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = read_header(deflated(tmp_path / "a"))
    layout = layout_of(header)
    asked: list[int] = []
    real = dicom_native.inflated

    def counted(path: Path, end: int) -> bytes:
        asked.append(end)
        return real(path, end)

    monkeypatch.setattr(dicom_native, "inflated", counted)
    for index in (4, 0, 8, 3):
        assert np.array_equal(dicom_native.read_frame(header, layout, index), FRAMES[index])

    assert len(asked) == 1
    assert header.pixels is not None
    assert asked[0] <= header.pixels.offset + FRAMES.nbytes + 2


def test_nothing_is_held_once_the_header_is_gone(tmp_path: Path) -> None:
    header = read_header(deflated(tmp_path / "a"))
    dicom_native.read_frame(header, layout_of(header), 0)
    before = len(dicom_native._held)
    del header

    assert len(dicom_native._held) == before - 1


def test_a_deflated_object_that_ends_early_is_refused_at_the_frame_that_is_missing(tmp_path: Path) -> None:
    dataset = ct(FRAMES[0], NumberOfFrames=12)
    dataset.PixelData = FRAMES.tobytes()
    header = read_header(write(dataset, tmp_path / "a", transfer_syntax=DeflatedExplicitVRLittleEndian))
    layout = layout_of(header)

    assert np.array_equal(dicom_native.read_frame(header, layout, 8), FRAMES[8])
    with pytest.raises(InputRefused, match="cut short"):
        dicom_native.read_frame(header, layout, 10)


def test_frames_that_would_inflate_to_more_than_a_gigabyte_are_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicom_native, "inflated", lambda *_: pytest.fail("inflated"))
    dataset = ct(FRAMES[0], Rows=1024, Columns=1024, NumberOfFrames=4000)
    header = read_header(write(dataset, tmp_path / "a", transfer_syntax=DeflatedExplicitVRLittleEndian))
    layout = layout_of(header)
    assert header.pixels is not None
    promised = dataclasses.replace(header, pixels=dataclasses.replace(header.pixels, length=0xFFFFFFFE))

    with pytest.raises(InputRefused, match="the limit is 1024 MB"):
        dicom_native.read_frame(promised, layout, 0)
