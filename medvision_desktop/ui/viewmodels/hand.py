"""The reader's hand on one pane: what pressing, dragging and wheeling do with each tool.

Positions are (x, y) in device pixels from the pane's top left corner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from medvision_desktop.domain.display import RenderPlan, VoiWindow
from medvision_desktop.pixels import pipeline, viewport
from medvision_desktop.pixels.viewport import Viewport, ViewTransform
from medvision_desktop.ui.viewmodels import gestures, measure, pane_state, planes
from medvision_desktop.ui.viewmodels.brushwork import Brushwork
from medvision_desktop.ui.viewmodels.gestures import Pace, Position, Tool
from medvision_desktop.ui.viewmodels.history import Looks
from medvision_desktop.ui.viewmodels.mask_editor import PAINTS
from medvision_desktop.ui.viewmodels.pane_state import PaneState, Shown
from medvision_desktop.ui.viewmodels.pen import DRAWS, Pen
from medvision_desktop.ui.viewmodels.turning import Turn
from medvision_desktop.ui.viewmodels.viewer import ViewerModel

_LENS_PX = 260
_LENS_TIMES = 2.5


@dataclass(frozen=True, eq=False)
class Lens:
    """A square of the image enlarged: what is drawn in it, and the pane position of its middle."""

    plan: RenderPlan
    viewport: Viewport
    at: Position


@dataclass
class _Drag:
    """A drag under way: what there was when it began, and how far it has come."""

    tool: Tool
    origin: Position
    last: Position
    before: PaneState
    looks: Looks
    window: VoiWindow | None = None
    moved: tuple[float, float] = (0.0, 0.0)
    turn: Turn | None = None


class Hand:
    """One reader, one pane, one drag at a time."""

    def __init__(self, viewer: ViewerModel, pane: int) -> None:
        self._viewer = viewer
        self._pane = pane
        self._drag: _Drag | None = None
        self._wheel = 0.0
        self.pen = Pen(viewer, pane, lambda: self.transform)
        self.brush = Brushwork(viewer, pane, lambda: self.transform)

    @property
    def is_dragging(self) -> bool:
        """Whether a button is down."""
        return self._drag is not None

    @property
    def tool(self) -> Tool | None:
        """The tool of the drag under way."""
        return self._drag.tool if self._drag is not None else None

    def press(self, tool: Tool, at: Position) -> None:
        """A button goes down with a tool."""
        self._viewer.set_active(self._pane)
        shown = self._shown
        if shown is None or (tool in DRAWS and not shown.is_here):
            return
        state = self._viewer.panes[self._pane]
        drag = _Drag(tool, at, at, state, self._viewer.looks)
        drag.window = gestures.as_window(shown.plan.voi)
        self._drag = drag
        if tool in DRAWS:
            self.pen.press(tool, at)
        elif tool in PAINTS:
            self.brush.press(tool, at)
        elif tool is Tool.CROSSHAIR and self.grips(at):
            drag.turn = Turn(self._viewer, self._pane)
            self._turn(drag, at)
        elif tool is Tool.CROSSHAIR:
            self._point(at)

    def move(self, at: Position, pace: Pace = Pace.NORMAL) -> None:
        """The mouse moves with a button down."""
        drag = self._drag
        if drag is None:
            return
        dx, dy = at[0] - drag.last[0], at[1] - drag.last[1]
        drag.last = at
        drag.moved = (drag.moved[0] + dx * pace.value, drag.moved[1] + dy * pace.value)
        if drag.tool is Tool.WINDOW:
            self._window(drag)
        elif drag.tool is Tool.PAN:
            display = self._viewer.panes[self._pane].display
            self._viewer.set_display(self._pane, gestures.panned(display, dx, dy))
        elif drag.tool is Tool.ZOOM:
            self._zoom(gestures.drag_zoom_factor(dy / self._ratio), drag.origin)
        elif drag.tool is Tool.SCROLL:
            self._scroll(drag)
        elif drag.tool in DRAWS:
            self.pen.move(at)
        elif drag.tool in PAINTS:
            self.brush.move(at)
        elif drag.turn is not None:
            self._turn(drag, at)
        elif drag.tool is Tool.CROSSHAIR:
            self._point(at)

    def release(self) -> None:
        """The button goes up."""
        drag, self._drag = self._drag, None
        if drag is None:
            return
        if drag.tool in DRAWS:
            self.pen.release(drag.tool, drag.last)
        elif drag.tool in PAINTS:
            self.brush.release()
        elif drag.turn is not None:
            drag.turn.end()
        else:
            self._viewer.looked(drag.looks)

    def hover(self, at: Position) -> None:
        """The mouse moves without a button: a drawing of several steps follows it."""
        self.brush.hover(at)
        if self.pen.is_drawing:
            self.pen.move(at)

    def cancel(self) -> bool:
        """Escape: back to what there was when the button went down; False when nothing was dragged."""
        drag, self._drag = self._drag, None
        if self.pen.cancel() or self.brush.cancel():
            return True
        if drag is None:
            return False
        if drag.turn is not None:
            drag.turn.cancel()
        elif drag.before.shown is not None:
            self._viewer.set_index(self._pane, drag.before.shown.index)
            self._viewer.set_display(self._pane, drag.before.display)
        return True

    def wheel(self, notches: float, at: Position, *, zoom: bool) -> None:
        """The wheel turns, away from the reader counting up: images, or zoom about the cursor."""
        self._viewer.set_active(self._pane)
        shown = self._shown
        if shown is None:
            return
        if zoom:
            before = self._viewer.looks
            self._zoom(gestures.wheel_zoom_factor(notches), at)
            self._viewer.looked(before, run=f"wheel {self._pane}")
            return
        self._wheel -= notches
        steps = int(self._wheel)
        if steps:
            self._wheel -= steps
            self._viewer.set_index(self._pane, shown.index + steps)

    def slide(self, fraction: float) -> None:
        """The thumb of the slice rail is at a fraction of its way, 0 at the first image."""
        self._viewer.set_active(self._pane)
        shown = self._shown
        if shown is not None:
            self._viewer.set_index(self._pane, round(fraction * (shown.count - 1)))

    def grips(self, at: Position) -> bool:
        """Whether the crosshair in hand takes hold of a line here, to turn planes by it."""
        if self._viewer.tool is not Tool.CROSSHAIR:
            return False
        return planes.grip_at(self._viewer.crosshair(self._pane), at, self._ratio)

    def probe(self, at: Position) -> tuple[str, ...]:
        """What the pixel under the cursor holds; nothing outside the image."""
        shown, view = self._shown, self.transform
        if shown is None or view is None or not shown.is_here:
            return ()
        pixel = view.pixel_at(*at)
        found = pipeline.probe(shown.plan, *pixel) if pixel is not None else None
        return measure.probe_lines(found) if found is not None else ()

    def lens(self, at: Position) -> Lens | None:
        """The image around a position, enlarged, with that position in the middle."""
        shown, view = self._shown, self.transform
        if shown is None or view is None or not shown.is_here or view.pixel_at(*at) is None:
            return None
        side = round(_LENS_PX * self._ratio)
        turn = self._viewer.panes[self._pane].display.turn
        zoom = min(viewport.MAX_ZOOM, _LENS_TIMES * view.scale)
        port = Viewport(side, side, zoom, turn=turn)
        x, y = viewport.transform(shown.frame, port).to_screen(*view.to_source(*at))
        return Lens(shown.plan, replace(port, pan=(side / 2 - x, side / 2 - y)), at)

    @property
    def transform(self) -> ViewTransform | None:
        """Source to screen for what the pane shows now."""
        shown = self._shown
        if shown is None:
            return None
        state = self._viewer.panes[self._pane]
        port = gestures.viewport_of(state.display, self._viewer.size_of(self._pane))
        return viewport.transform(shown.frame, port)

    @property
    def _shown(self) -> Shown | None:
        return self._viewer.panes[self._pane].shown

    @property
    def _ratio(self) -> float:
        return self._viewer.ratio_of(self._pane)

    def _window(self, drag: _Drag) -> None:
        shown = self._shown
        if shown is None or drag.window is None:
            return
        dx, dy = drag.moved[0] / self._ratio, drag.moved[1] / self._ratio
        if self._viewer.drag_swapped:
            dx, dy = dy, dx
        window = gestures.dragged_window(drag.window, dx, dy, span=pane_state.value_span(shown))
        state = self._viewer.panes[self._pane]
        self._viewer.set_display(self._pane, replace(state.display, voi=window))

    def _zoom(self, factor: float, at: Position) -> None:
        shown, state = self._shown, self._viewer.panes[self._pane]
        if shown is not None:
            size = self._viewer.size_of(self._pane)
            self._viewer.set_display(
                self._pane, gestures.zoomed(state.display, shown.frame, size, factor, at)
            )

    def _scroll(self, drag: _Drag) -> None:
        shown, started = self._shown, drag.before.shown
        if shown is None or started is None:
            return
        height = self._viewer.size_of(self._pane)[1] / self._ratio
        per_image = gestures.scroll_px_per_image(shown.count, int(height))
        self._viewer.set_index(self._pane, started.index + round(drag.moved[1] / self._ratio / per_image))

    def _turn(self, drag: _Drag, at: Position) -> None:
        view = self.transform
        if drag.turn is not None and view is not None:
            drag.turn.move(*view.to_source(*at))

    def _point(self, at: Position) -> None:
        shown, view = self._shown, self.transform
        if shown is None or view is None:
            return
        row, column = view.to_source(*at)
        if shown.planes is not None:
            self._viewer.set_point(shown.planes.point_lps_mm(shown.index, row, column))
        elif shown.frame.geometry is not None:
            self._viewer.point_at(self._pane, shown.frame.geometry.point_lps_mm(row, column))
