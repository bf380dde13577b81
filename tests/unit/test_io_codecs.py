"""JPEG XL and 12-bit JPEG, decoded in the child: against what was encoded, DCMTK, and damage."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import UID, RLELossless

from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.decoder_codecs import precision
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.settings import Settings
from tests.helpers.dicom_files import ct, write

WRAPPED = UID("1.2.840.10008.1.2.1.98")
LOSSLESS, RECOMPRESSED, ANY = (f"1.2.840.10008.1.2.4.{code}" for code in (110, 111, 112))


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """Decoding children of this module."""
    made = Decoder(Settings(decoder_timeout_s=20, decoder_memory_mb=1024))
    made.warm()
    yield made
    made.close()


def compressed(
    path: Path, frames: Sequence[bytes], like: NDArray[Any], syntax: str, **said: Any
) -> InstanceRef:
    """A file with these frames."""
    plain = like if like.ndim == 2 else like[..., 0]
    elements: dict[str, Any] = {
        "BitsStored": 8 * like.dtype.itemsize,
        "HighBit": 8 * like.dtype.itemsize - 1,
    }
    if like.ndim == 3:
        elements |= {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    if len(frames) > 1:
        elements["NumberOfFrames"] = len(frames)
    dataset = ct(np.ascontiguousarray(plain), **{**elements, **said})
    _put(dataset, frames)
    return scan_file(written(dataset, path, syntax)).instance


def written(dataset: Dataset, path: Path, syntax: str) -> Path:
    """A file of a syntax that pydicom has no name for: written as one of a name of the same length."""
    known = "1.2.840.10008.1.2.4.201"
    write(dataset, path, transfer_syntax=known)
    data = path.read_bytes()
    assert len(syntax) == len(known)
    path.write_bytes(data[:512].replace(known.encode(), syntax.encode()) + data[512:])
    return path


def _put(dataset: Dataset, frames: Sequence[bytes]) -> None:
    dataset.PixelData = encapsulate(list(frames))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def noise(bits: int, shape: tuple[int, ...] = (24, 30), seed: int = 0) -> NDArray[Any]:
    """Random samples of so many bits."""
    kind = np.uint8 if bits <= 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 1 << bits, size=shape).astype(kind)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("syntax", [LOSSLESS, ANY])
def test_lossless_jpeg_xl_gives_back_what_was_encoded(
    tmp_path: Path, decoder: Decoder, bits: int, syntax: str
) -> None:
    values = noise(bits)
    data = imagecodecs.jpegxl_encode(values, lossless=True, bitspersample=bits)
    instance = compressed(tmp_path / "a", [data], values, syntax, BitsStored=bits, HighBit=bits - 1)

    assert np.array_equal(decoder.frames(instance).frames[0], values)


def test_colour_jpeg_xl_gives_back_what_was_encoded(tmp_path: Path, decoder: Decoder) -> None:
    values = noise(8, (20, 24, 3))
    data = imagecodecs.jpegxl_encode(values, lossless=True)
    instance = compressed(tmp_path / "a", [data], values, LOSSLESS)

    assert np.array_equal(decoder.frames(instance).frames[0], values)


def test_a_recompressed_jpeg_shows_what_the_jpeg_shows(tmp_path: Path, decoder: Decoder) -> None:
    rows, columns = np.mgrid[0:48, 0:64]
    values = (rows * 3 + columns).astype(np.uint8)
    jpeg = imagecodecs.jpeg8_encode(values, level=90)
    data = imagecodecs.jpegxl_encode_jpeg(jpeg)
    instance = compressed(tmp_path / "a", [data], values, RECOMPRESSED)
    shown = decoder.frames(instance).frames[0].astype(int)

    assert np.abs(shown - imagecodecs.jpeg8_decode(jpeg).astype(int)).max() <= 1


@pytest.mark.parametrize("table", ["basic", "extended", "empty"])
def test_frames_are_found_by_every_kind_of_offset_table(
    tmp_path: Path, decoder: Decoder, table: str
) -> None:
    frames = [noise(12, seed=seed) for seed in range(4)]
    data = [imagecodecs.jpegxl_encode(frame, lossless=True, bitspersample=12) for frame in frames]
    dataset = ct(frames[0], BitsStored=12, HighBit=11, NumberOfFrames=4)
    _put(dataset, data)
    if table == "extended":
        pixels, offsets, lengths = encapsulate_extended(data)
        dataset.PixelData, dataset.ExtendedOffsetTable = pixels, offsets
        dataset.ExtendedOffsetTableLengths = lengths
    elif table == "empty":
        dataset.PixelData = encapsulate(data, has_bot=False)
    path = written(dataset, tmp_path / "a", LOSSLESS)
    shown = decoder.frames(scan_file(path).instance).frames

    assert all(np.array_equal(one, other) for one, other in zip(shown, frames, strict=True))


def deflated(values: NDArray[Any]) -> bytes:
    """A raw deflate stream, as one frame of the syntax."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(values.tobytes()) + packer.flush()


