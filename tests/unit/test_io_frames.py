"""Pixels of every transfer syntax, against pydicom's own decoding and against uncompressed twins."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.image import Frame, Photometric, Rescale
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.io.dicom_series import load_frame
from medvision_desktop.pixels import pipeline
from tests.helpers.dicom_files import ct, write

SampleFile = Callable[[str], Path]


def bundled(name: str) -> Path:
    found = get_testdata_file(name, download=False)
    assert isinstance(found, str)
    return Path(found)


def frame(path: Path, decoder: Decoder, index: int = 0) -> Frame:
    return load_frame(scan_file(path).instance, index, decoder)


def by_pydicom(path: Path) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        return dataset.pixel_array


NATIVE_IN_THE_PACKAGE = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_padded.dcm",
    "ExplVR_BigEnd.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "SC_rgb_jpeg_dcmd.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "image_dfl.dcm",
    "rtdose_1frame.dcm",
    "rtdose_expb_1frame.dcm",
    "liver_1frame.dcm",
    "liver_expb_1frame.dcm",
    "examples_rgb_color.dcm",
    "examples_palette.dcm",
    "examples_overlay.dcm",
]
NATIVE_SAMPLES = [
    "RG1_UNCR.dcm",
    "RG3_UNCI.dcm",
    "MR2_UNCR.dcm",
    "693_UNCR.dcm",
    "US1_UNCR.dcm",
    "OBXXXX1A.dcm",
    "OBXXXX1A_expb.dcm",
    "color-pl.dcm",
    "color-px.dcm",
    "SC_rgb_expb.dcm",
    "SC_ybr_full_uncompressed.dcm",
    "gdcm-US-ALOKA-16.dcm",
    "gdcm-US-ALOKA-16_big.dcm",
    "mlut_18.dcm",
    "vlut_04.dcm",
]


@pytest.mark.parametrize("name", NATIVE_IN_THE_PACKAGE)
def test_uncompressed_pixels_are_those_pydicom_reads(name: str, decoder: Decoder) -> None:
    path = bundled(name)
    assert np.array_equal(frame(path, decoder).stored, by_pydicom(path))


@pytest.mark.parametrize("name", NATIVE_SAMPLES)
def test_uncompressed_sample_pixels_are_those_pydicom_reads(
    name: str, decoder: Decoder, sample_file: SampleFile
) -> None:
    path = sample_file(name)
    assert np.array_equal(frame(path, decoder).stored, by_pydicom(path))


@pytest.mark.parametrize(
    "name",
    [
        "OBXXXX1A_2frame.dcm",
        "OBXXXX1A_expb_2frame.dcm",
        "emri_small_big_endian.dcm",
        "liver.dcm",
        "liver_expb.dcm",
    ],
)
def test_each_uncompressed_frame_is_the_one_of_its_number(
    name: str, decoder: Decoder, sample_file: SampleFile
) -> None:
    path = sample_file(name)
    wanted = by_pydicom(path)
    assert scan_file(path).instance.number_of_frames == len(wanted)
    for index, values in enumerate(wanted):
        assert np.array_equal(frame(path, decoder, index).stored, values)


@pytest.mark.parametrize(
    ("compressed", "twin"),
    [
        ("RG1_J2KR.dcm", "RG1_UNCR.dcm"),
        ("RG3_J2KR.dcm", "RG3_UNCR.dcm"),
        ("MR2_J2KR.dcm", "MR2_UNCR.dcm"),
        ("US1_J2KR.dcm", "US1_UNCR.dcm"),
        ("OBXXXX1A_rle.dcm", "OBXXXX1A.dcm"),
        ("emri_small_RLE.dcm", "emri_small.dcm"),
        ("emri_small_jpeg_ls_lossless.dcm", "emri_small.dcm"),
        ("emri_small_jpeg_2k_lossless.dcm", "emri_small.dcm"),
    ],
)
def test_a_lossless_image_equals_its_uncompressed_twin(
    compressed: str, twin: str, decoder: Decoder, sample_file: SampleFile
) -> None:
    ours, plain = frame(sample_file(compressed), decoder), frame(sample_file(twin), decoder)
    assert ours.stored.dtype == plain.stored.dtype
    assert np.array_equal(ours.stored, plain.stored)


@pytest.mark.parametrize(
    "name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"]
)
def test_a_signed_lossless_image_equals_its_uncompressed_twin(name: str, decoder: Decoder) -> None:
    plain = by_pydicom(bundled("MR_small.dcm"))
    assert np.array_equal(frame(bundled(name), decoder).stored, plain)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("SC_rgb_dcmtk_+eb+cr.dcm", 0),
        ("SC_rgb_jpeg_gdcm.dcm", 0),
        ("SC_rgb_rle.dcm", 0),
        ("GDCMJ2K_TextGBR.dcm", 0),
        ("SC_rgb_jls_lossy_line.dcm", 0),
        ("SC_rgb_jls_lossy_sample.dcm", 0),
        ("JPEGLSNearLossless_08.dcm", 0),
        ("JPEGLSNearLossless_16.dcm", 0),
        ("JPEG2000.dcm", 0),
        ("J2K_pixelrep_mismatch.dcm", 0),
        ("JPGExtended.dcm", 1),
        ("SC_jpeg_no_color_transform.dcm", 0),
        ("SC_rgb_dcmtk_+eb+cy+n1.dcm", 2),
    ],
)
def test_compressed_pixels_are_those_pydicom_decodes(name: str, tolerance: int, decoder: Decoder) -> None:
    path = bundled(name)
    ours = frame(path, decoder).stored.astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pydicom.dcmread(path).pixel_array
        if theirs.ndim == 3:
            theirs = pydicom.pixels.pixel_array(path, raw=False)
    assert np.abs(ours - theirs.astype(int)).max() <= tolerance


@pytest.mark.parametrize("name", ["JPEG-LL.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "bad_sequence.dcm"])
def test_lossless_jpeg_is_what_itk_reads(name: str, decoder: Decoder, sample_file: SampleFile) -> None:
    path = sample_file(name)
    shown = frame(path, decoder)
    assert isinstance(shown.modality, Rescale)
    values = shown.stored * shown.modality.slope + shown.modality.intercept
    theirs = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path), imageIO="GDCMImageIO"))
    assert np.array_equal(values, theirs[0])


def test_jpeg_with_ycbcr_colours_arrives_as_the_red_that_was_encoded(decoder: Decoder) -> None:
    # README of the file: a red, green, blue, ... test card; the first rows are pure red.
    shown = frame(bundled("SC_rgb_dcmtk_+eb+cy+n1.dcm"), decoder)
    assert shown.photometric is Photometric.RGB
    assert np.allclose(shown.stored[5, 50], (254, 0, 0), atol=3)


def test_extended_jpeg_that_libjpeg_refuses_is_read_by_the_second_reader(decoder: Decoder) -> None:
    good = frame(bundled("JPGExtended.dcm"), decoder).stored.astype(int)
    odd = frame(bundled("JPEG-lossy.dcm"), decoder).stored.astype(int)
    assert np.abs(good - odd).max() <= 1  # the same picture; two inverse cosine transforms


def test_junk_above_bits_stored_is_masked(tmp_path: Path, decoder: Decoder) -> None:
    clean = np.arange(120, dtype=np.uint16).reshape(12, 10) * 34
    junk = clean | np.uint16(0xF000)
    path = write(ct(junk, BitsStored=12, HighBit=11), tmp_path / "a.dcm")
    assert np.array_equal(frame(path, decoder).stored, clean)


def test_values_that_lie_at_the_high_end_of_the_word_are_moved_down(
    tmp_path: Path, decoder: Decoder
) -> None:
    clean = np.arange(120, dtype=np.uint16).reshape(12, 10) * 34
    path = write(ct((clean << 4) | 0x5, BitsStored=12, HighBit=15), tmp_path / "a.dcm")
    assert np.array_equal(frame(path, decoder).stored, clean)


@pytest.mark.parametrize("high_bit", [11, 13, 15])
def test_signs_are_extended_from_bits_stored(high_bit: int, tmp_path: Path, decoder: Decoder) -> None:
    values = np.linspace(-2048, 2047, 120).astype(np.int16).reshape(12, 10)
    words = ((values.astype(np.int32) & 0xFFF) << (high_bit - 11)).astype(np.uint16)
    words |= np.uint16((0xFFFF << (high_bit + 1)) & 0xFFFF)  # junk above
    dataset = ct(words, BitsStored=12, HighBit=high_bit, PixelRepresentation=1)
    path = write(dataset, tmp_path / "a.dcm")
    assert np.array_equal(frame(path, decoder).stored, values)


def test_rle_words_with_junk_bits_are_masked_too(tmp_path: Path, decoder: Decoder) -> None:
    clean = np.arange(120, dtype=np.uint16).reshape(12, 10) * 34
    dataset = ct(clean | np.uint16(0xF000), BitsStored=12, HighBit=11)
    path = write(dataset, tmp_path / "a.dcm")
    written = pydicom.dcmread(path)
    written.compress(pydicom.uid.RLELossless)
    written.save_as(path)
    assert np.array_equal(frame(path, decoder).stored, clean)


@pytest.mark.parametrize("signed", [False, True])
def test_rle_words_are_read_from_their_high_bit_down(
    signed: bool, tmp_path: Path, decoder: Decoder
) -> None:
    values = np.linspace(-2048, 2047, 120).round().astype(np.int32) + (0 if signed else 2048)
    words = ((values & 0xFFF) << 4).astype(np.uint16).reshape(12, 10)
    path = write(ct(words, BitsStored=12, HighBit=15, PixelRepresentation=int(signed)), tmp_path / "a.dcm")
    written = pydicom.dcmread(path)
    planes = [part.tobytes() for part in halves_of(words)]
    # Each plane as literal runs, written by hand: pydicom's encoder refuses such a High Bit.
    packed = [bytes([119]) + plane + b"\x80" for plane in planes]
    head = struct.pack("<16I", 2, 64, 64 + len(packed[0]), *[0] * 13)
    written.PixelData = encapsulate([head + b"".join(packed)])
    written["PixelData"].is_undefined_length = True
    write(written, path, transfer_syntax=pydicom.uid.RLELossless)
    assert np.array_equal(frame(path, decoder).stored.ravel(), values)


@pytest.mark.parametrize("high_bit", [11, 15])
def test_colour_words_of_rle_are_read_from_their_high_bit_down(
    high_bit: int, tmp_path: Path, decoder: Decoder
) -> None:
    values = (np.arange(4 * 10 * 3).reshape(4, 10, 3) * 34 + 5).astype(np.uint16)
    words = values << (high_bit - 11)
    words |= 0xF000 if high_bit == 11 else 0x000F  # junk beside the samples
    planes = [part.tobytes() for colour in range(3) for part in halves_of(words[..., colour])]
    packed = [bytes([39]) + plane + b"\x80" for plane in planes]
    head = struct.pack("<16I", 6, *[64 + 42 * number for number in range(6)], *[0] * 9)
    dataset = coloured(words, "RGB", encapsulate([head + b"".join(packed)]))
    dataset.BitsStored, dataset.HighBit = 12, high_bit
    dataset["PixelData"].is_undefined_length = True
    path = write(dataset, tmp_path / "a.dcm", transfer_syntax=pydicom.uid.RLELossless)
    assert np.array_equal(frame(path, decoder).stored, values)


def halves_of(words: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The high and the low bytes, which are planes of their own in RLE."""
    return (words >> 8).astype(np.uint8), (words & 0xFF).astype(np.uint8)


