"""How a series is looked at before the reader has said anything, and the looks that are on a menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import DisplayState, LutCurve, RenderPlan, VoiLut
from medvision_desktop.domain.image import Frame, Rescale
from medvision_desktop.domain.study import SeriesRef
from medvision_desktop.pixels import colour_maps, voi

# Action ids of curves and colour maps, and what each stands for.
CURVES: Final[dict[str, LutCurve | None]] = {
    "curve.header": None,
    **{f"curve.{curve.value}": curve for curve in LutCurve},
}
COLOURS: Final = {f"colours.{each.id or 'grey'}": each.id for each in colour_maps.COLOUR_MAPS}
# Tracer uptake is read dark on white.
_USUAL_COLOURS: Final = {"PT": "inverse_grey"}
_GREYS: Final = ("", "inverse_grey")


def first_look(series: SeriesRef | None) -> DisplayState:
    """The display state that a series opens with."""
    return DisplayState(colours=_USUAL_COLOURS.get(series.modality, "") if series is not None else "")


@dataclass(frozen=True, eq=False)
class ColourScale:
    """What the colours of an image mean: `entries` Nx3 from the lowest value up, and the ends in words."""

    entries: NDArray[np.uint8]
    low: str
    high: str
    title: str


def colour_scale(plan: RenderPlan | None) -> ColourScale | None:
    """The scale of the colour map in use; None for grey, colour and a LUT whose input has no ends."""
    if plan is None or plan.colours in _GREYS or plan.voi is None or isinstance(plan.voi, VoiLut):
        return None
    entries = colour_maps.table(plan.colours)
    ends = np.asarray(voi.window_span(plan.voi))
    title = plan.frame.units
    real = _in_real(plan.frame, ends)
    if real is not None:
        ends, title = real
    low, high = (f"{end:.3g}" for end in ends)
    return ColourScale(entries[::-1] if plan.inverted else entries, low, high, title)


def _in_real(frame: Frame, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], str] | None:
    """Modality values as the first linear quantity of the header, such as SUVbw, with its name."""
    modality = frame.modality
    if not isinstance(modality, Rescale) or modality.slope == 0:
        return None
    stored = (values - modality.intercept) / modality.slope
    for real in frame.real:
        if real.entries is None:
            return stored * real.slope + real.intercept, f"{real.label} {real.units}".strip()
    return None