@pytest.mark.parametrize("kind", ["grey", "signed", "bits"])
def test_frames_that_were_deflated_one_by_one_are_read(tmp_path: Path, decoder: Decoder, kind: str) -> None:
    random = np.random.default_rng(3)
    if kind == "bits":
        frames = [random.integers(0, 2, size=(9, 7)).astype(np.uint8) for _ in range(3)]
        data = [deflated(np.packbits(frame.ravel(), bitorder="little")) for frame in frames]
        dataset = ct(frames[0], BitsAllocated=1, BitsStored=1, HighBit=0, NumberOfFrames=3)
    else:
        low, form = (-2000, np.int16) if kind == "signed" else (0, np.uint16)
        frames = [random.integers(low, 2000, size=(10, 6)).astype(form) for _ in range(3)]
        data = [deflated(frame) for frame in frames]
        dataset = ct(frames[0], NumberOfFrames=3)
    _put(dataset, data)
    # Its UID is one character shorter than the one that the helper puts in its place.
    path = written(dataset, tmp_path / "a", "1.2.840.10008.1.2.8.1\0\0")
    shown = decoder.frames(scan_file(path).instance).frames

    assert all(np.array_equal(one, other) for one, other in zip(shown, frames, strict=True))


@pytest.mark.parametrize("high_bit", [11, 15])
def test_frames_that_are_wrapped_and_not_compressed_are_read(
    tmp_path: Path, decoder: Decoder, high_bit: int
) -> None:
    frames = [noise(12, (9, 7), seed) for seed in range(3)]
    dataset = ct(frames[0], BitsStored=12, HighBit=high_bit, NumberOfFrames=3)
    _put(dataset, [(frame << (high_bit - 11)).astype("<u2").tobytes() for frame in frames])
    path = write(dataset, tmp_path / "a", transfer_syntax=WRAPPED)
    shown = decoder.frames(scan_file(path).instance).frames

    assert all(np.array_equal(one, other) for one, other in zip(shown, frames, strict=True))


def test_a_deflated_frame_that_never_ends_is_inflated_no_further_than_a_frame(
    tmp_path: Path, decoder: Decoder
) -> None:
    values = noise(16, (10, 6))
    bomb = deflated(np.zeros(1 << 27, np.uint8))
    dataset = ct(values)
    _put(dataset, [bomb])
    path = written(dataset, tmp_path / "a", "1.2.840.10008.1.2.8.1\0\0")

    assert not decoder.frames(scan_file(path).instance).frames[0].any()


def test_a_damaged_jpeg_xl_is_refused_or_drawn_and_never_ends_the_child(
    tmp_path: Path, decoder: Decoder
) -> None:
    values = noise(12, (64, 64))
    whole = imagecodecs.jpegxl_encode(values, lossless=True, bitspersample=12)
    random = np.random.default_rng(5)
    outcomes = []
    for number in range(60):
        data = bytearray(whole[: int(random.integers(20, len(whole)))] if number % 3 == 0 else whole)
        for at in random.integers(0, len(data), size=int(random.integers(1, 12))):
            data[int(at)] = int(random.integers(0, 256))
        instance = compressed(
            tmp_path / f"{number}", [bytes(data)], values, LOSSLESS, BitsStored=12, HighBit=11
        )
        try:
            outcomes.append(decoder.frames(instance).frames[0].shape == (64, 64))
        except InputRefused as refusal:
            outcomes.append(refusal.what == "The image cannot be decoded.")

    assert all(outcomes)
    good = compressed(tmp_path / "good", [whole], values, LOSSLESS, BitsStored=12, HighBit=11)
    assert np.array_equal(decoder.frames(good).frames[0], values)


def test_a_jpeg_xl_of_another_size_than_the_header_says_is_refused(
    tmp_path: Path, decoder: Decoder
) -> None:
    data = imagecodecs.jpegxl_encode(noise(8, (40, 40)), lossless=True)
    instance = compressed(tmp_path / "a", [data], noise(8), LOSSLESS)

    with pytest.raises(InputRefused, match="size differs"):
        decoder.frames(instance)


