"""Images in memory: one frame, an ordered stack of frames, a regular volume.

Pixel arrays are read-only. A `Frame` carries everything the display pipeline needs, so that one
pipeline serves DICOM frames, raster files and planes cut from a volume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import Voi, VoiLut
from medvision_desktop.domain.geometry import (
    Affine,
    PatientOrientation,
    PixelSpacing,
    PlaneGeometry,
)
from medvision_desktop.domain.layers import Annotation, OverlayPlane, Shutter
from medvision_desktop.domain.quantities import RealValue, UltrasoundRegion
from medvision_desktop.domain.study import SeriesRef, StudyRef

if TYPE_CHECKING:
    from medvision_desktop.domain.presentation import PresentationState

PixelArray = NDArray[Any]


class Photometric(Enum):
    """How stored values mean brightness or colour, after decoding (YBR arrives as RGB)."""

    MONOCHROME1 = "MONOCHROME1"
    MONOCHROME2 = "MONOCHROME2"
    PALETTE_COLOR = "PALETTE COLOR"
    RGB = "RGB"


@dataclass(frozen=True)
class Rescale:
    """Modality value = stored * slope + intercept (PS3.3 C.11.1). The default is the identity."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, eq=False)
class ModalityLut:
    """Modality LUT Sequence: `entries[stored - first_mapped]`, clamped at both ends, of so many `bits`."""

    first_mapped: int
    entries: NDArray[np.uint16]
    bits: int = 16


@dataclass(frozen=True, eq=False)
class Palette:
    """Palette colour tables: `entries` is Nx3, uint8 or uint16 scaled to 16 bits."""

    first_mapped: int
    entries: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    `stored`: HxW (u)int8/16/32 or float32/64 for monochrome and palette, HxWx3 uint8 for RGB.
    Junk bits above Bits Stored are already masked and signs extended.
    `padding`: inclusive range of stored values that are not image (Pixel Padding), or None.
    `pixel_aspect`: height of a pixel divided by its width, 1.0 where the header is silent.
    `badges`: short words shown on the image, such as "Derived" or "Lossy 10:1".
    `corner`: what the header says about this frame for the corner text (plain strings by key:
    `series_description`, `slice_thickness_mm`, `acquisition_time`, `manufacturer_model` ...).
    `shutter`: what a display covers, unless the reader lifts it; networks and statistics see beneath.
    `overlays`: 60xx planes of the header, a layer that is drawn on request. `real`: quantities of
    stored values, such as SUVbw. `regions`: parts of an ultrasound image with axes of their own.
    `annotations`, `presented_voi`, `presented_whole` (no window: all values that the header allows) and
    `presentation_lut` (VOI output, spread over its entries, to P-Values) are those of an applied
    presentation state. `dimension_index`: place of a frame in an
    enhanced object, the most significant dimension first. `supplement`: colours of those stored values of a
    grey frame that are at or above its `first_mapped`.
    """

    stored: PixelArray
    photometric: Photometric = Photometric.MONOCHROME2
    bits_stored: int = 16
    signed: bool = False
    modality: Rescale | ModalityLut = Rescale()
    units: str = ""
    voi: tuple[Voi, ...] = ()
    presentation_inverse: bool = False
    palette: Palette | None = None
    padding: tuple[float, float] | None = None
    geometry: PlaneGeometry | None = None
    patient_orientation: PatientOrientation | None = None
    spacing: PixelSpacing | None = None
    pixel_aspect: float = 1.0
    sop_instance_uid: str = ""
    frame_number: int = 1
    badges: tuple[str, ...] = ()
    not_faithful: tuple[str, ...] = ()
    corner: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    shutter: Shutter | None = None
    overlays: tuple[OverlayPlane, ...] = ()
    real: tuple[RealValue, ...] = ()
    regions: tuple[UltrasoundRegion, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    presented_voi: Voi | None = None
    presented_whole: bool = False
    presentation_lut: VoiLut | None = None
    dimension_index: tuple[int, ...] = ()
    supplement: Palette | None = None

    def __post_init__(self) -> None:
        """Check the shape and lock the pixels."""
        colour = self.photometric is Photometric.RGB
        if self.stored.ndim != (3 if colour else 2) or (colour and self.stored.shape[2] != 3):
            raise ValueError(f"{self.photometric.value} frame of shape {self.stored.shape}")
        if 0 in self.stored.shape:
            raise ValueError("a frame has at least one pixel")
        self.stored.setflags(write=False)

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return int(self.stored.shape[0])

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return int(self.stored.shape[1])

    @property
    def is_colour(self) -> bool:
        """Whether values are colours, so that windows and probes do not apply to them as usual."""
        return self.photometric in (Photometric.RGB, Photometric.PALETTE_COLOR)

    @property
    def orientation(self) -> PlaneGeometry | PatientOrientation | None:
        """What the orientation letters are derived from; None where the header is silent."""
        return self.geometry if self.geometry is not None else self.patient_orientation


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames of one series in display order. Frames may differ in size and geometry.

    `frames` is a tuple, or a `frame_shelf.FrameShelf` while they arrive or where not all fit into memory.

    `modality_range`: 0.5 and 99.5 percentiles of the series' modality values, padding left out;
    the default window where the header and the modality give none. None for colour.
    """

    frames: Sequence[Frame]
    modality_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """A stack shows at least one frame."""
        if not self.frames:
            raise ValueError("a stack has at least one frame")


