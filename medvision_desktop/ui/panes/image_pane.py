"""One pane: a canvas, the reader's hand on it, and the viewer's state behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from medvision_desktop.domain.display import OverlayState
from medvision_desktop.ui.viewmodels import phases, words
from medvision_desktop.ui.viewmodels.gestures import Pace, Position, Tool
from medvision_desktop.ui.viewmodels.hand import Hand
from medvision_desktop.ui.viewmodels.key_hand import KeyHand
from medvision_desktop.ui.viewmodels.mask_editor import PAINTS
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.pane_view import PaneView
from medvision_desktop.ui.viewmodels.pen import DRAWS
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets import color_bar
from medvision_desktop.ui.widgets.color_bar import ColorBar
from medvision_desktop.ui.widgets.image_canvas import ImageCanvas
from medvision_desktop.ui.widgets.screens import screen_name
from medvision_desktop.ui.widgets.words_field import WordsField

_CURSORS: Final = {
    Tool.WINDOW: Qt.CursorShape.ArrowCursor,
    Tool.PAN: Qt.CursorShape.OpenHandCursor,
    Tool.ZOOM: Qt.CursorShape.SizeVerCursor,
    Tool.SCROLL: Qt.CursorShape.SizeVerCursor,
    Tool.MAGNIFIER: Qt.CursorShape.CrossCursor,
    Tool.PROBE: Qt.CursorShape.CrossCursor,
    **dict.fromkeys(DRAWS, Qt.CursorShape.CrossCursor),
    Tool.CROSSHAIR: Qt.CursorShape.CrossCursor,
    **dict.fromkeys(PAINTS, Qt.CursorShape.CrossCursor),
}
_ARROWS: Final = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
# The card stands above the lines of the lower corners.
_CORNER_ROOM: Final = 190
_CARD_FROM_BOTTOM: Final = 63
_CARD_FROM_BOTTOM_NARROW: Final = 71


class ImagePane(QWidget):
    """Passes gestures on and shows what comes back. `seriesDropped(study key, series uid)`."""

    seriesDropped = Signal(str, str)

    def __init__(self, viewer: ViewerModel, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._number = number
        self._hand = Hand(viewer, number)
        self._keys = KeyHand(viewer, number, self._hand)
        self._cursor: Qt.CursorShape | None = None
        self.canvas = ImageCanvas(self)
        self.card = ColorBar(self)
        self.words = WordsField(self)
        self.words.answered.connect(self._on_words)
        self.setFocusProxy(self.canvas)
        canvas = self.canvas
        canvas.sized.connect(self._on_sized)
        canvas.pressed.connect(self._on_pressed)
        canvas.moved.connect(self._on_moved)
        canvas.released.connect(self._on_released)
        canvas.hovered.connect(self._on_hovered)
        canvas.left.connect(self._on_left)
        canvas.wheeled.connect(self._on_wheeled)
        canvas.slid.connect(self._hand.slide)
        canvas.doubleClicked.connect(self._on_double_clicked)
        canvas.focused.connect(self._on_focused)
        canvas.seriesDropped.connect(self.seriesDropped)
        self.card.changed.connect(self._on_card_changed)
        viewer.paneChanged.connect(self._on_pane_changed)
        viewer.masks.changed.connect(self._show_ring)
        viewer.calibration.changed.connect(self._drive)
        self._drive()
        viewer.handMoved.connect(self._on_hand_moved)
        self.refresh()

    def refresh(self) -> None:
        """Show what the viewer holds for this pane."""
        view = self._viewer.view(self._number)
        self.canvas.show_view(view)
        self._point_with(_CURSORS[self._viewer.tool])
        self._show_ring()
        self._show_card(view)
        name = _spoken(self._number, view)
        if name != self.canvas.accessibleName():
            self.canvas.setAccessibleName(name)

    def _point_with(self, cursor: Qt.CursorShape) -> None:
        if cursor is not self._cursor:
            self._cursor = cursor
            self.canvas.setCursor(cursor)

    def _drive(self) -> None:
        self.canvas.set_correction(self._viewer.calibration.table(screen_name(self)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The canvas fills the pane."""
        super().resizeEvent(event)
        self.canvas.setGeometry(self.rect())
        self._place_card()

    def event(self, event: QEvent) -> bool:
        """With a brush in hand Alt and the arrows move the brush, not points of measurements.

        On another screen grey levels may be driven otherwise.
        """
        if event.type() in (QEvent.Type.ScreenChangeInternal, QEvent.Type.Show):
            self._drive()
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
            if alt and event.key() in _ARROWS and self._viewer.tool in PAINTS:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape stops a drag; Return ends a polygon, or draws in the middle of the pane."""
        if event.key() == Qt.Key.Key_Escape:
            self.canvas.show_lens(None)
            self.canvas.show_probe(())
            if self._hand.cancel():
                return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._draw_by_key():
            return
        if self._brush_by_key(event):
            return
        super().keyPressEvent(event)

    def _brush_by_key(self, event: QKeyEvent) -> bool:
        """Return is one touch of the brush; with Alt the arrows move it, with Shift too by ten pixels."""
        brush = self._hand.brush
        done = False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            done = brush.dab()
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in _ARROWS:
            far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            right, down = _ARROWS[Qt.Key(event.key())]
            done = brush.step(right * far, down * far)
        if done:
            self._show_ring()
        return done

    def _show_ring(self) -> None:
        """The brush where it is, as large as it is; none with another tool in hand."""
        self.canvas.show_ring(self._hand.brush.ring)

    def _on_pane_changed(self, number: int) -> None:
        if number == self._number:
            if self._viewer.tool is not Tool.MAGNIFIER:
                self.canvas.show_lens(None)
            self.refresh()

    def _on_hand_moved(self, number: int, right: int, down: int) -> None:
        """Keys use the tool in hand here; what it points at is shown where they point."""
        if number != self._number or not self._keys.move(right, down):
            return
        at, tool = self._keys.at, self._viewer.tool
        if tool is Tool.PROBE:
            self.canvas.show_probe(self._hand.probe(at), at)
        elif tool is Tool.MAGNIFIER:
            self.canvas.show_lens(self._hand.lens(at))

    def _on_sized(self, width: int, height: int, ratio: float) -> None:
        self._viewer.set_size(self._number, width, height, ratio)

    def _on_pressed(self, button: Qt.MouseButton, at: Position) -> None:
        tools = {
            Qt.MouseButton.LeftButton: self._viewer.tool,
            Qt.MouseButton.MiddleButton: Tool.PAN,
            Qt.MouseButton.RightButton: Tool.WINDOW,
        }
        tool = tools.get(button)
        if tool is None or self._hand.is_dragging:
            return
        self.canvas.show_probe(self._hand.probe(at) if tool is Tool.PROBE else ())
        self._hand.press(tool, at)
        if tool is Tool.MAGNIFIER:
            self.canvas.show_lens(self._hand.lens(at))

    def _on_moved(self, at: Position, modifiers: Qt.KeyboardModifier) -> None:
        pace = Pace.NORMAL
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            pace = Pace.FINE
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            pace = Pace.COARSE
        self._hand.move(at, pace)
        self._show_ring()
        if self._hand.tool is Tool.PROBE:
            self.canvas.show_probe(self._hand.probe(at))
        elif self._hand.tool is Tool.MAGNIFIER:
            self.canvas.show_lens(self._hand.lens(at))

    def _on_released(self) -> None:
        self._hand.release()
        self.canvas.show_lens(None)
        self._ask_words()

    def _on_hovered(self, at: Position) -> None:
        self._hand.hover(at)
        self._show_ring()
        if self._viewer.tool is Tool.CROSSHAIR:
            grips = self._hand.grips(at)
            self._point_with(Qt.CursorShape.OpenHandCursor if grips else _CURSORS[Tool.CROSSHAIR])
        self.canvas.show_probe(self._hand.probe(at) if self._viewer.tool is Tool.PROBE else ())

    def _on_left(self) -> None:
        self._hand.brush.hover(None)
        self.canvas.show_ring(None)
        self.canvas.show_probe(())

    def _on_wheeled(self, notches: float, at: Position, modifiers: Qt.KeyboardModifier) -> None:
        if self._viewer.tool in PAINTS and modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._viewer.masks.grow(notches)
            self._show_ring()
            return
        if modifiers & Qt.KeyboardModifier.ShiftModifier and phases.of(self._viewer.panes[self._number]):
            self._viewer.set_active(self._number)
            phases.step(self._viewer, -1 if notches > 0 else 1)
            return
        zoom = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        self._hand.wheel(notches, at, zoom=zoom)

    def _on_double_clicked(self) -> None:
        if self._viewer.tool in PAINTS or self._hand.pen.close():
            return
        self._hand.cancel()
        self._viewer.toggle_maximised(self._number)

    def _draw_by_key(self) -> bool:
        pen, tool = self._hand.pen, self._viewer.tool
        if self._hand.is_dragging or tool not in DRAWS:
            return False
        done = pen.close() if pen.is_drawing else pen.place(tool)
        self._ask_words()
        return done

    def _ask_words(self) -> None:
        """An arrow or a text wants words: a field beside it takes them."""
        asked, view = self._hand.pen.asking, self._hand.transform
        if asked is None or view is None:
            return
        x, y = view.to_screen(*asked.points[-1])
        ratio = self.devicePixelRatioF()
        self.words.ask(QPoint(round(x / ratio) + 8, round(y / ratio) + 8))

    def _on_words(self, words: str | None) -> None:
        self._hand.pen.answer(words)
        self.canvas.setFocus()

    def _on_focused(self) -> None:
        self._viewer.set_active(self._number)

    def _on_card_changed(self, state: OverlayState) -> None:
        overlay = self._viewer.overlay
        fresh = replace(overlay, threshold=state.threshold, opacity=state.opacity)
        self._viewer.set_overlay(fresh)

    def _show_card(self, view: PaneView) -> None:
        shown = view.attention is not None
        if view.attention is not None:
            named = words.map_name(view.attention.heat.method)
            self.card.show_state(view.attention.label, view.overlay, named)
            self._place_card()
        self.card.setVisible(shown)

    def _place_card(self) -> None:
        width, height = self.width(), self.height()
        narrow = width < self.card.width() + 2 * _CORNER_ROOM
        above = _CARD_FROM_BOTTOM_NARROW if narrow else _CARD_FROM_BOTTOM
        at = QPoint((width - self.card.width()) // 2, height - above - self.card.height())
        self.card.move(at)
        fits = height >= 4 * color_bar.SIZE.height() and width >= color_bar.SIZE.width()
        self.card.setEnabled(fits)


def _spoken(number: int, view: PaneView) -> str:
    """What a screen reader says of the pane: never the patient's name."""
    head = f"Image pane {number + 1}"
    if view.status is PaneStatus.REFUSED and view.refusal is not None:
        return f"{head}, {view.refusal.what}"
    if view.plan is None:
        return f"{head}, {view.status.value}"
    lines = [line.text for line in (*view.corner.bottom_left, *view.corner.bottom_right)]
    return ", ".join([head, *lines])
