"""Hanging protocols as values: which studies a rule is for, and the stages it hangs them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from medvision_desktop.domain.geometry import Plane

# How many panes of each layout a stage may name. `mpr` shows three planes of the first one.
CELLS: Final[Mapping[str, int]] = MappingProxyType(
    {"1x1": 1, "1x2": 2, "2x1": 2, "2x2": 4, "1+2": 3, "mpr": 2}
)
CURRENT: Final = "current"
PRIOR: Final = "prior"


@dataclass(frozen=True)
class PaneRule:
    """What one pane of a stage shows; empty fields ask for nothing.

    `study` is `CURRENT` or `PRIOR`. `series` are words of which the series' description holds one,
    `without` words of which it holds none. `acquired` is the plane the series was taken in, as far as
    its description says so; `plane` is the plane of the volume to show. `preset` is the name of a window
    preset. An `optional` pane may stay empty.
    """

    study: str = CURRENT
    modality: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    laterality: str = ""
    acquired: Plane | None = None
    plane: Plane | None = None
    preset: str = ""
    optional: bool = False


@dataclass(frozen=True)
class StageRule:
    """One arrangement of a rule: a layout and what goes into each pane, the first cell first."""

    name: str
    layout: str
    panes: tuple[PaneRule, ...]


@dataclass(frozen=True)
class HangingRule:
    """Which studies it is for, and their stages in order. Empty fields hold for every study.

    `body_part` are words of which the body part or a description holds one; `prior` says whether there
    must be an earlier study of the patient, must not be, or (None) may be.
    """

    name: str
    stages: tuple[StageRule, ...]
    kind: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    laterality: str = ""
    series: tuple[str, ...] = ()
    prior: bool | None = None


# Kinds of series that a rule may ask for: one projection film, another single image, several images,
# a volume file.
KINDS: Final = ("film", "image", "stack", "volume")
