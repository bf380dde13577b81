"""The rendered volume beside the planes: from where it is seen, how it looks, and its newest picture.

Pictures are made in a child process on a lane of their own. While the volume moves they are coarse, sized
so that one takes about 60 ms; when it rests a full one is made in bands, so that a new move waits for one
band at most. The newest wish wins.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from medvision_desktop.domain.image import Volume
from medvision_desktop.errors import MedVisionError
from medvision_desktop.pixels import volume_looks
from medvision_desktop.pixels.volume_looks import Look
from medvision_desktop.services.volume_view import LabelsShown, VolumeView
from medvision_desktop.ui.viewmodels.gestures import Size
from medvision_desktop.ui.viewmodels.volume_camera import ROOM, SIDES, Camera, seen_from
from medvision_desktop.ui.workers.lane import Lane
from medvision_desktop.work import CancelToken, ProgressSink

_LIVELY_S: Final = 0.06
_BAND_S: Final = 0.2
_REST_MS: Final = 180
_COARSEST: Final = 8
_ZOOMS: Final = (0.25, 16.0)
_RADIANS_A_PX: Final = 0.008


class SceneStatus(Enum):
    """What there is to see."""

    EMPTY = "no volume"
    WAITING = "rendering"
    SHOWN = "shown"
    FAILED = "failed"


@dataclass(frozen=True, eq=False)
class _Wish:
    """All that a picture depends on."""

    volume: Volume
    span: tuple[float, float]
    look: Look
    shift: float
    labels: tuple[LabelsShown, ...]
    camera: Camera
    size: Size


class VolumeScene(QObject):
    """`changed`: another picture, view, look or status. Used from the GUI thread."""

    changed = Signal()

    def __init__(self, unhandled: Callable[[Exception], None]) -> None:
        super().__init__()
        self._lane = Lane("volume", unhandled, after_painting=True)
        self._view = VolumeView()
        self._volume: Volume | None = None
        self._series: tuple[str, str] | None = None
        self._span = (0.0, 1.0)
        self._labels: tuple[LabelsShown, ...] = ()
        self._size: Size | None = None
        self._busy = False
        self._again = False
        self._seconds_a_pixel = 1e-6
        self._bands: list[tuple[int, int]] = []
        self._fine: NDArray[np.uint8] | None = None
        self._fine_wish: _Wish | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._begin_fine)
        self.camera = Camera()
        self.looks: tuple[Look, ...] = volume_looks.OTHER
        self.look = self.looks[0]
        self.shift = 0.0
        self.units = ""
        self.status = SceneStatus.EMPTY
        self.failure = ""
        self.picture: NDArray[np.uint8] | None = None
        self.is_fine = False

    # What is shown.

    @property
    def volume(self) -> Volume | None:
        """The volume on stage."""
        return self._volume

    def show(
        self,
        volume: Volume | None,
        modality: str,
        span: tuple[float, float] | None,
        series: tuple[str, str] | None = None,
    ) -> None:
        """Another volume, or none; seen from the front at first. `span`: its 0.5 and 99.5 percentiles.

        Another volume of the same series is seen as the one before.
        """
        if volume is self._volume:
            return
        if series is not None and series == self._series and volume is not None:
            self._volume = volume
            self._move()
            return
        self._series = series
        looks = volume_looks.looks_for(modality)
        if looks is not self.looks:
            self.looks, self.look = looks, looks[0]
        self._volume, self._labels, self.shift = volume, (), 0.0
        self._span = span if span is not None and span[1] > span[0] else (0.0, 1.0)
        self.units = volume.units if volume is not None else ""
        self.camera = Camera()
        self.picture, self.failure = None, ""
        self.status = SceneStatus.EMPTY if volume is None else SceneStatus.WAITING
        self._move()

    def show_labels(self, labels: tuple[LabelsShown, ...]) -> None:
        """Label maps in the volume; each label shines through in its colour."""
        if labels == self._labels:
            return
        self._labels = labels
        self._move()

    def set_size(self, size: Size | None) -> None:
        """How large the picture is in device pixels; None while nobody looks."""
        if size == self._size:
            return
        self._size = size
        if size is None:
            self._rest.stop()
            self._bands = []
        else:
            self._move()

    # How it is looked at.

    def turn(self, dx_px: float, dy_px: float) -> None:
        """Turned by the hand by so many logical pixels."""
        self._look_from(self.camera.turned(dx_px * _RADIANS_A_PX, dy_px * _RADIANS_A_PX))

    def turn_degrees(self, across: float, down: float) -> None:
        """Turned by keys."""
        self._look_from(self.camera.turned(math.radians(across), math.radians(down)))

    def enlarge(self, factor: float) -> None:
        """Enlarged about the middle."""
        zoom = min(_ZOOMS[1], max(_ZOOMS[0], self.camera.zoom * factor))
        self._look_from(replace(self.camera, zoom=zoom))

    def pan(self, dx_px: float, dy_px: float) -> None:
        """Moved across the picture by device pixels."""
        scale = self._mm_a_pixel(self._size) if self._size is not None else 0.0
        x, y = self.camera.pan_mm
        self._look_from(replace(self.camera, pan_mm=(x + dx_px * scale, y + dy_px * scale)))

    def look_at(self, side: str) -> None:
        """Seen from one of the `SIDES` of the patient, as large and where it was."""
        right, down = SIDES[side]
        self._look_from(replace(self.camera, right=right, down=down))

    def reset(self) -> None:
        """Seen from the front, whole, as its look is in the table."""
        self.shift = 0.0
        self._look_from(Camera())

    def use(self, look: Look) -> None:
        """Another look from the table."""
        self.look, self.shift = look, 0.0
        self._move()

    def next_look(self, step: int = 1) -> None:
        """The next look of the table."""
        self.use(self.looks[(self.looks.index(self.look) + step) % len(self.looks)])

    def move_look(self, parts: float) -> None:
        """Colours and opacities moved along the values, by parts of the series' range: down shows more."""
        self.shift += parts * (self._span[1] - self._span[0])
        self._move()

    def retry(self) -> None:
        """Once more after a failure."""
        if self.status is SceneStatus.FAILED:
            self.status = SceneStatus.WAITING
            self._move()

    def close(self) -> None:
        """End the child and the lane."""
        self._rest.stop()
        self._bands = []
        self._size = None
        self._view.kill()
        self._lane.close()
        self._view.close()

    def drain(self) -> bool:
        """Wait for what was asked; for tests."""
        return self._lane.drain()

    # Asking for pictures.

    def _look_from(self, camera: Camera) -> None:
        self.camera = camera
        self._move()

    def _move(self) -> None:
        """Something is another: a coarse picture now, a full one when it rests."""
        self.is_fine = False
        self._bands = []
        self._rest.start()
        self._ask()
        self.changed.emit()

    def _ask(self) -> None:
        wish = self._wish()
        if wish is None or self.status is SceneStatus.FAILED:
            return
        if self._busy:
            self._again = True
            return
        step = self._step(wish.size)
        size = (max(1, wish.size[0] // step), max(1, wish.size[1] // step))
        self._submit(wish, size, (0, size[1]), partial(self._on_coarse, wish))

    def _wish(self) -> _Wish | None:
        if self._volume is None or self._size is None:
            return None
        return _Wish(self._volume, self._span, self.look, self.shift, self._labels, self.camera, self._size)

    def _submit(
        self, wish: _Wish, size: Size, band: tuple[int, int], done: Callable[[NDArray[np.uint8]], None]
    ) -> None:
        self._busy = True

        def arrived(answer: tuple[NDArray[np.uint8], float]) -> None:
            self._busy = False
            picture, seconds = answer
            self._seconds_a_pixel = 0.5 * (self._seconds_a_pixel + seconds / picture[..., 0].size)
            done(picture)
            self._go_on()

        work = partial(_drawn, self._view, wish, size, band)
        self._lane.submit(work, done=arrived, failed=self._on_failed)

    def _on_coarse(self, wish: _Wish, picture: NDArray[np.uint8]) -> None:
        if (wish.volume is self._volume or self.status is SceneStatus.SHOWN) and not self.is_fine:
            self.picture, self.status = picture, SceneStatus.SHOWN
            self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self._busy = self._again = False
        self._bands = []
        self.status = SceneStatus.FAILED
        self.failure = error.what if isinstance(error, MedVisionError) else "This is a fault of ours."
        self.changed.emit()

    def _go_on(self) -> None:
        if self._again:
            self._again = False
            self._ask()
        elif self._bands:
            self._draw_band()

    def _begin_fine(self) -> None:
        """At rest: the full picture, in bands."""
        wish = self._wish()
        if wish is None or self.status is not SceneStatus.SHOWN or self._busy:
            if wish is not None and self.status is not SceneStatus.FAILED:
                self._rest.start()
            return
        width, height = wish.size
        count = min(height, max(1, math.ceil(self._seconds_a_pixel * width * height / _BAND_S)))
        edges = [round(height * at / count) for at in range(count + 1)]
        self._bands = list(itertools.pairwise(edges))
        self._fine, self._fine_wish = np.zeros((height, width, 3), np.uint8), wish
        self._draw_band()

    def _draw_band(self) -> None:
        wish, fine = self._fine_wish, self._fine
        if wish is None or fine is None:
            return
        band = self._bands[0]

        def paste(picture: NDArray[np.uint8]) -> None:
            if not self._bands or self._bands[0] != band or self._fine is not fine:
                return  # it has moved meanwhile
            fine[band[0] : band[1]] = picture
            self._bands.pop(0)
            if not self._bands:
                self.picture, self.is_fine = fine, True
                self.changed.emit()

        self._submit(wish, wish.size, band, paste)

    def _step(self, size: Size) -> int:
        wanted = math.sqrt(self._seconds_a_pixel * size[0] * size[1] / _LIVELY_S)
        return min(_COARSEST, max(2, math.ceil(wanted)))

    def _mm_a_pixel(self, size: Size) -> float:
        if self._volume is None:
            return 0.0
        affine = self._volume.affine_kji_to_lps[:3, :3]
        longest = float(np.max(np.abs(affine) @ np.asarray(self._volume.stored_kji.shape)))
        return longest * ROOM / min(size) / self.camera.zoom


def _drawn(
    view: VolumeView,
    wish: _Wish,
    size: Size,
    band: tuple[int, int],
    _progress: ProgressSink,
    cancel: CancelToken,
) -> tuple[NDArray[np.uint8], float]:
    """A picture of `size`, or of some of its rows, and how many seconds it took; on the lane."""
    staged = view.stage(wish.volume, cancel=cancel)
    view.show_labels(wish.labels)
    began = time.monotonic()
    picture = view.picture(wish.look, wish.span, wish.shift, seen_from(wish.camera, staged, size, band))
    return picture, time.monotonic() - began
