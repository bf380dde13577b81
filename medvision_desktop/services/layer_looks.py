"""How the reader last looked at layers, so that they look the same after a restart.

Colours, opacities and eyes, by a digest of the layer's identity: nothing in the file names a study. It is a
convenience and no record: what cannot be read or written is only logged.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from medvision_desktop.domain.labelmap import RgbColour
from medvision_desktop.paths import Locations

MOST_LOOKS: Final = 500
_BYTES_LIMIT: Final = 16 << 20
_MOST_SEGMENTS: Final = 255
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SegmentLook:
    """One label by its number: colour, eye, and the opacity of its inside, 0..1."""

    number: int
    colour: RgbColour
    visible: bool
    opacity: float


@dataclass(frozen=True)
class LayerLook:
    """One layer: eye, opacity 0..1, how labels are drawn, the colours of a parametric map."""

    visible: bool
    opacity: float
    mode: str
    colour_map: str
    segments: tuple[SegmentLook, ...] = ()


Looks = Mapping[str, LayerLook]


def key_of(uid: str) -> str:
    """What a layer is known by in the file."""
    return hashlib.sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def load(locations: Locations) -> dict[str, LayerLook]:
    """Looks by `key_of` their layers, the newest last. A damaged file is an empty one."""
    try:
        with _file(locations).open("rb") as file:
            listed = json.loads(file.read(_BYTES_LIMIT))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        _log.warning("the looks of layers cannot be read")
        return {}
    given = listed if isinstance(listed, dict) else {}
    found = {key: _look(entry) for key, entry in given.items()}
    return {key: look for key, look in found.items() if look is not None}


def save(locations: Locations, looks: Looks) -> None:
    """Write looks, the newest of them if there are too many."""
    kept = list(looks.items())[-MOST_LOOKS:]
    target = _file(locations)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = target.with_suffix(".new")
        fresh.write_text(json.dumps({key: asdict(look) for key, look in kept}), encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(target)
    except OSError:
        _log.warning("the looks of layers cannot be written")


def _file(locations: Locations) -> Path:
    return locations.data / "layer_looks.json"


def _look(entry: Any) -> LayerLook | None:
    """One entry, None unless every part of it is what it should be."""
    try:
        segments = tuple(_segment(one) for one in entry["segments"][:_MOST_SEGMENTS])
        return LayerLook(
            _truth(entry["visible"]),
            _share(entry["opacity"]),
            _word(entry["mode"]),
            _word(entry["colour_map"]),
            segments,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _segment(entry: Any) -> SegmentLook:
    red, green, blue = (_byte(part) for part in entry["colour"])
    number = _byte(entry["number"])
    return SegmentLook(number, (red, green, blue), _truth(entry["visible"]), _share(entry["opacity"]))


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not (math.isfinite(value) and 0 <= value <= 1):
        raise ValueError
    return float(value)


def _byte(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise ValueError
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError
    return value
