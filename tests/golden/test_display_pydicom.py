"""The grayscale stages against pydicom's own functions, over the images that come with packages."""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

from medvision_desktop.domain.display import VoiFunction, VoiWindow, WindowSource
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.pixels.modality import is_padding
from medvision_desktop.services.render import Rendered, render_file
from medvision_desktop.settings import Settings
from tests.helpers.disagreements import disagreements

# Images with a window, a VOI LUT, a modality LUT, a negative intercept, signed values, MONOCHROME1.
GREY = [
    ("data_store", "data/RG1_UNCR.dcm"),
    ("data_store", "data/RG3_UNCR.dcm"),
    ("data_store", "data/MR2_UNCR.dcm"),
    ("data_store", "data/693_UNCR.dcm"),
    ("data_store", "data/693_UNCI.dcm"),
    ("data_store", "data/vlut_04.dcm"),
    ("data_store", "data/MR-SIEMENS-DICOM-WithOverlays.dcm"),
    ("data_store", "data/bad_sequence.dcm"),
    ("pydicom", "data/test_files/MR_small.dcm"),
    ("pydicom", "data/test_files/MR_small_expb.dcm"),
    ("pydicom", "data/test_files/examples_overlay.dcm"),
]
PALETTES = [
    ("data_store", "data/OBXXXX1A.dcm"),
    ("data_store", "data/gdcm-US-ALOKA-16.dcm"),
    ("pydicom", "data/test_files/examples_palette.dcm"),
]


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings())
    yield made
    made.close()


def file_of(package: str, name: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not installed here")
    return path


def drawn(path: Path, decoder: Decoder) -> Rendered:
    return render_file(path, decoder=decoder)


def by_pydicom(dataset: Dataset, pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Display values 0..1 by pydicom, scaled by the range that its documentation says."""
    values = apply_modality_lut(pixels, dataset)
    shown = apply_voi_lut(values, dataset, index=0).astype(float)
    if "VOILUTSequence" in dataset:
        low, high = 0.0, float(2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1)
    elif "ModalityLUTSequence" in dataset:
        low, high = 0.0, float(2 ** int(dataset.ModalityLUTSequence[0].LUTDescriptor[2]) - 1)
    else:
        bits, signed = dataset.BitsStored, dataset.PixelRepresentation == 1
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
        low, high = low * slope + intercept, high * slope + intercept
    scaled = (shown - low) / (high - low)
    return 1 - scaled if dataset.PhotometricInterpretation == "MONOCHROME1" else scaled


@pytest.mark.parametrize(("package", "name"), GREY, ids=[name for _, name in GREY])
def test_grey_images_look_as_pydicom_computes_them(package: str, name: str, decoder: Decoder) -> None:
    path = file_of(package, name)
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array
    pixels = pixels[0] if pixels.ndim == 3 else pixels
    ours = drawn(path, decoder)
    expected = by_pydicom(dataset, pixels)
    assert np.abs(ours.values() - expected).max() < 0.5 / 255
    assert np.abs(ours.levels() - expected * 255).max() <= 1


@pytest.mark.parametrize(("package", "name"), PALETTES, ids=[name for _, name in PALETTES])
def test_palette_images_look_as_pydicom_computes_them(package: str, name: str, decoder: Decoder) -> None:
    path = file_of(package, name)
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array
    pixels = pixels[0] if pixels.ndim == 3 else pixels
    ours = drawn(path, decoder)
    colours = apply_color_lut(pixels, dataset)[..., :3].astype(float)
    full = 255.0 if colours.max() <= 255 else 65535.0
    assert np.abs(ours.levels() - colours / full * 255).max() <= 1


def transformed(dataset: Dataset) -> Dataset:
    """What holds the rescale of the first frame: a functional group of an enhanced object, else itself."""
    for name in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for groups in dataset.get(name, [])[:1]:
            for group in groups.get("PixelValueTransformationSequence", []):
                found: Dataset = group
                return found
    return dataset


def display_by_pydicom(path: Path, rendered: Rendered) -> NDArray[np.float64] | None:
    """Grey levels or colours 0..255 of the first frame by pydicom alone; None where it cannot read it.

    The window is the header's where it has one, else the one that we chose.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Of a file without its end pydicom reads the header only if it is not asked for the pixels.
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        try:
            pixels = pixel_array(path, index=0)
        except Exception:  # noqa: BLE001 - the oracle has limits of its own
            return None
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            colours = apply_color_lut(pixels, dataset)[..., :3].astype(float)
            return np.asarray(colours * 255 / (255 if colours.max() <= 255 else 65535))
        if pixels.ndim == 3:
            return np.asarray(pixels.astype(float) * 255 / (2**dataset.BitsStored - 1))
        voi = rendered.plan.voi
        header = rendered.plan.source in (WindowSource.HEADER_LUT, WindowSource.HEADER_WINDOW)
        said = "WindowCenter" in dataset or "VOILUTSequence" in dataset
        if header and said and "PerFrameFunctionalGroupsSequence" not in dataset:
            return by_pydicom(dataset, pixels) * 255
        values = apply_modality_lut(pixels, transformed(dataset)).astype(float)
    assert isinstance(voi, VoiWindow)
    exact = voi.function is VoiFunction.LINEAR_EXACT
    low = voi.center - voi.width / 2 if exact else voi.center - 0.5 - (voi.width - 1) / 2
    shown = np.clip((values - low) / (voi.width if exact else max(voi.width - 1, 1e-9)), 0, 1)
    return np.asarray(255 * (1 - shown if rendered.plan.inverted else shown))


@pytest.mark.parametrize(
    ("package", "folder", "at_least"), [("data_store", "data", 40), ("pydicom", "data/test_files", 40)]
)
def test_every_packaged_image_is_drawn_as_pydicom_computes_it(
    package: str, folder: str, at_least: int, decoder: Decoder
) -> None:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    count, differing = 0, {}
    for path in sorted(file for file in (Path(found.origin).parent / folder).rglob("*") if file.is_file()):
        try:
            ours = drawn(path, decoder)
        except InputRefused:
            continue
        theirs = display_by_pydicom(path, ours)
        if theirs is None or theirs.shape != ours.shape:
            continue
        count += 1
        outside = is_padding(ours.plan.frame, ours.plan.frame.stored)
        apart = np.abs(ours.levels() - theirs)
        if ours.plan.inverted and not ours.plan.frame.is_colour:
            apart = apart[~outside]
        worst = math.ceil(float(apart.max(initial=0)) - 0.51)
        if worst > 1:
            differing[path.name] = worst
    assert count >= at_least
    explained = disagreements("pydicom")
    assert {name: worst for name, worst in differing.items() if worst > explained.get(name, 1)} == {}
