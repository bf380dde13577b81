"""PNG and JPEG: the pixels Pillow reads, and nothing that the file does not know."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import raster
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services.open_study import index, open_series


def shown(path: Path, decoder: Decoder) -> Frame:
    (study,) = index([path], scratch=path.parent).studies
    return open_series(study, study.series[0], decoder=decoder).stack.frames[0]


GREY = np.random.default_rng(3).integers(0, 256, (40, 60), dtype=np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.jpeg", "no-ending"])
def test_a_grey_picture_has_the_values_pillow_reads(name: str, tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / name
    Image.fromarray(GREY).save(path, format="JPEG" if "jp" in name else "PNG")
    frame = shown(path, decoder)
    assert frame.photometric is Photometric.MONOCHROME2
    assert np.array_equal(frame.stored, np.asarray(Image.open(path)))


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path, decoder: Decoder) -> None:
    values = GREY.astype(np.uint16) * 257
    Image.fromarray(values).save(tmp_path / "a.png")
    frame = shown(tmp_path / "a.png", decoder)
    assert frame.bits_stored == 16
    assert np.array_equal(frame.stored, values)


def test_colour_is_colour_and_grey_saved_as_colour_is_grey(tmp_path: Path, decoder: Decoder) -> None:
    colour = np.dstack([GREY, GREY[::-1], GREY[:, ::-1]])
    Image.fromarray(colour).save(tmp_path / "colour.png")
    Image.fromarray(np.dstack([GREY] * 3)).save(tmp_path / "grey.png")
    assert np.array_equal(shown(tmp_path / "colour.png", decoder).stored, colour)
    assert np.array_equal(shown(tmp_path / "grey.png", decoder).stored, GREY)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK"])
def test_every_mode_of_picture_opens(mode: str, tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.fromarray(np.dstack([GREY, GREY, GREY[::-1]])).convert(mode).save(path)
    frame = shown(path, decoder)
    assert (frame.rows, frame.columns) == (40, 60)


def test_transparency_is_said_not_guessed_at(tmp_path: Path, decoder: Decoder) -> None:
    picture = np.dstack([GREY, GREY, GREY, np.full_like(GREY, 128)])
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert shown(tmp_path / "a.png", decoder).not_faithful == (
        "transparency in the picture is not applied",
    )


def test_a_picture_knows_no_millimetres_and_no_sides(tmp_path: Path, decoder: Decoder) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png", dpi=(300, 300))  # print density is no pixel spacing
    frame = shown(tmp_path / "a.png", decoder)
    assert frame.spacing is None
    assert frame.orientation is None


def test_the_size_is_read_from_the_header(tmp_path: Path) -> None:
    for name, options in [
        ("a.png", {}),
        ("a.jpg", {"progressive": True, "exif": b"Exif\0\0" + bytes(200)}),
    ]:
        Image.fromarray(GREY).save(tmp_path / name, **options)
        assert raster.size_of(tmp_path / name) == (40, 60)


def png(
    columns: int,
    rows: int,
    chunks: list[tuple[bytes, bytes]],
    bits: int = 8,
    kind: int = 0,
    passes: int = 0,
) -> bytes:
    header = struct.pack(">IIBBBBB", columns, rows, bits, kind, 0, 0, passes)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", header), *chunks, (b"IEND", b""))
    )


def png_of(columns: int, rows: int, data: bytes) -> bytes:
    return png(columns, rows, [(b"IDAT", data)])


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x00",
        b"\xff\xd8" + b"\xff" * 64,
        b"\xff\xd8\xff\xda\x00\x08",
        b"\xff\xd8" + b"\xff\xd0" * 100_000,
        b"\xff\xd8" + b"\xff" * 100_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100_000,
        png_of(100_000, 100_000, b""),
        png_of(0, 10, b""),
    ],
)
def test_a_header_that_cannot_be_right_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    found = index([path], scratch=tmp_path)
    assert found.studies == ()
    assert len(found.refused) == 1


@pytest.mark.parametrize("data", [b"", b"not deflate", zlib.compress(bytes(100))])
def test_a_damaged_picture_is_refused_when_it_is_opened(
    data: bytes, tmp_path: Path, decoder: Decoder
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_of(100, 100, data))
    with pytest.raises(InputRefused, match="cannot be decoded"):
        shown(path, decoder)


def test_a_cut_jpeg_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(GREY).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputRefused, match="cannot be decoded"):
        shown(path, decoder)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB"])
def test_a_png_that_is_cut_is_drawn_whole_or_refused(mode: str, tmp_path: Path, decoder: Decoder) -> None:
    smooth = Image.fromarray((np.add.outer(np.arange(400), np.arange(500)) // 4).astype(np.uint8))
    whole, cut = tmp_path / "whole.png", tmp_path / "cut.png"
    smooth.convert(mode).save(whole)
    content, wanted = whole.read_bytes(), shown(whole, decoder).stored
    refused = 0
    for left_out in (*range(1, 40, 2), *range(40, len(content) - 60, len(content) // 12)):
        for end in (b"", content[-12:]):
            cut.write_bytes(content[:-left_out] + end)
            try:
                found = shown(cut, decoder).stored
            except InputRefused:
                refused += 1
            else:
                assert np.array_equal(found, wanted)
    assert refused > 20


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9), (40, 60)])
def test_a_png_in_seven_passes_is_whole_when_all_of_them_are(
    size: tuple[int, int], tmp_path: Path, decoder: Decoder
) -> None:
    rows, columns = size
    values = GREY[:rows, :columns]
    lines = b""
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        part = values[top::down, left::across]
        lines += b"".join(b"\0" + line.tobytes() for line in part) if part.size else b""
    path = tmp_path / "a.png"

    def write(data: bytes) -> None:
        path.write_bytes(png(columns, rows, [(b"IDAT", data)], passes=1))

    write(zlib.compress(lines))
    assert np.array_equal(shown(path, decoder).stored, values)
    write(zlib.compress(lines[:-1]))
    with pytest.raises(InputRefused):
        shown(path, decoder)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_ends_early_is_refused(progressive: bool, tmp_path: Path, decoder: Decoder) -> None:
    picture = Image.fromarray(np.random.default_rng(9).integers(0, 256, (160, 160, 3), dtype=np.uint8))
    path = tmp_path / "a.jpg"
    picture.save(path, quality=90, progressive=progressive)
    content = path.read_bytes()
    for left_out in (40, 300, len(content) // 4):
        path.write_bytes(content[:-left_out])
        with pytest.raises(InputRefused):
            shown(path, decoder)


@pytest.mark.parametrize("kind", ["colour", "with transparency", "grey with transparency"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_colour_of_sixteen_bits_keeps_them_however_it_is_turned(
    kind: str, turn: int, tmp_path: Path, decoder: Decoder
) -> None:
    values = np.random.default_rng(5).integers(0, 65536, (20, 30, 3)).astype(np.uint16)
    if kind.startswith("grey"):
        values[...] = values[..., :1]
    opaque = np.full((20, 30, 1), 65535, np.uint16)
    samples = {
        "colour": values,
        "with transparency": np.dstack([values, opaque]),
        "grey with transparency": np.dstack([values[..., :1], opaque]),
    }[kind]
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    exif = Image.Exif()
    exif[0x0112] = turn
    marked = (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    code = {"colour": 2, "with transparency": 6, "grey with transparency": 4}[kind]
    (tmp_path / "a.png").write_bytes(
        png(30, 20, [marked, (b"IDAT", zlib.compress(lines))], bits=16, kind=code)
    )
    eight = Image.fromarray((values >> 8).astype(np.uint8))
    eight.getexif()[0x0112] = turn
    shape = np.asarray(ImageOps.exif_transpose(eight))
    frame = shown(tmp_path / "a.png", decoder)
    assert frame.bits_stored == 16
    assert frame.photometric is (Photometric.MONOCHROME2 if kind.startswith("grey") else Photometric.RGB)
    assert np.array_equal(frame.stored >> 8, shape[..., 0] if kind.startswith("grey") else shape)
    assert set(np.unique(frame.stored)) == set(np.unique(values))
    said = () if kind.startswith("grey") else ("16-bit colour is shown with 8 bits",)
    assert frame.not_faithful == said
