"""From what the reader wants to eight-bit pixels: resolve, then render.

The stages are modality, VOI, presentation (PS3.3 C.11 and PS3.4 N.2). Integers of up to 16 bits go
through one table that does all three; everything else goes through the same arithmetic directly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import (
    DisplayState,
    LutCurve,
    RenderPlan,
    Voi,
    VoiLut,
    VoiWindow,
    WindowSource,
)
from medvision_desktop.domain.image import Frame, Photometric, Rescale
from medvision_desktop.domain.quantities import region_of
from medvision_desktop.pixels import (
    colour_maps,
    histogram,
    layers,
    modality,
    palette,
    presentation,
    supplement,
    voi,
)

# The default window of a modality whose values mean the same on every scanner.
MODALITY_WINDOWS: Final = {"CT": VoiWindow(40, 400, explanation="CT default")}
# Made for looking at as stored: ultrasound, endoscopy, photographs, and files without a modality.
_SHOWN_AS_STORED: Final = frozenset({"", "US", "IVUS", "ES", "XC", "GM", "OP", "SM", "SC", "DOC"})
SHUTTER_BADGE: Final = "Shutter on"
_BLOCK_PIXELS: Final = 4_000_000

_SOURCE_BADGES: Final = {
    WindowSource.PERCENTILES: "Window: 0.5–99.5 percentiles",
    WindowSource.MODALITY_DEFAULT: "Window: modality default",
    WindowSource.FULL_RANGE: "Window: full range",
}


@dataclass(frozen=True)
class Probe:
    """What one pixel holds. `display` is 0..255 on screen, three of them for colour.

    `real`: quantities as (name, value, unit). `axes`: what the axes of an ultrasound region read.
    """

    row: int
    column: int
    stored: tuple[float, ...]
    modality: float | None
    units: str
    display: tuple[int, ...]
    is_padding: bool
    real: tuple[tuple[str, float, str], ...] = ()
    axes: tuple[str, ...] = ()


def resolve(
    state: DisplayState,
    frame: Frame,
    *,
    modality: str = "",
    modality_range: tuple[float, float] | None = None,
) -> RenderPlan:
    """Every number that drawing `frame` needs.

    The window: the reader's, else the first VOI LUT of the header, else its first window, else the
    default of `modality` (DICOM's code, such as CT), else `modality_range` (the series' 0.5 and
    99.5 percentiles), else the frame's own percentiles; all values that the header allows where the
    percentiles are one value.
    """
    chosen, source = _window(state, frame, modality, modality_range)
    chosen = voi.curved(chosen, state.curve) if chosen is not None else None
    bends = state.curve is LutCurve.LOGARITHMIC and isinstance(chosen, VoiWindow)
    badges = (*frame.badges, *(f"Not faithful: {why}" for why in frame.not_faithful))
    if source in _SOURCE_BADGES and chosen is not None:
        badges = (*badges, _SOURCE_BADGES[source])
    # Grey upside down stays grey, so that what corrects grey levels for a display corrects it.
    turned = state.colours == colour_maps.INVERSE_GREY and not frame.is_colour
    shutter = frame.shutter if state.shutter else None
    return RenderPlan(
        frame=frame,
        voi=chosen,
        source=source,
        inverted=presentation.shows_low_as_white(frame) != (state.invert != turned),
        badges=(*badges, SHUTTER_BADGE) if shutter is not None else badges,
        shutter=shutter,
        overlays=frame.overlays if state.overlay.visible else (),
        logarithmic=bends,
        colours="" if frame.is_colour or turned or frame.supplement is not None else state.colours,
    )


def without_layers(plan: RenderPlan) -> RenderPlan:
    """The plan of the image alone, as if nothing lay over it; the plan itself where nothing does."""
    if plan.shutter is None and not plan.overlays:
        return plan
    badges = tuple(badge for badge in plan.badges if badge != SHUTTER_BADGE)
    return replace(plan, shutter=None, overlays=(), badges=badges)


def render(plan: RenderPlan) -> NDArray[np.uint8]:
    """The frame at source resolution under its shutter and overlays: HxW, or HxWx3 where `is_colour`."""
    image = render_image(plan)
    hidden = hidden_by_shutter(plan)
    if hidden is not None and plan.shutter is not None:
        image[hidden] = round(plan.shutter.level * 255)
    for plane in plan.overlays:
        image[layers.placed(plane, *image.shape[:2])] = 255
    return image


def render_image(plan: RenderPlan) -> NDArray[np.uint8]:
    """The frame at source resolution with nothing over it: HxW, or HxWx3 where `is_colour`."""
    image = _rendered(plan)
    if plan.frame.supplement is not None:
        return supplement.with_colours(plan.frame, image)
    return colour_maps.coloured(image, plan.colours) if plan.colours else image


def hidden_by_shutter(plan: RenderPlan) -> NDArray[np.bool_] | None:
    """HxW, True where the plan's shutter covers the frame; None without a shutter."""
    if plan.shutter is None:
        return None
    return layers.covered(plan.shutter, plan.frame.rows, plan.frame.columns, plan.frame.pixel_aspect)


