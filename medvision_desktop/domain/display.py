"""What the reader wants to see, and what is to be drawn.

`DisplayState` is the wish. `pixels.pipeline.resolve` turns it, with a frame, into a `RenderPlan`,
which holds every number the drawing needs and nothing undecided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.layers import OverlayPlane, Shutter

if TYPE_CHECKING:
    from medvision_desktop.domain.image import Frame


class VoiFunction(Enum):
    """VOI LUT Function (0028,1056), PS3.3 C.11.2.1.3."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True)
class VoiWindow:
    """A window: centre and width in modality values, and the function that applies them."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR
    explanation: str = ""

    def __post_init__(self) -> None:
        """Width: at least 1 for LINEAR, above 0 otherwise (PS3.3 C.11.2.1.2, C.11.2.1.3)."""
        if not (math.isfinite(self.center) and math.isfinite(self.width)):
            raise ValueError("a window is finite")
        minimum_ok = self.width >= 1 if self.function is VoiFunction.LINEAR else self.width > 0
        if not minimum_ok:
            raise ValueError(f"window width {self.width} is too small for {self.function.value}")


@dataclass(frozen=True, eq=False)
class VoiLut:
    """VOI LUT Sequence item: modality value v shows `entries[v - first_mapped]` of 2**bits - 1."""

    first_mapped: int
    entries: NDArray[Any]
    bits: int
    explanation: str = ""


Voi = VoiWindow | VoiLut


class WindowSource(Enum):
    """Where the window in use comes from; shown as a badge when it is a guess of ours."""

    READER = "reader"
    PRESENTATION = "presentation state"
    HEADER_LUT = "VOI LUT"
    HEADER_WINDOW = "header"
    MODALITY_DEFAULT = "modality default"
    PERCENTILES = "percentiles"
    FULL_RANGE = "full range"


class Interpolation(Enum):
    """How source pixels become screen pixels."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    AREA = "area"
    CUBIC = "cubic"


class LutCurve(Enum):
    """The curve between the ends of a window that the reader asks for, whatever the header says."""

    LINEAR = "linear"
    SIGMOID = "sigmoid"
    LOGARITHMIC = "logarithmic"


@dataclass(frozen=True)
class OverlayState:
    """The reader's wish for layers: all at once by `visible`, and the attention map's numbers.

    `attention_label`: the finding whose map is shown, or None. `opacity` and `threshold` in 0..1.
    """

    visible: bool = True
    attention_label: str | None = None
    opacity: float = 0.58
    threshold: float = 0.35


class FittedArea(NamedTuple):
    """First and last row, first and last column, from 0, that are shown instead of the whole image.

    `zoom`: screen pixels a source pixel, where a presentation state says; None to fit the area.
    """

    top: float
    bottom: float
    left: float
    right: float
    zoom: float | None = None


@dataclass(frozen=True)
class DisplayState:
    """What the reader wants of one pane. None means: the default.

    `zoom`: screen pixels a source pixel, None to fit. `pan`: shift of the image centre from the
    pane centre, in screen pixels. `voi`: the reader's window or a chosen header alternative.
    `shutter`: whether what the header (or the border of a film) covers is covered. `presentation`:
    UID of the presentation state in use, "" for none. `area`: what is shown instead of the
    whole image until the reader zooms. `curve`: None is the header's own. `colours`: id of a colour map for
    grey images, "" for grey.
    """

    voi: Voi | None = None
    invert: bool = False
    turn: ViewTurn = ViewTurn()
    zoom: float | None = None
    pan: tuple[float, float] = (0.0, 0.0)
    overlay: OverlayState = field(default_factory=OverlayState)
    show_corner_text: bool = True
    shutter: bool = True
    presentation: str | None = None
    area: FittedArea | None = None
    curve: LutCurve | None = None
    colours: str = ""

    @property
    def brightness(self) -> DisplayState:
        """Only how values are shown, without where and how large."""
        return DisplayState(self.voi, self.invert, curve=self.curve, colours=self.colours)


@dataclass(frozen=True, eq=False)
class RenderPlan:
    """Everything that drawing one frame needs.

    `voi` is None for RGB frames. `inverted` is the final polarity after photometric
    interpretation, presentation LUT shape and the reader's invert: True means that the lowest
    VOI output is white. `shutter` covers and `overlays` are drawn in white, both over the image.
    `logarithmic`: VOI output goes through a logarithm. `colours`: id of the colour map of the levels.
    """

    frame: Frame
    voi: Voi | None
    source: WindowSource
    inverted: bool
    badges: tuple[str, ...] = ()
    shutter: Shutter | None = None
    overlays: tuple[OverlayPlane, ...] = ()
    logarithmic: bool = False
    colours: str = ""

    @property
    def is_colour(self) -> bool:
        """Whether what is drawn has three channels."""
        return self.frame.is_colour or bool(self.colours) or self.frame.supplement is not None