def test_sixteen_bit_colour_is_shown_with_eight_bits_and_says_so(
    decoder: Decoder, sample_file: SampleFile
) -> None:
    path = sample_file("SC_rgb_16bit.dcm")
    shown = frame(path, decoder)
    assert np.array_equal(shown.stored, by_pydicom(path))
    eight = pipeline.render(pipeline.resolve(DisplayState(), shown))
    assert np.array_equal(eight, np.rint(by_pydicom(path) / 257.0).astype(np.uint8))
    assert shown.not_faithful == ("16-bit colour is shown with 8 bits",)


def test_every_frame_of_a_cine_loop_is_decoded_in_order(decoder: Decoder) -> None:
    from medvision_desktop.io.dicom_scan import assemble
    from medvision_desktop.io.dicom_series import load_frames

    path = bundled("examples_ybr_color.dcm")
    studies, _ = assemble([scan_file(path)])
    frames = load_frames(studies[0].series[0], decoder)
    wanted = pydicom.pixels.pixel_array(path, raw=False)
    assert [shown.frame_number for shown in frames] == list(range(1, 31))
    assert all(np.array_equal(ours.stored, theirs) for ours, theirs in zip(frames, wanted, strict=True))


def test_a_file_cut_in_its_pixels_is_refused_by_length(tmp_path: Path, decoder: Decoder) -> None:
    path = write(ct(), tmp_path / "a.dcm")
    scanned = scan_file(path).instance
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputRefused, match="cut short"):
        load_frame(scanned, 0, decoder)


