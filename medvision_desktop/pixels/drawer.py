"""Drawing a pane again and again: what did not change is kept.

While the reader drags a window only the table changes, so the resampled image is kept in its 16
bits and each step is one table look-up over the pane. Values of more than 16 bits and floats are
reduced to 16 bits for this and only for this: `pipeline.render` works on the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import Interpolation, RenderPlan, Voi
from medvision_desktop.domain.image import Frame, ModalityLut
from medvision_desktop.domain.layers import OverlayPlane, Shutter
from medvision_desktop.pixels import colour_maps, layers, modality, pipeline, presentation, viewport, voi
from medvision_desktop.pixels.viewport import Viewport

# Levels 1 to 65535; 0 is kept for what is not a number.
_LEVELS: Final = 65534
# A window must span at least this many of the 65536 steps, or the range is drawn closer around it.
_STEPS_IN_WINDOW: Final = 1024
_REACH: Final = 16.0
_LEVELS_THEMSELVES: Final = np.arange(256, dtype=np.uint8)
# Of 255: how much of a smaller pixel a line must cover to be drawn.
_LINE: Final = 24


@dataclass(frozen=True, eq=False)
class _Source:
    """A frame as it is resampled, and what its levels mean.

    `values`: modality values (float64) of the levels from `lowest` up, None for colour. What
    interpolation makes beyond them takes the end's value.
    """

    frame: Frame
    image: NDArray[Any]
    values: NDArray[np.float64] | None
    lowest: int = 0
    is_reduced: bool = False  # to 16 bits
    is_whole: bool = True  # whether the levels reach over all the frame has
    of: RenderPlan | None = None  # for grey with colours in it, whose picture holds for one plan alone


@dataclass(frozen=True, eq=False)
class _Resampled:
    source: _Source
    pane: Viewport
    how: Interpolation
    pixels: NDArray[Any] | None
    target: tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class _Cover:
    """Masks over the resampled picture: what the shutter hides, what padding has touched, and overlays."""

    picture: _Resampled
    shutter: Shutter | None
    overlays: tuple[OverlayPlane, ...]
    hidden: NDArray[np.bool_] | None
    padding: NDArray[np.bool_] | None
    graphics: NDArray[np.bool_] | None


class Drawer:
    """Draws one pane. Not thread-safe; holds one frame and its resampled picture at a time."""

    def __init__(self) -> None:
        self._source: _Source | None = None
        self._resampled: _Resampled | None = None
        self._cover: _Cover | None = None
        # Where the last picture for a screen lies, and what is around it.
        self._ground: tuple[tuple[slice, slice], int] | None = None

    def draw(self, plan: RenderPlan, pane: Viewport, *, interactive: bool) -> NDArray[np.uint8]:
        """The pane's pixels: HxW or HxWx3 uint8, C-contiguous, black outside the image.

        With `interactive` the quick interpolation is used unless the careful one is at hand.
        """
        source = self._source_of(plan)
        resampled = self._resample(source, pane, interactive=interactive)
        shape = (pane.height, pane.width)
        if source.values is None:
            colour = np.zeros((*shape, 3), np.uint8)
            if resampled.pixels is not None:
                part = resampled.pixels
                turned = plan.inverted and source.of is None
                colour[resampled.target] = np.subtract(255, part) if turned else part
                self._covered(colour, plan, resampled)
            return colour
        canvas = np.zeros(shape, np.uint8)
        if resampled.pixels is not None:
            import cv2

            table = _table(plan, source, source.values)
            cv2.LUT(pipeline.as_table_index(resampled.pixels), table, dst=canvas[resampled.target])
            if plan.colours:
                colour = np.zeros((*shape, 3), np.uint8)
                colour[resampled.target] = colour_maps.coloured(canvas[resampled.target], plan.colours)
                self._covered(colour, plan, resampled)
                return colour
            self._covered(canvas, plan, resampled)
        return canvas

    def screen(
        self,
        plan: RenderPlan,
        pane: Viewport,
        *,
        interactive: bool,
        driving: NDArray[np.uint8] | None = None,
        over: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """As `draw`, as a screen takes it: grey images as HxW uint32 0xffRRGGBB, what has colour as `draw`.

        `driving`: driving level of each grey level, or None. `over`: what this drew last, if nobody needs
        it any more; it is drawn over, because fresh memory takes longer than drawing.
        """
        source = self._source_of(plan)
        if source.values is None or plan.colours:
            return self.draw(plan, pane, interactive=interactive)
        resampled = self._resample(source, pane, interactive=interactive)
        tones = _TONES if driving is None else _screen_tones(driving)
        shape = (pane.height, pane.width)
        ground = (resampled.target, int(tones[0]))
        if over is not None and over.shape == shape and over.dtype == np.uint32:
            canvas = over
            if ground != self._ground:
                canvas.fill(tones[0])
        else:
            canvas = np.full(shape, tones[0])
        self._ground = ground
        if resampled.pixels is not None:
            import cv2

            table = _table(plan, source, source.values, tones).view(np.int32)
            index = pipeline.as_table_index(resampled.pixels)
            cv2.LUT(index, table, dst=canvas.view(np.int32)[resampled.target])
            self._covered(canvas, plan, resampled, tones)
        return canvas

    @property
    def target(self) -> tuple[slice, slice] | None:
        """Rows and columns of the pane that the picture drawn last lies in; None without one."""
        kept = self._resampled
        return None if kept is None or kept.pixels is None else kept.target

    def clear(self) -> None:
        """Let go of the frame."""
        self._source = self._resampled = self._cover = None

    def interpolation(self, frame: Frame, pane: Viewport, *, interactive: bool) -> Interpolation:
        """What the next `draw` with these arguments would resample with, for the corner text."""
        kept = self._resampled
        if interactive and kept is not None and kept.source.frame is frame and kept.pane == pane:
            return kept.how
        return viewport.interpolation(viewport.transform(frame, pane), interactive=interactive)

    def _source_of(self, plan: RenderPlan) -> _Source:
        kept = self._source
        if plan.frame.supplement is not None:
            if kept is None or kept.of is not plan:
                kept = self._source = _Source(plan.frame, pipeline.render_image(plan), None, of=plan)
        elif kept is None or kept.frame is not plan.frame or not _serves(kept, plan.voi):
            kept = _prepare(plan)
            self._source = kept
        return kept

    def _covered(
        self,
        canvas: NDArray[Any],
        plan: RenderPlan,
        resampled: _Resampled,
        tones: NDArray[Any] = _LEVELS_THEMSELVES,
    ) -> None:
        """Black where there is padding that the window would show, the shutter's grey under it."""
        shows_padding = _shows_padding(plan)
        if plan.shutter is None and not shows_padding and not plan.overlays:
            return
        kept = self._cover
        if (
            kept is None
            or kept.picture is not resampled
            or kept.shutter is not plan.shutter
            or kept.overlays is not plan.overlays
            or (shows_padding and kept.padding is None)
        ):
            kept = _cover(plan, resampled, padding=shows_padding)
            self._cover = kept
        part = canvas[resampled.target]
        if shows_padding and kept.padding is not None:
            part[kept.padding] = tones[0]
        if kept.hidden is not None and plan.shutter is not None:
            part[kept.hidden] = tones[round(plan.shutter.level * 255)]
        if kept.graphics is not None:
            part[kept.graphics] = tones[255]

    def _resample(self, source: _Source, pane: Viewport, *, interactive: bool) -> _Resampled:
        view = viewport.transform(source.frame, pane)
        how = viewport.interpolation(view, interactive=interactive)
        kept = self._resampled
        if (
            kept is not None
            and kept.source is source
            and kept.pane == pane
            and (interactive or kept.how is how)
        ):
            return kept
        found = viewport.resample(source.image, view, pane, how)
        nowhere = (slice(0, 0), slice(0, 0))
        pixels, target = (None, nowhere) if found is None else found
        self._resampled = _Resampled(source, pane, how, pixels, target)
        return self._resampled


