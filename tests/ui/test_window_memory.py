"""Grey levels drawn where the window keeps its pixels look as Qt would have copied them there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPicture, QRegion
from PySide6.QtWidgets import QApplication, QFrame, QWidget

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import LoadedSeries, Stack
from medvision_desktop.domain.layers import OverlayPlane, Shutter
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets import window_memory
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen

RED = 0xFFFF0000


def on_screen(widget: QWidget) -> NDArray[np.uint32]:
    """The window's own pixels, as the screen has them."""
    QApplication.processEvents()
    shot = widget.screen().grabWindow(widget.winId()).toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(shot.constBits(), np.uint32).reshape(shot.height(), shot.width()).copy()


def looks(viewer: ViewerModel) -> list[Callable[[], Any]]:
    """What a reader does one after another; most of it paints only a part of the pane."""

    def show(**changed: Any) -> Callable[[], Any]:
        return lambda: viewer.set_display(0, replace(viewer.panes[0].display, **changed))

    return [
        show(voi=VoiWindow(300, 900)),
        show(voi=VoiWindow(500, 300)),
        show(invert=True),
        lambda: viewer.set_index(0, 3),
        show(turn=ViewTurn(1, True)),
        show(zoom=2.5, pan=(30.0, -20.0)),
        show(voi=VoiWindow(200, 50)),
        show(zoom=0.2, pan=(0.0, 0.0)),
        lambda: viewer.set_note(0, "Plays at 15 a second"),
        lambda: viewer.set_index(0, 0),
    ]


def shots(qtbot: Any, opened: Callable[[], Screen]) -> list[NDArray[np.uint32]]:
    screen = opened()
    found = [on_screen(screen.grid)]
    for step in looks(screen.viewer):
        step()
        found.append(on_screen(screen.grid))
    qtbot.waitUntil(lambda: screen.canvas(0).is_settled, timeout=3000)
    found.append(on_screen(screen.grid))
    screen.grid.hide()
    screen.lanes.close()
    return found


