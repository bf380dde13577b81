"""One pane as a frozen value: what was asked for, what is here, and what is to be drawn.

Every function takes a state and gives the next one. `Shown` is what a pane has once pixels are
here; the frame and the plan are resolved whenever the state that they follow from changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from medvision_desktop.domain import presentation
from medvision_desktop.domain.display import DisplayState, FittedArea, RenderPlan
from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.geometry import Plane, Vector3, ViewTurn
from medvision_desktop.domain.image import Frame, LoadedSeries
from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef
from medvision_desktop.pixels import pipeline
from medvision_desktop.pixels.oblique import Planes
from medvision_desktop.pixels.reslice import Slab
from medvision_desktop.ui.viewmodels import awaited
from medvision_desktop.ui.viewmodels.awaited import Refusal
from medvision_desktop.ui.viewmodels.first_look import first_look
from medvision_desktop.ui.viewmodels.series_cache import SeriesKey, key_of


class PaneStatus(Enum):
    """What a pane has to show. `PARTIAL` has the first image and waits for the rest."""

    EMPTY = "empty"
    LOADING = "loading"
    PARTIAL = "partial"
    SHOWN = "shown"
    REFUSED = "refused"


@dataclass(frozen=True, eq=False)
class Shown:
    """Pixels on a pane: a series, one of its images or one slice of a plane, and the plan for it.

    While the image is read, and where it cannot be, `frame` only stands in for it.
    """

    loaded: LoadedSeries
    planes: Planes | None
    index: int
    frame: Frame
    plan: RenderPlan
    waits: bool = False
    refusal: Refusal | None = None

    @property
    def is_here(self) -> bool:
        """Whether the image on the pane is the one that is asked for."""
        return not self.waits and self.refusal is None

    @property
    def count(self) -> int:
        """Images of the stack, or slices of the plane."""
        return self.planes.count if self.planes is not None else len(self.loaded.stack.frames)

    @cached_property
    def bare(self) -> Shown:
        """The same without shutter and overlay planes: the image alone."""
        plan = pipeline.without_layers(self.plan)
        return self if plan is self.plan else replace(self, plan=plan)

    @property
    def plane(self) -> Plane | None:
        """The plane of the volume; None for a stack."""
        return self.planes.plane if self.planes is not None else None


@dataclass(frozen=True, eq=False)
class PaneState:
    """One pane. `companion` panes were filled by the program beside a film, to carry its layers."""

    study: StudyRef | None = None
    series: SeriesRef | None = None
    status: PaneStatus = PaneStatus.EMPTY
    shown: Shown | None = None
    display: DisplayState = field(default_factory=DisplayState)
    refusal: Refusal | None = None
    companion: bool = False

    @property
    def series_key(self) -> SeriesKey | None:
        """Which series the pane is about; None for an empty pane."""
        if self.study is None or self.series is None:
            return None
        return key_of(self.study.key, self.series.uid)

    @property
    def plane(self) -> Plane | None:
        """The plane drawn, if it is one of a volume."""
        return self.shown.plane if self.shown is not None else None


def asked(study: StudyRef, series: SeriesRef, *, companion: bool = False) -> PaneState:
    """A pane waiting for a series."""
    look = first_look(series)
    return PaneState(study, series, PaneStatus.LOADING, display=look, companion=companion)


def refused(pane: PaneState, refusal: Refusal) -> PaneState:
    """The pane saying why it shows nothing."""
    return replace(pane, status=PaneStatus.REFUSED, shown=None, refusal=refusal)


def with_loaded(pane: PaneState, loaded: LoadedSeries, *, complete: bool) -> PaneState:
    """The pane showing a stack from its first image, which stays when the rest arrives.

    A volume file opens in its middle: its ends are air.
    """
    loaded = _first_phase(loaded, pane.shown) if complete else loaded
    index = 0
    if complete and loaded.series.kind is SourceKind.NIFTI:
        index = len(loaded.stack.frames) // 2
    elif complete and pane.shown is not None:
        index = _same_image(loaded, pane.shown)
    status = PaneStatus.SHOWN if complete else PaneStatus.PARTIAL
    display = pane.display
    if loaded.states and display.turn == ViewTurn():
        turn, area = _laid(loaded, awaited.found(loaded.stack.frames, index)[0], display)
        display = replace(display, turn=turn, area=area)
    shown = _shown(loaded, None, index, display)
    return replace(pane, status=status, display=display, shown=shown, refusal=None)


def with_series(pane: PaneState, loaded: LoadedSeries, index: int) -> PaneState:
    """The pane showing an image of another volume of its series, looked at as before."""
    held = min(max(0, index), len(loaded.stack.frames) - 1)
    return replace(pane, shown=_shown(loaded, None, held, pane.display))


def with_planes(pane: PaneState, loaded: LoadedSeries, planes: Planes, index: int) -> PaneState:
    """The pane showing one slice of a plane of the volume."""
    shown = _shown(loaded, planes, index, pane.display)
    return replace(pane, status=PaneStatus.SHOWN, shown=shown, refusal=None)


def with_frame(pane: PaneState, frame: Frame) -> PaneState:
    """The pane with its image drawn anew from the same place, such as a plane sampled with more care."""
    if pane.shown is None:
        return pane
    plan = _plan(pane.shown.loaded, pane.shown.planes, frame, pane.display)
    return replace(pane, shown=replace(pane.shown, frame=frame, plan=plan))


def with_slab(pane: PaneState, slab: Slab) -> PaneState:
    """The pane with its plane seen through a slab; stacks stay as they are."""
    shown = pane.shown
    if shown is None or shown.planes is None or shown.planes.slab == slab:
        return pane
    return replace(
        pane, shown=_shown(shown.loaded, shown.planes.with_slab(slab), shown.index, pane.display)
    )


def as_stack(pane: PaneState, near_lps_mm: Vector3 | None) -> PaneState:
    """A pane of planes back to its stack, at the image nearest to a patient position."""
    if pane.shown is None:
        return pane
    loaded = pane.shown.loaded
    distances = [
        abs(_distance(frame, near_lps_mm)) if near_lps_mm is not None else 0.0
        for _, frame in faces_of(loaded.stack.frames)
    ]
    index = distances.index(min(distances)) if any(distances) else len(distances) // 2
    display = pane.display.brightness
    return replace(pane, display=display, shown=_shown(loaded, None, index, display))


def with_index(pane: PaneState, index: int) -> PaneState:
    """The pane at another image, held within the series. The same state when nothing changes."""
    if pane.shown is None:
        return pane
    held = min(max(0, index), pane.shown.count - 1)
    if held == pane.shown.index:
        return pane
    fresh = _shown(pane.shown.loaded, pane.shown.planes, held, pane.display)
    return replace(pane, shown=fresh, display=_relaid(pane.display, pane.shown, fresh))


def arrived(pane: PaneState) -> PaneState:
    """The pane with the image it waited for, if that is here now."""
    shown = pane.shown
    if shown is None or not shown.waits:
        return pane
    fresh = _shown(shown.loaded, shown.planes, shown.index, pane.display)
    if fresh.waits:
        return pane
    return replace(pane, shown=fresh, display=_relaid(pane.display, shown, fresh))


def with_display(pane: PaneState, display: DisplayState) -> PaneState:
    """The pane with another wish of the reader; the plan is made anew only if brightness changes."""
    if display == pane.display:
        return pane
    shown = pane.shown
    old = pane.display
    before = (old.invert, old.shutter, old.curve, old.colours)
    now = (display.invert, display.shutter, display.curve, display.colours)
    same_look = display.voi is old.voi and now == before
    if shown is not None and display.presentation != pane.display.presentation:
        shown = _shown(shown.loaded, shown.planes, shown.index, display)
    elif shown is not None and not same_look:
        shown = replace(shown, plan=_plan(shown.loaded, shown.planes, shown.frame, display))
    return replace(pane, display=display, shown=shown)


def presented(pane: PaneState, wanted: str) -> PaneState:
    """The pane under a presentation state by its UID, or with "" under none: the image's own look."""
    shown = pane.shown
    if shown is None:
        return pane
    state = presentation.chosen(shown.loaded.states, shown.frame, wanted) if wanted else None
    turn = ViewTurn() if state is None else state.turn
    area = None if state is None else presentation.fitted_area(state, shown.frame)
    fresh = replace(pane.display, presentation=wanted, voi=None, turn=turn, area=area)
    return with_display(pane, replace(fresh, zoom=None, pan=(0.0, 0.0)))


