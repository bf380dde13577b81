"""From an event to the painted backing store: our pane beside pyqtgraph's ImageItem.

Both get the same mouse events in windows of the same size, fifty by turns, and both are timed until
their window has painted. Our pane draws all that it always draws: corner text, rail, edges. The peer draws
its image and nothing else, with numba on and sixteen-bit levels set by `setLevels`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack
from medvision_desktop.domain.study import InstanceRef, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import ChildFailed
from medvision_desktop.paths import Locations
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.panes.image_pane import ImagePane
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes

PANE: Final = (1600, 1000)
PEER: Final = "pyqtgraph ImageItem, uint16, setLevels, numba"
_WARM_UP: Final = 10
# Events that one side gets before the other has its turn: a drag is many events in a row. In between
# both rest, so that neither is measured while threads of the other still spin.
_RUN: Final = 50
_REST_S: Final = 0.3
_PAINT_LIMIT_S: Final = 10.0
_SEED: Final = 20


@dataclass(frozen=True)
class Case:
    """One case measured: single times in milliseconds, and our peak before the peer was loaded."""

    name: str
    ours_ms: tuple[float, ...]
    peer_ms: tuple[float, ...]
    peak_mb: float


class _Side(Protocol):
    """Something that answers an event numbered n by painting."""

    def step(self, number: int) -> None:
        """Deliver the event."""

    def canvas(self) -> QWidget:
        """What paints."""


def measure(repeats: int, peak_mb: Callable[[], float]) -> Iterator[Case]:
    """Both cases, `repeats` events each. Raises `ChildFailed` when a window never paints."""
    application = the_application()
    fonts.install(application)
    yield _case(application, "window drag, 3000x3000", (_film(),), repeats, peak_mb, scroll=False)
    yield _case(application, "scroll, 512 slices of 512x512", _slices(), repeats, peak_mb, scroll=True)


def _case(
    application: QApplication,
    name: str,
    frames: Sequence[Frame],
    repeats: int,
    peak_mb: Callable[[], float],
    *,
    scroll: bool,
) -> Case:
    ours = _Ours(frames, scroll=scroll)
    try:
        for number in range(_WARM_UP):
            _timed(application, ours, number)
        most = peak_mb()
        peer = _peer_of([frame.stored for frame in frames], scroll=scroll)
        for number in range(_WARM_UP):
            _timed(application, peer, number)
        sides: tuple[tuple[_Side, list[float]], ...] = ((ours, []), (peer, []))
        for start in range(0, repeats, _RUN):
            numbers = range(_WARM_UP + start, _WARM_UP + min(start + _RUN, repeats))
            for side, taken in sides:
                _rest(application)
                taken.extend(_timed(application, side, number) for number in numbers)
        peer.canvas().window().close()
    finally:
        ours.close()
    (_, first), (_, second) = sides
    return Case(name, tuple(first), tuple(second), most)


def _rest(application: QApplication) -> None:
    until = time.perf_counter() + _REST_S
    while time.perf_counter() < until:
        application.processEvents()
        time.sleep(0.01)


class Painted(QObject):
    """Counts the paint events of a widget, those for which `counts` says so."""

    def __init__(self, counts: Callable[[], bool] = lambda: True) -> None:
        super().__init__()
        self._counts = counts
        self.count = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Never stops an event."""
        if event.type() is QEvent.Type.Paint and self._counts():
            self.count += 1
        return False


def _timed(application: QApplication, side: _Side, number: int) -> float:
    """Milliseconds from the event until the event loop has painted and flushed the window."""
    painted = Painted()
    canvas = side.canvas()
    application.processEvents()
    canvas.installEventFilter(painted)
    began = time.perf_counter()
    side.step(number)
    while not painted.count:
        application.processEvents()
        if time.perf_counter() - began > _PAINT_LIMIT_S:
            raise ChildFailed("The window was not painted.", f"The limit is {_PAINT_LIMIT_S:g} s.")
    took = time.perf_counter() - began
    canvas.removeEventFilter(painted)
    return took * 1000


class _Ours:
    """The program's own pane, with the viewer's state behind it."""

    def __init__(self, frames: Sequence[Frame], *, scroll: bool) -> None:
        study, series = _references(len(frames))
        loaded = LoadedSeries(study, series, Stack(tuple(frames), (0.0, 4095.0)))
        self._count = len(frames)
        self._scroll = scroll
        self._lanes = Lanes(_raise)
        nowhere = Path(os.devnull)
        self._bench = Workbench(Settings(), Locations(nowhere, nowhere, nowhere))
        self._notifier = Notifier(lambda error: type(error).__name__)
        self._viewer = ViewerModel(self._bench, self._lanes, self._notifier, read=lambda *_, **__: loaded)
        self._pane = ImagePane(self._viewer, 0)
        self._pane.resize(*PANE)
        self._pane.show()
        self._viewer.open(study, series, pane=0)
        self._lanes.drain()
        self._viewer.set_index(0, 0)
        if not scroll:
            self._mouse(QEvent.Type.MouseButtonPress, 0, Qt.MouseButton.LeftButton)

    def canvas(self) -> QWidget:
        """What paints."""
        return self._pane.canvas

    def step(self, number: int) -> None:
        """One step of a window drag, or one notch of the wheel."""
        if self._scroll:
            _wheel(self._pane.canvas, _to_and_fro(number, self._count))
        else:
            self._mouse(QEvent.Type.MouseMove, number + 1, Qt.MouseButton.NoButton)

    def close(self) -> None:
        """End the lanes and the window."""
        self._pane.close()
        self._lanes.close()
        self._bench.close()

    def _mouse(self, kind: QEvent.Type, number: int, button: Qt.MouseButton) -> None:
        _mouse(self._pane.canvas, kind, number, button)


