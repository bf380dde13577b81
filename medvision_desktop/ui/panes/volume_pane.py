"""The rendered volume in the fourth pane of the layout of planes. For looking at, never for measuring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDragEnterEvent,
    QDropEvent,
    QFocusEvent,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from medvision_desktop.ui.panes.image_pane import ImagePane
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.gestures import Tool, drag_zoom_factor, wheel_zoom_factor
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.pane_view import SMALL_HEIGHT, SMALL_WIDTH, PaneView
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.viewmodels.volume_camera import SIDES
from medvision_desktop.ui.viewmodels.volume_scene import SceneStatus, VolumeScene
from medvision_desktop.ui.viewmodels.volume_words import corner_words, spoken
from medvision_desktop.ui.widgets import (
    corner_text,
    orientation_letters,
    pane_furniture,
    series_drop,
    volume_furniture,
)
from medvision_desktop.ui.widgets.edged_text import EdgedText

FOURTH: Final = 3
_TURN_DEGREES: Final = 10.0
_KEY_ZOOM: Final = 1.15
_KEY_PAN_PX: Final = 40
_KEY_SHIFT: Final = 0.02
# In a narrower pane the axes would stand among the letters.
_AXES_FROM_PX: Final = 240
_SHIFT_A_PX: Final = 1 / 600
_NOTCH: Final = 120.0


class VolumePane(QWidget):
    """Lies over an empty fourth pane and follows the planes beside it. `shownChanged(bool)`."""

    shownChanged = Signal(bool)

    def __init__(self, scene: VolumeScene, viewer: ViewerModel, host: ImagePane) -> None:
        super().__init__(host)
        self._scene, self._viewer, self._host = scene, viewer, host
        self._text = EdgedText()
        self._last = QPointF()
        self._pressed: Qt.MouseButton | None = None
        self._has_moved = False
        self._by_key = False
        self._image = QImage()
        self._of: NDArray[np.uint8] | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        host.installEventFilter(self)
        host.canvas.focused.connect(self._take_focus)
        scene.changed.connect(self._on_scene)
        viewer.layoutChanged.connect(self.follow)
        viewer.paneChanged.connect(self._on_pane_changed)
        viewer.activeChanged.connect(lambda _: self.update())
        viewer.changed.connect(self.update)
        self.hide()
        self.follow()

    def follow(self) -> None:
        """Be there when planes of a volume are on screen and the fourth pane is free."""
        shown = self._viewer.panes[0].shown
        planes = shown.planes if shown is not None else None
        free = self._viewer.panes[FOURTH].status is PaneStatus.EMPTY
        wanted = planes is not None and free and self._viewer.layout.name == "mpr"
        if shown is not None and planes is not None and wanted:
            loaded = shown.loaded
            span = loaded.volume.modality_range if loaded.volume is not None else None
            key = self._viewer.panes[0].series_key
            span = span or loaded.stack.modality_range
            self._scene.show(planes.volume, loaded.series.modality, span, key)
        elif planes is None:
            self._scene.show(None, "", None)
        if wanted:
            self.setGeometry(self._host.rect())
            self.raise_()
        if wanted is self.isHidden():
            self.setVisible(wanted)
            self.shownChanged.emit(wanted)

    # Painting.

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The picture, and what stands over it."""
        painter = QPainter(self)
        pane = QRectF(self.rect())
        painter.fillRect(self.rect(), QColor(T.image))
        scene = self._scene
        if scene.picture is not None and scene.status is SceneStatus.SHOWN:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not scene.is_fine)
            painter.drawImage(pane, self._drawn(scene.picture))
        beside = self._viewer.view(0)
        view = PaneView(PaneStatus.EMPTY, active=self._viewer.active == FOURTH, band=beside.band)
        room = pane.adjusted(M.patient_band if view.band else 0, 0, 0, 0)
        small = self.width() < SMALL_WIDTH or self.height() < SMALL_HEIGHT
        corner = corner_words(scene, self._viewer, small=small)
        corner_text.paint(painter, self._text, corner, room)
        if scene.status is SceneStatus.SHOWN:
            if scene.camera.letters is not None:
                lines = corner_text.lines_in_middle(self._text, corner, room, pane.center().x())
                orientation_letters.paint(painter, self._text, scene.camera.letters, room, pane, lines)
            if self._viewer.corner_text and room.width() >= _AXES_FROM_PX:
                volume_furniture.paint_axes(painter, self._text, scene.camera, room)
        else:
            volume_furniture.paint_message(painter, self._text, scene, pane)
        focused = self.hasFocus() and self._by_key
        pane_furniture.paint_edges(painter, view, pane, dropping=False, focused=focused)

    def _drawn(self, picture: NDArray[np.uint8]) -> QImage:
        if picture is not self._of:
            height, width = picture.shape[:2]
            self._of = np.ascontiguousarray(picture)
            self._image = QImage(self._of.data, width, height, width * 3, QImage.Format.Format_RGB888)
            self._of = picture
        return self._image

    # The reader's hand.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the volume."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._pressed is None:
            self._pressed, self._last, self._has_moved = event.button(), event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Left turns, or what the tool in hand does; middle moves; right shows more or less."""
        if self._pressed is None:
            return
        step = event.position() - self._last
        self._last = event.position()
        self._has_moved = self._has_moved or step.manhattanLength() > 0
        ratio, scene = self.devicePixelRatioF(), self._scene
        tool = self._viewer.tool
        if self._pressed is Qt.MouseButton.RightButton:
            scene.move_look(step.y() * _SHIFT_A_PX)
        elif self._pressed is Qt.MouseButton.MiddleButton or tool is Tool.PAN:
            scene.pan(step.x() * ratio, step.y() * ratio)
        elif tool is Tool.ZOOM:
            scene.enlarge(drag_zoom_factor(step.y()))
        else:
            scene.turn(step.x(), step.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go; a right click without a drag is the menu."""
        button, self._pressed = self._pressed, None
        if button is Qt.MouseButton.RightButton and not self._has_moved:
            self._open_menu(event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Maximise and back."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._viewer.toggle_maximised(FOURTH)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Nearer and further."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        self._scene.enlarge(wheel_zoom_factor(turned / _NOTCH))
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu by key; by mouse the release opens it, because a drag is no click."""
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            self._open_menu(self.mapToGlobal(self.rect().center()))
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Keys that turn the volume belong to it here, not to the slices."""
        is_asked = event.type() is QEvent.Type.ShortcutOverride
        if is_asked and isinstance(event, QKeyEvent) and self._acts(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows turn, with Shift they enlarge, with Ctrl they move; PgUp and PgDn show less and more."""
        act = self._acts(event)
        if act is None:
            super().keyPressEvent(event)
            return
        act()

    def _acts(self, event: QKeyEvent) -> Callable[[], None] | None:
        scene, key = self._scene, Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and scene.status is SceneStatus.FAILED:
            return scene.retry
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            return None
        if key is Qt.Key.Key_Home:
            return scene.reset
        if key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            return lambda: scene.move_look(_KEY_SHIFT if key is Qt.Key.Key_PageUp else -_KEY_SHIFT)
        if key not in _WAYS:
            return None
        across, down = _WAYS[key]
        if control:
            return lambda: scene.pan(across * _KEY_PAN_PX, down * _KEY_PAN_PX)
        if shift:
            return lambda: scene.enlarge(_KEY_ZOOM if across > 0 or down < 0 else 1 / _KEY_ZOOM)
        return lambda: scene.turn_degrees(across * _TURN_DEGREES, down * _TURN_DEGREES)

    def _open_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for look in self._scene.looks:
            action = menu.addAction(look.name)
            action.setCheckable(True)
            action.setChecked(look is self._scene.look)
            action.triggered.connect(lambda _=False, chosen=look: self._scene.use(chosen))
        menu.addSeparator()
        for side in SIDES:
            action = menu.addAction(f"From the {side}")
            action.triggered.connect(lambda _=False, chosen=side: self._scene.look_at(chosen))
        menu.addAction("Reset the view").triggered.connect(lambda _=False: self._scene.reset())
        menu.popup(at)

    # Being there.

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As large as the pane it lies over."""
        if watched is self._host and event.type() is QEvent.Type.Resize:
            self.setGeometry(self._host.rect())
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A picture for this size."""
        super().resizeEvent(event)
        self._tell_size()

    def showEvent(self, event: QShowEvent) -> None:
        """Somebody looks."""
        super().showEvent(event)
        self._tell_size()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody does: nothing is drawn."""
        super().hideEvent(event)
        self._pressed = None
        self._scene.set_size(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Having the focus is being active."""
        super().focusInEvent(event)
        self._by_key = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._viewer.set_active(FOURTH)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The ring goes."""
        super().focusOutEvent(event)
        self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A series may take this pane."""
        if series_drop.unpacked(event.mimeData()) is None:
            event.ignore()
        else:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Show the series instead."""
        found = series_drop.unpacked(event.mimeData())
        if found is None:
            event.ignore()
            return
        event.acceptProposedAction()
        self._host.seriesDropped.emit(*found)

    def _tell_size(self) -> None:
        if not self.isVisible():
            return
        ratio = self.devicePixelRatioF()
        self._scene.set_size((max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))))

    def _take_focus(self) -> None:
        if not self.isHidden():
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_scene(self) -> None:
        name = spoken(self._scene)
        if name != self.accessibleName():
            self.setAccessibleName(name)
        self.update()

    def _on_pane_changed(self, number: int) -> None:
        if number in (0, FOURTH):
            self.follow()


_WAYS: Final[Mapping[Qt.Key, tuple[int, int]]] = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
