"""Every image that comes with packages against DCMTK's renderer, within one grey level.

Disagreements are listed with why in docs/display.md; one that is not listed fails.
"""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from medvision_desktop.domain.display import VoiFunction, VoiLut, VoiWindow, WindowSource
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services.render import Rendered, render_file
from medvision_desktop.settings import Settings
from tests.helpers.disagreements import disagreements

pytestmark = pytest.mark.skipif(
    shutil.which("dcmj2pnm") is None or shutil.which("dcm2pnm") is None,
    reason="DCMTK's dcm2pnm and dcmj2pnm are not installed (apt install dcmtk)",
)


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings())
    yield made
    made.close()


def by_dcmtk(path: Path, options: list[str], out: Path, *, colour: bool) -> NDArray[np.uint8] | None:
    """DCMTK's picture, or None where it cannot read the file."""
    for tool in ("dcm2pnm", "dcmj2pnm"):
        done = subprocess.run([tool, "-q", "-O", "+ob", *options, str(path), str(out)], capture_output=True)
        if done.returncode == 0:
            with Image.open(out) as image:
                return np.asarray(image.convert("RGB" if colour else "L"))
    return None


def options_for(rendered: Rendered) -> list[str]:
    """What makes DCMTK use the window that we used."""
    voi = rendered.plan.voi
    if voi is None:
        return []
    if isinstance(voi, VoiLut):
        return ["+Wl", "1"]
    if rendered.plan.source is WindowSource.HEADER_WINDOW:
        return ["+Wi", "1"]
    # DCMTK has no LINEAR_EXACT; LINEAR half a step up and one step wider is the same ramp.
    exact = voi.function is VoiFunction.LINEAR_EXACT
    return ["+Ww", repr(voi.center + 0.5 * exact), repr(voi.width + exact)]


def compared(folder: Path, decoder: Decoder, tmp_path: Path) -> tuple[int, dict[str, int]]:
    """How many files both can draw, and the largest difference where it is above 1."""
    count, differing = 0, {}
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        try:
            ours = render_file(path, decoder=decoder)
        except InputRefused:
            continue
        colour = ours.plan.frame.is_colour
        theirs = by_dcmtk(path, options_for(ours), tmp_path / "theirs.bmp", colour=colour)
        if theirs is None or theirs.shape != ours.shape:
            continue
        count += 1
        worst = int(np.abs(ours.levels().astype(int) - theirs).max())
        if worst > 1:
            differing[path.name] = worst
    return count, differing


@pytest.mark.parametrize(
    ("package", "folder", "at_least"), [("data_store", "data", 40), ("pydicom", "data/test_files", 40)]
)
def test_every_packaged_image_is_drawn_within_one_level_of_dcmtk(
    package: str, folder: str, at_least: int, decoder: Decoder, tmp_path: Path
) -> None:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    count, differing = compared(Path(found.origin).parent / folder, decoder, tmp_path)
    assert count >= at_least
    explained = disagreements("DCMTK")
    assert {name: worst for name, worst in differing.items() if worst > explained.get(name, 1)} == {}


@pytest.mark.data
@pytest.mark.parametrize("folder", ["ct-head-philips-5mm", "ct-head-ge-tilted"])
def test_real_scans_are_drawn_within_one_level_of_dcmtk(
    folder: str, data_dir: Path, decoder: Decoder, tmp_path: Path
) -> None:
    count, differing = compared(data_dir / "dicom" / folder, decoder, tmp_path)
    assert count >= 20
    assert differing == {}


def grey_file(path: Path, pixels: NDArray[np.uint16], **entries: object) -> Path:
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality = "OT"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = pixels.tobytes()
    for name, value in entries.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", ["", "IDENTITY", "INVERSE"])
@pytest.mark.parametrize(
    ("slope", "center", "width"),
    [
        *itertools.product([1, -2], [1000], [1000]),
        *itertools.product([1, -2], [700.5], [2.5]),
        *itertools.product([1, -2, 0.25], [-300], [5000]),
        # DCMTK cuts modality values to whole numbers, so fractions are compared in wide windows only.
        (0.25, 400, 600),
        (1, 2048, 1),
    ],
)
def test_polarity_slope_and_window_combine_as_in_dcmtk(
    photometric: str,
    shape: str,
    slope: float,
    center: float,
    width: float,
    tmp_path: Path,
    decoder: Decoder,
) -> None:
    entries: dict[str, object] = {"PresentationLUTShape": shape} if shape else {}
    path = grey_file(
        tmp_path / "ramp.dcm",
        RAMP,
        PhotometricInterpretation=photometric,
        RescaleSlope=slope,
        RescaleIntercept=-100,
        WindowCenter=center,
        WindowWidth=width,
        **entries,
    )
    theirs = by_dcmtk(path, ["+Wi", "1"], tmp_path / "theirs.bmp", colour=False)
    assert theirs is not None
    ours = render_file(path, decoder=decoder).levels()
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("width", [50, 800])
def test_a_sigmoid_is_dcmtks_sigmoid(width: int, tmp_path: Path, decoder: Decoder) -> None:
    path = grey_file(
        tmp_path / "ramp.dcm", RAMP, WindowCenter=2000, WindowWidth=width, VOILUTFunction="SIGMOID"
    )
    rendered = render_file(path, decoder=decoder)
    assert isinstance(rendered.plan.voi, VoiWindow)
    assert rendered.plan.voi.function is VoiFunction.SIGMOID
    theirs = by_dcmtk(path, ["+Wi", "1", "+Wfs"], tmp_path / "theirs.bmp", colour=False)
    assert theirs is not None
    assert np.abs(rendered.levels().astype(int) - theirs).max() <= 1