def value_span(shown: Shown) -> float:
    """The range of the series in modality values, which a window drag is proportional to."""
    known = _modality_range(shown.loaded, shown.planes)
    if known is not None and known[1] > known[0]:
        return known[1] - known[0]
    voi = shown.plan.voi
    return getattr(voi, "width", 256.0)


def point_lps_mm(shown: Shown) -> Vector3 | None:
    """Patient position of the centre of the image on screen; None without geometry."""
    frame = shown.frame
    if frame.geometry is None:
        return None
    return frame.geometry.point_lps_mm((frame.rows - 1) / 2, (frame.columns - 1) / 2)


def _shown(loaded: LoadedSeries, planes: Planes | None, index: int, display: DisplayState) -> Shown:
    if planes is not None:
        frame = planes.frame(index)
        if loaded.states:
            uids = {instance.sop_instance_uid for instance in loaded.series.instances}
            frame = presentation.applied_to_plane(loaded.states, frame, uids, display.presentation)
        return Shown(loaded, planes, index, frame, _plan(loaded, planes, frame, display))
    frame, waits, refusal = awaited.found(loaded.stack.frames, index)
    if loaded.states:
        state = presentation.chosen(loaded.states, frame, display.presentation)
        frame = frame if state is None else presentation.applied(state, frame)
    return Shown(loaded, None, index, frame, _plan(loaded, None, frame, display), waits, refusal)


