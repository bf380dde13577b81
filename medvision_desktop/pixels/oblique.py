"""Planes through a volume in any direction: interpolated, and said to be.

A stack of oblique planes has the same manners as `reslice.PlaneStack`. Its pixels are squares as wide as
the finest step of the volume, and its planes are as far apart as voxels are along its normal.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import (
    PixelSpacing,
    Plane,
    PlaneGeometry,
    SpacingSource,
    Vector3,
)
from medvision_desktop.domain.image import Frame, Volume
from medvision_desktop.pixels import sampling
from medvision_desktop.pixels.reslice import ROUGH_BADGE, PlaneStack, Slab, SlabMode, stored_padding
from medvision_desktop.pixels.sampling import Gather

BADGE: Final = "Interpolated"
# An image of a plane is at most this wide and high; beyond it pixels become wider.
_MOST_PIXELS: Final = 1024
# Two planes turn at a time, and a sample takes 15 to 40 ns: more than this each would hold the window for
# over 50 ms.
_QUICK_SAMPLES: Final = 600_000
# The same for code that is not compiled yet, which takes a second or more on the way to the first plane.
_PLAIN_SAMPLES: Final = 20_000
_COARSEST: Final = 24
_GATHERS: Final = {
    SlabMode.THIN: Gather.MEAN,
    SlabMode.MEAN: Gather.MEAN,
    SlabMode.MIP: Gather.LARGEST,
    SlabMode.MINIP: Gather.SMALLEST,
}


@dataclass(frozen=True, eq=False)
class _Source:
    """A volume's stored values as they are interpolated, the type of the results, and what is outside."""

    stored_kji: NDArray[Any]
    kind: np.dtype[Any]
    outside: float


_sources: Final[WeakKeyDictionary[Volume, _Source]] = WeakKeyDictionary()
_ready: Final[WeakSet[Volume]] = WeakSet()


