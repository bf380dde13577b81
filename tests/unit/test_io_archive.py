"""Zip archives and DICOMDIR: everything in them, and nothing outside of them."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from medvision_desktop.domain.study import ScanResult
from medvision_desktop.errors import Cancelled, InputRefused
from medvision_desktop.io import archive
from medvision_desktop.services.open_study import index
from medvision_desktop.work import CancelToken
from tests.helpers.dicom_files import ct, write, write_stack


def scan(path: Path, scratch: Path) -> ScanResult:
    return index([path], scratch=scratch)


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    files = write_stack(tmp_path / "in", [0.0, 2.0, 4.0])
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, f"CD/IMAGES/{file.name}")
        packed.writestr("CD/README.TXT", "read me")
        packed.writestr("__MACOSX/._001.dcm", "litter")
    found = scan(tmp_path / "study.zip", tmp_path / "scratch")
    assert found.studies[0].series[0].frame_count == 3
    assert [refused.path.name for refused in found.refused] == ["README.TXT"]


@pytest.mark.parametrize(
    "name", ["../../escaped", "/etc/escaped", "..\\..\\escaped", "C:\\escaped", "a/../../../escaped"]
)
def test_a_member_that_would_leave_the_folder_is_refused_and_the_rest_is_read(
    name: str, tmp_path: Path
) -> None:
    image = write(ct(), tmp_path / "in" / "image").read_bytes()
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as packed:
        packed.writestr(zipfile.ZipInfo(name), image)
        packed.writestr("good", image)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    found = scan(tmp_path / "slip.zip", tmp_path / "scratch" / "deep")
    assert len(found.studies) == 1
    assert found.refused[0].why == "Its name in the archive leads outside of the archive."
    fresh = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert [path.name for path in fresh] == ["good"]
    assert all(path.is_relative_to(tmp_path / "scratch" / "deep") for path in fresh)


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as packed:
        member = zipfile.ZipInfo("link")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(member, "/etc/passwd")
    found = scan(tmp_path / "link.zip", tmp_path / "scratch")
    assert found.refused[0].why == "It is a link, which is not followed."
    assert not [path for path in (tmp_path / "scratch").rglob("*") if path.is_symlink()]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(100 << 20))
    found = scan(tmp_path / "bomb.zip", tmp_path / "scratch")
    assert "bomb" in found.refused[0].why
    assert sum(path.stat().st_size for path in (tmp_path / "scratch").rglob("*") if path.is_file()) == 0


def test_a_member_that_lies_about_its_size_is_stopped_at_what_it_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "liar.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(1 << 20))
    data = bytearray((tmp_path / "liar.zip").read_bytes())
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark) + offset
        data[at : at + 4] = struct.pack("<I", 1000)
    (tmp_path / "liar.zip").write_bytes(data)
    found = scan(tmp_path / "liar.zip", tmp_path / "scratch")
    assert found.studies == ()
    assert "cannot be unpacked" in found.refused[0].why


def test_totals_are_bounded(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as packed:
        for number in range(5):
            packed.writestr(f"{number}", bytes(100))
    token = CancelToken()
    with pytest.raises(InputRefused, match="too many"):
        archive.unpack(tmp_path / "many.zip", tmp_path / "a", token, archive.Limits(members=4))
    with pytest.raises(InputRefused, match="too large"):
        archive.unpack(tmp_path / "many.zip", tmp_path / "b", token, archive.Limits(total_bytes=450))


def test_a_damaged_member_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    image = write(ct(), tmp_path / "in" / "image").read_bytes()
    with zipfile.ZipFile(tmp_path / "hurt.zip", "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("bad", b"A" * 1000)
        packed.writestr("good", image)
    data = bytearray((tmp_path / "hurt.zip").read_bytes())
    at = data.index(b"A" * 1000)
    data[at + 500] = ord("B")  # the CRC no longer holds
    (tmp_path / "hurt.zip").write_bytes(data)
    found = scan(tmp_path / "hurt.zip", tmp_path / "scratch")
    assert len(found.studies) == 1
    assert len(found.refused) == 1


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_whose_packing_is_damaged_costs_no_other(packing: int, tmp_path: Path) -> None:
    image = write(ct(), tmp_path / "in" / "image").read_bytes()
    with zipfile.ZipFile(tmp_path / "hurt.zip", "w", packing) as packed:
        packed.writestr("bad", image)
        packed.writestr("good", image)
    data = bytearray((tmp_path / "hurt.zip").read_bytes())
    for at in range(50, 90):
        data[at] ^= 0x5A
    (tmp_path / "hurt.zip").write_bytes(data)
    found = scan(tmp_path / "hurt.zip", tmp_path / "scratch")
    assert len(found.studies) == 1
    assert ["cannot be unpacked" in refused.why for refused in found.refused] == [True]


@pytest.mark.parametrize(
    "names",
    [
        ("a", "a/b"),
        ("\U0001f600" * 90 + "/" + "\U00020000" * 90,),
        (".",),
        ("a//b", "a/./b"),
        ("a\nb\x1b[2J",),
    ],
    ids=["a file and a folder", "too long", "nothing", "twice", "escapes"],
)
def test_names_that_no_folder_could_hold_cost_nothing_else(names: tuple[str, ...], tmp_path: Path) -> None:
    image = write(ct(), tmp_path / "in" / "image").read_bytes()
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as packed:
        for name in names:
            packed.writestr(name, b"no image")
        packed.writestr("good", image)
    found = scan(tmp_path / "odd.zip", tmp_path / "scratch")
    assert len(found.studies) == 1
    assert len(found.refused) == len(names)
    assert not [path for path in tmp_path.iterdir() if path.name not in ("in", "odd.zip", "scratch")]


@pytest.mark.parametrize(
    ("offset", "change"),
    [(8, b"\x00\x08"), (6, b"\x63\x00"), (28, b"\x00\x00"), (20, b"\xff" * 8), (42, b"\xff\xff\xff\x7f")],
    ids=["a name that is no UTF-8", "a version to come", "no name", "no such size", "no such place"],
)
def test_an_archive_whose_list_of_members_lies_is_refused_in_words(
    offset: int, change: bytes, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "liar.zip", "w") as packed:
        packed.writestr("X", b"no image")
    data = bytearray((tmp_path / "liar.zip").read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + offset : at + offset + len(change)] = change
    data[at + 46] = 0xFF
    (tmp_path / "liar.zip").write_bytes(data)
    found = scan(tmp_path / "liar.zip", tmp_path / "scratch")
    assert found.studies == ()
    assert [refused.why[-1] for refused in found.refused] == ["."]


def test_many_small_bombs_are_one_and_nothing_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_TOTAL_FLOOR", 8 << 20)
    with zipfile.ZipFile(tmp_path / "bombs.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(10):
            packed.writestr(f"{number}", bytes(1 << 20))
    with pytest.raises(InputRefused, match="bomb"):
        archive.unpack(tmp_path / "bombs.zip", tmp_path / "a", CancelToken())
    assert not (tmp_path / "a").exists()


def test_a_list_of_members_that_is_too_long_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_CHUNK", 1 << 10)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as packed:
        for number in range(1000):
            packed.writestr(f"{number}", b"")
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda _: pytest.fail("read"))
    with pytest.raises(InputRefused, match="too many"):
        archive.unpack(tmp_path / "many.zip", tmp_path / "a", CancelToken(), archive.Limits(members=4))


def test_an_image_behind_the_preamble_of_an_archive_is_an_image(tmp_path: Path) -> None:
    data = write(ct(), tmp_path / "image").read_bytes()
    (tmp_path / "image").write_bytes(b"PK\x03\x04" + bytes(124) + data[128:])
    found = scan(tmp_path / "image", tmp_path / "scratch")
    assert len(found.studies) == 1


def test_two_members_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as packed:
        for number in (1, 2):
            image = write(ct(z=float(number), number=number), tmp_path / "in" / f"{number}").read_bytes()
            packed.writestr(f"{'?' if number == 1 else '*'}image", image)  # both become "_image"
    found = scan(tmp_path / "twice.zip", tmp_path / "scratch")
    assert found.studies[0].series[0].frame_count == 2


def test_cancel_stops_an_unpacking(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a", b"a")
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        index([tmp_path / "a.zip"], scratch=tmp_path / "scratch", cancel=token)


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """A copy of pydicom's example disc, with pixels, which the originals were stripped of."""
    found = get_testdata_file("DICOMDIR", download=False)
    assert isinstance(found, str)
    folder = tmp_path / "disc"
    shutil.copytree(Path(found).parent, folder)
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if "DICOMDIR" in path.name or path.name.startswith("README"):
            continue
        dataset = pydicom.dcmread(path)
        dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.BitsStored = 16, 16, 16, 12
        dataset.SamplesPerPixel, dataset.HighBit, dataset.PhotometricInterpretation = 1, 11, "MONOCHROME2"
        dataset.PixelData = bytes(512)
        dataset["PixelData"].VR = "OW"
        dataset.save_as(path)
    return folder


