"""Drawing a pane again and again: what did not change is kept.

While the reader drags a window only the table changes, so the resampled image is kept in its 16
bits and each step is one table look-up over what is painted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import Interpolation, RenderPlan
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.layers import OverlayPlane, Shutter
from medvision_desktop.pixels import colour_maps, layers, modality, pipeline, viewport
from medvision_desktop.pixels.levels import (
    LEVELS_THEMSELVES,
    TONES,
    Levels,
    LevelTable,
    levels_of,
    screen_tones,
    serves,
)
from medvision_desktop.pixels.viewport import Viewport

# Rows and columns.
Part = tuple[slice, slice]

# Of 255: how much of a smaller pixel a line must cover to be drawn.
_LINE: Final = 24


@dataclass(frozen=True, eq=False)
class _Resampled:
    source: Levels
    pane: Viewport
    how: Interpolation
    pixels: NDArray[Any] | None
    target: Part


@dataclass(frozen=True, eq=False)
class _Cover:
    """Masks over the resampled picture: what the shutter hides, what padding has touched, and overlays."""

    picture: _Resampled
    shutter: Shutter | None
    overlays: tuple[OverlayPlane, ...]
    hidden: NDArray[np.bool_] | None
    padding: NDArray[np.bool_] | None
    graphics: NDArray[np.bool_] | None

    def lay(self, canvas: NDArray[Any], plan: RenderPlan, tones: NDArray[Any], part: Part) -> None:
        """Over a part of the picture, whose pixels `canvas` is."""
        if self.padding is not None and _shows_padding(plan):
            canvas[self.padding[part]] = tones[0]
        if self.hidden is not None and plan.shutter is not None:
            canvas[self.hidden[part]] = tones[round(plan.shutter.level * 255)]
        if self.graphics is not None:
            canvas[self.graphics[part]] = tones[255]


class Drawer:
    """Draws one pane. Not thread-safe; holds one frame and its resampled picture at a time."""

    def __init__(self) -> None:
        self._source: Levels | None = None
        self._resampled: _Resampled | None = None
        self._cover: _Cover | None = None
        self._table = LevelTable()
        self._tones: tuple[NDArray[np.uint8] | None, NDArray[np.uint32]] = (None, TONES)

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
                self._lay(colour, plan, resampled)
            return colour
        canvas = np.zeros(shape, np.uint8)
        if resampled.pixels is not None:
            import cv2

            table = self._table.of(plan, source)
            cv2.LUT(pipeline.as_table_index(resampled.pixels), table, dst=canvas[resampled.target])
            if plan.colours:
                colour = np.zeros((*shape, 3), np.uint8)
                colour[resampled.target] = colour_maps.coloured(canvas[resampled.target], plan.colours)
                self._lay(colour, plan, resampled)
                return colour
            self._lay(canvas, plan, resampled)
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
        if not is_grey(plan):
            return self.draw(plan, pane, interactive=interactive)
        shape = (pane.height, pane.width)
        reused = over is not None and over.shape == shape and over.dtype == np.uint32
        canvas = over if over is not None and reused else np.empty(shape, np.uint32)
        whole = (slice(0, pane.height), slice(0, pane.width))
        self.onto(canvas, [whole], plan, pane, interactive=interactive, driving=driving)
        return canvas

    def onto(
        self,
        canvas: NDArray[np.uint32],
        parts: Iterable[Part],
        plan: RenderPlan,
        pane: Viewport,
        *,
        interactive: bool,
        driving: NDArray[np.uint8] | None = None,
    ) -> None:
        """Draw parts (rows, columns) of a pane of grey levels onto its pixels: HxW 0xffRRGGBB, any strides.

        Nothing outside of the parts is written. Raises `ValueError` for a plan that is not `is_grey`.
        """
        import cv2

        source = self._source_of(plan)
        resampled = self._resample(source, pane, interactive=interactive)
        tones = self._tones_of(driving)
        table = self._table.of(plan, source, tones)
        cover = self._cover_of(plan, resampled)
        for part in parts:
            within = _shared(part, resampled.target)
            for ground in _around(part, within):
                canvas[ground] = tones[0]
            if resampled.pixels is None or within is None:
                continue
            there = _counted_from(resampled.target, within)
            index = pipeline.as_table_index(resampled.pixels[there])
            cv2.LUT(index, table.view(np.int32), dst=canvas.view(np.int32)[within])
            if cover is not None:
                cover.lay(canvas[within], plan, tones, there)

    @property
    def target(self) -> Part | None:
        """Rows and columns of the pane that the picture drawn last lies in; None without one."""
        kept = self._resampled
        return None if kept is None or kept.pixels is None else kept.target

    def clear(self) -> None:
        """Let go of the frame."""
        self._source = self._resampled = self._cover = None
        self._table.clear()

    def interpolation(self, frame: Frame, pane: Viewport, *, interactive: bool) -> Interpolation:
        """What the next `draw` with these arguments would resample with, for the corner text."""
        kept = self._resampled
        if interactive and kept is not None and kept.source.frame is frame and kept.pane == pane:
            return kept.how
        return viewport.interpolation(viewport.transform(frame, pane), interactive=interactive)

    def _source_of(self, plan: RenderPlan) -> Levels:
        kept = self._source
        if plan.frame.supplement is not None:
            if kept is None or kept.of is not plan:
                kept = self._source = Levels(plan.frame, pipeline.render_image(plan), None, of=plan)
        elif kept is None or kept.frame is not plan.frame or not serves(kept, plan.voi):
            kept = levels_of(plan)
            self._source = kept
        return kept

    def _tones_of(self, driving: NDArray[np.uint8] | None) -> NDArray[np.uint32]:
        if driving is not self._tones[0]:
            self._tones = (driving, TONES if driving is None else screen_tones(driving))
        return self._tones[1]

    def _lay(self, canvas: NDArray[Any], plan: RenderPlan, resampled: _Resampled) -> None:
        cover = self._cover_of(plan, resampled)
        if cover is not None:
            cover.lay(canvas[resampled.target], plan, LEVELS_THEMSELVES, (slice(None), slice(None)))

    def _cover_of(self, plan: RenderPlan, resampled: _Resampled) -> _Cover | None:
        """Padding that the window would show, what the shutter hides, overlays; None without any."""
        shows_padding = _shows_padding(plan)
        if resampled.pixels is None or not (plan.shutter is not None or shows_padding or plan.overlays):
            return None
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
        return kept

    def _resample(self, source: Levels, pane: Viewport, *, interactive: bool) -> _Resampled:
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


def is_grey(plan: RenderPlan) -> bool:
    """Whether a screen shows nothing of the image but grey levels."""
    return not (plan.frame.is_colour or plan.colours or plan.frame.supplement is not None)


def _shared(one: Part, other: Part) -> Part | None:
    """What two parts have in common."""
    (top, bottom), (left, right) = (
        (max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None


def _around(part: Part, within: Part | None) -> Iterator[Part]:
    """What of a part lies around what is `within` it."""
    if within is None:
        yield part
        return
    (rows, columns), (inner_rows, inner_columns) = part, within
    yield slice(rows.start, inner_rows.start), columns
    yield slice(inner_rows.stop, rows.stop), columns
    yield inner_rows, slice(columns.start, inner_columns.start)
    yield inner_rows, slice(inner_columns.stop, columns.stop)


def _counted_from(origin: Part, part: Part) -> Part:
    rows, columns = (
        slice(one.start - start.start, one.stop - start.start)
        for start, one in zip(origin, part, strict=True)
    )
    return rows, columns


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
