"""One black square with an image on it: paints what it is shown, and reports what the mouse does.

Pixels come from `pixels.drawer` at exactly the size of the pane: grey levels straight into the window
where that can be, everything else as an image that is copied 1:1. What else there is to see is painted
over them. Drawing happens when Qt asks for a paint, so a fast mouse costs one drawing a frame. While
things move the quick interpolation is used; 150 ms after they stop, the careful one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFocusEvent,
    QHideEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from medvision_desktop.pixels.drawer import Drawer, is_grey
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.brushwork import Ring
from medvision_desktop.ui.viewmodels.gestures import Position
from medvision_desktop.ui.viewmodels.hand import Lens
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.pane_view import PaneView
from medvision_desktop.ui.widgets import (
    color_bar,
    dirty,
    drawings,
    map_bar,
    pane_furniture,
    series_drop,
    slice_rail,
    window_memory,
)
from medvision_desktop.ui.widgets.attention_layer import AttentionLayer
from medvision_desktop.ui.widgets.driven import shown
from medvision_desktop.ui.widgets.edged_text import EdgedText
from medvision_desktop.ui.widgets.label_layer import LabelLayers
from medvision_desktop.ui.widgets.magnifier import Magnifier

SETTLE_MS: Final = 150
_NOTCH: Final = 120.0


class ImageCanvas(QWidget):
    """Signals carry positions in device pixels from the pane's top left corner.

    `pressed(button, position)`, `moved(position, modifiers)`, `released()`,
    `hovered(position)`, `left()`, `wheeled(notches, position, modifiers)`, `slid(fraction)` for the
    slice rail, `doubleClicked()`, `focused()`, `sized(width, height, ratio)` in device pixels,
    `seriesDropped(study key, series uid)`.
    """

    pressed = Signal(object, tuple)
    moved = Signal(tuple, object)
    released = Signal()
    hovered = Signal(tuple)
    left = Signal()
    wheeled = Signal(float, tuple, object)
    slid = Signal(float)
    doubleClicked = Signal()
    focused = Signal()
    sized = Signal(int, int, float)
    seriesDropped = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.setMinimumSize(96, 96)
        self._view = PaneView(PaneStatus.EMPTY, active=False)
        self._drawer = Drawer()
        self._pixels: NDArray[Any] | None = None  # what the image shows without owning it
        self._image = QImage()
        self._drawn_of: tuple[object, object] = (None, None)
        self._careful = True
        self._lively = False
        self._text = EdgedText()
        self._layer = AttentionLayer()
        self._labels = LabelLayers()
        self._ring: Ring | None = None
        self._magnifier = Magnifier()
        self._correction: NDArray[np.uint8] | None = None
        self._lens: Lens | None = None
        self._probe: tuple[str, ...] = ()
        self._cursor = QPointF()
        self._sliding = False
        self._dropping = False
        self._by_key = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._on_settled)

    def show_view(self, view: PaneView) -> None:
        """Paint this from now on."""
        before, self._view = self._view, view
        if view.plan is None:
            self._drawer.clear()
            self._drawn_of = (None, None)
            self._image, self._pixels = QImage(), None
        elif (view.plan, view.viewport) != self._drawn_of and self._drawn_of != (None, None):
            self._lively = self._settle.isActive()
            self._settle.start()
        changed = dirty.region(before, view, self.rect(), self._drawer.target, self.devicePixelRatioF())
        self.update() if changed is None else self.update(changed)

    def set_correction(self, table: NDArray[np.uint8] | None) -> None:
        """Drive grey levels through a table for this screen, or as they are."""
        if table is not self._correction:
            self._correction = self._magnifier.correction = table
            self._drawn_of = (None, None)
            self.update()

    def show_lens(self, lens: Lens | None) -> None:
        """A square enlarged, or none."""
        if lens is not None or self._lens is not None:
            self._lens = lens
            self.update()

    def show_probe(self, lines: tuple[str, ...], at: Position | None = None) -> None:
        """Words beside the cursor, or none. Keys say where they point: `at`, in device pixels."""
        if at is not None:
            ratio = self.devicePixelRatioF()
            self._cursor = QPointF(at[0] / ratio, at[1] / ratio)
        if lines or self._probe:
            self._probe = lines
            self.update()

    def show_ring(self, ring: Ring | None) -> None:
        """The edge of the brush, or none."""
        if ring != self._ring:
            self._ring = ring
            self.update()

    @property
    def is_settled(self) -> bool:
        """Whether what is on screen is drawn with the careful interpolation."""
        return self._careful and not self._settle.isActive()

    def sizeHint(self) -> QSize:
        """As much as there is."""
        return QSize(640, 640)

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:
        """The image, then what lies over it."""
        painter = QPainter(self)
        try:
            self._paint(painter, event.region())
        finally:
            painter.end()  # one that an error's traceback keeps alive would outlive what it paints on

    def _paint(self, painter: QPainter, region: QRegion) -> None:
        view, ratio = self._view, self.devicePixelRatioF()
        pane = QRectF(self.rect())
        if not self._draw_in_window(painter, region):
            self._draw_pixels()
            if self._image.width() < pane.width() * ratio or self._image.height() < pane.height() * ratio:
                painter.fillRect(self.rect(), QColor(T.image))
            if not self._image.isNull():
                self._copy_pixels(painter, region)
        if view.transform is not None and view.viewport is not None:
            self._labels.paint(painter, view.layers, view.transform, view.viewport, ratio)
        if view.attention is not None and view.transform is not None:
            self._layer.paint(painter, view.attention.heat, view.overlay, view.transform, ratio)
        self._text.seen = region
        room = pane_furniture.paint(painter, self._text, view, pane, ratio)
        if view.layers and not view.small:
            above = color_bar.SIZE.height() + 8 if view.attention is not None else 0
            map_bar.paint(painter, view.layers, pane, above)
        if self._lens is not None:
            self._magnifier.paint(painter, self._lens, ratio)
        if self._ring is not None:
            drawings.paint_ring(painter, self._ring, ratio)
        if self._probe:
            pane_furniture.paint_probe(painter, self._text, self._probe, self._cursor, room)
        pane_furniture.paint_edges(
            painter, view, pane, dropping=self._dropping, focused=self.hasFocus() and self._by_key
        )

    def _copy_pixels(self, painter: QPainter, region: QRegion) -> None:
        """Rectangle by rectangle: clipped to one, a picture is copied; to a region, pixels are blended."""
        if region.rectCount() <= 1:
            painter.drawImage(QPointF(0, 0), self._image)
            return
        for part in region:  # type: ignore[attr-defined] # its stubs leave out that it is iterable
            painter.setClipRect(part)
            painter.drawImage(QPointF(0, 0), self._image)
        painter.setClipping(False)

    def _draw_in_window(self, painter: QPainter, region: QRegion) -> bool:
        """Draw grey levels where the painter paints; False where that cannot be done."""
        plan, port = self._view.plan, self._view.viewport
        if plan is None or port is None or not is_grey(plan):
            return False
        pixels = window_memory.under(painter, self)
        if pixels is None or pixels.shape != (port.height, port.width):
            return False
        quick = self._begin((plan, port))
        parts = window_memory.parts(region, self.rect(), round(self.devicePixelRatioF()))
        self._drawer.onto(pixels, parts, plan, port, interactive=quick, driving=self._correction)
        self._image, self._pixels = QImage(), None
        return True

    @property
    def _moves(self) -> bool:
        """Whether the reader is moving things, so that drawing has to be quick."""
        return self._lively and self._settle.isActive()

    def _begin(self, wanted: tuple[object, object]) -> bool:
        """Note what is drawn now; gives back whether quickly. What was drawn with care stays so."""
        quick = self._moves and not (self._careful and wanted == self._drawn_of)
        self._drawn_of, self._careful = wanted, not quick
        return quick

    def _draw_pixels(self) -> None:
        view = self._view
        if view.plan is None or view.viewport is None:
            return
        wanted = (view.plan, view.viewport)
        if not self._image.isNull() and wanted == self._drawn_of and (self._careful or self._moves):
            return
        quick = self._begin(wanted)
        self._image = QImage()  # it may lie in the pixels that are drawn over
        self._pixels = self._drawer.screen(
            view.plan, view.viewport, interactive=quick, driving=self._correction, over=self._pixels
        )
        self._image = shown(self._pixels)
        self._image.setDevicePixelRatio(self.devicePixelRatioF())

    def _on_settled(self) -> None:
        self._lively = False
        if not self._careful:
            self.update()

    # Input.

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell how many device pixels there are."""
        super().resizeEvent(event)
        self._tell_size()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing to wait for; when it is shown again it is drawn with care."""
        super().hideEvent(event)
        self._settle.stop()
        self._lively = False

    def event(self, event: QEvent) -> bool:
        """A move to a screen of another density is a change of size."""
        if event.type() is QEvent.Type.DevicePixelRatioChange:
            self._tell_size()
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the rail, or press with a tool."""
        position = event.position()
        rail = self._view.rail is not None and slice_rail.grip(QRectF(self.rect())).contains(position)
        if rail and event.button() is Qt.MouseButton.LeftButton:
            self._sliding = True
            self.slid.emit(slice_rail.fraction_at(QRectF(self.rect()), position.y()))
            return
        self.pressed.emit(event.button(), self._device(position))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, slide or hover."""
        self._cursor = event.position()
        if self._sliding:
            self.slid.emit(slice_rail.fraction_at(QRectF(self.rect()), event.position().y()))
        elif event.buttons() is Qt.MouseButton.NoButton:
            self.hovered.emit(self._device(event.position()))
        else:
            self.moved.emit(self._device(event.position()), event.modifiers())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        if self._sliding:
            self._sliding = False
            return
        self.released.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Maximise and back."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.doubleClicked.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """None: the right button windows."""
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Slices, or zoom with Ctrl."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        if turned:
            self.wheeled.emit(turned / _NOTCH, self._device(event.position()), event.modifiers())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """The cursor is gone, and what it pointed at with it."""
        super().leaveEvent(event)
        self.left.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Having the focus is being active; the ring shows when a key brought it."""
        super().focusInEvent(event)
        keys = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._by_key = event.reason() in keys
        self.focused.emit()
        self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A series from the worklist is welcome; files are left to the window."""
        if series_drop.unpacked(event.mimeData()) is None:
            event.ignore()
            return
        self._dropping = True
        self.update()
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It went elsewhere."""
        super().dragLeaveEvent(event)
        self._dropping = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        """Show the series here."""
        self._dropping = False
        self.update()
        found = series_drop.unpacked(event.mimeData())
        if found is None:
            event.ignore()
            return
        event.acceptProposedAction()
        self.seriesDropped.emit(*found)

    def _device(self, position: QPointF) -> tuple[float, float]:
        ratio = self.devicePixelRatioF()
        return (position.x() * ratio, position.y() * ratio)

    def _tell_size(self) -> None:
        ratio = self.devicePixelRatioF()
        self.sized.emit(round(self.width() * ratio), round(self.height() * ratio), ratio)
