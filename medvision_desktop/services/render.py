"""Draw a file without a window: the display pipeline at source resolution."""

from __future__ import annotations

import logging
import math
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain import presentation
from medvision_desktop.domain.display import (
    DisplayState,
    OverlayState,
    RenderPlan,
    Voi,
    VoiWindow,
    WindowSource,
)
from medvision_desktop.domain.geometry import Plane, ViewTurn
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack
from medvision_desktop.domain.layers import Annotation
from medvision_desktop.domain.presentation import PresentationState
from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import ExportFailed, InputRefused
from medvision_desktop.io import dicom_presentation, dicom_series, raster
from medvision_desktop.pixels import pipeline, viewport
from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.services import open_study, presentations, render_marks
from medvision_desktop.work import CancelToken

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder

Format = Literal["png", "npy"]
FORMATS: Final = ("png", "npy")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RenderOptions:
    """What is to be drawn.

    `frame` counts from 1 over the frames of the file as stored, or of the series for a folder. `voi` picks
    an alternative of the header, from 0, VOI LUTs before windows; `window` is (centre, width) for
    LINEAR; with neither the default window is used. `plane` and `slice_index` (from 0, the middle
    one when None) cut a volume instead of taking a frame. `overlays` draws 60xx planes and the
    marks of a presentation state, and covers the unexposed border of films; a shutter of the header
    covers in any case. `presentation` is the file of a presentation state, or the UID or label of one
    beside the image; None for the newest one that names it, "" for none.
    """

    frame: int = 1
    voi: int | None = None
    window: tuple[float, float] | None = None
    invert: bool = False
    plane: Plane | None = None
    slice_index: int | None = None
    overlays: bool = False
    presentation: str | None = None


