"""Headers that are made of more than an image needs, and long ones that are right."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_native
from medvision_desktop.io.dicom_bounds import MOST_BYTES, Bounded
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_header import read_header
from medvision_desktop.io.dicom_layout import layout_of
from medvision_desktop.io.dicom_values import numbers, text
from tests.helpers.dicom_files import ct, write

ITEM = b"\xfe\xff\x00\xe0" + bytes(4)
END = b"\xfe\xff\xdd\xe0" + bytes(4)
UNDEFINED = 0xFFFFFFFF


def sequence(content: bytes, length: int | None = None) -> bytes:
    """Referenced Image Evidence Sequence, explicit little endian."""
    return (
        struct.pack("<HH2sHI", 0x0008, 0x9092, b"SQ", 0, len(content) if length is None else length)
        + content
    )


def with_sequence(path: Path, element: bytes) -> Path:
    """A CT slice with one more element in front of its study UID."""
    content = write(ct(), path).read_bytes()
    at = content.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    path.write_bytes(content[:at] + element + content[at:])
    return path


@pytest.mark.parametrize("undefined", [True, False])
def test_a_sequence_of_a_million_empty_items_is_refused_unparsed(
    undefined: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []
    begun = Dataset.__init__

    def counted(self: Dataset, *arguments: object, **named: object) -> None:
        parsed.append(1)
        begun(self, *arguments, **named)  # type: ignore[arg-type] # whatever pydicom gives

    items = ITEM * 1_000_000
    element = sequence(items + END, UNDEFINED) if undefined else sequence(items)
    path = with_sequence(tmp_path / "many.dcm", element)
    monkeypatch.setattr(Dataset, "__init__", counted)
    with pytest.raises(InputRefused, match="more parts than an image can need"):
        read_header(path)
    assert len(parsed) < 20_000


@pytest.mark.parametrize("undefined", [True, False])
def test_what_frames_say_of_themselves_is_read_however_long_it_is(undefined: bool, tmp_path: Path) -> None:
    count = 2000
    dataset = ct()
    dataset.SharedFunctionalGroupsSequence = [Dataset()]
    groups = []
    for number in range(count):
        content, position = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, number]
        content.FrameComments = "x" * 600
        frame = Dataset()
        frame.PlanePositionSequence, frame.FrameContentSequence = [position], [content]
        groups.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset["PerFrameFunctionalGroupsSequence"].is_undefined_length = undefined
    path = write(dataset, tmp_path / "long.dcm")
    assert path.stat().st_size > 1 << 20
    header = read_header(path)
    place = group_of(header.dataset, count - 1, "PlanePositionSequence")
    assert numbers(place, "ImagePositionPatient") == (0, 0, count - 1)
    assert np.array_equal(dicom_native.read_frame(header, layout_of(header), 0), dataset.pixel_array)


@pytest.mark.parametrize(
    ("length", "why"), [(0x7FFFFFFF, "ends inside of its header"), (2 << 20, "ends inside of its header")]
)
def test_a_sequence_that_reaches_beyond_the_file_is_told_as_a_cut(
    length: int, why: str, tmp_path: Path
) -> None:
    path = with_sequence(tmp_path / "cut.dcm", sequence(ITEM, length))
    with pytest.raises(InputRefused, match=why):
        read_header(path)


def test_a_thousand_nested_sequences_are_refused_in_words(tmp_path: Path) -> None:
    opened = struct.pack("<HH2sHI", 0x0008, 0x9092, b"SQ", 0, UNDEFINED) + ITEM[:4] + b"\xff" * 4
    path = with_sequence(tmp_path / "deep.dcm", opened * 1000)
    with pytest.raises(InputRefused, match="too deep in one another"):
        read_header(path)


def test_no_more_is_asked_of_a_file_than_it_holds() -> None:
    asked = []

    class Asked(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(size)
            return super().read(size)

    file = Bounded(Asked(b"abcdef"))
    file.seek(2)
    assert file.read(0xFFFFFFFE) == b"cdef"
    assert asked == [4]
    assert MOST_BYTES < 1 << 30


@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_that_nobody_asks_for_are_not_parsed(
    undefined: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = ITEM * 100_000
    element = sequence(items + END, UNDEFINED) if undefined else sequence(items)
    path = with_sequence(tmp_path / "many.dcm", element)
    made = []
    begun = Dataset.__init__

    def counted(self: Dataset, *arguments: object, **named: object) -> None:
        made.append(1)
        begun(self, *arguments, **named)  # type: ignore[arg-type] # whatever pydicom gives

    monkeypatch.setattr(Dataset, "__init__", counted)
    header = read_header(path)
    assert len(made) < 5
    assert header.pixels is not None
    assert text(header.dataset, "Modality") == "CT"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_long_value_is_left_in_the_file_and_what_is_behind_it_is_read(
    syntax: str, tmp_path: Path
) -> None:
    dataset = ct()
    dataset.add_new(0x00090010, "LO", "MAKER")
    dataset.add_new(0x00091001, "OB", bytes(3 << 20))
    header = read_header(write(dataset, tmp_path / "long.dcm", transfer_syntax=syntax))
    left = header.dataset.get_item(Tag(0x00091001), keep_deferred=True)
    assert isinstance(left, RawDataElement)
    assert (left.value, left.length) == (None, 3 << 20)
    assert text(header.dataset, "PatientName") == text(dataset, "PatientName")
    assert np.array_equal(dicom_native.read_frame(header, layout_of(header), 0), dataset.pixel_array)
