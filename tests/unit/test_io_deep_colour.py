"""Colour of more than eight bits a sample keeps all of them until the picture is written or shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.image import Frame
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.pixels import pipeline
from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.pixels.viewport import Viewport
from medvision_desktop.services.open_study import index, open_series
from tests.helpers.dicom_files import ct, write


def opened(path: Path, decoder: Decoder) -> Frame:
    (study,) = index([path], scratch=path.parent).studies
    return open_series(study, study.series[0], decoder=decoder).stack.frames[0]


def coloured(path: Path, bits: int, planar: int, syntax: str) -> Path:
    random = np.random.default_rng(bits)
    samples = random.integers(0, 1 << bits, (14, 12, 3)).astype(np.uint16 if bits > 8 else np.uint8)
    samples[0, 0], samples[0, 1] = 0, (1 << bits) - 1
    dataset = ct(Modality="XC", PixelSpacing=None, ImagePositionPatient=None, ImageOrientationPatient=None)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration, dataset.PixelRepresentation = planar, 0
    dataset.Rows, dataset.Columns = samples.shape[:2]
    dataset.BitsAllocated = 8 * samples.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    for name in ("RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth"):
        if name in dataset:
            delattr(dataset, name)
    stored = samples.transpose(2, 0, 1) if planar else samples
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    dataset.PixelData = np.ascontiguousarray(stored).astype(samples.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    if syntax == RLELossless:
        write(dataset, path)
        whole = pydicom.dcmread(path)
        whole.compress(RLELossless)
        whole.save_as(path)
        return path
    return write(dataset, path, transfer_syntax=syntax)


@pytest.mark.parametrize("bits", [5, 8, 10, 12, 16])
@pytest.mark.parametrize(
    ("planar", "syntax"),
    [
        (0, ExplicitVRLittleEndian),
        (1, ExplicitVRLittleEndian),
        (0, ExplicitVRBigEndian),
        (0, RLELossless),
    ],
)
def test_display_values_have_the_steps_of_the_samples(
    bits: int, planar: int, syntax: str, tmp_path: Path, decoder: Decoder
) -> None:
    path = coloured(tmp_path / "a.dcm", bits, planar, syntax)
    samples = pydicom.dcmread(path).pixel_array.astype(np.float64)
    frame = opened(path, decoder)
    plan = pipeline.resolve(DisplayState(), frame)
    wanted = samples / ((1 << bits) - 1)
    assert np.allclose(pipeline.render_float(plan), wanted, atol=1e-6)
    eight = pipeline.render(plan)
    assert eight.dtype == np.uint8
    assert np.abs(eight - wanted * 255).max() <= 0.5 + 1e-9
    pane = Viewport(12, 14, 1.0)
    drawn = Drawer().draw(plan, pane, interactive=False)
    assert np.array_equal(drawn, eight)


def test_the_probe_reads_the_samples_as_stored_and_as_shown(tmp_path: Path, decoder: Decoder) -> None:
    path = coloured(tmp_path / "a.dcm", 12, 0, ExplicitVRLittleEndian)
    samples = pydicom.dcmread(path).pixel_array
    plan = pipeline.resolve(DisplayState(), opened(path, decoder))
    probe = pipeline.probe(plan, 3, 4)
    assert probe.stored == tuple(float(value) for value in samples[3, 4])
    assert probe.display == tuple(int(value) for value in np.rint(samples[3, 4] * (255.0 / 4095)))