@dataclass(frozen=True, eq=False)
class Rendered:
    """One image drawn: the plan says with which window and badges.

    `turn` is how a presentation state turns it, `marks` what the state draws over it.
    """

    plan: RenderPlan
    turn: ViewTurn = ViewTurn()
    marks: tuple[Annotation, ...] = ()

    def levels(self) -> NDArray[np.uint8]:
        """HxW or HxWx3 uint8."""
        return self._finished(pipeline.render(self.plan))

    def values(self) -> NDArray[np.float32]:
        """HxW or HxWx3 float32 display values in 0..1, before quantisation."""
        return self._finished(pipeline.render_float(self.plan))

    def _finished(self, image: NDArray[Any]) -> NDArray[Any]:
        turned = np.ascontiguousarray(viewport.turned(image, self.turn))
        return render_marks.marked(turned, self.marks, self.turn)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the drawn image."""
        frame = self.plan.frame
        sides = (frame.columns, frame.rows) if self.turn.quarters % 2 else (frame.rows, frame.columns)
        return (*sides, 3) if self.plan.is_colour else sides

    @property
    def window(self) -> dict[str, Any] | None:
        """The window in use as plain values, None for colour."""
        voi = self.plan.voi
        if voi is None:
            return None
        if isinstance(voi, VoiWindow):
            numbers = {"center": voi.center, "width": voi.width, "function": voi.function.value}
        else:
            numbers = {"lut": voi.explanation, "entries": len(voi.entries), "first": voi.first_mapped}
        return {**numbers, "source": self.plan.source.value}


def render_file(
    path: Path,
    options: RenderOptions = RenderOptions(),
    *,
    decoder: Decoder,
    cancel: CancelToken | None = None,
) -> Rendered:
    """Resolve one image of a file or a folder. Raises `InputRefused` and `Cancelled`."""
    with tempfile.TemporaryDirectory(prefix="medvision-render-") as scratch:
        study, series = _the_series(path, Path(scratch), cancel)
        if options.plane is not None:
            loaded = open_study.open_series(study, series, decoder=decoder, cancel=cancel)
            uids = {instance.sop_instance_uid for instance in series.instances}
            states = _named(loaded.states, options.presentation)
            cut = presentation.applied_to_plane(states, _plane(loaded, options), uids, None)
            return _drawn(cut, series, options, loaded.stack.modality_range)
        frame, value_range = _frame(study, series, options, decoder, cancel)
        (frame,) = presentations.with_key_marks(study, (frame,))
        frame, turn = _presented(study, frame, options.presentation)
        marks = frame.annotations if options.overlays else ()
        return replace(_drawn(frame, series, options, value_range), turn=turn, marks=marks)


def _presented(study: StudyRef, frame: Frame, wanted: str | None) -> tuple[Frame, ViewTurn]:
    """The frame under the presentation state that was asked for, and how the state turns it."""
    states = _named(presentations.states_of(study, (frame,)), wanted)
    if not states:
        return frame, ViewTurn()
    if not states[0].names(frame):
        raise InputRefused(
            "The presentation state cannot be applied.", "It is about other images.", "Draw without it."
        )
    return presentation.applied(states[0], frame), states[0].turn


def _named(states: tuple[PresentationState, ...], wanted: str | None) -> tuple[PresentationState, ...]:
    """Those of a UID or label, or that of a file; all for None, none for "". Raises `InputRefused`."""
    if wanted is None or not wanted:
        return states if wanted is None else ()
    found = tuple(state for state in states if wanted in (state.uid, state.label))
    if not found and Path(wanted).is_file():
        return (dicom_presentation.read_state(Path(wanted)),)
    if not found:
        raise InputRefused(
            "There is no such presentation state.",
            "None of that name beside the image is about it.",
            "Draw without it.",
        )
    return found


def save(rendered: Rendered, out: Path) -> None:
    """Write a PNG of 8 bits or, for `.npy`, float32 display values. Raises `ExportFailed`."""
    kind = out.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise ExportFailed("The image was not written.", f"{out.suffix or 'No suffix'} is not png or npy.")
    fresh = out.with_name(f"{out.name}.part")
    try:
        if kind == "npy":
            with fresh.open("wb") as file:
                np.save(file, rendered.values(), allow_pickle=False)
        else:
            fresh.write_bytes(encode_png(rendered.levels()))
        fresh.replace(out)
    except OSError as error:
        with suppress(OSError):  # what lies on the way to it may be no folder
            fresh.unlink(missing_ok=True)
        raise ExportFailed(
            "The image was not written.",
            f"{error.strerror or 'The disk refused it'}.",
            "Choose another place.",
        ) from error


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """An 8-bit PNG of HxW or HxWx3 (RGB) pixels."""
    import cv2

    in_order = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
    done, encoded = cv2.imencode(".png", in_order, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise ExportFailed("The image was not written.", "It cannot be stored as PNG.")
    return bytes(encoded)


def _the_series(path: Path, scratch: Path, cancel: CancelToken | None) -> tuple[StudyRef, SeriesRef]:
    found = open_study.index([path], scratch=scratch, cancel=cancel)
    series = [(study, one) for study in found.studies for one in study.series]
    if len(series) == 1:
        return series[0]
    if series:
        raise InputRefused(
            f"There are {len(series)} series here.", "One image is drawn of one series.", "Name a file."
        )
    if any(study.documents for study in found.studies):
        raise InputRefused("The image was not drawn.", "It is a document, which is read and not drawn.")
    why = (
        found.refused[0].why if len(found.refused) == 1 else "Nothing in it is an image that is read here."
    )
    if not os.path.exists(path):  # noqa: PTH110 - unlike Path.exists it never raises
        why = "It is not there."
    raise InputRefused("The image was not drawn.", why)


def _frame(
    study: StudyRef, series: SeriesRef, options: RenderOptions, decoder: Decoder, cancel: CancelToken | None
) -> tuple[Frame, tuple[float, float] | None]:
    """The frame asked for, and the range of the series where the default window will need it."""
    if series.kind is SourceKind.RASTER:
        frame = _of_stack(Stack((raster.load(series.instances[0], decoder, cancel),)), options.frame)
        return frame, None
    if series.kind is SourceKind.DICOM and 1 <= options.frame <= series.frame_count:
        number = options.frame
        for instance in series.instances:
            if number <= instance.number_of_frames:
                break
            number -= instance.number_of_frames
        frame = dicom_series.load_frame(instance, number - 1, decoder, cancel)
        plan = pipeline.resolve(DisplayState(voi=_wanted(frame, options)), frame, modality=series.modality)
        if plan.source is not WindowSource.PERCENTILES or series.frame_count == 1:
            return frame, None
        loaded = open_study.open_series(study, series, decoder=decoder, cancel=cancel)
        return frame, loaded.stack.modality_range
    loaded = open_study.open_series(study, series, decoder=decoder, cancel=cancel)
    return _of_stack(loaded.stack, options.frame), loaded.stack.modality_range


def _of_stack(stack: Stack, number: int) -> Frame:
    if not 1 <= number <= len(stack.frames):
        raise InputRefused(
            f"There is no frame {number}.",
            f"Frames are numbered 1 to {len(stack.frames)}.",
            "Choose another.",
        )
    return stack.frames[number - 1]


def _plane(loaded: LoadedSeries, options: RenderOptions) -> Frame:
    if loaded.volume is None or options.plane is None:
        raise InputRefused(
            "No plane can be cut.", loaded.not_a_volume or "The series is not a volume.", "Draw a frame."
        )
    planes = PlaneStack(loaded.volume, options.plane)
    wanted = planes.count // 2 if options.slice_index is None else options.slice_index
    if not 0 <= wanted < planes.count:
        raise InputRefused(
            f"There is no {options.plane.value} slice {wanted}.",
            f"Slices are numbered 0 to {planes.count - 1}.",
            "Choose another.",
        )
    frame = planes.frame(wanted)
    label = loaded.at_phase(0).phase_label
    return replace(frame, badges=(*frame.badges, label)) if label else frame


def _drawn(
    frame: Frame, series: SeriesRef, options: RenderOptions, value_range: tuple[float, float] | None
) -> Rendered:
    by_program = frame.shutter is not None and frame.shutter.automatic
    state = DisplayState(
        voi=_wanted(frame, options),
        invert=options.invert,
        shutter=options.overlays or not by_program,
        overlay=OverlayState(visible=options.overlays),
    )
    return Rendered(pipeline.resolve(state, frame, modality=series.modality, modality_range=value_range))


def _wanted(frame: Frame, options: RenderOptions) -> Voi | None:
    """The window that was asked for, None for the default."""
    if options.window is not None:
        center, width = options.window
        if not (math.isfinite(center) and math.isfinite(width) and width >= 1):
            raise InputRefused(
                "The window cannot be used.", "A width is at least 1.", "Give centre and width."
            )
        return VoiWindow(center, width)
    if options.voi is None or frame.is_colour:
        return None
    if not 0 <= options.voi < len(frame.voi):
        have = f"It has {len(frame.voi)}, counted from 0." if frame.voi else "It has none."
        raise InputRefused(f"The header has no window {options.voi}.", have, "Choose another.")
    return frame.voi[options.voi]