def _shows_padding(plan: RenderPlan) -> bool:
    """Whether padding goes through the window to anything but black."""
    ends = plan.frame.padding
    if ends is None or plan.frame.is_colour:
        return False
    values = modality.apply(plan.frame.modality, np.asarray(ends, np.float64))
    return bool(np.any(pipeline.display_of_modality(plan, values) > 0))


def _cover(plan: RenderPlan, resampled: _Resampled, *, padding: bool) -> _Cover:
    hidden = pipeline.hidden_by_shutter(plan)
    touched = modality.is_padding(plan.frame, plan.frame.stored) if padding else None
    return _Cover(
        resampled,
        plan.shutter,
        plan.overlays,
        # A shutter's edge runs through pixels that are image; next to padding they are mixed with it.
        None if hidden is None else _mask(hidden, resampled, 127),
        None if touched is None else _mask(touched, resampled, 0),
        _graphics(plan, resampled),
    )


def _graphics(plan: RenderPlan, resampled: _Resampled) -> NDArray[np.bool_] | None:
    if not plan.overlays:
        return None
    drawn = np.zeros((plan.frame.rows, plan.frame.columns), np.bool_)
    for plane in plan.overlays:
        drawn |= layers.placed(plane, plan.frame.rows, plan.frame.columns)
    # Thin lines must not get lost where the image is drawn smaller.
    return _mask(drawn, resampled, _LINE if resampled.how is Interpolation.AREA else 127)