def _rendered(plan: RenderPlan) -> NDArray[np.uint8]:
    frame = plan.frame
    if frame.is_colour:
        colour = render_colour(frame)
        return np.subtract(255, colour) if plan.inverted else colour.copy()
    if has_table(frame.stored):
        import cv2

        table = display_table(plan, frame.stored.dtype)
        return np.asarray(cv2.LUT(as_table_index(frame.stored), table))
    image = np.empty(frame.stored.shape, np.uint8)
    for rows in _row_blocks(frame):
        image[rows] = presentation.quantise(display_values(plan, frame.stored[rows]))
    return image


def render_colour(frame: Frame) -> NDArray[np.uint8]:
    """HxWx3 of an RGB or palette frame; an RGB frame's own array of 8 bits, not a copy."""
    if frame.photometric is Photometric.PALETTE_COLOR:
        return np.asarray(palette.colours(frame), dtype=np.uint8)
    largest = _largest_sample(frame)
    if largest == 255:
        return np.asarray(frame.stored, dtype=np.uint8)
    return np.rint(np.minimum(frame.stored, largest) * (255.0 / largest)).astype(np.uint8)


def _largest_sample(frame: Frame) -> int:
    """What full red, green or blue is stored as."""
    return (1 << min(frame.bits_stored, 8 * frame.stored.dtype.itemsize)) - 1


def render_float(plan: RenderPlan) -> NDArray[np.float32]:
    """Display values 0 (black) to 1 (white) before quantisation: HxW or HxWx3 float32.

    A colour map has no more than its 256 entries.
    """
    if plan.colours:
        return render(plan).astype(np.float32) / np.float32(255)
    image = _rendered_float(plan)
    if plan.frame.supplement is not None:
        image = supplement.with_colours(plan.frame, image)
    hidden = hidden_by_shutter(plan)
    if hidden is not None and plan.shutter is not None:
        image[hidden] = plan.shutter.level
    for plane in plan.overlays:
        image[layers.placed(plane, *image.shape[:2])] = 1
    return image


def _rendered_float(plan: RenderPlan) -> NDArray[np.float32]:
    frame = plan.frame
    if frame.is_colour:
        if frame.photometric is Photometric.PALETTE_COLOR:
            colour = palette.colours_float(frame)
        else:
            largest = _largest_sample(frame)
            colour = np.minimum(frame.stored, largest).astype(np.float32) / np.float32(largest)
        return np.subtract(np.float32(1), colour) if plan.inverted else colour
    image = np.empty(frame.stored.shape, np.float32)
    for rows in _row_blocks(frame):
        image[rows] = display_values(plan, frame.stored[rows])
    return image


def display_values(plan: RenderPlan, stored: NDArray[Any]) -> NDArray[np.float64]:
    """Display values 0..1 of stored values of any shape, for a frame that is not colour.

    Pixel Padding is no image and stays black in either polarity (PS3.3 C.7.5.1.1.2).
    """
    values = display_of_modality(plan, modality.apply(plan.frame.modality, stored))
    if plan.frame.padding is not None or stored.dtype.kind == "f":
        values[modality.is_padding(plan.frame, stored)] = 0.0
    return values


def display_of_modality(plan: RenderPlan, values: NDArray[Any]) -> NDArray[np.float64]:
    """Display values 0..1 of modality values of any shape."""
    if plan.voi is None:
        raise ValueError("a colour frame has no window")
    shown = voi.apply(plan.voi, values)
    if plan.logarithmic:
        shown = voi.logarithmic(shown)
    if plan.frame.presentation_lut is not None:
        shown = presentation.apply_lut(plan.frame.presentation_lut, shown)
    return presentation.apply_polarity(shown, inverted=plan.inverted)


def has_table(stored: NDArray[Any]) -> bool:
    """Whether stored values are few enough (8 or 16 bits) for one table over all of them."""
    return stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2


def as_table_index(stored: NDArray[Any]) -> NDArray[Any]:
    """The same bytes as unsigned, which is how `display_table` is indexed."""
    native = np.dtype(f"u{stored.dtype.itemsize}")
    if not stored.dtype.isnative:
        stored = stored.astype(stored.dtype.newbyteorder("="))
    return stored.view(native)


