"""NIfTI files larger than the memory for images: each slice that comes is the one nibabel reads."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import Cancelled, InputRefused
from medvision_desktop.io import inflating, nifti, nifti_pages
from medvision_desktop.io.inflating import InflatedFile
from medvision_desktop.io.nifti_header import read_header
from medvision_desktop.io.paged_shelf import PagedShelf
from medvision_desktop.work import CancelToken

SHAPE = (9, 8, 12)
ORIENTATIONS = ["LPS", "RAS", "LSP", "ASR", "SAL", "IRP"]


def written(path: Path, codes: str = "LPS", volumes: int = 1, values: Any = None) -> NDArray[Any]:
    """A file whose array axes run as `codes` say; its values are returned."""
    shape = (*SHAPE, volumes) if volumes > 1 else SHAPE
    stored = np.random.default_rng(3).integers(0, 30000, shape).astype("i2") if values is None else values
    turn = nibabel.orientations.inv_ornt_aff(nibabel.orientations.axcodes2ornt(codes), SHAPE)
    nibabel.save(nibabel.Nifti1Image(stored, turn), path)
    return stored


def shelf_of(path: Path, memory: int, first: Any = lambda _frames: None) -> PagedShelf:
    return nifti_pages.shelf(path, read_header(path), nifti.scan(path).series[0], memory, first)


def to_patient(path: Path) -> NDArray[Any]:
    """(volumes, slices, rows, columns) as nibabel orients them: rows to the back, columns to the left."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    values = np.asanyarray(image.dataobj)
    values = values if values.ndim == 4 else values[..., None]
    return values[::-1, ::-1].transpose(3, 2, 1, 0)


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_every_slice_is_the_one_nibabel_reads_though_few_fit_into_memory(
    codes: str, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{ending}"
    written(path, codes, volumes=2)
    wanted = to_patient(path).reshape(-1, *to_patient(path).shape[2:])
    frame_bytes = wanted[0].nbytes
    shelf = shelf_of(path, 3 * frame_bytes)
    assert len(shelf) == len(wanted)
    for at in (0, 5, len(wanted) - 1, 7, 2):
        shelf.want(at)
        shelf.fill(CancelToken())
        frame = shelf.at(at)
        assert isinstance(frame, Frame)
        assert np.array_equal(frame.stored, wanted[at])
        assert frame.frame_number == at + 1
        assert shelf.nbytes <= 3 * frame_bytes
    for at in range(len(wanted)):
        assert np.array_equal(shelf[at].stored, wanted[at])


def test_slices_lie_where_they_do_when_the_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    written(path, "ASR")
    header = read_header(path)
    whole = nifti.to_frames(header, nifti.read_volume(path, header, limit_bytes=1 << 30), "key")
    shelf = shelf_of(path, 2 * whole[0].stored.nbytes)
    assert [shelf[at].geometry.position_mm for at in range(len(shelf))] == [  # type: ignore[union-attr]
        frame.geometry.position_mm  # type: ignore[union-attr]
        for frame in whole
    ]


def test_a_frame_that_is_let_go_takes_its_pixels_along(tmp_path: Path) -> None:
    written(tmp_path / "a.nii.gz")
    shelf = shelf_of(tmp_path / "a.nii.gz", 4 * 9 * 8 * 2)
    assert all(one.stored.base is None for _, one in shelf.faces()[:2])


def test_the_first_image_is_shown_before_the_others_are_read(tmp_path: Path) -> None:
    written(tmp_path / "a.nii")
    here: list[int] = []
    shelf_of(tmp_path / "a.nii", 6 * 9 * 8 * 2, lambda frames: here.append(sum(frames.arrived())))
    assert here == [1]


def test_a_wrong_checksum_is_found_before_anything_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    written(path, volumes=5)
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    shown: list[Any] = []
    with pytest.raises(InputRefused, match="damaged"):
        shelf_of(path, 1000, shown.append)
    assert shown == []


def test_a_file_that_shrinks_under_the_reader_costs_its_slices_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    values = written(path)
    shelf = shelf_of(path, 2 * 9 * 8 * 2)
    path.write_bytes(path.read_bytes()[: 352 + values[..., :6].nbytes])
    assert np.array_equal(shelf[5].stored, values[..., 5].T)
    with pytest.raises(InputRefused, match="cut short"):
        shelf[11]


def test_one_slice_that_is_larger_than_memory_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "a.nii")
    with pytest.raises(InputRefused, match="larger than the memory"):
        shelf_of(tmp_path / "a.nii", 100)


def test_reading_through_a_compressed_file_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    written(path)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        nifti_pages.shelf(
            path, read_header(path), nifti.scan(path).series[0], 1000, lambda _frames: None, cancel
        )


def members(parts: list[bytes]) -> bytes:
    """Several gzip members one after another, as parallel compressors write them, with padding."""
    return b"".join(gzip.compress(part, 1) for part in parts) + b"\0" * 7


@pytest.mark.parametrize("sizes", [[200_000], [70_000, 1, 90_000, 0, 50_000]])
def test_any_part_of_a_gzip_file_is_what_unpacking_it_gives(
    sizes: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflating, "_APART", 9_000)
    monkeypatch.setattr(inflating, "_INPUT", 4_000)
    rng = np.random.default_rng(2)
    parts = [rng.integers(0, 40, size).astype(np.uint8).tobytes() for size in sizes]
    whole = b"".join(parts)
    (tmp_path / "a.gz").write_bytes(members(parts))
    file = InflatedFile(tmp_path / "a.gz")
    token = CancelToken()
    assert file.walk(1 << 30, token) == len(whole)
    for offset in rng.integers(0, len(whole), 60).tolist():
        length = int(rng.integers(1, 20_000))
        assert file.read(offset, length, token) == whole[offset : offset + length]
    assert file.read(len(whole) - 5, 100, token) == whole[-5:]


def test_a_gzip_file_that_ends_early_is_damaged(tmp_path: Path) -> None:
    data = gzip.compress(np.random.default_rng(1).bytes(50_000))
    (tmp_path / "a.gz").write_bytes(data[:30_000])
    file = InflatedFile(tmp_path / "a.gz")
    with pytest.raises(zlib.error):
        file.walk(1 << 30, CancelToken())


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_the_middle_slice_is_read_alone(codes: str, tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    written(path, codes, volumes=2)
    series = nifti.scan(path).series[0]
    frame = nifti_pages.middle_frame(series.instances[0], read_header(path), 1 << 20)
    assert frame is not None
    first = to_patient(path)[0]
    assert np.array_equal(frame.stored, first[len(first) // 2])


@pytest.mark.parametrize(("ending", "codes"), [("nii", "ASR"), ("nii.gz", "LPS"), ("nii.gz", "SAL")])
def test_usual_values_come_from_all_over_the_series_unless_that_means_reading_it_all(
    ending: str, codes: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{ending}"
    written(path, codes)
    slices = len(to_patient(path)[0])
    shelf = shelf_of(path, 3 * to_patient(path)[0, 0].nbytes)
    kept = shelf.arrived()
    numbers = [frame.frame_number - 1 for frame in shelf.spread(5, CancelToken())]
    if (ending, codes) == ("nii.gz", "SAL"):
        assert max(numbers) <= 3
    else:
        assert numbers == sorted({round(step * (slices - 1) / 4) for step in range(5)})
    assert shelf.arrived() == kept
