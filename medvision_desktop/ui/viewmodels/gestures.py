"""What a gesture does to a display state: pure arithmetic in screen pixels.

Screen pixels are device pixels, x to the right and y down, from the pane's top left corner.
"""

from __future__ import annotations

import math
from dataclasses import replace
from enum import Enum
from typing import Final

from medvision_desktop.domain.display import DisplayState, Voi, VoiFunction, VoiLut, VoiWindow
from medvision_desktop.domain.image import Frame
from medvision_desktop.pixels import viewport
from medvision_desktop.pixels.viewport import Viewport

Size = tuple[int, int]
Position = tuple[float, float]

# A drag over this many screen pixels crosses the whole range of the series.
_RANGE_PX: Final = 1024
_SMALLEST_WIDTH_OF_RANGE: Final = 1e-4
_ZOOM_PER_PX: Final = 0.006
_WHEEL_ZOOM: Final = 1.15


class Tool(Enum):
    """What the left button does."""

    WINDOW = "window"
    PAN = "pan"
    ZOOM = "zoom"
    SCROLL = "scroll"
    MAGNIFIER = "magnifier"
    PROBE = "probe"
    LENGTH = "length"
    ANGLE = "angle"
    COBB = "cobb"
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"
    CARDIOTHORACIC = "cardiothoracic"
    ARROW = "arrow"
    TEXT = "text"
    WINDOW_REGION = "window_region"
    CROSSHAIR = "crosshair"
    BRUSH = "brush"
    ERASER = "eraser"
    FILL = "fill"
    THRESHOLD_BRUSH = "threshold_brush"


class Pace(Enum):
    """How far a drag of the window goes: Shift is fine, Ctrl is coarse."""

    FINE = 0.2
    NORMAL = 1.0
    COARSE = 5.0


def as_window(voi: Voi | None) -> VoiWindow | None:
    """The window a drag starts from: the one in use, or the range that a VOI LUT covers."""
    if isinstance(voi, VoiLut):
        count = len(voi.entries)
        return VoiWindow(voi.first_mapped + count / 2, max(1.0, float(count)))
    return voi


def dragged_window(start: VoiWindow, dx: float, dy: float, *, span: float) -> VoiWindow:
    """The window after a drag: right is wider, down raises the centre (up is brighter).

    `span` is the range of the series in modality values; a drag is proportional to it. `dx` and
    `dy` are already multiplied by the pace.
    """
    step = max(span, 1e-12) / _RANGE_PX
    smallest = 1.0 if start.function is VoiFunction.LINEAR else max(span, 1e-12) * _SMALLEST_WIDTH_OF_RANGE
    width = max(smallest, start.width + dx * step)
    return VoiWindow(_rounded(start.center + dy * step, span), _rounded_up(width, span), start.function)


def zoomed(display: DisplayState, frame: Frame, size: Size, factor: float, at: Position) -> DisplayState:
    """Zoom by `factor` so that the image point under `at` (x, y) stays where it is."""
    before = viewport_of(display, size)
    after = viewport.zoomed_about(frame, before, at[0], at[1], factor)
    return replace(display, zoom=after.zoom, pan=after.pan)


def viewport_of(display: DisplayState, size: Size) -> Viewport:
    """The pane of `size` (width, height) in device pixels, seen as the reader wants."""
    width, height = max(1, size[0]), max(1, size[1])
    return Viewport(width, height, display.zoom, display.pan, display.turn, display.area)


def panned(display: DisplayState, dx: float, dy: float) -> DisplayState:
    """The image moved with the hand."""
    return replace(display, pan=(display.pan[0] + dx, display.pan[1] + dy))


def drag_zoom_factor(dy: float) -> float:
    """Factor of a drag with the zoom tool: up enlarges."""
    return math.exp(-dy * _ZOOM_PER_PX)


def wheel_zoom_factor(notches: float) -> float:
    """Factor of turning the wheel with Ctrl held: away from the reader enlarges."""
    return float(_WHEEL_ZOOM**notches)


def scroll_px_per_image(count: int, height: int) -> float:
    """How far the scroll tool is dragged for one image: the pane's height crosses a long series."""
    return max(3.0, min(16.0, height / max(1, count)))


def _rounded(value: float, span: float) -> float:
    return round(value) if span >= 64 else round(value, 4)


def _rounded_up(width: float, span: float) -> float:
    return max(1.0, float(round(width))) if span >= 64 else width
