"""Headers read one after another say what each of them says by itself."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medvision_desktop.errors import InputRefused
from medvision_desktop.io.dicom_alike import HeaderReader
from medvision_desktop.io.dicom_header import Header, read_header
from medvision_desktop.io.dicom_memo import HeaderSet, Memo
from medvision_desktop.io.dicom_values import number, text
from tests.helpers.dicom_files import ct, write

SAMPLES = Path(str(get_testdata_file("CT_small.dcm", download=False))).parent


def said(header: Header) -> dict[int, object]:
    return {int(element.tag): element.value for element in header.dataset}


def place(header: Header) -> object:
    found = header.pixels
    return None if found is None else (found.tag, found.vr, found.offset, found.length)


def assert_same(ours: Header, alone: Header) -> None:
    assert said(ours) == said(alone)
    assert place(ours) == place(alone)
    assert (ours.transfer_syntax, ours.little_endian) == (alone.transfer_syntax, alone.little_endian)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_every_header_of_a_series_is_the_one_that_is_read_alone(syntax: str, tmp_path: Path) -> None:
    reader = HeaderReader()
    for number_ in range(1, 30):
        dataset = ct(z=number_ * 1.25, number=number_, ContentTime=f"1011{number_:02}.{number_ * 37}")
        dataset.PatientComments = "" if number_ % 7 else "seldom"
        dataset.StationName = "first" if number_ < 22 else "second"  # long after the rest is settled
        dataset.add_new(0x00091001, "LO", f"private {number_ // 5}")
        path = write(dataset, tmp_path / str(number_), transfer_syntax=syntax)
        assert_same(reader.read(path), read_header(path))


def test_files_of_many_kinds_in_any_order_are_read_as_alone() -> None:
    reader = HeaderReader()
    for path in [*sorted(SAMPLES.glob("*.dcm")), *sorted(SAMPLES.glob("*.dcm"), reverse=True)]:
        try:
            alone = read_header(path)
        except Exception as refused:  # noqa: BLE001 - whatever it is, it is the same
            with pytest.raises(type(refused)):
                reader.read(path)
            continue
        ours = reader.read(path)
        assert place(ours) == place(alone), path.name
        assert sorted(ours.dataset.keys()) == sorted(alone.dataset.keys())


def test_a_sequence_of_undefined_length_is_walked_over(tmp_path: Path) -> None:
    dataset = ct()
    inner = pydicom.Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    inner.PurposeOfReferenceCodeSequence = [pydicom.Dataset()]
    inner.is_undefined_length_sequence_item = True
    dataset.SourceImageSequence = [inner, inner]
    dataset["SourceImageSequence"].is_undefined_length = True
    path = write(dataset, tmp_path / "a")
    header = HeaderReader().read(path)
    theirs = pydicom.dcmread(path)
    assert header.dataset.SourceImageSequence == theirs.SourceImageSequence
    assert header.pixels is not None
    assert path.read_bytes()[header.pixels.offset :][:32] == theirs.PixelData[:32]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    names=st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\^="), max_size=20),
        max_size=5,
    ),
    windows=st.lists(st.tuples(st.integers(-500, 500), st.integers(1, 4000)), min_size=1, max_size=5),
)
def test_what_is_remembered_never_hides_what_differs(
    names: list[str], windows: list[tuple[int, int]], tmp_path: Path
) -> None:
    reader = HeaderReader()
    for at, (center, width) in enumerate(windows):
        dataset = ct(number=at + 1, WindowCenter=center, WindowWidth=width)
        dataset.SeriesDescription = names[at % len(names)] if names else ""
        path = write(dataset, tmp_path / "one")
        header, alone = reader.read(path), read_header(path)
        found = header.memo.of("window", lambda h=header: number(h.dataset, "WindowCenter"))
        words = header.memo.of("words", lambda h=header: text(h.dataset, "SeriesDescription"))
        assert found == number(alone.dataset, "WindowCenter")
        assert words == text(alone.dataset, "SeriesDescription")


def test_what_hangs_on_nothing_that_differs_is_worked_out_once(tmp_path: Path) -> None:
    reader, asked = HeaderReader(), []

    def word(header: Header) -> str:
        asked.append(header.path.name)
        return text(header.dataset, "Modality") + text(header.dataset, "SliceLocation")

    for at in range(4):
        dataset = ct(number=at + 1, z=float(at))
        dataset.SliceLocation = "7" if at < 3 else "8"
        header = reader.read(write(dataset, tmp_path / str(at)))
        assert header.memo.of("word", lambda h=header: word(h)) == ("CT7" if at < 3 else "CT8")
    assert asked == ["0", "3"]


def test_what_is_inside_of_another_piece_counts_for_both() -> None:
    first = HeaderSet()
    first.Modality, first.PatientID = "CT", "1"
    known: dict[str, tuple[frozenset[int], object]] = {}
    memo = Memo(known, first)  # type: ignore[arg-type]
    memo.of("outer", lambda: memo.of("inner", lambda: text(first, "PatientID")) + text(first, "Modality"))
    assert known["inner"][0] == {0x00100020}
    assert known["outer"][0] >= {0x00100020, 0x00080060}
    other = Memo(known, None, frozenset({0x00100020}))  # type: ignore[arg-type]
    assert other.of("outer", lambda: "anew") == "anew"
    assert Memo(known, None, frozenset({0x00080018})).of("outer", lambda: "anew") == "1CT"  # type: ignore[arg-type]


def test_a_file_cut_inside_a_varying_element_is_no_surprise(tmp_path: Path) -> None:
    reader = HeaderReader()
    for at in range(3):
        reader.read(write(ct(np.zeros((4, 4), np.uint16), number=at + 1), tmp_path / str(at)))
    content = (tmp_path / "2").read_bytes()
    for end in range(140, len(content) - 32, 41):
        cut = tmp_path / "cut"
        cut.write_bytes(content[:end])
        try:
            alone: object = place(read_header(cut))
        except Exception as refused:  # noqa: BLE001 - the same refusal is wanted
            alone = type(refused)
        try:
            ours: object = place(reader.read(cut))
        except Exception as refused:  # noqa: BLE001 - as above
            ours = type(refused)
        assert ours == alone


def test_pixels_come_along_with_headers_of_every_length(tmp_path: Path) -> None:
    reader = HeaderReader()
    came = 0
    for number_ in range(8, 13):  # "8" and "9" are shorter than "10"
        dataset = ct(z=number_, number=number_)
        dataset.PatientComments = "x" * (2 * (number_ // 12))
        path = write(dataset, tmp_path / str(number_))
        room = np.zeros(len(dataset.PixelData), np.uint8)
        header, along = reader.read_along(path, room.data)
        assert_same(header, read_header(path))
        came += along
        if along:
            assert room.tobytes() == dataset.PixelData
    assert came >= 2


@pytest.mark.parametrize("cut", [1, 100, "header"])
def test_of_a_file_that_is_cut_no_pixels_come_along(cut: int | str, tmp_path: Path) -> None:
    reader = HeaderReader()
    dataset = ct(z=1, number=1)
    room = np.zeros(len(dataset.PixelData), np.uint8)
    whole = write(dataset, tmp_path / "whole")
    for _ in range(3):
        assert_same(reader.read_along(whole, room.data)[0], read_header(whole))
    stored = whole.read_bytes()
    end = 600 if cut == "header" else len(stored) - int(cut)
    short = tmp_path / "short"
    short.write_bytes(stored[:end])
    try:
        header, along = reader.read_along(short, room.data)
    except InputRefused:
        assert cut == "header"
    else:
        assert not along
        assert_same(header, read_header(short))


def test_a_character_set_that_is_none_is_not_quoted_in_a_warning(tmp_path: Path) -> None:
    paths = [
        write(ct(z=float(k), number=k, SpecificCharacterSet="ISO_IR 100"), tmp_path / f"{k}")
        for k in range(3)
    ]
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"ISO_Doe^Jo"))
    reader = HeaderReader()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [text(reader.read(path).dataset, "Modality") for path in paths] == ["CT"] * 3
