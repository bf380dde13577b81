"""Mutated segmentations, maps and presentation states beside whole images: the images still open."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services import layers
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.settings import Settings
from tests.fuzz.test_mutated_files import SEED, mutated
from tests.helpers.dicom_files import ct, write
from tests.helpers.layer_files import (
    mapping,
    parametric_map,
    saved,
    saved_series,
    segmentation,
    source_images,
)
from tests.helpers.presentation_files import dataset, state_for, voi_item

COUNT = 60


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    """No compressed image is among the seeds, so that no child is started."""
    made = Decoder(Settings(image_memory_mb=256, decoder_timeout_s=10))
    yield made
    made.close()


def state(uid: str) -> Dataset:
    """A presentation state that windows, shuts, turns, draws and writes."""
    line = dataset(GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, NumberOfGraphicPoints=3)
    line.GraphicData, line.GraphicType, line.GraphicFilled = [1, 1, 5, 5, 3, 7], "POLYLINE", "N"
    words = dataset(AnchorPointAnnotationUnits="PIXEL", UnformattedTextValue="here", AnchorPoint=[3, 3])
    words.AnchorPointVisibility = "Y"
    drawn = dataset(GraphicLayer="A", GraphicObjectSequence=[line], TextObjectSequence=[words])
    return state_for(
        uid,
        SoftcopyVOILUTSequence=[voi_item(40, 400)],
        GraphicAnnotationSequence=[drawn],
        GraphicLayerSequence=[dataset(GraphicLayer="A", GraphicLayerOrder=1)],
        ModalityLUTSequence=[
            dataset(LUTDescriptor=[16, 0, 16], ModalityLUTType="HU", LUTData=bytes(range(32)))
        ],
        ImageRotation=90,
        ImageHorizontalFlip="Y",
        ShutterShape="CIRCULAR",
        CenterOfCircularShutter=[3, 3],
        RadiusOfCircularShutter=2,
    )


def seeds(folder: Path) -> list[tuple[list[Path], bytes]]:
    """Whole images, and the bytes of what speaks of them."""
    source = source_images(4, 10, 8)
    images = saved_series(source, folder / "source")
    mask = np.zeros((4, 10, 8), np.uint8)
    mask[1:3, 2:5, 2:6] = 1
    film = ct()
    alone = write(film, folder / "film.dcm")
    values = mapping(first=0.0, last=100.0)
    return [
        (images, saved(segmentation(source, mask), folder / "binary").path.read_bytes()),
        (images, saved(segmentation(source, mask * 0.5, "FRACTIONAL"), folder / "half").path.read_bytes()),
        (
            images,
            saved(
                parametric_map(source, mask.astype(np.float32), [values]), folder / "map"
            ).path.read_bytes(),
        ),
        ([alone], write(state(film.SOPInstanceUID), folder / "state").read_bytes()),
    ]


def touched(content: bytes, chance: random.Random) -> bytes:
    """One or two values changed in place, which leaves more to be read than what `mutated` does."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(300, len(data))
        new = chance.choice([b"\xff\xff", b"\x00\x00", b"\x00\x80", b"\xff\xff\xff\xff", b"9", b"-"])
        data[at : at + len(new)] = new
    return bytes(data)


def test_images_open_whatever_speaks_of_them(tmp_path: Path, decoder: Decoder) -> None:
    chance = random.Random(f"{SEED}-layers")  # noqa: S311 - repeatable, not secret
    given = seeds(tmp_path / "seeds")
    outcomes = {"images": 0, "layers": 0, "states": 0, "refused": 0}
    for number in range(COUNT):
        images, content = given[number % len(given)]
        folder = tmp_path / "open"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for image in images:
            shutil.copy(image, folder)
        change = mutated if number % 3 == 0 else touched
        (folder / "zz.dcm").write_bytes(change(content, chance))
        found = index([folder], scratch=tmp_path / "scratch")
        outcomes["refused"] += len(found.refused)
        series = [(study, one) for study in found.studies for one in study.series]
        whole = {image.name for image in images}
        shown = [one for _, one in series if {ref.path.name for ref in one.instances} >= whole]
        assert len(shown) == 1, number
        for study, one in series:
            try:
                if one.is_layer:
                    outcomes["layers"] += len(layers.load(one, decoder=decoder))
                else:
                    loaded = open_series(study, one, decoder=decoder)
                    outcomes["states"] += len(loaded.states)
                    outcomes["images"] += one is shown[0]
            except InputRefused:
                assert one is not shown[0], number
                outcomes["refused"] += 1
    assert outcomes["images"] == COUNT
    assert min(outcomes.values()) > 5, outcomes
