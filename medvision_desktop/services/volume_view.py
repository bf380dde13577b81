"""Volumes rendered in a child process: what is shown there, and pictures of it from any side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.children.process import ChildProcess
from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.image import Volume
from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.errors import ChildFailed
from medvision_desktop.pixels import volume_grid
from medvision_desktop.pixels.volume_grid import RenderGrid
from medvision_desktop.pixels.volume_looks import Look
from medvision_desktop.work import CancelToken

_LIMIT_S: Final = 120.0


@dataclass(frozen=True, eq=False)
class LabelsShown:
    """A label map in the picture; `opacities` by segment number, 0 for one that is not shown."""

    labels: LabelMap
    opacities: Mapping[int, float]


@dataclass(frozen=True)
class ViewFrom:
    """From where a volume is seen: directions on screen, what is in the middle, how large a pixel is."""

    right: Vector3
    down: Vector3
    middle_lps_mm: Vector3
    mm_a_pixel: float
    width: int
    height: int


@dataclass(frozen=True)
class StagedVolume:
    """What a pane needs to know of a volume on stage: its middle and its longest side."""

    middle_lps_mm: Vector3
    longest_mm: float


class VolumeView:
    """The parent's side. Used from one lane; `close` and `kill` may come from another thread."""

    def __init__(self) -> None:
        self._child = ChildProcess("volume", environment={"OMP_NUM_THREADS": "1"})
        self._held: Volume | None = None
        self._labels: tuple[LabelsShown, ...] = ()
        self._maps: dict[int, NDArray[np.uint8]] = {}  # the voxels that the child has, by its numbers
        self._newest = 0
        self._staged: StagedVolume | None = None

    def stage(self, volume: Volume, *, cancel: CancelToken | None = None) -> StagedVolume:
        """Bring a volume on stage, unless it is there. Raises `Cancelled` and `ChildFailed`."""
        if volume is self._held and self._staged is not None and self._child.pid is not None:
            return self._staged
        grid = volume_grid.grid_of(volume, cancel=cancel)
        self._forget()
        words = {"spacing": grid.spacing_kji_mm, "origin": grid.origin_lps_mm}
        self._ask("hold", words, {"values": grid.stored_kji})
        self._held, self._staged = volume, _staged(grid)
        return self._staged

    def show_labels(self, shown: tuple[LabelsShown, ...]) -> None:
        """Label maps in the volume on stage, or none. Raises `ChildFailed`."""
        if shown == self._labels:
            return  # each band of a picture asks for them
        kept: dict[int, NDArray[np.uint8]] = {}
        told = []
        for one in shown:
            values = one.labels.values_kji
            key = next((key for key, known in self._maps.items() if known is values), None)
            if key is None:
                self._newest = key = self._newest + 1
                affine = np.asarray(one.labels.affine_kji_to_lps, np.float64)
                self._ask("take", {"map": key}, {"labels": values, "affine": affine})
            kept[key] = values
            segments = [
                (part.number, part.colour, one.opacities.get(part.number, 0.0))
                for part in one.labels.segments
            ]
            told.append((key, segments))
        self._ask("label", {"maps": told}, {})
        self._labels, self._maps = shown, kept

    def picture(
        self, look: Look, span: tuple[float, float], shift: float, view: ViewFrom
    ) -> NDArray[np.uint8]:
        """(height, width, 3) uint8. `span`: the series' range, in modality values as `shift` is.

        Raises `ChildFailed`; then the next `stage` begins anew.
        """
        volume = self._held
        if volume is None:
            raise ChildFailed("There is no volume to render.", "", "Open a series that is one.")
        slope, intercept = volume.modality.slope, volume.modality.intercept
        colours, opacities = look.at(span, shift)
        words = {
            "look": {
                "colours": [((value - intercept) / slope, *colour) for value, *colour in colours],
                "opacities": [((value - intercept) / slope, share) for value, share in opacities],
                "largest": look.largest,
            },
            "view": {
                "right": view.right,
                "down": view.down,
                "middle": view.middle_lps_mm,
                "mm_a_pixel": view.mm_a_pixel,
                "width": view.width,
                "height": view.height,
            },
        }
        return self._ask("draw", words, {})["picture"]

    def close(self) -> None:
        """End the child."""
        self._child.close()
        self._forget()

    def kill(self) -> None:
        """End the child from another thread, also in the middle of a picture."""
        self._child.kill()

    def _ask(
        self, operation: str, words: Mapping[str, Any], arrays: dict[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        try:
            return self._child.request(operation, words, arrays, timeout_s=_LIMIT_S)[1]
        except ChildFailed:
            self._forget()
            raise

    def _forget(self) -> None:
        self._held = self._staged = None
        self._labels, self._maps = (), {}


def _staged(grid: RenderGrid) -> StagedVolume:
    return StagedVolume(grid.middle_lps_mm, grid.longest_mm)