def _mask(mask: NDArray[np.bool_], resampled: _Resampled, above: int) -> NDArray[np.bool_] | None:
    """A mask over source pixels, resampled like the picture; True where more than `above` of 255."""
    how = Interpolation.BILINEAR if resampled.how is Interpolation.CUBIC else resampled.how
    view = viewport.transform(resampled.source.frame, resampled.pane)
    levels = np.multiply(mask, 255, dtype=np.uint8)
    found = viewport.resample(levels, view, resampled.pane, how)
    return None if found is None else found[0] > above


def _prepare(plan: RenderPlan) -> _Source:
    frame, stored = plan.frame, plan.frame.stored
    if frame.is_colour:
        return _Source(frame, pipeline.render_colour(frame), None)
    if not pipeline.has_table(stored):
        return _quantised(plan)
    if stored.dtype.kind == "i" and stored.dtype.itemsize == 1:
        stored = stored.astype(np.int16)  # cv2 resamples no signed bytes
    if not stored.dtype.isnative:
        stored = stored.astype(stored.dtype.newbyteorder("="))
    low, high = int(stored.min()), int(stored.max())
    values = modality.apply(frame.modality, np.arange(low, high + 1, dtype=np.int32))
    return _Source(frame, stored, values, low)


def _screen_tones(driving: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Every grey level as a pixel of a screen."""
    return np.asarray(driving.astype(np.uint32) * 0x010101 | 0xFF000000, np.uint32)


_TONES: Final = _screen_tones(_LEVELS_THEMSELVES)


def _table(
    plan: RenderPlan,
    source: _Source,
    values: NDArray[np.float64],
    tones: NDArray[Any] = _LEVELS_THEMSELVES,
) -> NDArray[Any]:
    """What stands for the grey level of every unsigned reading of the source's bytes."""
    grey = presentation.quantise(pipeline.display_of_modality(plan, values))
    grey[np.isnan(values)] = 0
    levels = grey if tones is _LEVELS_THEMSELVES else tones[grey]
    half = 1 << (8 * source.image.dtype.itemsize - 1)
    zero = half if source.image.dtype.kind == "i" else 0
    first = zero + source.lowest
    in_order = np.empty(2 * half, levels.dtype)
    in_order[:first] = levels[0]
    in_order[first : first + len(levels)] = levels
    in_order[first + len(levels) :] = levels[-1]
    return np.roll(in_order, -zero) if zero else in_order


def _serves(source: _Source, wanted: Voi | None) -> bool:
    """Whether a frame reduced to 16 bits is still fine enough for this window."""
    if not source.is_reduced or source.values is None or wanted is None:
        return True
    low, high = sorted((float(source.values[1]), float(source.values[-1])))
    window_low, window_high = voi.window_span(wanted)
    if source.is_whole:
        return _fine_enough(high - low, window_high - window_low)
    inside = window_low >= low and window_high <= high
    return inside and _fine_enough(high - low, window_high - window_low)


def _fine_enough(range_width: float, window_width: float) -> bool:
    return window_width * _LEVELS >= range_width * _STEPS_IN_WINDOW


def _quantised(plan: RenderPlan) -> _Source:
    """Floats and wide integers as 16 bits: over their whole range, or over the window's surroundings."""
    frame = plan.frame
    low, high = _stored_ends(frame)
    near = _near_window(plan, low, high)
    if near is not None:
        low, high = near
    span = high - low if high > low else 1.0
    image = np.empty(frame.stored.shape, np.uint16)
    for start in range(0, frame.rows, 512):
        rows = slice(start, start + 512)
        part = (frame.stored[rows].astype(np.float64) - low) * (_LEVELS / span)
        finite = np.isfinite(part)
        part = np.rint(np.clip(part, 0, _LEVELS)) + 1
        part[~finite] = 0  # no image, as padding is none
        image[rows] = part.astype(np.uint16)
    steps = low + (np.arange(_LEVELS + 2, dtype=np.float64) - 1) * (span / _LEVELS)
    steps[0] = np.nan
    return _Source(frame, image, modality.apply(frame.modality, steps), 0, True, near is None)


def _near_window(plan: RenderPlan, low: float, high: float) -> tuple[float, float] | None:
    """Stored values around the window where `low` to `high` would be too coarse for it; else None."""
    rescale = plan.frame.modality
    if plan.voi is None or isinstance(rescale, ModalityLut) or rescale.slope == 0:
        return None
    window_low, window_high = voi.window_span(plan.voi)
    if _fine_enough((high - low) * abs(rescale.slope), window_high - window_low):
        return None
    reach = max((window_high - window_low) * _REACH, 1e-300)
    near = [(end - rescale.intercept) / rescale.slope for end in (window_low - reach, window_high + reach)]
    return min(near), max(near)


def _stored_ends(frame: Frame) -> tuple[float, float]:
    if frame.stored.dtype.kind == "f":
        return modality.stored_range(frame)
    return float(frame.stored.min()), float(frame.stored.max())