def test_a_jpeg_xl_bomb_ends_at_the_memory_limit(tmp_path: Path) -> None:
    data = imagecodecs.jpegxl_encode(np.zeros((12_000, 12_000), np.uint16), lossless=True, effort=1)
    assert len(data) < 1 << 20
    instance = compressed(tmp_path / "a", [data], noise(16), LOSSLESS)
    decoder = Decoder(Settings(decoder_memory_mb=512, decoder_timeout_s=60))
    try:
        with pytest.raises(InputRefused, match="cannot be decoded"):
            decoder.frames(instance)
    finally:
        decoder.close()


def test_twelve_bit_jpeg_shows_what_dcmtk_decodes(tmp_path: Path, decoder: Decoder) -> None:
    tool = shutil.which("dcmdjpeg")
    if tool is None:
        pytest.skip("dcmdjpeg of DCMTK is not installed")
    path = Path(str(get_testdata_file("JPEG-lossy.dcm", download=False)))
    plain = tmp_path / "plain.dcm"
    subprocess.run([tool, str(path), str(plain)], check=True)
    wanted = pydicom.dcmread(plain).pixel_array.astype(int)
    shown = decoder.frames(scan_file(path).instance).frames[0].astype(int)

    assert np.abs(shown - wanted).max() <= 1


@pytest.mark.parametrize("bits", [8, 12])
def test_the_precision_of_a_jpeg_is_in_its_frame_header(bits: int) -> None:
    data = imagecodecs.jpeg8_encode(noise(bits), level=90, bitspersample=bits)

    assert precision(data) == bits


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff" * 4000, b"\xff\xd8\xff\xe0\x00\x00" * 900]
)
def test_what_is_no_jpeg_has_no_precision(data: bytes) -> None:
    assert precision(data) == 0


def runs(values: NDArray[Any]) -> bytes:
    """A frame of 8 bits as RLE (PS3.5 G): every row one literal run."""
    rows = b"".join(bytes([len(row) - 1]) + row.tobytes() for row in values)
    return struct.pack("<16I", 1, 64, *[0] * 14) + rows + b"\x80" * (len(rows) % 2)


def fragments(*parts: bytes) -> bytes:
    """Items one after another, the first of them the offset table."""
    return b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(part)) + part for part in parts)


def in_rle(path: Path, frames: Sequence[NDArray[Any]], pixels: bytes) -> Path:
    """A file with these pixels."""
    dataset = ct(frames[0], NumberOfFrames=len(frames))
    dataset.PixelData = pixels
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return write(dataset, path, transfer_syntax=RLELossless)


@pytest.mark.parametrize("table", [(0, 7), (0, 0), (0,), (4096, 8192)])
def test_an_offset_table_that_leads_nowhere_is_left_out(
    tmp_path: Path, decoder: Decoder, table: tuple[int, ...]
) -> None:
    frames = [noise(8, seed=seed) for seed in range(2)]
    offsets = struct.pack(f"<{len(table)}I", *table)
    path = in_rle(tmp_path / "a", frames, fragments(offsets, *map(runs, frames)))
    shown = decoder.frames(scan_file(path).instance).frames

    assert all(np.array_equal(one, other) for one, other in zip(shown, frames, strict=True))


def test_frames_before_the_end_of_a_file_without_its_end_are_drawn(
    tmp_path: Path, decoder: Decoder
) -> None:
    frames = [noise(8, seed=seed) for seed in range(2)]
    path = in_rle(tmp_path / "a", frames, fragments(b"", *map(runs, frames)))
    path.write_bytes(path.read_bytes()[:-8])
    shown = decoder.frames(scan_file(path).instance).frames

    assert all(np.array_equal(one, other) for one, other in zip(shown, frames, strict=True))


def test_a_compressed_file_that_is_cut_is_refused_as_cut(tmp_path: Path, decoder: Decoder) -> None:
    frames = [noise(8, seed=seed) for seed in range(3)]
    path = in_rle(tmp_path / "a", frames, fragments(b"", *map(runs, frames)))
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(InputRefused, match=r"cut short.*3 frames and there are 2"):
        decoder.frames(scan_file(path).instance)


def test_fewer_fragments_than_frames_are_named(tmp_path: Path, decoder: Decoder) -> None:
    frames = [noise(8, seed=seed) for seed in range(3)]
    path = in_rle(tmp_path / "a", frames, fragments(b"", *map(runs, frames[:2])))

    with pytest.raises(InputRefused, match="3 frames and there are 2"):
        decoder.frames(scan_file(path).instance)


def jpeg_streams() -> list[tuple[str, NDArray[Any], bytes]]:
    """A smooth image in every JPEG that loses its end in silence: syntax, image, stream."""
    rows, columns = np.mgrid[0:40, 0:48]
    wave = (np.sin(rows / 5) + np.cos(columns / 7) + 2) / 4
    eight, twelve = (wave * 255).astype(np.uint8), (wave * 4095).astype(np.uint16)
    return [
        ("50", eight, imagecodecs.jpeg8_encode(eight, level=95)),
        ("51", twelve, imagecodecs.jpeg8_encode(twelve, level=95, bitspersample=12)),
        ("70", twelve, imagecodecs.ljpeg_encode(twelve, bitspersample=12)),
    ]