def _relaid(display: DisplayState, before: Shown, now: Shown) -> DisplayState:
    """The display with the turn and the area that a presentation state gives to the image shown now.

    A reader's own turn stays.
    """
    if not now.loaded.states or now.planes is not None:
        return display
    left, entered = (_laid(shown.loaded, shown.frame, display) for shown in (before, now))
    if left == entered or (display.turn, display.area) != left:
        return display
    return replace(display, turn=entered[0], area=entered[1])


def _laid(loaded: LoadedSeries, frame: Frame, display: DisplayState) -> tuple[ViewTurn, FittedArea | None]:
    """How the state in use turns a frame, and which part of it is fitted."""
    state = presentation.chosen(loaded.states, frame, display.presentation)
    return (ViewTurn(), None) if state is None else (state.turn, presentation.fitted_area(state, frame))


def _plan(loaded: LoadedSeries, planes: Planes | None, frame: Frame, display: DisplayState) -> RenderPlan:
    return pipeline.resolve(
        display,
        frame,
        modality=loaded.series.modality,
        modality_range=_modality_range(loaded, planes),
    )


def _modality_range(loaded: LoadedSeries, planes: Planes | None) -> tuple[float, float] | None:
    if planes is not None and loaded.volume is not None and loaded.volume.modality_range is not None:
        return loaded.volume.modality_range
    return loaded.stack.modality_range


def _distance(frame: Frame, point: Vector3) -> float:
    if frame.geometry is None:
        return 0.0
    normal = frame.geometry.normal_lps
    along = sum(one * other for one, other in zip(normal, point, strict=True))
    return along - frame.geometry.position_mm


def _first_phase(loaded: LoadedSeries, shown: Shown | None) -> LoadedSeries:
    """Of a series with several volumes the one of the image on screen, else the first."""
    if not loaded.phases:
        return loaded
    if shown is not None and shown.is_here:
        here = (shown.frame.sop_instance_uid, shown.frame.frame_number)
        for number, phase in enumerate(loaded.phases):
            if any((one.sop_instance_uid, one.frame_number) == here for one in phase.stack.frames):
                return loaded.at_phase(number)
    return loaded.at_phase(0)


def _same_image(loaded: LoadedSeries, shown: Shown) -> int:
    frame = shown.frame
    for index, candidate in faces_of(loaded.stack.frames):
        same = candidate.sop_instance_uid == frame.sop_instance_uid
        if candidate is frame or (same and candidate.frame_number == frame.frame_number):
            return index
    return min(shown.index, len(loaded.stack.frames) - 1)