def referenced(dicomdir: Path) -> set[Path]:
    """What pydicom says the records refer to."""
    records = pydicom.dcmread(dicomdir).DirectoryRecordSequence
    names = [record.ReferencedFileID for record in records if "ReferencedFileID" in record]
    return {dicomdir.parent.joinpath(*([name] if isinstance(name, str) else name)) for name in names}


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-nooffset"])
def test_a_dicomdir_gives_the_files_its_records_name(name: str, disc: Path) -> None:
    files, refused = archive.directory_files(disc / name)
    wanted = referenced(disc / name)
    assert {path.resolve() for path in files} == {path.resolve() for path in wanted if path.is_file()}
    assert len(files) + len(refused) == len(wanted)


def test_opening_a_dicomdir_opens_its_studies(disc: Path) -> None:
    by_index = scan(disc / "DICOMDIR", disc)
    by_folder = scan(disc, disc)
    assert len(by_index.studies) == 6
    assert {study.key for study in by_index.studies} <= {study.key for study in by_folder.studies}


def test_a_folder_with_a_dicomdir_does_not_complain_about_it(disc: Path) -> None:
    refused = scan(disc, disc).refused
    assert "DICOMDIR" not in [entry.path.name for entry in refused]


def write_dicomdir(path: Path, *file_ids: list[str]) -> Path:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    records = []
    for parts in file_ids:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = parts
        records.append(record)
    dataset.DirectoryRecordSequence = records
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("name", ["DICOMDIR", "DIRFILE", "index"])
def test_an_index_is_told_by_what_it_is_and_not_complained_about(name: str, tmp_path: Path) -> None:
    write(ct(), tmp_path / "IMAGE")
    write_dicomdir(tmp_path / name, ["IMAGE"])
    found = scan(tmp_path, tmp_path)
    assert found.refused == ()
    assert len(found.studies) == 1