def _peer_of(images: Sequence[NDArray[Any]], *, scroll: bool) -> _Side:
    """A pyqtgraph view of the same size that shows the same images."""
    import pyqtgraph

    pyqtgraph.setConfigOptions(useNumba=True, imageAxisOrder="row-major")

    class Peer(pyqtgraph.GraphicsView):  # type: ignore[misc] # pyqtgraph has no types
        def __init__(self) -> None:
            super().__init__()
            self._images = [image.view(np.uint16) for image in images]
            box = pyqtgraph.ViewBox(lockAspect=True, invertY=True, enableMouse=False)
            self.setCentralItem(box)
            self._item = pyqtgraph.ImageItem(self._images[0], levels=(0, 4095))
            box.addItem(self._item)
            self._index = 0
            self._moved = 0
            self.resize(*PANE)
            self.show()

        def canvas(self) -> QWidget:
            viewport: QWidget = self.viewport()
            return viewport

        def step(self, number: int) -> None:
            if scroll:
                _wheel(self.viewport(), _to_and_fro(number, len(self._images)))
            else:
                _mouse(self.viewport(), QEvent.Type.MouseMove, number + 1, Qt.MouseButton.NoButton)

        def mouseMoveEvent(self, event: QMouseEvent) -> None:
            center = 2048.0 + event.position().y()
            self._item.setLevels((center - 1000.0, center + 1000.0))

        def wheelEvent(self, event: QWheelEvent) -> None:
            self._index += -1 if event.angleDelta().y() > 0 else 1
            levels = self._item.levels
            self._item.setImage(self._images[self._index], autoLevels=False, levels=levels)

    peer: _Side = Peer()
    return peer


def _mouse(target: QWidget, kind: QEvent.Type, number: int, button: Qt.MouseButton) -> None:
    """A mouse event with the left button down, two pixels from the one before."""
    at = QPointF(700.0, 400.0 + 2 * (number % 100))
    event = QMouseEvent(
        kind,
        at,
        target.mapToGlobal(at),
        button,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(target, event)


def _wheel(target: QWidget, notches: int) -> None:
    at = QPointF(700.0, 400.0)
    event = QWheelEvent(
        at,
        target.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(target, event)


def _to_and_fro(number: int, count: int) -> int:
    """Notches that walk a series from its first image to its last and back."""
    return -1 if (number // (count - 1)) % 2 == 0 else 1


def _film() -> Frame:
    """3000 x 3000 values of 12 bits, smooth with noise, as a detector gives them."""
    generator = np.random.default_rng(_SEED)
    y, x = np.mgrid[:3000, :3000].astype(np.float32)
    smooth = 2000 + 1200 * np.sin(x / 400) * np.cos(y / 300)
    noise = generator.normal(0, 40, smooth.shape).astype(np.float32)
    stored = np.clip(smooth + noise, 0, 4095).astype(np.uint16)
    return Frame(stored, bits_stored=12, voi=(VoiWindow(2048, 2000),))


def _slices() -> tuple[Frame, ...]:
    """512 slices of one series, every one with other pixels."""
    noise = np.random.default_rng(_SEED).integers(0, 4096, (512, 512)).astype(np.uint16)
    return tuple(
        Frame(
            np.roll(noise, 7 * number, axis=0),
            bits_stored=12,
            voi=(VoiWindow(2048, 2000),),
            frame_number=number + 1,
        )
        for number in range(512)
    )


def _references(count: int) -> tuple[StudyRef, SeriesRef]:
    from medvision_desktop.domain.study import Patient

    instances = tuple(InstanceRef(Path(str(number)), str(number)) for number in range(count))
    series = SeriesRef("bench", SourceKind.DICOM, instances, modality="MR", description="Bench")
    return StudyRef("bench", Patient("Bench", "0"), (series,), description="Bench"), series


def _raise(error: Exception) -> None:
    raise error


def the_application() -> QApplication:
    """The running application, or a new one, drawn to memory where there is no screen."""
    no_screen = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if sys.platform.startswith("linux") and no_screen:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    running = QApplication.instance()
    return running if isinstance(running, QApplication) else QApplication(sys.argv[:1])
