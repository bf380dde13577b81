"""Grayscale Softcopy Presentation States and key object selections (PS3.3 A.33, A.35.4)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from medvision_desktop.domain.display import FittedArea, Voi, VoiLut
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import Frame, ModalityLut, Photometric, Rescale
from medvision_desktop.domain.layers import Annotation, OverlayPlane, Point, Shutter, circle_through


@dataclass(frozen=True)
class ImageRef:
    """An image by its SOP Instance UID; `frames` from 1, none for all of them."""

    uid: str
    frames: tuple[int, ...] = ()

    def names(self, frame: Frame) -> bool:
        """Whether it means this frame."""
        return self.uid == frame.sop_instance_uid and (not self.frames or frame.frame_number in self.frames)


@dataclass(frozen=True)
class DisplayedArea:
    """The part of the image that is meant to be seen: outer rows and columns, from 0.

    `aspect`: height of a pixel divided by its width, None where the state does not say. `zoom`: screen
    pixels a pixel of the image, None to fit the area.
    """

    top: float
    left: float
    bottom: float
    right: float
    aspect: float | None = field(default=None, compare=False)
    zoom: float | None = None


_WITHOUT_MODALITY: Final = "Presentation state windows stored values"
_WITHOUT_WINDOW: Final = "a presentation state without a window is shown with the image's own"
_SIGN: Final = 32768

# What a part of a state is meant for; nothing named means every image of the state.
Scope = tuple[ImageRef, ...]


@dataclass(frozen=True, eq=False)
class PresentationState:
    """A presentation state as read. What concerns some of its images only stands beside their scope.

    `modality` None: none, so that windows count stored values. `units`: of its modality values.
    `inverse`: low is white after everything else. `groups`: those of the image's own planes that are
    shown; `planes` are the state's.
    """

    uid: str
    label: str
    images: Scope
    created: str = ""
    modality: Rescale | ModalityLut | None = None
    units: str = ""
    vois: tuple[tuple[Scope, Voi], ...] = ()
    lut: VoiLut | None = None
    inverse: bool = False
    shutter: Shutter | None = None
    turn: ViewTurn = ViewTurn()
    areas: tuple[tuple[Scope, DisplayedArea], ...] = ()
    annotations: tuple[tuple[Scope, Annotation], ...] = ()
    groups: tuple[int, ...] = ()
    planes: tuple[OverlayPlane, ...] = ()
    doubts: tuple[str, ...] = ()

    def names(self, frame: Frame) -> bool:
        """Whether the state is about this frame."""
        return _holds(self.images, frame, when_empty=False)


def applied(state: PresentationState, frame: Frame) -> Frame:
    """The frame as the state presents it: it replaces what the image itself says (PS3.4 N.2.1).

    Modality, VOI and polarity are the state's even where it has none: then values go through as they
    are. But for a state without any window, which is there for its marks: it is shown with the image's
    own look and says so. Colour keeps its colours.
    """
    if not state.names(frame):
        return frame
    area = area_of(state, frame)
    replaced = {plane.group for plane in state.planes}
    kept = tuple(
        plane for plane in frame.overlays if plane.group in state.groups and plane.group not in replaced
    )
    changed = replace(
        frame,
        pixel_aspect=area.aspect
        if area.aspect is not None and frame.spacing is None
        else frame.pixel_aspect,
        shutter=_fitting(state.shutter, frame),
        overlays=(*kept, *state.planes),
        annotations=tuple(
            _placed(one, area, state.turn) for scope, one in state.annotations if _holds(scope, frame)
        ),
        badges=(*frame.badges, f"Presentation: {state.label}"),
        not_faithful=(*frame.not_faithful, *state.doubts),
    )
    if frame.is_colour:
        return changed
    changed = replace(
        changed,
        photometric=Photometric.MONOCHROME2,
        presentation_inverse=state.inverse,
        presentation_lut=state.lut,
    )
    modality = _modality_of(state)
    if isinstance(modality, ModalityLut):
        modality = replace(modality, first_mapped=_first(modality.first_mapped, below_zero=frame.signed))
    own = tuple(_voi_of(voi, modality, frame) for scope, voi in state.vois if _holds(scope, frame))
    same = _alike(modality, frame.modality)
    if not own and (same or state.modality is None):
        return replace(changed, not_faithful=(*changed.not_faithful, _WITHOUT_WINDOW))
    without = () if state.modality is not None or same else (_WITHOUT_MODALITY,)
    return replace(
        changed,
        modality=modality,
        units=frame.units if same else state.units,
        voi=(*own, *(frame.voi if same else ())),
        presented_voi=own[0] if own else None,
        presented_whole=not own,
        badges=(*changed.badges, *without),
    )


def _fitting(shutter: Shutter | None, frame: Frame) -> Shutter | None:
    """A shutter whose bitmap is as large as the image: what lies beyond the bitmap stays visible."""
    if shutter is None or shutter.bitmap is None or shutter.bitmap.shape == frame.stored.shape[:2]:
        return shutter
    bitmap = np.zeros(frame.stored.shape[:2], np.bool_)
    part = shutter.bitmap[: frame.rows, : frame.columns]
    bitmap[: part.shape[0], : part.shape[1]] = part
    return replace(shutter, bitmap=bitmap)


def _modality_of(state: PresentationState) -> Rescale | ModalityLut:
    return state.modality if state.modality is not None else Rescale()


def _voi_of(voi: Voi, modality: Rescale | ModalityLut, frame: Frame) -> Voi:
    if not isinstance(voi, VoiLut):
        return voi
    below_zero = isinstance(modality, Rescale) and (
        frame.signed or modality.slope < 0 or modality.intercept < 0
    )
    return replace(voi, first_mapped=_first(voi.first_mapped, below_zero=below_zero))


def _first(first: int, *, below_zero: bool) -> int:
    """The first value of a table, with the sign that its input has.

    A state has no pixels: in implicit VR nothing in it says which sign is meant (PS3.3 C.11.1.1.1).
    """
    return first - 2 * _SIGN if below_zero and first >= _SIGN else first


def _alike(one: Rescale | ModalityLut, other: Rescale | ModalityLut) -> bool:
    if isinstance(one, ModalityLut) and isinstance(other, ModalityLut):
        return one.first_mapped == other.first_mapped and np.array_equal(one.entries, other.entries)
    return one == other


def chosen(
    states: tuple[PresentationState, ...], frame: Frame, wanted: str | None
) -> PresentationState | None:
    """The state by its UID, for None the first that names the frame; None where it does not, or for ""."""
    for state in states:
        if state.names(frame) and wanted in (None, state.uid):
            return state
    return None


def applied_to_plane(
    states: tuple[PresentationState, ...], plane: Frame, uids: AbstractSet[str], wanted: str | None
) -> Frame:
    """A plane of a volume windowed as a state windows every image (`uids`) of its series.

    Only window and polarity make sense there: places of annotations and areas are those of single
    images. A state with another modality table speaks of other values, and is left out.
    """
    for state in states:
        if wanted not in (None, state.uid) or not _alike(_modality_of(state), plane.modality):
            continue
        window = _window_of_all(state, uids)
        if window is not None:
            return replace(
                plane,
                voi=(window, *plane.voi),
                presented_voi=window,
                presentation_inverse=state.inverse,
                presentation_lut=state.lut,
                badges=(*plane.badges, f"Presentation: {state.label}"),
            )
    return plane


def _window_of_all(state: PresentationState, uids: AbstractSet[str]) -> Voi | None:
    if not uids <= {image.uid for image in state.images if not image.frames}:
        return None
    for scope, voi in state.vois:
        if not scope or uids <= {image.uid for image in scope if not image.frames}:
            return voi
    return None


def area_of(state: PresentationState, frame: Frame) -> DisplayedArea:
    """What of the frame is meant to be seen; the whole of it where the state does not say."""
    for scope, area in state.areas:
        if _holds(scope, frame):
            return area
    return DisplayedArea(0, 0, frame.rows - 1, frame.columns - 1)


def fitted_area(state: PresentationState, frame: Frame) -> FittedArea | None:
    """What is shown of the frame; None for the whole image, fitted."""
    area = area_of(state, frame)
    if area == DisplayedArea(0, 0, frame.rows - 1, frame.columns - 1):
        return None
    return FittedArea(area.top, area.bottom, area.left, area.right, area.zoom)


def _placed(one: Annotation, area: DisplayedArea, turn: ViewTurn) -> Annotation:
    """An annotation in pixels of the image.

    What counts in shares of the display lies on the area as it is seen, after the turn (PS3.3 C.10.6).
    """
    if not one.in_display:
        return one
    height, width = area.bottom - area.top + 1, area.right - area.left + 1
    shares = (_before(turn, *point) for point in one.points)
    points = tuple(
        (area.top - 0.5 + row * height, area.left - 0.5 + column * width) for row, column in shares
    )
    if one.circle and len(points) == 2:
        points = circle_through(points[0], points[1])
    return replace(one, points=points, in_display=False, circle=False)


def _before(turn: ViewTurn, row: float, column: float) -> Point:
    """Shares of an area's height and width before it was turned clockwise and then flipped."""
    if turn.flip_horizontal:
        column = 1 - column
    if turn.flip_vertical:
        row = 1 - row
    for _ in range(turn.quarters):
        row, column = 1 - column, row
    return row, column


def _holds(scope: Scope, frame: Frame, *, when_empty: bool = True) -> bool:
    return any(image.names(frame) for image in scope) if scope else when_empty
