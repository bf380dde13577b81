"""How layers looked: kept in a file that names no study, and believed only where it makes sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medvision_desktop.paths import Locations
from medvision_desktop.services import layer_looks
from medvision_desktop.services.layer_looks import LayerLook, SegmentLook

UID = "1.2.826.0.1.3680043.8.498.77"
LOOK = LayerLook(False, 0.5, "Outline", "Viridis", (SegmentLook(3, (9, 200, 0), True, 0.25),))


@pytest.fixture
def places(tmp_path: Path) -> Locations:
    return Locations(tmp_path / "data", tmp_path / "cache", tmp_path / "logs")


def test_a_look_comes_back_as_it_was(places: Locations) -> None:
    layer_looks.save(places, {layer_looks.key_of(UID): LOOK})
    assert layer_looks.load(places) == {layer_looks.key_of(UID): LOOK}
    assert layer_looks.load(Locations(places.cache, places.cache, places.logs)) == {}


def test_the_file_names_no_layer_and_is_for_its_owner_alone(places: Locations) -> None:
    layer_looks.save(places, {layer_looks.key_of(UID): LOOK})
    (file,) = places.data.iterdir()
    assert UID not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_only_the_newest_looks_are_kept(places: Locations) -> None:
    many = {str(number): LOOK for number in range(layer_looks.MOST_LOOKS + 5)}
    layer_looks.save(places, many)
    kept = layer_looks.load(places)
    assert len(kept) == layer_looks.MOST_LOOKS
    assert list(kept)[-1] == list(many)[-1]
    assert "0" not in kept


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("opacity", 7),
        ("opacity", True),
        ("visible", "yes"),
        ("mode", 3),
        ("segments", [{}]),
        ("segments", 5),
    ],
)
def test_an_entry_that_makes_no_sense_is_left_out_and_the_others_stay(
    part: str, value: Any, places: Locations
) -> None:
    layer_looks.save(places, {"bad": LOOK, "good": LOOK})
    (file,) = places.data.iterdir()
    given = json.loads(file.read_text())
    given["bad"][part] = value
    file.write_text(json.dumps(given))
    assert layer_looks.load(places) == {"good": LOOK}


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 5000, "nonsense"])
def test_a_damaged_file_is_an_empty_one(text: str, places: Locations, expected_log: Any) -> None:
    places.data.mkdir()
    (places.data / "layer_looks.json").write_text(text)
    assert layer_looks.load(places) == {}