def covered() -> LoadedSeries:
    """A scan under a shutter and an overlay, on a padded ground."""
    scan = cases.scan()
    rows, columns = scan.stack.frames[0].stored.shape
    bits = np.zeros((rows, columns), np.bool_)
    bits[rows // 3 : rows // 2, columns // 4] = True
    frames = tuple(
        replace(
            frame,
            overlays=(OverlayPlane(bits, 0, 0),),
            shutter=Shutter(rectangle=(4, rows - 9, 6, columns - 3), level=0.4),
            padding=(0, 90),
        )
        for frame in scan.stack.frames
    )
    return replace(scan, stack=Stack(frames, (0.0, 1000.0)))


@pytest.mark.parametrize("scan", [cases.scan, covered])
def test_the_window_holds_what_qt_would_have_copied(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, scan: Callable[[], LoadedSeries]
) -> None:
    def opened() -> Screen:
        screen = Screen(qtbot, made)
        screen.open(made, pane=0)
        return screen

    made = scan()
    given: list[bool] = []
    under = window_memory.under

    def watched(painter: QPainter, widget: QWidget) -> Any:
        pixels = under(painter, widget)
        given.append(pixels is not None)
        return pixels

    monkeypatch.setattr(window_memory, "under", watched)
    straight = shots(qtbot, opened)
    assert given
    assert all(given)
    monkeypatch.setattr(window_memory, "under", lambda *_: None)
    copied = shots(qtbot, opened)
    assert len({shot.tobytes() for shot in copied}) > 8
    for one, other in zip(straight, copied, strict=True):
        assert np.array_equal(one & 0xFFFFFF, other & 0xFFFFFF)


def test_what_lies_over_a_pane_is_left_alone(qtbot: Any) -> None:
    scan = cases.scan()
    screen = Screen(qtbot, scan)
    screen.open(scan, pane=0)
    lid = QFrame(screen.grid)
    lid.setStyleSheet("background: #ff0000")
    lid.setGeometry(60, 60, 120, 80)
    lid.show()
    for step in looks(screen.viewer):
        step()
        shot = on_screen(screen.grid)
        assert (shot[60:140, 60:180] | 0xFF000000 == RED).all()
    screen.lanes.close()


class _Asks(QWidget):
    """Asks for the pixels that it is painted on, and paints nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.found: NDArray[np.uint32] | None = None
        self.shape: tuple[int, ...] | None = None

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        pixels = window_memory.under(painter, self)
        self.shape = None if pixels is None else pixels.shape
        if pixels is not None:
            pixels[0, 0] = RED
        painter.end()


@pytest.mark.parametrize(
    ("kind", "serves"),
    [
        (QImage.Format.Format_RGB32, True),
        (QImage.Format.Format_ARGB32_Premultiplied, True),
        (QImage.Format.Format_RGB888, False),
        (QImage.Format.Format_RGB16, False),
        (QImage.Format.Format_RGBA8888, False),
    ],
)
def test_only_pixels_of_four_bytes_in_order_are_given(
    qtbot: Any, kind: QImage.Format, serves: bool
) -> None:
    widget = _Asks()
    qtbot.addWidget(widget)
    widget.resize(40, 30)
    image = QImage(50, 40, kind)
    image.fill(0)
    widget.render(image)
    assert (widget.shape == (30, 40)) is serves
    assert (image.pixelColor(0, 0).name() == "#ff0000") is serves


def test_a_picture_book_has_no_pixels(qtbot: Any) -> None:
    widget = _Asks()
    qtbot.addWidget(widget)
    widget.resize(40, 30)
    book = QPicture()
    painter = QPainter(book)
    widget.render(painter, QPoint())
    painter.end()
    assert widget.shape is None


def test_a_widget_that_reaches_out_of_the_image_gets_none_of_it(qtbot: Any) -> None:
    widget = _Asks()
    qtbot.addWidget(widget)
    widget.resize(40, 30)
    small = QImage(30, 30, QImage.Format.Format_RGB32)
    widget.render(small)
    assert widget.shape is None


def test_parts_are_the_rectangles_of_a_region_in_device_pixels() -> None:
    region = QRegion(QRect(2, 3, 10, 5)).united(QRect(20, 3, 4, 9))
    inside = np.zeros((40, 60), np.int64)
    for rows, columns in window_memory.parts(region, QRect(0, 0, 22, 10), 2):
        inside[rows, columns] += 1
    wanted = np.zeros_like(inside)
    wanted[6:16, 4:24] = wanted[6:20, 40:44] = 1
    assert np.array_equal(inside, wanted)


_SCALED = """
import sys
import numpy as np
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget
from medvision_desktop.ui.widgets import window_memory

class Inner(QWidget):
    def paintEvent(self, event):
        painter = QPainter(self)
        pixels = window_memory.under(painter, self)
        print(None if pixels is None else pixels.shape)
        if pixels is not None:
            for part in window_memory.parts(event.region(), self.rect(), round(self.devicePixelRatioF())):
                pixels[part] = 0xFFFF0000
        painter.end()

app = QApplication([])
window = QWidget()
window.resize(80, 60)
inner = Inner(window)
inner.setGeometry(11, 7, 40, 30)
window.show()
app.processEvents()
shot = window.backingStore().paintDevice().copy().convertToFormat(QImage.Format.Format_RGB32)
words = np.frombuffer(shot.constBits(), np.uint32).reshape(shot.height(), shot.width()) & 0xFFFFFF
rows, columns = np.nonzero(words == 0xFF0000)
ends = [rows.min(), rows.max(), columns.min(), columns.max(), len(rows)] if len(rows) else []
print([int(end) for end in ends] or None)
"""


@pytest.mark.parametrize(
    ("factor", "shape", "red"),
    [("1", (30, 40), [7, 36, 11, 50, 1200]), ("2", (60, 80), [14, 73, 22, 101, 4800]), ("1.5", None, None)],
)
def test_on_screens_of_every_density(
    factor: str, shape: tuple[int, int] | None, red: list[int] | None
) -> None:
    env = {**os.environ, "QT_SCALE_FACTOR": factor, "QT_QPA_PLATFORM": "offscreen"}
    ran = subprocess.run(
        [sys.executable, "-c", _SCALED], env=env, capture_output=True, text=True, check=True
    )
    said = ran.stdout.splitlines()
    assert said[0] == str(shape)
    assert said[-1] == str(red)
