"""How volumes look when they are rendered: a table of colours and opacities by modality.

CT looks are in Hounsfield units, which mean the same everywhere. Others are in parts of the values that
the series has, from its 0.5 percentile (0) to its 99.5 percentile (1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Colours = tuple[tuple[float, float, float, float], ...]
Opacities = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Look:
    """One way to render. `colours`: (value, red, green, blue) in parts of one; `opacities`: (value, share).

    A share is how much of the light one voxel takes. `is_relative`: values are parts of the series' range.
    `largest`: the largest value along each ray.
    """

    name: str
    colours: Colours
    opacities: Opacities
    is_relative: bool = False
    largest: bool = False

    def at(self, span: tuple[float, float], shift: float = 0.0) -> tuple[Colours, Opacities]:
        """Colours and opacities in modality values, for a series of this range, moved by `shift`."""
        low, high = span if self.is_relative else (0.0, 1.0)

        def value(point: float) -> float:
            return low + point * (high - low) + shift

        colours = tuple((value(point), red, green, blue) for point, red, green, blue in self.colours)
        return colours, tuple((value(point), share) for point, share in self.opacities)


_BONE: Final = (
    (80.0, 0.45, 0.25, 0.18),
    (250.0, 0.85, 0.72, 0.55),
    (700.0, 0.98, 0.95, 0.88),
    (3000.0, 1.0, 1.0, 1.0),
)
_SKIN: Final = (
    (-1000.0, 0.5, 0.35, 0.28),
    (-250.0, 0.72, 0.5, 0.4),
    (20.0, 0.86, 0.62, 0.5),
    (250.0, 0.95, 0.85, 0.75),
    (3000.0, 1.0, 1.0, 0.96),
)
_VESSELS: Final = (
    (100.0, 0.45, 0.08, 0.05),
    (220.0, 0.8, 0.2, 0.14),
    (450.0, 0.95, 0.55, 0.35),
    (900.0, 0.97, 0.92, 0.84),
)
_AIRY: Final = ((-1000.0, 0.1, 0.2, 0.3), (-700.0, 0.45, 0.6, 0.7), (-400.0, 0.95, 0.85, 0.75))
_DENSE: Final = ((-100.0, 0.0, 0.0, 0.0), (700.0, 1.0, 1.0, 1.0))
_WARM: Final = (
    (0.0, 0.3, 0.25, 0.23),
    (0.35, 0.8, 0.71, 0.65),
    (0.8, 1.0, 0.93, 0.87),
    (1.3, 1.0, 1.0, 1.0),
)
_RED: Final = (
    (0.0, 0.2, 0.05, 0.05),
    (0.7, 0.75, 0.2, 0.15),
    (1.0, 1.0, 0.75, 0.55),
    (1.6, 1.0, 1.0, 0.95),
)
_GREY: Final = ((0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0))

CT: Final = (
    Look("Bone", _BONE, ((140.0, 0.0), (260.0, 0.25), (600.0, 0.8), (3000.0, 0.95))),
    Look("Skin and soft tissue", _SKIN, ((-500.0, 0.0), (-250.0, 0.18), (0.0, 0.45), (300.0, 0.8))),
    Look("Vessels", _VESSELS, ((120.0, 0.0), (220.0, 0.2), (400.0, 0.7), (3000.0, 0.85))),
    Look("Lung", _AIRY, ((-950.0, 0.0), (-800.0, 0.03), (-600.0, 0.12), (-450.0, 0.0))),
    Look("Largest value (MIP)", _DENSE, ((-100.0, 1.0),), largest=True),
)
OTHER: Final = (
    Look("Surface", _WARM, ((0.12, 0.0), (0.32, 0.2), (0.6, 0.6), (1.0, 0.85)), is_relative=True),
    Look("Vessels", _RED, ((0.85, 0.0), (1.05, 0.2), (1.3, 0.8)), is_relative=True),
    Look("Glass", _GREY, ((0.1, 0.0), (0.5, 0.02), (1.0, 0.12), (1.5, 0.5)), is_relative=True),
    Look("Largest value (MIP)", _GREY, ((0.0, 1.0),), is_relative=True, largest=True),
)


def looks_for(modality: str) -> tuple[Look, ...]:
    """The looks for a modality by DICOM's code; what is not CT has values of its own."""
    return CT if modality == "CT" else OTHER
