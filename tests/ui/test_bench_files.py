"""Benches of files and planes: they measure what they say, beside a peer that does the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PySide6.QtWidgets import QApplication

from medvision_desktop.bench import files, index, load, reslice
from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.image import Volume
from medvision_desktop.pixels.reslice import PlaneStack


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_files_are_a_series_that_others_read_as_it_was_made(tmp_path: Path) -> None:
    paths = files.write_series(tmp_path, 5, 16)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    read = SimpleITK.GetArrayFromImage(reader.Execute())
    assert np.array_equal(read, files.slices(5, 16).astype(int) - 1024)


def test_opening_is_measured_beside_itk_and_beside_reading_alone(qapp: QApplication, scratch: Path) -> None:
    rows = list(load.measure(2, count=6, side=24))
    assert [row.peer for row in rows] == [load.ITK, load.RAW, f"{load.ITK}, all"]
    assert [row.n for row in rows] == [2, 2, 2]
    assert all(row.ours_ms > 0 and row.peer_ms > 0 and row.peak_mb > 0 for row in rows)
    assert rows[2].case == "first slice of 6 on screen"
    assert list(scratch.iterdir()) == []


def test_indexing_is_measured_beside_pydicom(scratch: Path) -> None:
    (row,) = index.measure(2, count=7)
    assert (row.case, row.peer, row.n) == ("7 files", index.PEER, 2)
    assert list(scratch.iterdir()) == []


def test_planes_are_measured_beside_itk() -> None:
    rows = list(reslice.measure(2, side=24))
    assert [row.case.split()[0] for row in rows] == ["axial", "coronal", "sagittal", "oblique"]
    assert all(row.n == 2 for row in rows)


def test_the_peer_cuts_the_same_planes() -> None:
    stored = files.slices(12, 10)
    image = SimpleITK.GetImageFromArray(stored)
    volume = Volume(stored, np.eye(4)[:, [2, 1, 0, 3]].copy())
    for plane in Plane:
        ours = PlaneStack(volume, plane).frame(4).stored
        found = [reslice._cut(plane, image)(at) for at in range(10)]
        shapes = [ours, ours[::-1], ours[:, ::-1], ours[::-1, ::-1]]
        assert any(np.array_equal(one, turned) for one in found for turned in shapes)
