"""What a pane paints, as one frozen value: no view has to ask anything else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final

from medvision_desktop.domain.display import OverlayState, RenderPlan
from medvision_desktop.domain.findings import HeatMap
from medvision_desktop.domain.geometry import EdgeLetters, SpacingSource, edge_letters
from medvision_desktop.domain.measurement import MeasurementKind, Place
from medvision_desktop.pixels import viewport
from medvision_desktop.pixels.viewport import Viewport, ViewTransform
from medvision_desktop.services.ai_places import ImagePlace
from medvision_desktop.ui.viewmodels.awaited import Refusal
from medvision_desktop.ui.viewmodels.corner_lines import CornerText, Line, corner_text, identity
from medvision_desktop.ui.viewmodels.cross_reference import Reference
from medvision_desktop.ui.viewmodels.gestures import Position, Size, viewport_of
from medvision_desktop.ui.viewmodels.layer_rail import RailRun
from medvision_desktop.ui.viewmodels.layers import SLAB_NOTE, DrawnLayer
from medvision_desktop.ui.viewmodels.marks import Mark
from medvision_desktop.ui.viewmodels.pane_state import PaneState, PaneStatus, Shown
from medvision_desktop.ui.viewmodels.planes import Crosshair
from medvision_desktop.ui.viewmodels.rails import Rail, rail_of

# Below this a pane keeps only what identifies the image and its window (logical pixels).
SMALL_WIDTH: Final = 480
SMALL_HEIGHT: Final = 360
_POINT_PX: Final = 5.0
_RULER_SHARE: Final = 0.26
_NICE: Final = (1, 2, 5)


@dataclass(frozen=True)
class Ruler:
    """A scale bar: its length on screen in pane pixels, in how many parts, and its words."""

    length_px: float
    parts: int
    text: str
    source: str


@dataclass(frozen=True, eq=False)
class Attention:
    """A model's attention map for one finding on one image of a series."""

    label: str
    heat: HeatMap
    series_uid: str
    image_index: int = 0


@dataclass(frozen=True)
class DrawnMark:
    """A measurement in pane pixels and the lines of its text; `selected` is the point with the keys."""

    kind: MeasurementKind
    points: tuple[tuple[float, float], ...]
    lines: tuple[str, ...] = ()
    selected: int | None = None
    is_draft: bool = False
    filled: bool = False


@dataclass(frozen=True, eq=False)
class PaneView:
    """Everything one pane paints. `band` is 1 or 2 where two patients are on screen, else 0."""

    status: PaneStatus
    active: bool
    plan: RenderPlan | None = None
    viewport: Viewport | None = None
    transform: ViewTransform | None = None
    corner: CornerText = field(default_factory=CornerText)
    letters: EdgeLetters | None = None
    ruler: Ruler | None = None
    rail: Rail | None = None
    attention: Attention | None = None
    overlay: OverlayState = field(default_factory=OverlayState)
    layers: tuple[DrawnLayer, ...] = ()
    marks: tuple[DrawnMark, ...] = ()
    crosshair: Crosshair | None = None
    reference: Reference | None = None
    cursor: Position | None = None
    band: int = 0
    refusal: Refusal | None = None
    title: str = ""
    small: bool = False


@dataclass(frozen=True, eq=False)
class Scene:
    """What of the whole viewer matters to one pane's picture."""

    size: Size
    ratio: float
    active: bool
    band: int
    overlay: OverlayState
    attention: Attention | None
    marks: tuple[Mark, ...]
    crosshair: Crosshair | None
    reference: Reference | None
    cursor: Position | None
    note: str
    found: frozenset[ImagePlace]
    corner_text: bool
    masked: bool
    prior: str = ""
    keys: frozenset[Place] = frozenset()
    is_key: bool = False
    layers: tuple[DrawnLayer, ...] = ()
    layer_words: tuple[str, ...] = ()
    runs: tuple[RailRun, ...] = ()