def in_jpeg(path: Path, code: str, values: NDArray[Any], stream: bytes) -> InstanceRef:
    bits = 8 if values.dtype == np.uint8 else 12
    dataset = ct(values, BitsStored=bits, HighBit=bits - 1)
    _put(dataset, [stream])
    return scan_file(write(dataset, path, transfer_syntax=f"1.2.840.10008.1.2.4.{code}")).instance


@pytest.mark.parametrize("case", range(3))
def test_a_jpeg_that_lacks_its_end_marker_only_is_drawn(
    tmp_path: Path, decoder: Decoder, case: int
) -> None:
    code, values, stream = jpeg_streams()[case]
    whole = decoder.frames(in_jpeg(tmp_path / "a", code, values, stream)).frames[0]
    ended = decoder.frames(in_jpeg(tmp_path / "b", code, values, stream[:-2])).frames[0]

    assert np.abs(whole.astype(int) - values).max() <= 0.02 * int(values.max())
    assert np.array_equal(ended, whole)


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_jpeg_that_lacks_more_is_refused_as_cut(
    tmp_path: Path, decoder: Decoder, case: int, share: float
) -> None:
    code, values, stream = jpeg_streams()[case]
    begin = stream.rfind(b"\xff\xda")
    cut = stream[: begin + int((len(stream) - begin) * share)]

    with pytest.raises(InputRefused, match=r"cut short|damaged"):
        decoder.frames(in_jpeg(tmp_path / "a", code, values, cut))


def halves(frame: bytes) -> list[bytes]:
    """A compressed frame in two fragments of even length."""
    frame += b"\0" * (len(frame) % 2)
    middle = len(frame) // 4 * 2
    return [frame[:middle], frame[middle:]]


def split(frames: Sequence[NDArray[Any]], code: str) -> tuple[list[bytes], str]:
    """Frames of 8 bits in two fragments each, and their transfer syntax."""
    packers: dict[str, tuple[Callable[[NDArray[Any]], bytes], str]] = {
        "RLE": (runs, "1.2.840.10008.1.2.5"),
        "lossless": (
            lambda frame: imagecodecs.ljpeg_encode(frame, bitspersample=8),
            "1.2.840.10008.1.2.4.70",
        ),
        "JPEG-LS": (imagecodecs.jpegls_encode, "1.2.840.10008.1.2.4.80"),
        "2000": (lambda frame: encode_array(frame, photometric_interpretation=2), "1.2.840.10008.1.2.4.90"),
    }
    pack, syntax = packers[code]
    return [half for frame in frames for half in halves(bytes(pack(frame)))], syntax


@pytest.mark.parametrize("table", ["none", "extended"])
@pytest.mark.parametrize("code", ["RLE", "lossless", "JPEG-LS", "2000"])
def test_fragments_without_a_true_table_are_put_together_by_how_frames_begin(
    tmp_path: Path, decoder: Decoder, code: str, table: str
) -> None:
    frames = [noise(8, (40, 48), seed) for seed in range(3)]
    parts, syntax = split(frames, code)
    dataset = ct(frames[0], NumberOfFrames=3)
    dataset.PixelData = fragments(b"", *parts)
    dataset["PixelData"].is_undefined_length = True
    if table == "extended":  # which the standard allows for frames of one fragment only
        lengths = [len(one) + len(other) for one, other in zip(parts[::2], parts[1::2], strict=True)]
        offsets = [sum(lengths[:number]) + 16 * number for number in range(3)]
        dataset.ExtendedOffsetTable = struct.pack("<3Q", *offsets)
        dataset.ExtendedOffsetTableLengths = struct.pack("<3Q", *lengths)
    path = write(dataset, tmp_path / "a", transfer_syntax=syntax)
    shown = decoder.frames(scan_file(path).instance).frames

    assert all(np.array_equal(one, other) for one, other in zip(shown, frames, strict=True))


def test_fragments_that_nothing_tells_apart_are_refused(tmp_path: Path, decoder: Decoder) -> None:
    frames = [noise(8, seed=seed) for seed in range(2)]
    parts = [half for frame in frames for half in halves(runs(frame))]
    parts[2] = bytes(len(parts[2]))  # where the second frame would begin
    path = in_rle(tmp_path / "a", frames, fragments(b"", *parts))

    with pytest.raises(InputRefused, match="its 4 parts belong to which of 2 frames"):
        decoder.frames(scan_file(path).instance)
