"""What a key image is drawn from: the view of a pane as it is now, without the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from medvision_desktop.domain.display import OverlayState, RenderPlan
from medvision_desktop.domain.geometry import EdgeLetters, edge_letters
from medvision_desktop.pixels import viewport
from medvision_desktop.pixels.viewport import Viewport, ViewTransform
from medvision_desktop.ui.viewmodels import corner_lines, pane_view, words
from medvision_desktop.ui.viewmodels.gestures import Size
from medvision_desktop.ui.viewmodels.layers import DrawnLayer
from medvision_desktop.ui.viewmodels.marks import Mark
from medvision_desktop.ui.viewmodels.pane_state import PaneState
from medvision_desktop.ui.viewmodels.pane_view import Attention, DrawnMark, Ruler

WIDTH: Final = 800
_TALLEST: Final = 1200


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A pane's view at the size of a key image. `attention` is the map that belongs to the image."""

    study_key: str
    series_uid: str
    sop_instance_uid: str
    frame_number: int
    plan: RenderPlan
    viewport: Viewport
    transform: ViewTransform
    letters: EdgeLetters | None
    ruler: Ruler | None
    marks: tuple[DrawnMark, ...]
    attention: Attention | None
    overlay: OverlayState
    caption: str
    overlay_caption: str
    layers: tuple[DrawnLayer, ...] = ()

    @property
    def is_layered(self) -> bool:
        """Whether anything lies over the image that a second picture shows."""
        return self.attention is not None or bool(self.layers)


def taken(
    pane: PaneState,
    size: Size,
    *,
    marks: tuple[Mark, ...],
    attention: Attention | None,
    overlay: OverlayState,
    layers: tuple[DrawnLayer, ...] = (),
    layer_words: tuple[str, ...] = (),
    width: int = WIDTH,
) -> Snapshot | None:
    """The view of a pane of `size` device pixels; None where it shows no image.

    A fitted image is taken whole, with nothing around it; otherwise the pane as it is seen.
    """
    shown = pane.shown
    if shown is None or pane.study is None or not shown.is_here:
        return None
    port = _port(pane, size, width)
    view = viewport.transform(shown.frame, port)
    whole = (replace(mark, selected=None) for mark in marks if not mark.is_draft)
    drawn = tuple(pane_view.drawn(view, mark) for mark in whole)
    said = [f"with {word}" for word in layer_words] if layers else []
    if attention is not None:
        named = words.map_name(attention.heat.method).lower()
        said.append(f"{named} for {attention.label}, not a lesion outline")
    what = ", ".join(said)
    return Snapshot(
        study_key=pane.study.key,
        series_uid=shown.loaded.series.uid,
        sop_instance_uid=shown.frame.sop_instance_uid,
        frame_number=shown.frame.frame_number,
        plan=shown.plan,
        viewport=port,
        transform=view,
        letters=edge_letters(shown.frame.orientation, pane.display.turn),
        ruler=pane_view.ruler(shown, view, (port.width, port.height)),
        marks=drawn,
        attention=attention,
        overlay=overlay,
        caption=corner_lines.caption(shown),
        overlay_caption=corner_lines.caption(shown, what) if what else "",
        layers=layers,
    )


def _port(pane: PaneState, size: Size, width: int) -> Viewport:
    display = pane.display
    if pane.shown is not None and display.zoom is None and display.pan == (0.0, 0.0) and not display.area:
        frame = pane.shown.frame
        across, down = float(frame.columns), frame.rows * viewport.aspect_of(frame)
        if display.turn.quarters % 2:
            across, down = down, across
        height = round(width * down / across)
        if height > _TALLEST:
            width, height = max(1, round(_TALLEST * across / down)), _TALLEST
        return Viewport(width, max(1, height), turn=display.turn)
    ratio = width / size[0]
    zoom = None if display.zoom is None else display.zoom * ratio
    pan = (display.pan[0] * ratio, display.pan[1] * ratio)
    height = min(2 * _TALLEST, max(1, round(size[1] * ratio)))
    area = display.area
    if area is not None and area.zoom is not None:
        area = area._replace(zoom=area.zoom * ratio)
    return Viewport(width, height, zoom, pan, display.turn, area)