def test_pixel_data_shorter_than_rows_times_columns_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    path = write(ct(Rows=1000), tmp_path / "a.dcm")
    with pytest.raises(InputRefused, match="cut short"):
        frame(path, decoder)


def test_the_known_truncated_file_is_refused_as_cut_short(decoder: Decoder) -> None:
    with pytest.raises(InputRefused, match="cut short"):
        frame(bundled("MR_truncated.dcm"), decoder)


def test_damaged_compressed_data_is_a_refusal_not_a_crash(tmp_path: Path, decoder: Decoder) -> None:
    data = bytearray(bundled("MR_small_jp2klossless.dcm").read_bytes())
    data[-3000:-20] = bytes(len(data[-3000:-20]))
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    with pytest.raises(InputRefused, match="cannot be decoded"):
        frame(path, decoder)


def test_a_compressed_image_smaller_than_its_header_says_is_refused(
    tmp_path: Path, decoder: Decoder
) -> None:
    dataset = pydicom.dcmread(bundled("MR_small_jpeg_ls_lossless.dcm"))
    dataset.Rows = 32
    path = tmp_path / "a.dcm"
    dataset.save_as(path)
    with pytest.raises(InputRefused, match="cannot be decoded"):
        frame(path, decoder)


def test_a_video_syntax_is_named_in_the_refusal(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(bundled("MR_small_RLE.dcm"))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.MPEG4HP41
    path = tmp_path / "a.dcm"
    dataset.save_as(path)
    with pytest.raises(InputRefused, match="video"):
        scan_file(path)


def test_odd_frames_of_swapped_bytes_are_put_right(tmp_path: Path, decoder: Decoder) -> None:
    values = np.arange(45, dtype=np.uint8).reshape(3, 3, 5)
    dataset = ct(values.reshape(9, 5), Rows=3, NumberOfFrames=3)
    words = np.frombuffer(values.tobytes() + b"\0", "<u2")
    dataset.PixelData = words.astype(">u2").tobytes()
    dataset["PixelData"].VR = "OW"
    path = write(dataset, tmp_path / "a", transfer_syntax=pydicom.uid.ExplicitVRBigEndian)
    assert np.array_equal(by_pydicom(path), values)
    for index in range(3):
        assert np.array_equal(frame(path, decoder, index).stored, values[index])


def coloured(values: NDArray[Any], photometric: str, data: bytes, **said: Any) -> Dataset:
    """A colour file: HxWx3 `values` give its size, `data` its pixels."""
    bits = 8 * values.dtype.itemsize
    dataset = ct(
        values[..., 0],
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation=photometric,
        BitsAllocated=bits,
        BitsStored=bits,
        HighBit=bits - 1,
        **said,
    )
    dataset.PixelData = data
    return dataset


def test_colours_of_a_limited_range_come_back_as_they_were(tmp_path: Path, decoder: Decoder) -> None:
    rgb = np.stack(np.meshgrid(range(0, 256, 51), range(0, 256, 51), indexing="ij"), -1).reshape(-1, 2)
    pairs = np.column_stack([rgb, 255 - rgb[:, 0]]).reshape(4, 9, 3).repeat(2, axis=1).astype(float)
    # The equations of PS3.3 C.7.6.3.1.2 for YBR_PARTIAL_422, in the direction in which they stand there.
    forward = np.array([[0.2568, 0.5041, 0.0979], [-0.1482, -0.2910, 0.4392], [0.4392, -0.3678, -0.0714]])
    partial = np.rint(pairs @ forward.T + (16, 128, 128)).astype(np.uint8)
    quads = np.concatenate([partial[:, ::2, :1], partial[:, 1::2, :1], partial[:, ::2, 1:]], axis=-1)
    path = write(coloured(partial, "YBR_PARTIAL_422", quads.tobytes()), tmp_path / "a.dcm")
    assert np.abs(frame(path, decoder).stored - pairs).max() <= 2


def test_sixteen_bit_colour_within_jpeg_2000_is_read(tmp_path: Path, decoder: Decoder) -> None:
    rgb = (np.arange(37 * 41 * 3) * 14 % 65536).astype(np.uint16).reshape(37, 41, 3)
    code = encode_array(rgb, bits_stored=16, photometric_interpretation=1, use_mct=True)
    dataset = coloured(rgb, "YBR_RCT", encapsulate([code]))
    dataset["PixelData"].is_undefined_length = True
    path = write(dataset, tmp_path / "a.dcm", transfer_syntax=pydicom.uid.JPEG2000Lossless)
    assert np.array_equal(frame(path, decoder).stored, rgb)


def test_floats_are_read_whatever_is_left_of_integers_in_their_header(
    tmp_path: Path, decoder: Decoder
) -> None:
    values = np.linspace(-3, 3, 120, dtype=np.float32).reshape(12, 10)
    dataset = ct(np.zeros((12, 10), np.uint16), BitsStored=16, HighBit=15, BitsAllocated=32)
    del dataset.PixelData
    dataset.FloatPixelData = values.tobytes()
    assert np.array_equal(frame(write(dataset, tmp_path / "a.dcm"), decoder).stored, values)
