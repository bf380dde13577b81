"""The quick walk over a header finds what pydicom finds, or leaves the file to pydicom."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import ImplicitVRLittleEndian

from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_elements
from medvision_desktop.io.dicom_elements import Unusual, meta_of, walk
from medvision_desktop.io.dicom_header import inflated, read_header
from medvision_desktop.io.dicom_values import number, text, value_of
from tests.helpers.dicom_files import Raw, ct, write

# `no_meta.dcm` begins in the middle of an element: neither reader finds anything in it.
FILES = sorted(
    path
    for path in Path(str(get_testdata_file("CT_small.dcm", download=False))).parent.glob("*.dcm")
    if path.name != "no_meta.dcm"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_value_is_the_one_pydicom_reads(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        header = read_header(path)
        ours = {element.tag: element.value for element in header.dataset}
        wanted = {element.tag: element.value for element in theirs if element.tag < 0x7FE00008}
    assert ours == wanted
    assert header.transfer_syntax == str(theirs.file_meta.get("TransferSyntaxUID", ""))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pixels_lie_where_pydicom_finds_them(path: Path) -> None:
    header = read_header(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pydicom.dcmread(path, force=True)
    if header.pixels is None or header.pixels.length is None:
        assert "PixelData" not in theirs or theirs["PixelData"].is_undefined_length
        return
    if header.transfer_syntax.endswith(".99"):
        data = inflated(path, header.pixels.offset + 64)[header.pixels.offset :]
    else:
        data = path.read_bytes()[header.pixels.offset :][:64]
    assert theirs.PixelData[:64] == data


def test_most_files_take_the_quick_walk() -> None:
    taken = 0
    for path in FILES:
        content = path.read_bytes()
        _, start = meta_of(content[: 1 << 16])
        try:
            walk(content[: 1 << 16], start, implicit=False, size=len(content))
            taken += 1
        except Unusual:
            pass
    assert taken > len(FILES) / 2


@pytest.mark.parametrize("implicit", [False, True])
def test_a_value_that_ends_behind_the_file_is_unusual(implicit: bool) -> None:
    data = b"\x08\x00\x05\x00" + (b"CS\xff\x00" if not implicit else b"\xff\0\0\0") + b"ISO_IR 100"
    with pytest.raises(Unusual):
        walk(data, 0, implicit=implicit, size=len(data))


def test_elements_out_of_order_are_left_to_pydicom(tmp_path: Path) -> None:
    path = write(ct(), tmp_path / "a")
    content = path.read_bytes()
    at = content.index(b"\x10\x00\x20\x00LO")
    end = at + 8 + int.from_bytes(content[at + 6 : at + 8], "little")
    _, start = meta_of(content)
    path.write_bytes(content[:start] + content[at:end] + content[start:at] + content[end:])
    with pytest.raises(Unusual):
        walk(path.read_bytes(), start, implicit=False, size=len(content))
    assert text(read_header(path).dataset, "PatientID") == "4711"


def test_a_header_longer_than_the_first_read_is_still_found(tmp_path: Path) -> None:
    dataset = ct()
    dataset.add_new(0x00091001, "OB", bytes(300_000))
    dataset.add_new(0x00090010, "LO", "SOMEBODY")
    header = read_header(write(dataset, tmp_path / "a"))
    assert number(header.dataset, "Rows") == 12
    assert header.pixels is not None


def test_implicit_and_explicit_give_the_same_values(tmp_path: Path) -> None:
    one = read_header(write(ct(), tmp_path / "a")).dataset
    other = read_header(write(ct(), tmp_path / "b", transfer_syntax=ImplicitVRLittleEndian)).dataset
    for keyword in ("PatientName", "PixelSpacing", "Rows", "RescaleIntercept", "ImageType"):
        assert value_of(one, keyword) == value_of(other, keyword)


def test_a_sequence_is_read_from_its_bytes(tmp_path: Path) -> None:
    item = pydicom.Dataset()
    item.CodeValue = "T-D1100"
    header = read_header(write(ct(AnatomicRegionSequence=[item]), tmp_path / "a"))
    assert value_of(header.dataset, "AnatomicRegionSequence")[0].CodeValue == "T-D1100"


@pytest.mark.parametrize("data", [b"1e400 ", b"--1 ", b"1,5 ", b"\xff\xfe", b"nan "])
def test_a_number_that_is_none_reads_as_absent(data: bytes, tmp_path: Path) -> None:
    header = read_header(write(ct(SliceThickness=Raw("DS", data)), tmp_path / "a"))
    assert number(header.dataset, "SliceThickness") is None


def test_deep_nesting_is_refused_not_a_crash(tmp_path: Path) -> None:
    path = write(ct(), tmp_path / "a")
    content = path.read_bytes()
    _, start = meta_of(content)
    opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path.write_bytes(content[:start] + opening * 20_000)
    with pytest.raises(InputRefused):
        read_header(path)


def test_inflating_stops_where_it_was_told(tmp_path: Path) -> None:
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(50 << 20)) + packer.flush()
    path = tmp_path / "a"
    path.write_bytes(packed)
    with path.open("rb") as file:
        assert len(dicom_elements.inflated(file, 0, 1000)) == 1000