def table_values(dtype: np.dtype[Any]) -> NDArray[Any]:
    """Every stored value of an 8- or 16-bit type, in the order of its unsigned bytes."""
    count = 1 << (8 * dtype.itemsize)
    return np.arange(count, dtype=np.dtype(f"u{dtype.itemsize}")).view(dtype.newbyteorder("="))


def display_table(plan: RenderPlan, dtype: np.dtype[Any]) -> NDArray[np.uint8]:
    """Grey level of every stored value of `dtype`: 256 or 65536 entries."""
    return presentation.quantise(display_values(plan, table_values(dtype)))


def probe(plan: RenderPlan, row: int, column: int) -> Probe | None:
    """Stored, modality and display value of one pixel; None outside the image."""
    frame = plan.frame
    if not (0 <= row < frame.rows and 0 <= column < frame.columns):
        return None
    region = region_of(frame.regions, (row, column))
    axes = () if region is None else region.read((row, column))
    return replace(_probe(plan, row, column), axes=axes)


def _probe(plan: RenderPlan, row: int, column: int) -> Probe:
    frame = plan.frame
    stored = np.atleast_1d(frame.stored[row, column])
    padded = bool(modality.is_padding(frame, stored).any())
    if frame.is_colour:
        colour = render_colour(_one_pixel(frame, row, column))[0, 0]
        shown = np.subtract(255, colour) if plan.inverted else colour
        return Probe(row, column, _numbers(stored), None, "", _levels(shown), padded)
    value = float(modality.apply(frame.modality, stored)[0])
    shown = presentation.quantise(display_values(plan, stored))
    shown = colour_maps.coloured(shown, plan.colours)[0] if plan.colours else shown
    found = ((real.label, float(real.of(stored)[0]), real.units) for real in frame.real)
    real = tuple(entry for entry in found if math.isfinite(entry[1]))
    return Probe(row, column, _numbers(stored), value, frame.units, _levels(shown), padded, real)


def _window(
    state: DisplayState, frame: Frame, code: str, modality_range: tuple[float, float] | None
) -> tuple[Voi | None, WindowSource]:
    if frame.is_colour:
        return None, WindowSource.FULL_RANGE
    if state.voi is not None:
        return state.voi, WindowSource.READER
    if frame.presented_voi is not None:
        return frame.presented_voi, WindowSource.PRESENTATION
    if frame.presented_whole:
        return voi.spanning(*modality.declared_range(frame)), WindowSource.PRESENTATION
    for item in frame.voi:
        if isinstance(item, VoiLut):
            return item, WindowSource.HEADER_LUT
    if frame.voi:
        return frame.voi[0], WindowSource.HEADER_WINDOW
    as_stored = frame.stored.dtype.itemsize == 1 and frame.geometry is None
    # Bytes without a rescale hold no Hounsfield values: a CT's screenshot, a dose sheet.
    captured = as_stored and frame.modality == Rescale() and frame.units == ""
    if code in MODALITY_WINDOWS and frame.units in ("HU", "") and not captured:
        return MODALITY_WINDOWS[code], WindowSource.MODALITY_DEFAULT
    if frame.bits_stored == 1:  # black and white, however few of either there are
        return voi.spanning(*modality.declared_range(frame)), WindowSource.FULL_RANGE
    if as_stored and (code in _SHOWN_AS_STORED or code in MODALITY_WINDOWS):
        return voi.spanning(*modality.declared_range(frame)), WindowSource.FULL_RANGE
    found = modality_range if modality_range is not None else histogram.series_range((frame,))
    if found is None or not found[0] < found[1]:  # all but a few values are the same
        return voi.spanning(*modality.declared_range(frame)), WindowSource.FULL_RANGE
    return voi.spanning(*found), WindowSource.PERCENTILES


def _row_blocks(frame: Frame) -> list[slice]:
    step = max(1, _BLOCK_PIXELS // frame.columns)
    return [slice(start, start + step) for start in range(0, frame.rows, step)]


def _one_pixel(frame: Frame, row: int, column: int) -> Frame:
    return Frame(
        stored=frame.stored[row : row + 1, column : column + 1].copy(),
        photometric=frame.photometric,
        bits_stored=frame.bits_stored,
        palette=frame.palette,
    )


def _numbers(values: NDArray[Any]) -> tuple[float, ...]:
    return tuple(value.item() for value in values)


def _levels(values: NDArray[np.uint8]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
