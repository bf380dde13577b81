"""Files to studies and series: grouping, order, text, and what is refused."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from medvision_desktop.domain.study import Patient, ScanResult, SourceKind
from medvision_desktop.errors import Cancelled
from medvision_desktop.io.dicom_values import clean
from medvision_desktop.services.open_study import index
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.dicom_files import SERIES_UID, STUDY_UID, Raw, ct, write, write_stack


def scan(*paths: Path, scratch: Path | None = None) -> ScanResult:
    return index(paths, scratch=scratch or Path("unused"))


def test_a_folder_becomes_one_study_with_its_series(tmp_path: Path) -> None:
    write_stack(tmp_path / "a", [0.0, 2.0, 4.0])
    write(ct(SeriesInstanceUID="1.2.9", SeriesNumber=1, number=9), tmp_path / "b" / "x")
    (study,) = scan(tmp_path).studies
    assert (study.key, study.uid) == (STUDY_UID, STUDY_UID)
    assert study.patient == Patient(name="Doe, Jane", id="4711")
    assert (study.date, study.time) == ("2024-02-29", "08:15:30")
    assert [series.uid for series in study.series] == ["1.2.9", SERIES_UID]  # by series number
    assert [series.frame_count for series in study.series] == [1, 3]
    assert study.modalities == ("CT",)


def test_slices_are_ordered_by_position_whatever_the_files_are_called(tmp_path: Path) -> None:
    for name, z, number in [("c", 4.0, 3), ("a", 2.0, 2), ("b", 0.0, 1)]:
        write(ct(z=z, number=number), tmp_path / name)
    (study,) = scan(tmp_path).studies
    assert [instance.path.name for instance in study.series[0].instances] == ["b", "a", "c"]


def test_slices_run_in_the_direction_in_which_they_are_numbered(tmp_path: Path) -> None:
    for name, z, number in [("low", 0.0, 3), ("mid", 2.0, 2), ("high", 4.0, 1)]:
        write(ct(z=z, number=number), tmp_path / name)
    (study,) = scan(tmp_path).studies
    assert [instance.path.name for instance in study.series[0].instances] == ["high", "mid", "low"]


def test_one_number_out_of_order_does_not_tear_the_slices_apart(tmp_path: Path) -> None:
    for z, number in [(0.0, 1), (2.0, 7), (4.0, 3), (6.0, 4)]:
        write(ct(z=z, number=number), tmp_path / f"{z}")
    (study,) = scan(tmp_path).studies
    assert [instance.path.name for instance in study.series[0].instances] == ["0.0", "2.0", "4.0", "6.0"]


def test_planes_that_are_not_parallel_are_ordered_by_number(tmp_path: Path) -> None:
    for number, cosines in [(2, [1, 0, 0, 0, 0, -1]), (1, [1, 0, 0, 0, 1, 0]), (3, [0, 1, 0, 0, 0, -1])]:
        write(ct(number=number, ImageOrientationPatient=cosines), tmp_path / f"{number}")
    (study,) = scan(tmp_path).studies
    assert [instance.instance_number for instance in study.series[0].instances] == [1, 2, 3]


def test_a_scout_is_not_stacked_with_the_slices_of_its_series(tmp_path: Path) -> None:
    write_stack(tmp_path, [0.0, 2.0, 4.0])
    write(ct(number=90, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), tmp_path / "scout")
    (study,) = scan(tmp_path).studies
    assert [(series.uid, series.frame_count) for series in study.series] == [
        (SERIES_UID, 3),
        (f"{SERIES_UID}#2", 1),
    ]


def test_each_multi_frame_object_is_a_stack_of_its_own(tmp_path: Path) -> None:
    for number in (1, 2):
        pixels = np.zeros((24, 10), np.int16)
        write(ct(pixels, number=number, Rows=12, NumberOfFrames=2), tmp_path / f"{number}")
    (study,) = scan(tmp_path).studies
    assert [series.frame_count for series in study.series] == [2, 2]
    assert len({series.uid for series in study.series}) == 2


def test_two_patients_under_one_study_uid_are_kept_apart(tmp_path: Path) -> None:
    write(ct(number=1), tmp_path / "a")
    write(ct(number=2, PatientID="4712"), tmp_path / "b")
    studies = scan(tmp_path).studies
    assert sorted(study.patient.id for study in studies) == ["4711", "4712"]
    assert len({study.key for study in studies}) == 2
    assert {study.uid for study in studies} == {STUDY_UID}


def test_files_without_uids_still_form_stable_studies(tmp_path: Path) -> None:
    write(ct(StudyInstanceUID=None, SeriesInstanceUID=None), tmp_path / "a")
    first, second = scan(tmp_path).studies, scan(tmp_path).studies
    assert first == second
    assert first[0].key
    assert first[0].uid == ""


def test_the_same_image_twice_is_listed_as_a_copy(tmp_path: Path) -> None:
    write(ct(), tmp_path / "a")
    write(ct(), tmp_path / "b")
    found = scan(tmp_path)
    assert found.studies[0].series[0].frame_count == 1
    assert [(refused.path.name, refused.why.split(":")[0]) for refused in found.refused] == [
        ("b", "A copy")
    ]


@pytest.mark.parametrize("cut_at", [-100, 400])
def test_of_copies_the_whole_one_is_shown(cut_at: int, tmp_path: Path) -> None:
    whole = write(ct(), tmp_path / "b").read_bytes()
    (tmp_path / "a").write_bytes(whole[:cut_at])
    write(ct(), tmp_path / "c")
    found = scan(tmp_path)
    [series] = found.studies[0].series
    assert [instance.path.name for instance in series.instances] == ["b"]
    assert [refused.path.name for refused in found.refused] == ["a", "c"]


@pytest.mark.parametrize("harm", [slice(0, -12), slice(0, 40)])
def test_a_damaged_compressed_volume_is_called_damaged(harm: slice, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(bytes(2000)))
    packed[12] ^= 0xFF
    (tmp_path / "a.nii.gz").write_bytes(bytes(packed)[harm])
    [refused] = scan(tmp_path).refused
    assert refused.why.startswith("The compressed file is damaged.")


def test_naming_a_file_and_its_folder_reads_it_once(tmp_path: Path) -> None:
    path = write(ct(), tmp_path / "a")
    found = scan(path, tmp_path, path)
    assert found.studies[0].series[0].frame_count == 1
    assert found.refused == ()


@pytest.mark.parametrize(
    ("charset", "encoded", "name"),
    [
        ("ISO_IR 100", "Müller^Jürgen".encode("latin-1"), "Müller, Jürgen"),
        ("ISO_IR 192", "Ψωμιάδης^Νίκος".encode(), "Ψωμιάδης, Νίκος"),
        ("ISO_IR 144", "Люкceмбypг".encode("iso8859-5"), "Люкceмбypг"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小東=".encode(), "Wang, XiaoDong"),
        ("ISO_IR 192", "=王^小東".encode(), "王, 小東"),
        ("GB18030", "Zhang^Li=张^丽".encode("gb18030"), "Zhang, Li"),
        ("", b"Adams^John Robert Quincy^^Rev.^B.A. M.Div.", "Adams, John Robert Quincy"),
        ("", b"CQ500-CT-310", "CQ500-CT-310"),
        ("", b"^^^^", ""),
        ("NOT_A_SET", b"Doe^Jane", "Doe, Jane"),
    ],
)
def test_names_are_decoded_by_their_character_set(
    charset: str, encoded: bytes, name: str, tmp_path: Path
) -> None:
    padded = encoded + b" " * (len(encoded) % 2)
    elements = {"SpecificCharacterSet": charset or None, "PatientName": Raw("PN", padded)}
    write(ct(**elements), tmp_path / "a")
    (study,) = scan(tmp_path).studies
    assert study.patient.name == name


def test_control_and_direction_characters_never_reach_the_screen(tmp_path: Path) -> None:
    hostile = "Knee\x00\x1b[2J\r\nleft\u202eRIGHT\u2066\u200f<b>x</b>".encode()
    description = Raw("LO", hostile + b" " * (len(hostile) % 2))
    write(ct(SpecificCharacterSet="ISO_IR 192", StudyDescription=description), tmp_path / "a")
    (study,) = scan(tmp_path).studies
    assert study.description == "Knee[2J leftRIGHT<b>x</b>"  # plain text: marks are not read as marks


def test_text_is_kept_short() -> None:
    assert len(clean("x" * 100_000)) == 256


@pytest.mark.parametrize(
    ("date", "time", "wanted"),
    [
        (b"19991231", b"235959.999999 ", ("1999-12-31", "23:59:59")),
        (b"1999.12.31", b"23:59 ", ("1999-12-31", "23:59:00")),
        (b"19991331", b"24", ("", "")),
        (b"today ", b"noon", ("", "")),
        (b"20240229", b"08", ("2024-02-29", "08:00:00")),
    ],
)
def test_dates_and_times_are_iso_or_nothing(
    date: bytes, time: bytes, wanted: tuple[str, str], tmp_path: Path
) -> None:
    write(ct(StudyDate=Raw("DA", date), StudyTime=Raw("TM", time)), tmp_path / "a")
    (study,) = scan(tmp_path).studies
    assert (study.date, study.time) == wanted


@pytest.mark.parametrize(
    "preamble", [b"\0" * 128, b"II*\0" + b"\1" * 124, b"MZ" + b"\2" * 126, b"%PDF" + b"3" * 124]
)
def test_a_preamble_of_another_format_does_not_hide_dicom(preamble: bytes, tmp_path: Path) -> None:
    path = write(ct(), tmp_path / "a")
    path.write_bytes(preamble + path.read_bytes()[128:])
    assert len(scan(path).studies) == 1


def test_a_file_without_preamble_and_meta_is_read(tmp_path: Path) -> None:
    dataset = ct()
    dataset.save_as(tmp_path / "bare", implicit_vr=True, little_endian=True)
    (study,) = scan(tmp_path / "bare").studies
    assert study.series[0].instances[0].rows == 12


def test_an_object_without_pixels_is_refused_by_its_name(tmp_path: Path) -> None:
    dataset = ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.66")
    del dataset.PixelData
    write(dataset, tmp_path / "raw")
    found = scan(tmp_path)
    assert found.studies == ()
    assert found.refused[0].why == "It holds no pixels (Raw Data Storage)."


def test_an_image_that_is_cut_before_its_pixels_is_named_as_that(tmp_path: Path) -> None:
    path = write(ct(), tmp_path / "a")
    path.write_bytes(path.read_bytes()[:-260])  # 240 bytes of pixels behind their 12 bytes of header
    assert scan(tmp_path).refused[0].why == "It ends before its pixels (CT Image Storage)."


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 200, b"\x1f\x8b broken", b"PK\x03\x04 broken"])
def test_stray_files_are_listed_with_a_reason(content: bytes, tmp_path: Path) -> None:
    write(ct(), tmp_path / "image")
    (tmp_path / "stray").write_bytes(content)
    found = scan(tmp_path, scratch=tmp_path / "scratch")
    assert len(found.studies) == 1
    assert [refused.path.name for refused in found.refused] == ["stray"]
    assert found.refused[0].why.endswith(".")


def test_hidden_files_and_links_out_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    write(ct(), tmp_path / "outside" / "image")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / ".DS_Store").write_bytes(b"litter")
    (inside / "loop").symlink_to(inside)
    (inside / "far").symlink_to(tmp_path / "outside")
    assert scan(inside) == ScanResult()


def test_what_does_not_exist_or_may_not_be_read_is_said(tmp_path: Path) -> None:
    found = scan(tmp_path / "nowhere")
    assert found.refused[0].why == "It does not exist."


def test_refusals_quote_no_patient(tmp_path: Path) -> None:
    write(ct(Rows=0), tmp_path / "a")
    write(ct(BitsAllocated=13, number=2), tmp_path / "b")
    found = scan(tmp_path)
    assert len(found.refused) == 2
    assert not any("Doe" in refused.why or "4711" in refused.why for refused in found.refused)


def test_progress_counts_every_file_and_cancel_stops_between_files(tmp_path: Path) -> None:
    write_stack(tmp_path, [0.0, 2.0, 4.0, 6.0])
    seen: list[Progress] = []
    index([tmp_path], scratch=tmp_path, progress=seen.append)
    assert [progress.done for progress in seen if progress.total] == [1, 2, 3, 4]
    assert seen[-1].fraction == 1.0

    cancel = CancelToken()

    def stop(progress: Progress, /) -> None:
        if progress.done == 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        index([tmp_path], scratch=tmp_path, progress=stop, cancel=cancel)


def test_a_header_element_longer_than_the_file_costs_no_memory(tmp_path: Path) -> None:
    path = write(ct(), tmp_path / "a")
    data = path.read_bytes()
    at = data.index(b"\x10\x00\x20\x00LO")  # Patient ID: say that it is a 4 GB UN
    path.write_bytes(data[: at + 4] + b"UN\0\0\xf0\xff\xff\xff" + data[at + 8 :])
    found = scan(path)
    assert found.studies == ()
    assert len(found.refused) == 1


def test_a_deflate_bomb_in_the_header_is_inflated_no_further_than_a_header(tmp_path: Path) -> None:
    import zlib

    path = write(ct(), tmp_path / "a")
    whole = path.read_bytes()
    meta = whole[: whole.index(b"\x08\x00\x08\x00CS")].replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    )
    length = int.from_bytes(meta[140:144], "little") + 2
    meta = meta[:140] + length.to_bytes(4, "little") + meta[144:]
    meta = meta.replace(b"\x02\x00\x10\x00UI\x14\x00", b"\x02\x00\x10\x00UI\x16\x00")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b"\x08\x00\x05\x00UN\0\0" + (300 << 20).to_bytes(4, "little"))
    for _ in range(300):
        bomb += packer.compress(bytes(1 << 20))
    path.write_bytes(meta + bomb + packer.flush())
    found = scan(path)
    assert found.studies == ()
    assert len(found.refused) == 1


def test_a_scan_is_the_same_in_any_order_of_paths(tmp_path: Path) -> None:
    files = write_stack(tmp_path, [0.0, 2.0, 4.0])
    assert scan(*files).studies == scan(*reversed(files)).studies


def test_all_kinds_of_images_mix_in_one_folder(tmp_path: Path) -> None:
    import nibabel
    from PIL import Image

    write(ct(), tmp_path / "a.dcm")
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), tmp_path / "b.nii.gz")
    Image.new("L", (7, 5)).save(tmp_path / "c.png")
    Image.new("RGB", (7, 5)).save(tmp_path / "d.jpg")
    found = scan(tmp_path)
    kinds = [series.kind for study in found.studies for series in study.series]
    assert kinds == [SourceKind.DICOM, SourceKind.NIFTI, SourceKind.RASTER, SourceKind.RASTER]
    assert found.refused == ()


def test_slices_without_a_study_uid_stay_together_by_their_series(tmp_path: Path) -> None:
    write_stack(tmp_path, [0.0, 2.0, 4.0], StudyInstanceUID=None)
    (study,) = scan(tmp_path).studies
    assert study.series[0].frame_count == 3


def test_a_file_without_any_uid_keeps_its_key_when_it_is_moved(tmp_path: Path) -> None:
    dataset = ct(StudyInstanceUID=None, SeriesInstanceUID=None)
    path = write(dataset, tmp_path / "a")
    content = path.read_bytes()
    at = content.index(b"\x08\x00\x18\x00UI")
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    path.write_bytes(content[:at] + content[at + 8 + length :])
    first = scan(path).studies[0].key
    path.rename(tmp_path / "b")
    assert scan(tmp_path / "b").studies[0].key == first


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert scan(tmp_path / "pipe").refused[0].why == "It is not a file."
    assert scan(tmp_path) == ScanResult()


def test_a_letter_or_table_in_the_folder_is_not_unpacked(tmp_path: Path) -> None:
    import zipfile

    write(ct(), tmp_path / "image")
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as packed:
        packed.writestr("docProps/thumbnail.png", b"\x89PNG\r\n\x1a\n")
    found = scan(tmp_path, scratch=tmp_path / "scratch")
    assert [refused.path.name for refused in found.refused] == ["letter.docx"]
    assert not (tmp_path / "scratch").exists()


def test_joiners_that_names_are_spelt_with_are_kept() -> None:
    assert clean("علی\u200cرضا\ufeff\u00ad") == "علی\u200cرضا"
