"""Palette tables against pydicom's own expansion, and against bytes worked out by hand."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.pixels.processing import _expand_segmented_lut, apply_color_lut

from medvision_desktop.io.dicom_palette import expanded_segments, palette_of

COLOURS = ("Red", "Green", "Blue")
RAMP = [0, 257, 4096, 65535, 30000, 2, 1, 511]


def with_tables(descriptor: list[int], red: bytes, green: bytes, blue: bytes, prefix: str = "") -> Dataset:
    dataset = Dataset()
    for colour, data in zip(COLOURS, (red, green, blue), strict=True):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", descriptor)
        setattr(dataset, f"{prefix}{colour}PaletteColorLookupTableData", data)
    return dataset


@pytest.mark.parametrize("order", ["<", ">"])
def test_entries_are_read_in_the_byte_order_of_the_file(order: str) -> None:
    table = np.asarray(RAMP, f"{order}u2")
    dataset = with_tables([8, 3, 16], table.tobytes(), table[::-1].tobytes(), table.tobytes())
    palette = palette_of(dataset, little=order == "<")
    assert palette is not None
    assert palette.first_mapped == 3
    assert palette.entries[:, 0].tolist() == RAMP
    assert palette.entries[:, 1].tolist() == RAMP[::-1]


@pytest.mark.parametrize("order", ["<", ">"])
def test_packed_bytes_are_swapped_in_pairs_in_big_endian_words(order: str) -> None:
    data = np.asarray([0x0201, 0x0403], f"{order}u2").tobytes()
    palette = palette_of(with_tables([4, 0, 8], data, data, data), little=order == "<")
    assert palette is not None
    assert palette.entries.dtype == np.uint8
    assert palette.entries[:, 0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("written", [65536 - 20, -20])
def test_the_first_value_of_signed_pixels_is_signed_however_it_is_written(written: int) -> None:
    data = np.asarray(RAMP, "<u2").tobytes()
    dataset = with_tables([8, written, 16], data, data, data)
    dataset.PixelRepresentation = 1
    palette = palette_of(dataset, little=True)
    assert palette is not None
    assert palette.first_mapped == -20


def test_eight_bits_in_a_word_each_are_eight_bits() -> None:
    data = np.asarray([0, 128, 255], "<u2").tobytes()
    palette = palette_of(with_tables([3, 0, 8], data, data, data), little=True)
    assert palette is not None
    assert palette.entries[:, 2].tolist() == [0, 128, 255]
    assert palette.entries.dtype == np.uint8


@pytest.mark.parametrize("bits", [8, 16])
def test_plain_tables_agree_with_pydicom(bits: int) -> None:
    kind = np.dtype(f"<u{bits // 8}")
    tables = [np.random.default_rng(seed).integers(0, 1 << bits, 64).astype(kind) for seed in range(3)]
    dataset = with_tables([64, 10, bits], *(table.tobytes() for table in tables))
    palette = palette_of(dataset, little=True)
    assert palette is not None
    expected = apply_color_lut(np.arange(10, 74), dataset)
    assert np.array_equal(palette.entries, expected)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just(0), st.lists(st.integers(0, 65535), min_size=1, max_size=5)),
            st.tuples(st.just(1), st.tuples(st.integers(1, 40), st.integers(0, 65535))),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_discrete_and_linear_segments_expand_as_in_pydicom(segments: list[tuple[int, Any]]) -> None:
    words = [0, 2, 7, 9]
    for kind, content in segments:
        words += [0, len(content), *content] if kind == 0 else [1, content[0], content[1]]
    ours, theirs = expanded_segments(words, wide=True), _expand_segmented_lut(tuple(words), "<H")
    assert ours is not None
    assert len(ours) == len(theirs)
    # A step that ends in exactly a half may be rounded either way.
    assert np.abs(np.subtract(ours, theirs)).max() <= 1


def test_an_indirect_segment_copies_segments_at_its_byte_offset() -> None:
    # Two segments of 5 and 3 words; the copy begins at the second, at byte 10.
    words = [0, 3, 10, 20, 30, 1, 2, 50, 2, 1, 10, 0]
    assert expanded_segments(words, wide=True) == [10, 20, 30, 40, 50, 50, 50]
    narrow = [0, 3, 10, 20, 30, 1, 2, 50, 2, 1, 5, 0, 0, 0]
    assert expanded_segments(narrow, wide=False) == [10, 20, 30, 40, 50, 50, 50]


@pytest.mark.parametrize(
    "words", [[1, 3, 9], [2, 1, 0, 0], [0, 9, 1], [7, 1, 1, 1], [0, 1, 5, 2, 1, 6, 0], []]
)
def test_a_malformed_table_is_none_at_all(words: list[int]) -> None:
    assert not expanded_segments(words, wide=True)


def test_a_table_that_copies_without_end_is_bounded() -> None:
    words = [0, 1, 1, 1, 65535, 9, *([2, 65535, 0, 0] * 200)]
    assert len(expanded_segments(words, wide=True) or []) <= 65536


@pytest.mark.parametrize(
    "descriptor", [[4, 0, 12], [4, 0], [5, 0, 16], [0, 0, 16]], ids=["12 bits", "cut", "too few", "65536"]
)
def test_a_palette_that_cannot_be_right_is_none(descriptor: list[int]) -> None:
    data = struct.pack("<2H", 1, 2)
    assert palette_of(with_tables(descriptor, data, data, data), little=True) is None


def test_numbers_are_taken_as_words() -> None:
    dataset = with_tables([2, 0, 16], b"\1\0\2\0", b"\3\0\4\0", b"\5\0\6\0")
    for colour in COLOURS:
        keyword = f"{colour}PaletteColorLookupTableData"
        dataset[keyword] = DataElement(dataset[keyword].tag, "US", [1, 65535])
    palette = palette_of(dataset, little=False)
    assert palette is not None
    assert palette.entries.tolist() == [[1, 1, 1], [65535, 65535, 65535]]