class ObliqueStack:
    """All planes of one direction through a volume, one of them through a given point.

    `right` and `down`: orthogonal unit vectors along an image's rows and columns. `through`: patient
    position of a pixel's centre. `plane`: the plane of the patient that it was turned from.
    `is_quick`: what would take long is sampled at every second or further pixel, and says so: thick slabs,
    and everything until `warm` has been called for the volume.
    """

    def __init__(
        self,
        volume: Volume,
        plane: Plane,
        right: Vector3,
        down: Vector3,
        through: Vector3,
        slab: Slab = Slab(),
        *,
        is_quick: bool = False,
    ) -> None:
        self.volume = volume
        self.plane = plane
        self.slab = slab
        self.right, self.down = right, down
        self.is_quick = is_quick
        across, along = np.asarray(right, np.float64), np.asarray(down, np.float64)
        self._axes = np.stack([np.cross(across, along), along, across])
        affine = np.asarray(volume.affine_kji_to_lps, np.float64)
        self._to_index = np.linalg.inv(affine)
        steps = np.linalg.norm(affine[:3, :3], axis=0)
        low, high = _reach(affine, volume.stored_kji.shape, self._axes, through)
        wide = float(np.max((high - low)[1:]))
        # Rounded, so that the same direction through another point has the very same pixels.
        self._pixel_mm = max(float(steps.min()), math.ceil(wide / _MOST_PIXELS * 1e6) / 1e6)
        # Along a voxel's own edge this is the voxel's step, and in between it changes smoothly.
        self._step_mm = float(np.linalg.norm(affine[:3, :3].T @ self._axes[0]))
        sizes = np.asarray([self._step_mm, self._pixel_mm, self._pixel_mm])
        before = np.maximum(0, np.floor(-low / sizes + 1e-9)).astype(int)
        after = np.maximum(0, np.floor(high / sizes + 1e-9)).astype(int)
        self.count, self._rows, self._columns = (int(n) for n in before + after + 1)
        self._steps = self._axes * sizes[:, None]
        self._through, self._before = np.asarray(through, np.float64), before
        self._spacing = PixelSpacing(self._pixel_mm, self._pixel_mm, SpacingSource.PATIENT)

    @property
    def through(self) -> Vector3:
        """The point (LPS, mm) that it was made to go through."""
        return _vector(self._through)

    @property
    def spacing_mm(self) -> float:
        """Distance from one plane's centre to the next."""
        return self._step_mm

    def with_slab(self, slab: Slab) -> ObliqueStack:
        """The same planes, each seen through a slab."""
        other = copy.copy(self)
        other.slab = slab
        return other

    def with_care(self) -> ObliqueStack:
        """The same planes with every pixel sampled, however long that takes."""
        other = copy.copy(self)
        other.is_quick = False
        return other

    @property
    def slab_mm(self) -> float:
        """How thick the slab is in truth: its planes times their distance."""
        return self.slab.planes(self.spacing_mm) * self.spacing_mm

    @property
    def stride(self) -> int:
        """Every how many-th pixel is sampled: 1 unless time is short."""
        return self._stride(plain=self._is_plain)

    @property
    def _is_plain(self) -> bool:
        return self.is_quick and self.volume not in _ready

    def _stride(self, *, plain: bool) -> int:
        samples = self._rows * self._columns * self.slab.planes(self.spacing_mm)
        most = _PLAIN_SAMPLES if plain else _QUICK_SAMPLES
        if not self.is_quick or samples <= most:
            return 1
        return min(_COARSEST, math.ceil(math.sqrt(samples / most)))

    def frame(self, index: int) -> Frame:
        """Plane `index` as a frame of stored values and the volume's rescale, through the slab.

        int16 rounded to whole stored values, or float32 (see `sampling.room_for_outside`). What lies
        outside of the volume is padding. Raises `IndexError` outside 0..count - 1.
        """
        if not 0 <= index < self.count:
            raise IndexError(f"plane {index} of {self.count}")
        plain = self._is_plain  # asked once: it may change on another thread
        source = _plain_source(self.volume) if plain else _source(self.volume)
        stride, outside = self._stride(plain=plain), source.outside
        stored = self._sampled(source, index, stride, plain=plain)
        return Frame(
            stored=np.rint(stored).astype(source.kind) if source.kind.kind == "i" else stored,
            bits_stored=source.kind.itemsize * 8,
            signed=True,
            modality=self.volume.modality,
            units=self.volume.units,
            voi=self.volume.voi,
            real=self.volume.real,
            padding=(outside, outside) if math.isfinite(outside) else None,
            geometry=self._geometry(index),
            spacing=self._spacing,
            frame_number=index + 1,
            badges=(*self.volume.badges, BADGE, *((ROUGH_BADGE,) if stride > 1 else ())),
            not_faithful=self.volume.not_faithful,
            corner=self._corner(),
        )

    def index_at(self, point_lps_mm: Vector3) -> int:
        """The plane nearest to a patient position; the first or last for positions beyond."""
        return min(self.count - 1, max(0, round(self.indices_at(point_lps_mm)[0])))

    def indices_at(self, point_lps_mm: Vector3) -> tuple[float, float, float]:
        """Fractional (plane, row, column) of a patient position; may lie outside the volume."""
        away = self._axes @ (np.asarray(point_lps_mm, np.float64) - self._through)
        sizes = np.asarray([self._step_mm, self._pixel_mm, self._pixel_mm])
        plane, row, column = away / sizes + self._before
        return float(plane), float(row), float(column)

    def point_lps_mm(self, index: float, row: float, column: float) -> Vector3:
        """Patient position of a fractional (plane, row, column)."""
        return _vector(self._through + (np.asarray([index, row, column]) - self._before) @ self._steps)

    def position_mm(self, index: int) -> float:
        """Signed distance of a plane from the origin of the patient's frame, along the normal."""
        return float(self._through @ self._axes[0]) + (index - int(self._before[0])) * self._step_mm

    @property
    def turned_degrees(self) -> float:
        """Angle between its normal and that of the patient's plane it was turned from."""
        straight = PlaneStack(self.volume, self.plane).frame_directions()[2]
        return math.degrees(math.acos(min(1.0, abs(float(self._axes[0] @ np.asarray(straight))))))

    def _sampled(self, source: _Source, index: int, stride: int, *, plain: bool) -> NDArray[np.float32]:
        planes = self.slab.planes(self.spacing_mm)
        deep, down, right = (self._to_index[:3, :3] @ step for step in self._steps)
        corner = self._to_index @ np.append(self.point_lps_mm(index, 0, 0), 1.0)
        first = corner[:3] - planes // 2 * deep
        shape = (planes, -(-self._rows // stride), -(-self._columns // stride))
        sample = sampling.sampled_plainly if plain else sampling.sampled
        found = sample(
            source.stored_kji,
            first + (stride - 1) / 2 * (down + right),
            (deep, down * stride, right * stride),
            shape,
            gather=_GATHERS[self.slab.mode],
            outside=source.outside,
            padding=stored_padding(self.volume),
        )
        if stride > 1:
            found = found.repeat(stride, 0).repeat(stride, 1)[: self._rows, : self._columns]
        return np.ascontiguousarray(found)

    def _corner(self) -> Mapping[str, str]:
        words = {**self.volume.corner, "plane": self.plane.value, "oblique": f"{self.turned_degrees:.0f}°"}
        if self.slab.planes(self.spacing_mm) > 1:
            words["slab"] = f"{self.slab.mode.value} {self.slab_mm:.1f} mm"
        return MappingProxyType(words)

    def _geometry(self, index: int) -> PlaneGeometry:
        return PlaneGeometry(
            origin_lps_mm=self.point_lps_mm(index, 0, 0),
            row_lps=self.right,
            column_lps=self.down,
            spacing=self._spacing,
            frame_of_reference=self.volume.frame_of_reference,
        )


Planes = PlaneStack | ObliqueStack


def warm(volume: Volume) -> None:
    """Do what the first oblique plane of a volume waits for: compile, and look at its values once."""
    sampling.warm(_source(volume).stored_kji, stored_padding(volume))
    _ready.add(volume)


def rotated(direction: Vector3, about: Vector3, radians: float) -> Vector3:
    """A direction turned about a unit vector, right-handed (Rodrigues' formula)."""
    vector, axis = np.asarray(direction, np.float64), np.asarray(about, np.float64)
    turned = (
        vector * math.cos(radians)
        + np.cross(axis, vector) * math.sin(radians)
        + axis * float(axis @ vector) * (1 - math.cos(radians))
    )
    return _vector(turned)


def upright(right: Vector3, down: Vector3) -> tuple[Vector3, Vector3]:
    """The two directions made orthogonal unit vectors again, so that many small turns do not drift."""
    across = np.asarray(right, np.float64)
    across = across / np.linalg.norm(across)
    along = np.asarray(down, np.float64)
    along = along - across * float(across @ along)
    return _vector(across), _vector(along / np.linalg.norm(along))


def _plain_source(volume: Volume) -> _Source:
    """The values as they are, without a look at all of them."""
    return _Source(volume.stored_kji, np.dtype(np.float32), float("nan"))


def _source(volume: Volume) -> _Source:
    found = _sources.get(volume)
    if found is None:
        stored = volume.stored_kji
        if not stored.dtype.isnative:  # compiled code reads the machine's own order of bytes
            stored = stored.astype(stored.dtype.newbyteorder("="))
        found = _Source(stored, *sampling.room_for_outside(stored))
        _sources[volume] = found
    return found


def _reach(
    affine: NDArray[np.float64], shape: tuple[int, ...], axes: NDArray[np.float64], through: Vector3
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the volume's voxels reach from a point along three directions: least and most."""
    ends = [(-0.5, count - 0.5) for count in shape]
    corners = np.asarray([[k, j, i, 1.0] for k in ends[0] for j in ends[1] for i in ends[2]])
    away = (corners @ affine.T)[:, :3] - np.asarray(through, np.float64)
    along = away @ axes.T
    return along.min(axis=0), along.max(axis=0)


def _vector(values: NDArray[np.float64]) -> Vector3:
    return float(values[0]), float(values[1]), float(values[2])