@pytest.mark.parametrize(
    "parts", [["..", "SECRET"], ["../SECRET"], ["A", "..", "..", "SECRET"], ["/SECRET"]]
)
def test_a_dicomdir_that_points_outside_of_its_folder_reaches_nothing(
    parts: list[str], tmp_path: Path
) -> None:
    write(ct(), tmp_path / "SECRET")
    disc = tmp_path / "disc"
    (disc / "A").mkdir(parents=True)
    dicomdir = write_dicomdir(disc / "DICOMDIR", parts)
    found = scan(dicomdir, tmp_path)
    assert found.studies == ()
    assert [entry.why for entry in found.refused] == ["A file it lists lies outside of its folder."]


def test_a_link_on_the_disc_does_not_lead_outside_either(tmp_path: Path) -> None:
    write(ct(), tmp_path / "SECRET")
    disc = tmp_path / "disc"
    disc.mkdir()
    (disc / "LINK").symlink_to(tmp_path / "SECRET")
    found = scan(write_dicomdir(disc / "DICOMDIR", ["LINK"]), tmp_path)
    assert found.studies == ()
    assert found.refused[0].why == "A file it lists lies outside of its folder."


def test_a_file_that_is_listed_and_missing_is_said(tmp_path: Path) -> None:
    write(ct(), tmp_path / "HERE")
    found = scan(write_dicomdir(tmp_path / "DICOMDIR", ["HERE"], ["GONE", "AWAY"]), tmp_path)
    assert len(found.studies) == 1
    assert found.refused[0].why == "The DICOMDIR lists it and it is not there."
    assert found.refused[0].path == tmp_path / "GONE" / "AWAY"


def test_names_in_another_case_are_found(tmp_path: Path) -> None:
    write(ct(), tmp_path / "images" / "i001.dcm")
    (tmp_path / "images" / "i001.dcm").rename(tmp_path / "images" / "i001")
    found = scan(write_dicomdir(tmp_path / "DICOMDIR", ["IMAGES", "I001"]), tmp_path)
    assert len(found.studies) == 1


def test_names_that_no_file_can_have_are_missing_and_the_rest_is_read(tmp_path: Path) -> None:
    write(ct(), tmp_path / "IMAGE")
    dicomdir = write_dicomdir(tmp_path / "DICOMDIR", ["x" * 5000], ["A", "x" * 300], ["nul\0l"], ["IMAGE"])
    files, refused = archive.directory_files(dicomdir)
    assert files == [tmp_path / "IMAGE"]
    assert len(refused) == 3


def test_a_folder_of_thousands_is_listed_once_for_all_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dicomdir = write_dicomdir(tmp_path / "DICOMDIR", *(["A", f"M{number}"] for number in range(50)))
    (tmp_path / "A").mkdir()
    listed = []
    real = Path.iterdir

    def counted(path: Path) -> Iterator[Path]:
        listed.append(path)
        return real(path)

    monkeypatch.setattr(Path, "iterdir", counted)
    assert len(archive.directory_files(dicomdir)[1]) == 50
    assert len(listed) == 1


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="a file of Linux that waits when it is read")
def test_what_is_empty_to_the_system_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc/kmsg")
    opened = index([tmp_path], scratch=tmp_path / "scratch")
    assert [refused.why for refused in opened.refused] == ["It is empty."]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_without_rights_is_refused_in_words(tmp_path: Path) -> None:
    path = write(ct(), tmp_path / "a")
    path.chmod(0)
    assert scan(path, tmp_path).refused[0].why == "It cannot be read: Permission denied."


def test_a_full_disk_while_unpacking_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a", b"a" * 100)
        packed.writestr("b", b"b" * 100)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive, "_write", full)
    found = scan(tmp_path / "a.zip", tmp_path / "scratch")
    assert found.refused[0].why == "The archive cannot be unpacked. No space left on device."
    assert list((tmp_path / "scratch").iterdir()) == []
