"""The automatic shutter: where it must be found, and far more often where it must not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.pixels.collimation import border_of

RANDOM = np.random.default_rng(7)


def limb(rows: int = 600, columns: int = 600) -> NDArray[np.uint16]:
    """Exposure of a limb in a dark field, MONOCHROME2 (bright is little exposure): 0 to 1000."""
    middle = columns / 2 + 20 * np.sin(np.arange(rows) / 80)
    across = np.abs(np.arange(columns)[None, :] - middle[:, None])
    bone = np.where(across < 0.04 * columns, 650, np.where(across < 0.1 * columns, 450, 60))
    return (bone + RANDOM.normal(0, 4, (rows, columns))).clip(0, 1000).astype(np.uint16)


def collimated(left: int, right: int, *, scatter: float = 2.4) -> NDArray[np.uint16]:
    image = limb()
    columns = np.arange(600)
    out = np.maximum(left - columns, columns - right)
    glow = (1000 - scatter * np.clip(50 - out, 0, 50)).clip(0, 1000)
    image[:, out > 0] = glow[out > 0][None, :].astype(np.uint16)
    return image


def frame_of(image: NDArray[Any], photometric: Photometric = Photometric.MONOCHROME2) -> Frame:
    return Frame(np.ascontiguousarray(image), photometric, bits_stored=10)


def test_white_sides_of_a_film_are_covered_up_to_the_collimator() -> None:
    shutter = border_of(frame_of(collimated(150, 430)))
    assert shutter is not None
    assert shutter.automatic
    assert shutter.level == 0.0
    assert shutter.rectangle is not None
    top, bottom, left, right = shutter.rectangle
    assert (top, bottom) == (0, 599)
    assert left == pytest.approx(150, abs=5)
    assert right == pytest.approx(430, abs=5)


def test_nothing_of_the_field_is_ever_covered() -> None:
    for left, right in ((30, 569), (100, 500), (180, 599), (0, 420)):
        shutter = border_of(frame_of(collimated(left, right)))
        if shutter is not None and shutter.rectangle is not None:
            assert shutter.rectangle[2] <= left + 1
            assert shutter.rectangle[3] >= right - 1


def test_all_four_sides_are_found_and_polarity_does_not_matter() -> None:
    image = collimated(150, 430)
    image[:60] = 1000
    image[540:] = 1000
    shutter = border_of(frame_of(image))
    assert shutter is not None
    assert shutter.rectangle is not None
    assert shutter.rectangle[0] == pytest.approx(60, abs=3)
    assert shutter.rectangle[1] == pytest.approx(539, abs=3)
    other = border_of(frame_of(1000 - image, Photometric.MONOCHROME1))
    assert other is not None
    assert other.rectangle == shutter.rectangle


def no_edge() -> NDArray[np.uint16]:
    """White fades into the field without a collimator's edge."""
    image = limb().astype(float)
    fade = np.clip((np.arange(600) - 40) / 300, 0, 1)
    return (1000 - fade * (1000 - image)).astype(np.uint16)


def anatomy_at_the_edge() -> NDArray[np.uint16]:
    """A bright part of the body reaches the left side beside a white strip."""
    image = collimated(100, 600)
    image[250:400, 60:200] = 700
    return image


def dense_tissue_beside_the_border() -> NDArray[np.uint16]:
    """Even, bright tissue begins at the collimator; a dark lung comes much later."""
    image = np.full((600, 600), 200, np.uint16)
    image[:, :260] = 850
    image[:, :60] = 1000
    return image


@pytest.mark.parametrize(
    "image",
    [
        limb(),
        no_edge(),
        dense_tissue_beside_the_border(),
        np.full((600, 600), 1000, np.uint16),
        np.zeros((600, 600), np.uint16),
        RANDOM.integers(0, 1001, (600, 600)).astype(np.uint16),
        collimated(150, 430)[:200, :200],
        collimated(500, 560),
    ],
    ids=["no border", "no edge", "tissue", "white", "black", "noise", "too small", "hardly any field"],
)
def test_where_it_is_not_certain_nothing_is_covered(image: NDArray[np.uint16]) -> None:
    assert border_of(frame_of(image)) is None


def test_a_body_part_in_the_border_ends_the_walk() -> None:
    shutter = border_of(frame_of(anatomy_at_the_edge()))
    if shutter is not None and shutter.rectangle is not None:
        assert shutter.rectangle[2] <= 60


def test_colour_and_floats_are_left_alone() -> None:
    image = collimated(150, 430)
    assert border_of(Frame(image.astype(np.float32))) is None
    assert (
        border_of(Frame(np.repeat((image >> 2).astype(np.uint8)[..., None], 3, 2), Photometric.RGB)) is None
    )


def packaged(name: str) -> Frame:
    found = importlib.util.find_spec("data_store")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "data" / name
    if not path.is_file():
        pytest.skip(f"{name} is not installed here")
    dataset = pydicom.dcmread(path)
    return Frame(
        dataset.pixel_array, Photometric(dataset.PhotometricInterpretation), bits_stored=dataset.BitsStored
    )


def test_the_sample_leg_is_covered_at_its_collimator_and_the_sample_chest_not_at_all() -> None:
    shutter = border_of(packaged("RG3_UNCR.dcm"))
    assert shutter is not None
    # The field begins where the film turns black: columns 445 and 1253, by eye on the profile.
    assert shutter.rectangle == (0.0, 1759.0, pytest.approx(442, abs=4), pytest.approx(1253, abs=5))
    assert border_of(packaged("RG1_UNCR.dcm")) is None
