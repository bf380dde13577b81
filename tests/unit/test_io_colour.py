"""Supplemental palettes, ICC profiles and Philips scale factors: what a header asks for beyond grey."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageCms
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from medvision_desktop.domain.display import DisplayState, VoiWindow
from medvision_desktop.domain.image import Frame
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_header import read_header
from medvision_desktop.io.dicom_real import suv_factor
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.io.dicom_series import load_frame
from medvision_desktop.pixels import pipeline
from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.pixels.viewport import Viewport
from medvision_desktop.settings import Settings
from tests.helpers.dicom_files import ct, write

Made = Callable[[Dataset], Frame]
WINDOW = VoiWindow(100, 200)
FIRST = 200


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Reads the one frame of a data set."""
    decoder = Decoder(Settings())

    def make(dataset: Dataset) -> Frame:
        return load_frame(scan_file(write(dataset, tmp_path / "one.dcm")).instance, 0, decoder)

    yield make
    decoder.close()


def table(values: NDArray[np.uint8]) -> bytes:
    """A palette channel of 16 bits."""
    return (values.astype(np.uint16) * 257).astype("<u2").tobytes()


COLOURS = np.random.default_rng(2).integers(0, 256, size=(56, 3)).astype(np.uint8)


def flow(**elements: Any) -> Dataset:
    """Grey up to 199, colours from 200 on."""
    pixels = np.arange(256, dtype=np.uint16).reshape(16, 16)
    said: dict[str, Any] = {
        "Modality": "US",
        "PixelSpacing": [1, 1],
        "PixelPresentation": "COLOR",
        "RescaleSlope": None,
        "RescaleIntercept": None,
        "LargestMonochromePixelValue": FIRST - 1,
        **{
            f"{name}PaletteColorLookupTableDescriptor": [56, FIRST, 16] for name in ("Red", "Green", "Blue")
        },
        "RedPaletteColorLookupTableData": table(COLOURS[:, 0]),
        "GreenPaletteColorLookupTableData": table(COLOURS[:, 1]),
        "BluePaletteColorLookupTableData": table(COLOURS[:, 2]),
        **elements,
    }
    return ct(pixels, **said)


def test_values_of_the_supplemental_palette_are_colours_and_the_others_are_windowed_grey(
    made: Made,
) -> None:
    frame = made(flow())
    assert frame.supplement is not None
    assert frame.not_faithful == ()
    drawn = pipeline.render(pipeline.resolve(DisplayState(voi=WINDOW), frame)).reshape(256, 3)
    grey = np.clip((np.arange(FIRST) - 99.5) / 199 + 0.5, 0, 1) * 255
    assert np.abs(drawn[:FIRST] - grey[:, None]).max() <= 0.51
    assert np.array_equal(drawn[FIRST:], COLOURS)
    values = pipeline.render_float(pipeline.resolve(DisplayState(voi=WINDOW), frame)).reshape(256, 3)
    assert np.allclose(values[FIRST:] * 255, COLOURS, atol=1e-4)


def test_inverting_turns_the_grey_and_leaves_the_colours(made: Made) -> None:
    frame = made(flow())
    plain = pipeline.render(pipeline.resolve(DisplayState(voi=WINDOW), frame)).reshape(256, 3)
    turned = pipeline.render(pipeline.resolve(DisplayState(voi=WINDOW, invert=True), frame)).reshape(256, 3)
    assert np.abs(turned[:FIRST].astype(int) + plain[:FIRST] - 255).max() <= 1
    assert np.array_equal(turned[FIRST:], COLOURS)


def test_a_pane_draws_the_supplemental_palette_at_every_window(made: Made) -> None:
    frame = made(flow())
    drawer = Drawer()
    for window in (WINDOW, VoiWindow(50, 60)):
        for invert in (False, True):
            plan = pipeline.resolve(DisplayState(voi=window, invert=invert), frame)
            pane = drawer.draw(plan, Viewport(16, 16, zoom=1.0), interactive=False)
            assert np.array_equal(pane, pipeline.render(plan))


def test_a_supplemental_palette_that_is_missing_is_grey(made: Made) -> None:
    frame = made(flow(RedPaletteColorLookupTableData=None))
    assert frame.supplement is None


def rgb(**elements: Any) -> Dataset:
    """A colour image."""
    dataset = ct(np.zeros((4, 4), np.uint8), RescaleSlope=None, RescaleIntercept=None)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = "RGB"
    dataset.PixelData = bytes(range(48))
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def test_an_icc_profile_other_than_srgb_is_said_not_to_be_applied(made: Made) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert made(rgb(ICCProfile=lab)).not_faithful == ("its ICC profile is not applied",)
    assert made(rgb(ICCProfile=srgb)).not_faithful == ()
    assert made(rgb()).not_faithful == ()
    assert made(rgb(ICCProfile=lab, ColorSpace="SRGB")).not_faithful == ()
    assert made(rgb(ColorSpace="ADOBERGB")).not_faithful == ("its colour space ADOBERGB is shown as sRGB",)


def test_a_profile_of_an_optical_path_counts_too(made: Made) -> None:
    path = Dataset()
    path.ICCProfile = b"\0" * 200
    assert made(rgb(OpticalPathSequence=[path])).not_faithful == ("its ICC profile is not applied",)


def test_a_grey_image_has_no_use_for_a_profile(made: Made) -> None:
    assert made(ct(ICCProfile=b"\0" * 200)).not_faithful == ()


def philips(block: int = 0x10, creator: str = "Philips PET Private Group", **factors: str) -> Dataset:
    """A PET image in counts with private scale factors."""
    dataset = ct(
        Modality="PT",
        Units="CNTS",
        CorrectedImage=["ATTN", "DECY"],
        DecayCorrection="ADMIN",
        PatientWeight=70,
    )
    tracer = Dataset()
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 350e6, 6586.2
    dataset.RadiopharmaceuticalInformationSequence = [tracer]
    dataset.add_new((0x7053, block), "LO", creator)
    for name, element in (("suv", 0x00), ("activity", 0x09)):
        if name in factors:
            dataset.add_new((0x7053, (block << 8) | element), "LO", factors[name])
    return dataset


@pytest.mark.parametrize("block", [0x10, 0x11])
@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_counts_of_philips_become_suv_by_its_own_factor(
    tmp_path: Path, block: int, syntax: str | None
) -> None:
    dataset = philips(block, suv="0.000383")
    path = write(dataset, tmp_path / "a.dcm", **({"transfer_syntax": syntax} if syntax else {}))
    assert suv_factor(read_header(path).dataset) == pytest.approx(0.000383)


def test_counts_with_a_factor_for_activity_become_suv_by_dose_and_weight() -> None:
    assert suv_factor(philips(activity="1.7")) == pytest.approx(1.7 * 70_000 / 350e6)
    assert suv_factor(philips(suv="0", activity="1.7")) == pytest.approx(1.7 * 70_000 / 350e6)


@pytest.mark.parametrize(
    "dataset",
    [
        philips(),
        philips(suv="0"),
        philips(suv="-1"),
        philips(suv="x"),
        philips(creator="Somebody else", suv="0.5"),
    ],
)
def test_counts_without_a_factor_of_their_creator_are_no_suv(dataset: Dataset) -> None:
    assert suv_factor(dataset) is None


def test_counts_that_were_not_corrected_are_no_suv() -> None:
    dataset = philips(suv="0.5")
    dataset.CorrectedImage = ["ATTN"]
    assert suv_factor(dataset) is None
