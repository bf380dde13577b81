"""The header as rows of plain text, and the rates at which frames want to be played."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medvision_desktop.domain.header import CineTimes
from medvision_desktop.domain.study import InstanceRef, SeriesRef, SourceKind
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_tags
from medvision_desktop.io.dicom_tags import cine_times, header_rows
from medvision_desktop.services import header
from tests.helpers import dicom_files


def test_rows_are_plain_text_in_order_with_sequences_unfolded(tmp_path: Path) -> None:
    dataset = dicom_files.ct(PatientName="Doe^Jane", SeriesDescription="A\x1b[31m<b>red</b>")
    inner = Dataset()
    inner.CodeMeaning = "Chest"
    dataset.ProcedureCodeSequence = Sequence([inner, inner])
    rows = header_rows(dicom_files.write(dataset, tmp_path / "a.dcm"))
    tags = [row.tag for row in rows if row.depth == 0]
    assert tags == sorted(tags)
    named = {row.name: row for row in rows}
    assert named["Patient's Name"].value == "Doe^Jane"
    assert named["Patient's Name"].is_personal
    assert named["Series Description"].value == "A[31m<b>red</b>"
    assert not named["Series Description"].is_personal
    at = [row.name for row in rows].index("Procedure Code Sequence")
    assert rows[at].value == "2 items"
    assert [(row.depth, row.name) for row in rows[at + 1 : at + 3]] == [(1, "Item 1"), (1, "Code Meaning")]
    assert rows[-1].value == "Shown as the image"


def test_private_binary_and_long_values_are_bounded(tmp_path: Path) -> None:
    dataset = dicom_files.ct(ImageComments="x" * 5000)
    block = dataset.private_block(0x0029, "SOMEBODY", create=True)
    block.add_new(0x10, "LT", "y" * 5000)
    block.add_new(0x11, "OB", b"\0" * 300)
    block.add_new(0x12, "OB", b"\0" * (2 << 20))
    rows = header_rows(dicom_files.write(dataset, tmp_path / "a.dcm"))
    private = [row for row in rows if row.is_private]
    assert [row.name for row in private] == ["Private"] * 4
    assert all(len(row.value) <= 200 for row in rows)
    assert len(private[1].value) == 64
    assert [row.value for row in private[2:]] == ["300 bytes", "2097152 bytes, not read"]


def test_the_number_of_rows_is_bounded_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_tags, "MOST_ROWS", 5)
    rows = header_rows(dicom_files.write(dicom_files.ct(), tmp_path / "a.dcm"))
    assert len(rows) == 6
    assert rows[-1].value == "Only the first 5 elements are listed."


@pytest.mark.parametrize(
    ("elements", "wanted"),
    [
        ({}, CineTimes()),
        ({"FrameTime": "40"}, CineTimes((40.0,), "Frame Time")),
        ({"FrameTime": "0"}, CineTimes()),
        ({"CineRate": "25"}, CineTimes((40.0,), "Cine Rate")),
        (
            {"FrameTime": "40", "RecommendedDisplayFrameRate": "10"},
            CineTimes((100.0,), "Recommended Display Frame Rate"),
        ),
        ({"FrameTimeVector": ["0", "50", "150"]}, CineTimes((50.0, 150.0, 100.0), "Frame Time Vector")),
    ],
)
def test_the_rate_comes_from_the_header_where_it_gives_a_sound_one(
    tmp_path: Path, elements: dict[str, object], wanted: CineTimes
) -> None:
    path = dicom_files.write(dicom_files.ct(**elements), tmp_path / "a.dcm")
    assert cine_times(path) == wanted


def test_the_clock_says_which_frame_stands_and_comes_round() -> None:
    steady = CineTimes((40.0,))
    assert [steady.index_at(at, 5) for at in (0, 39.9, 40, 199, 200, 1000 * 40 + 81)] == [0, 0, 1, 4, 0, 2]
    uneven = CineTimes((50.0, 150.0, 100.0))
    assert [uneven.index_at(at, 3) for at in (0, 50, 199, 200, 299, 300)] == [0, 1, 1, 2, 2, 0]
    assert (steady.fps, uneven.fps) == (25.0, 10.0)


def test_times_for_another_number_of_frames_are_played_at_the_rate_that_is_shown() -> None:
    short = CineTimes((10.0, 50.0, 90.0))
    assert short.fps == 20.0
    stands = [short.index_at(at, 8) for at in range(0, 1000, 50)]
    assert stands == [number % 8 for number in range(20)]


def test_a_picture_without_a_header_says_so_and_plays_at_the_usual_rate(tmp_path: Path) -> None:
    picture = SeriesRef("1", SourceKind.RASTER, (InstanceRef(tmp_path / "a.png", "1"),))
    with pytest.raises(InputRefused, match="no DICOM header"):
        header.header_of(picture, "1")
    assert header.cine_times(picture, "1") == CineTimes()


def test_a_plane_through_several_files_says_that_it_has_no_header_of_its_own(tmp_path: Path) -> None:
    files = tuple(InstanceRef(tmp_path / name, name) for name in ("a", "b", "c"))
    with pytest.raises(InputRefused, match="plane through 3 files"):
        header.header_of(SeriesRef("1", SourceKind.DICOM, files), "")