@dataclass(frozen=True, eq=False)
class Volume:
    """A regular grid of modality values, kept as the stored values that the frames of its stack hold.

    `stored_kji`: (slices, rows, columns), read-only, where it can be the very memory of the frames; a
    modality value is stored * `modality.slope` + `modality.intercept`, and the slope is positive.
    `affine_kji_to_lps`: 4x4, maps homogeneous (k, j, i, 1) to LPS millimetres.
    `padding`: inclusive range of modality values that are not image, where all slices have the same.
    `real`: quantities of the stored values, where all slices have the same. `not_faithful`: what the header
    of any slice asks for and is not done.
    """

    stored_kji: PixelArray
    affine_kji_to_lps: Affine
    frame_of_reference: str = ""
    units: str = ""
    voi: tuple[Voi, ...] = ()
    modality_range: tuple[float, float] | None = None
    badges: tuple[str, ...] = ()
    corner: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    padding: tuple[float, float] | None = None
    modality: Rescale = Rescale()
    real: tuple[RealValue, ...] = ()
    not_faithful: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the grid and lock it."""
        if self.stored_kji.ndim != 3 or 0 in self.stored_kji.shape:
            raise ValueError(f"a volume has three axes, not shape {self.stored_kji.shape}")
        if not self.modality.slope > 0:
            raise ValueError("the order of a volume's stored values is that of its modality values")
        affine = np.asarray(self.affine_kji_to_lps, dtype=np.float64)
        if affine.shape != (4, 4) or not np.all(np.isfinite(affine)):
            raise ValueError("a volume's affine is a finite 4x4 matrix")
        if abs(float(np.linalg.det(affine[:3, :3]))) < 1e-12:
            raise ValueError("a volume's affine must be invertible")
        self.stored_kji.setflags(write=False)
        self.affine_kji_to_lps.setflags(write=False)

    @cached_property
    def values_kji(self) -> PixelArray:
        """Modality values of the whole grid: int16 or uint16 where all of them fit, else float32.

        The stored values themselves where the rescale is the identity; otherwise a copy as large as
        they are, made when it is first asked for. What works on parts rescales those instead.
        """
        if self.modality == Rescale():
            return self.stored_kji
        values = _rescaled(self.stored_kji, self.modality)
        values.setflags(write=False)
        return values


def _rescaled(stored: PixelArray, rescale: Rescale) -> PixelArray:
    slope, intercept = rescale.slope, rescale.intercept
    if stored.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        low, high = (int(end) * slope + intercept for end in (stored.min(), stored.max()))
        for kind in (np.int16, np.uint16):
            limits = np.iinfo(kind)
            if low >= limits.min and high <= limits.max:
                # Every result fits, so arithmetic modulo 2^16 is exact and needs no wider array.
                values = stored.astype(kind)
                values *= np.asarray(int(slope)).astype(kind)
                values += np.asarray(int(intercept)).astype(kind)
                return values
    scaled: PixelArray = np.multiply(stored, slope, dtype=np.float32, casting="unsafe")
    scaled += np.float32(intercept)
    return scaled


@dataclass(frozen=True, eq=False)
class Phase:
    """One volume of a series that has several at the same place: a time, a b-value, an echo.

    `label` names what differs ("b = 1000 s/mm²"). `time_ms`: when it was, from the first one, where times
    are what differs. `not_a_volume` as in `LoadedSeries`.
    """

    label: str
    stack: Stack
    volume: Volume | None = None
    not_a_volume: str = ""
    time_ms: float | None = None


@dataclass(frozen=True, eq=False)
class LoadedSeries:
    """A series opened for reading: its frames, and its volume when the grid is regular.

    `not_a_volume` says in one sentence why there is no volume ("Slice spacing varies: 2.5 to
    5.0 mm."), empty when there is one or when one was never to be expected. `states`: presentation
    states that name images of the series, the newest first. `phases`: the volumes of a series that has
    several at the same place; then `stack` holds the frames of all, `volume` is the first one's, and
    `at_phase` gives one of them.
    """

    study: StudyRef
    series: SeriesRef
    stack: Stack
    volume: Volume | None = None
    not_a_volume: str = ""
    states: tuple[PresentationState, ...] = ()
    phases: tuple[Phase, ...] = ()
    phase: int | None = None

    def at_phase(self, number: int) -> LoadedSeries:
        """The series as one of its phases: the stack and the volume of that one. Itself without phases."""
        if not self.phases or number == self.phase:
            return self
        one = self.phases[number]
        return replace(
            self, stack=one.stack, volume=one.volume, not_a_volume=one.not_a_volume, phase=number
        )

    @property
    def phase_label(self) -> str:
        """What the phase in use is called, and which of how many; "" for a whole series."""
        if self.phase is None:
            return ""
        label, which = self.phases[self.phase].label, f"olume {self.phase + 1} of {len(self.phases)}"
        return f"{label}  ·  v{which}" if label else f"V{which}"