def build(pane: PaneState, scene: Scene) -> PaneView:
    """The picture of a pane."""
    small = scene.size[0] < SMALL_WIDTH * scene.ratio or scene.size[1] < SMALL_HEIGHT * scene.ratio
    shown = pane.shown
    who = CornerText()
    if pane.study is not None and scene.corner_text:
        who = identity(pane.study, masked=scene.masked, prior=scene.prior)
    if shown is None or pane.study is None:
        return PaneView(
            pane.status,
            scene.active,
            corner=who,
            band=scene.band,
            refusal=pane.refusal,
            title=pane.series.description or pane.series.modality if pane.series else "",
            small=small,
        )
    if not shown.is_here:
        return _awaited(pane, shown, scene, who, small=small)
    pane_port = viewport_of(pane.display, scene.size)
    view = viewport.transform(shown.frame, pane_port)
    layered = scene.overlay.visible
    shown = shown if layered else shown.bare
    attention = scene.attention if layered else None
    corner = corner_text(
        pane.study,
        shown,
        scale=view.scale,
        interpolation=viewport.interpolation(view, interactive=False).value,
        layers=_layer_words(scene, small=small)
        if layered
        else tuple(word for word in (scene.note,) if word),
        status=pane.status,
        small=small,
        masked=scene.masked,
        prior=scene.prior,
    )
    return PaneView(
        status=pane.status,
        active=scene.active,
        plan=shown.plan,
        viewport=pane_port,
        transform=view,
        corner=_with_badge(corner if scene.corner_text else CornerText(), is_key=scene.is_key),
        letters=edge_letters(shown.frame.orientation, pane.display.turn),
        ruler=ruler(shown, view, scene.size),
        rail=rail_of(pane, shown, scene.found, scene.keys, scene.runs if layered else ()),
        attention=attention,
        overlay=scene.overlay,
        layers=scene.layers if layered else (),
        marks=(*annotated(view, shown), *(drawn(view, mark) for mark in scene.marks)) if layered else (),
        crosshair=scene.crosshair if layered else None,
        reference=scene.reference if layered else None,
        cursor=scene.cursor if layered else None,
        band=scene.band,
        small=small,
    )


def _awaited(pane: PaneState, shown: Shown, scene: Scene, who: CornerText, *, small: bool) -> PaneView:
    """No picture: which image is being read, or why it cannot be. The others can be scrolled to."""
    return PaneView(
        PaneStatus.LOADING if shown.waits else PaneStatus.REFUSED,
        scene.active,
        corner=who,
        refusal=shown.refusal,
        title=f"image {shown.index + 1} of {shown.count}",
        rail=rail_of(pane, shown, scene.found, scene.keys),
        band=scene.band,
        small=small,
    )


def annotated(view: ViewTransform, shown: Shown) -> tuple[DrawnMark, ...]:
    """The annotations of the presentation state in use, as shapes without points to take hold of."""
    found = []
    for one in shown.frame.annotations:
        points = tuple(view.to_screen(*point) for point in one.points)
        if len(points) == 1 and not one.words:
            (x, y), reach = points[0], _POINT_PX
            points = ((x - reach, y), (x, y - reach), (x + reach, y), (x, y + reach))
        elif not one.closed:
            points = (*points, *points[-2:0:-1])  # there and back, because shapes are closed
        found.append(DrawnMark(MeasurementKind.POLYGON, points, one.words, filled=one.filled))
    return tuple(found)


def drawn(view: ViewTransform, mark: Mark) -> DrawnMark:
    """A measurement where it lies on screen."""
    points = tuple(view.to_screen(*point) for point in mark.points)
    return DrawnMark(mark.kind, points, mark.lines, mark.selected, mark.is_draft)


def ruler(shown: Shown, view: ViewTransform, size: Size) -> Ruler | None:
    """A scale bar of a round length, about a quarter of the pane high; None without a spacing."""
    spacing = shown.frame.spacing
    if spacing is None:
        return None
    # The bar stands upright on screen: rows count there, or columns after a quarter turn.
    if view.turn.quarters % 2:
        millimetres_per_px = spacing.column_mm / view.scale_column
    else:
        millimetres_per_px = spacing.row_mm / view.scale_row
    wanted = size[1] * _RULER_SHARE * millimetres_per_px
    if not (math.isfinite(wanted) and wanted > 0):
        return None
    decade = 10.0 ** math.floor(math.log10(wanted))
    step = max(nice for nice in _NICE if nice * decade <= wanted or nice == 1)
    length_mm = step * decade
    # Upright bars start and end on whole pixels of any image, so they may be drawn crisply.
    source = spacing.source.value if spacing.source is not SpacingSource.PATIENT else "patient"
    return Ruler(length_mm / millimetres_per_px, 5 if step != 2 else 4, f"{length_mm:g} mm", source)


def _layer_words(scene: Scene, *, small: bool) -> tuple[str, ...]:
    """What is laid over the image, in words for its corner; in a small pane how many layers there are."""
    attention = "AI overlay" if scene.attention is not None else ""
    words = tuple(word for word in (attention, *scene.layer_words) if word)
    layers = [word for word in words if word != SLAB_NOTE]
    if small and len(layers) > 1:
        words = (f"{len(layers)} layers", *words[len(layers) :])
    return tuple(word for word in (*words, scene.note) if word)


def _with_badge(corner: CornerText, *, is_key: bool) -> CornerText:
    """A key image says so, also where corner text is off."""
    if not is_key:
        return corner
    return replace(corner, top_right=(*corner.top_right, Line("Key image", strong=True, key=True)))
