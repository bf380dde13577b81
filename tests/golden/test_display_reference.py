"""Files drawn at random from what headers may say, against a second renderer written from PS3.3 C.11."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services.render import Rendered, RenderOptions, render_file
from tests.helpers.dicom_files import ct, write

Values = NDArray[np.float64]
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
# Photometric Interpretation, Presentation LUT Shape, whether low is white.
POLARITIES = (
    ("MONOCHROME2", None, False),
    ("MONOCHROME2", "IDENTITY", False),
    ("MONOCHROME2", "INVERSE", True),
    ("MONOCHROME1", None, True),
    ("MONOCHROME1", "INVERSE", True),
)
LAYOUTS = ((8, 8), (8, 5), (16, 16), (16, 12), (16, 9), (32, 32), (32, 20))


@dataclass(frozen=True)
class Picture:
    """Stored values and the data set that holds them in bits of a word, with junk around them."""

    stored: NDArray[np.int64]
    dataset: Dataset
    signed: bool
    syntax: str


def picture(random: np.random.Generator, *, bits: tuple[int, int] | None = None) -> Picture:
    allocated, stored = bits if bits is not None else LAYOUTS[random.integers(len(LAYOUTS))]
    signed, syntax = bool(random.integers(2)), SYNTAXES[random.integers(len(SYNTAXES))]
    rows, columns = (int(side) for side in random.integers(1, 14, 2))
    low = -(1 << (stored - 1)) if signed else 0
    values = random.integers(low, low + (1 << stored), (rows, columns))
    first_bit = int(random.integers(allocated - stored + 1))
    mask = ((1 << stored) - 1) << first_bit
    words = ((values << first_bit) & mask) | (random.integers(0, 1 << allocated, values.shape) & ~mask)
    dataset = ct(
        np.zeros((rows, columns), f"u{allocated // 8}"),
        BitsStored=stored,
        HighBit=first_bit + stored - 1,
        PixelRepresentation=int(signed),
        RescaleSlope=None,
        RescaleIntercept=None,
    )
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    data = words.astype(f"{order}u{allocated // 8}").tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if allocated > 8 else "OB"
    return Picture(values, dataset, signed, syntax)


def windowed(values: Values, center: float, width: float, function: str) -> Values:
    """C.11.2.1.2 and C.11.2.1.3, case by case as they stand there, with 0 to 1 for the output."""
    if function == "SIGMOID":
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-4 * (values - center) / width))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    below, above = values <= center - width / 2, values > center + width / 2
    between = (values - center) / (width or 1.0) + 0.5
    return np.where(below, 0.0, np.where(above, 1.0, between))


def looked_up(values: Values, first: int, entries: NDArray[np.int64]) -> Values:
    """C.11.1.1.1: values before the table and behind it take its ends."""
    found = [entries[min(max(round(value) - first, 0), len(entries) - 1)] for value in values.ravel()]
    return np.asarray(found, np.float64).reshape(values.shape)


def table(random: np.random.Generator, first: int, count: int, bits: int, syntax: str) -> tuple[Any, Any]:
    """An item of a LUT sequence and its entries."""
    entries = random.integers(0, 1 << bits, count)
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [count, first, bits])
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    item.add_new("LUTData", "OW", entries.astype(f"{order}u2").tobytes())
    return item, entries


def drawn(one: Picture, path: Path, decoder: Decoder, options: RenderOptions) -> Rendered:
    return render_file(write(one.dataset, path, transfer_syntax=one.syntax), options, decoder=decoder)


def agree(shown: Rendered, expected: Values) -> None:
    assert np.abs(shown.values() - expected).max() < 1e-4
    assert np.abs(shown.levels() - expected * 255).max() < 1


@pytest.mark.parametrize("seed", range(60))
def test_windows_over_rescaled_values_look_as_the_standard_computes_them(
    seed: int, tmp_path: Path, decoder: Decoder
) -> None:
    random = np.random.default_rng(seed)
    one = picture(random)
    slope, intercept = ((1.0, 0.0), (-2.5, 100.0), (0.37, -12.25), (1.0, -1024.0))[random.integers(4)]
    values = one.stored * slope + intercept
    function = ("LINEAR", "LINEAR_EXACT", "SIGMOID")[random.integers(3)]
    windows = []
    for _ in range(int(random.integers(1, 4))):
        center = round(float(random.uniform(values.min(), values.max() + 1)), 3)
        width = round(float(random.uniform(1, 1 + np.ptp(values))), 3)
        windows.append((center, 1.0 if random.random() < 0.1 else width))
    photometric, shape, inverted = POLARITIES[random.integers(len(POLARITIES))]
    one.dataset.RescaleSlope, one.dataset.RescaleIntercept = slope, intercept
    one.dataset.WindowCenter = [center for center, _ in windows]
    one.dataset.WindowWidth = [width for _, width in windows]
    one.dataset.VOILUTFunction, one.dataset.PhotometricInterpretation = function, photometric
    if shape is not None:
        one.dataset.PresentationLUTShape = shape
    number = int(random.integers(len(windows)))
    shown = drawn(one, tmp_path / "a.dcm", decoder, RenderOptions(voi=number))
    expected = windowed(values, *windows[number], function)
    agree(shown, 1 - expected if inverted else expected)


@pytest.mark.parametrize("seed", range(40))
def test_tables_of_either_stage_look_as_the_standard_computes_them(
    seed: int, tmp_path: Path, decoder: Decoder
) -> None:
    random = np.random.default_rng(1000 + seed)
    one = picture(random, bits=((8, 8), (16, 9), (16, 12))[random.integers(3)])
    low, high = int(one.stored.min()), int(one.stored.max())
    first = int(random.integers(low - 5, high + 1))
    first = first if one.signed else max(first, 0)
    bits = int((8, 10, 12, 16)[random.integers(4)])
    item, entries = table(random, first, int(random.integers(1, 300)), bits, one.syntax)
    found = looked_up(one.stored.astype(np.float64), first, entries)
    if random.integers(2):
        one.dataset.VOILUTSequence = [item]
        expected = found / ((1 << bits) - 1)
    else:
        one.dataset.ModalityLUTSequence = [item]
        second, entries = table(random, 0, 1 << min(bits, 12), 16, one.syntax)
        one.dataset.VOILUTSequence = [second]
        expected = looked_up(found, 0, entries) / 65535
    agree(drawn(one, tmp_path / "a.dcm", decoder, RenderOptions()), expected)
