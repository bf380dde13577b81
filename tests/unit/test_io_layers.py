"""Shutters and overlay planes of headers: expectations worked out by hand, pictures compared with DCMTK."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from medvision_desktop.domain.image import Frame
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.io.dicom_series import load_frame
from medvision_desktop.services.render import RenderOptions, render_file
from tests.helpers.dicom_files import ct, write

Made = Callable[..., Frame]
GREY = np.full((6, 9), 100, np.int16)


@pytest.fixture
def made(tmp_path: Path, decoder: Decoder) -> Made:
    def make(dataset: Dataset, *, transfer_syntax: str = ExplicitVRLittleEndian, index: int = 0) -> Frame:
        path = write(dataset, tmp_path / "one.dcm", transfer_syntax=transfer_syntax)
        return load_frame(scan_file(path).instance, index, decoder)

    return make


def with_plane(
    dataset: Dataset,
    bits: NDArray[np.bool_],
    *,
    group: int = 0x6000,
    origin: tuple[int, int] = (1, 1),
    **more: Any,
) -> Dataset:
    frames = bits.shape[0] if bits.ndim == 3 else 1
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    dataset.add_new((group, 0x0010), "US", bits.shape[-2])
    dataset.add_new((group, 0x0011), "US", bits.shape[-1])
    if frames > 1:
        dataset.add_new((group, 0x0015), "IS", frames)
    dataset.add_new((group, 0x0040), "CS", more.get("kind", "G"))
    dataset.add_new((group, 0x0050), "SS", list(origin))
    dataset.add_new((group, 0x0100), "US", 1)
    dataset.add_new((group, 0x0102), "US", 0)
    if "first" in more:
        dataset.add_new((group, 0x0051), "US", more["first"])
    dataset.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
    return dataset


def pattern(*shape: int) -> NDArray[np.bool_]:
    return np.random.default_rng(3).integers(0, 2, shape).astype(np.bool_)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_plane_of_its_own_is_read_bit_by_bit(syntax: str, made: Made) -> None:
    bits = pattern(5, 7)
    dataset = ct(GREY)
    if syntax == ExplicitVRBigEndian:
        data = np.packbits(bits.ravel(), bitorder="little").tobytes() + b"\0"
        dataset = with_plane(dataset, bits)
        dataset[0x6000, 0x3000].value = np.frombuffer(data[: len(data) & ~1], "<u2").astype(">u2").tobytes()
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    else:
        with_plane(dataset, bits, origin=(2, -1))
    (plane,) = made(dataset, transfer_syntax=syntax).overlays
    assert np.array_equal(plane.bits, bits)
    assert (plane.row, plane.column) == ((0, 0) if syntax == ExplicitVRBigEndian else (1, -2))
    assert not plane.is_region


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_bits_that_the_image_does_not_use_are_a_plane(syntax: str, tmp_path: Path, made: Made) -> None:
    bits = pattern(6, 9)
    words = np.full((6, 9), 77, np.uint16) | (bits.astype(np.uint16) << 14)
    dataset = ct(words, BitsStored=12, HighBit=11, RescaleIntercept=0)
    dataset.add_new((0x6002, 0x0010), "US", 6)
    dataset.add_new((0x6002, 0x0011), "US", 9)
    dataset.add_new((0x6002, 0x0040), "CS", "R")
    dataset.add_new((0x6002, 0x0050), "SS", [1, 1])
    dataset.add_new((0x6002, 0x0100), "US", 16)
    dataset.add_new((0x6002, 0x0102), "US", 14)
    if syntax == RLELossless:
        dataset = pydicom.dcmread(write(dataset, tmp_path / "plain.dcm"))
        dataset.compress(RLELossless)
    frame = made(dataset, transfer_syntax=syntax)
    (plane,) = frame.overlays
    assert np.array_equal(plane.bits, bits)
    assert plane.is_region
    assert plane.group == 0x6002
    assert np.all(frame.stored == 77)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_each_frame_has_its_own_plane(index: int, made: Made) -> None:
    bits = pattern(2, 3, 5)
    bits[:, 0, 0] = True
    dataset = ct(np.zeros((3, 4), np.int16), NumberOfFrames=3)
    dataset.PixelData = dataset.PixelData * 3
    frame = made(with_plane(dataset, bits, first=2), index=index)
    if index == 0:
        assert frame.overlays == ()
    else:
        assert np.array_equal(frame.overlays[0].bits, bits[index - 1])


def test_a_plane_that_is_cut_short_is_said_and_the_image_shown(made: Made) -> None:
    dataset = with_plane(ct(GREY), pattern(6, 9))
    dataset[0x6000, 0x0010].value = 600
    frame = made(dataset)
    assert frame.overlays == ()
    assert frame.not_faithful == ("an overlay plane in the file cannot be read",)


def test_a_large_plane_is_read_although_it_is_not_read_with_the_header(made: Made) -> None:
    bits = pattern(3000, 3000)
    frame = made(with_plane(ct(GREY), bits))
    assert np.array_equal(frame.overlays[0].bits, bits)


def test_edges_of_a_shutter_count_from_one_and_stay_visible(made: Made) -> None:
    edges = {
        "ShutterUpperHorizontalEdge": 2,
        "ShutterLowerHorizontalEdge": 4,
        "ShutterLeftVerticalEdge": 3,
        "ShutterRightVerticalEdge": 8,
    }
    shutter = made(ct(GREY, ShutterShape="RECTANGULAR", ShutterPresentationValue=65535, **edges)).shutter
    assert shutter is not None
    assert shutter.rectangle == (1, 3, 2, 7)
    assert shutter.level == 1.0
    assert not shutter.automatic


def test_circle_and_polygon_are_read_together(made: Made) -> None:
    shutter = made(
        ct(
            GREY,
            ShutterShape=["CIRCULAR", "POLYGONAL"],
            CenterOfCircularShutter=[3, 4],
            RadiusOfCircularShutter=2,
            VerticesOfThePolygonalShutter=[1, 1, 1, 9, 6, 9],
        )
    ).shutter
    assert shutter is not None
    assert shutter.circle == (2, 3, 2)
    assert shutter.polygon == ((0, 0), (0, 8), (5, 8))
    assert shutter.level == 0.0


@pytest.mark.parametrize(("index", "edges"), [(0, (1, 3, 2, 5)), (1, (0, 5, 0, 4))])
def test_each_frame_of_an_enhanced_object_has_its_own_shutter(
    index: int, edges: tuple[int, int, int, int], made: Made
) -> None:
    frames = []
    for top, bottom, left, right in ((2, 4, 3, 6), (1, 6, 1, 5)):
        shapes = Dataset()
        shapes.ShutterShape = "RECTANGULAR"
        shapes.ShutterUpperHorizontalEdge, shapes.ShutterLowerHorizontalEdge = top, bottom
        shapes.ShutterLeftVerticalEdge, shapes.ShutterRightVerticalEdge = left, right
        groups = Dataset()
        groups.FrameDisplayShutterSequence = [shapes]
        frames.append(groups)
    dataset = ct(GREY, NumberOfFrames=2, PerFrameFunctionalGroupsSequence=frames)
    dataset.PixelData = GREY.tobytes() * 2
    shutter = made(dataset, index=index).shutter
    assert shutter is not None
    assert shutter.rectangle == edges


def test_a_bitmap_shutter_is_its_plane_and_no_layer(made: Made) -> None:
    bits = pattern(6, 9)
    dataset = with_plane(ct(GREY, ShutterShape="BITMAP", ShutterOverlayGroup=0x6004), bits, group=0x6004)
    frame = made(dataset)
    assert frame.overlays == ()
    assert frame.shutter is not None
    assert frame.shutter.bitmap is not None
    assert np.array_equal(frame.shutter.bitmap, bits)


@pytest.mark.parametrize(
    "elements",
    [
        {"ShutterShape": "RECTANGULAR", "ShutterLeftVerticalEdge": 3},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [3, 4]},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 1, 2, 2]},
        {"ShutterShape": "BITMAP", "ShutterOverlayGroup": 0x6000},
    ],
    ids=lambda elements: str(elements["ShutterShape"]),
)
def test_half_a_shutter_is_none_and_is_said(elements: dict[str, Any], made: Made) -> None:
    frame = made(ct(GREY, **elements))
    assert frame.shutter is None
    assert frame.not_faithful == ("the display shutter cannot be read",)


@pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="DCMTK is not installed (apt install dcmtk)")
@pytest.mark.parametrize("origin", [(1, 1), (3, 5), (-2, 0)])
def test_overlays_are_drawn_where_dcmtk_draws_them(
    origin: tuple[int, int], tmp_path: Path, decoder: Decoder
) -> None:
    dataset = with_plane(
        ct(np.full((12, 10), 100, np.int16), WindowCenter=0, WindowWidth=4000), pattern(9, 8), origin=origin
    )
    path = write(dataset, tmp_path / "one.dcm")
    ours = render_file(path, RenderOptions(overlays=True), decoder=decoder).levels()
    subprocess.run(
        ["dcm2pnm", "-q", "+Wi", "1", "+Omr", "+ob", str(path), str(tmp_path / "theirs.bmp")], check=True
    )
    with Image.open(tmp_path / "theirs.bmp") as image:
        theirs = np.asarray(image.convert("L")).astype(int)
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert (ours == 255).any()
    without = render_file(path, decoder=decoder).levels()
    assert not (without == 255).any()
