"""The reader's brush on one pane: mouse positions and keys become strokes on a label map.

Positions are (x, y) in device pixels from the pane's top left corner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medvision_desktop.pixels.viewport import ViewTransform
from medvision_desktop.ui.viewmodels.gestures import Position, Tool
from medvision_desktop.ui.viewmodels.layer_rail import picture_of
from medvision_desktop.ui.viewmodels.mask_editor import PAINTS
from medvision_desktop.ui.viewmodels.viewer import ViewerModel


@dataclass(frozen=True)
class Ring:
    """The edge of the brush on screen: its middle and its two radii in device pixels."""

    at: Position
    across: float
    down: float


class Brushwork:
    """`transform` gives source to screen for what the pane shows now; None without an image."""

    def __init__(
        self, viewer: ViewerModel, pane: int, transform: Callable[[], ViewTransform | None]
    ) -> None:
        self._viewer, self._pane = viewer, pane
        self._transform = transform
        self._at: Position | None = None

    def press(self, tool: Tool, at: Position) -> None:
        """The button goes down."""
        view, shown = self._transform(), self._viewer.panes[self._pane].shown
        self._at = at
        if view is not None and shown is not None:
            self._viewer.masks.press(shown, tool, *view.to_source(*at))

    def move(self, at: Position) -> None:
        """The mouse moves with the button down."""
        view = self._transform()
        self._at = at
        if view is not None:
            self._viewer.masks.move(*view.to_source(*at))

    def release(self) -> None:
        """The button goes up."""
        self._viewer.masks.release()

    def cancel(self) -> bool:
        """Escape: the stroke was never there; False where there is none."""
        return self._viewer.masks.cancel()

    def hover(self, at: Position | None) -> None:
        """The mouse is here without a button, or gone."""
        self._at = at

    def step(self, right: float, down: float) -> bool:
        """By key: the brush moves by pixels of the screen, from the middle of the pane at first."""
        if self._viewer.tool not in PAINTS:
            return False
        width, height = self._viewer.size_of(self._pane)
        x, y = self._at or (width / 2, height / 2)
        self._at = (min(max(0.0, x + right), width), min(max(0.0, y + down), height))
        return True

    def dab(self) -> bool:
        """By key: one touch of the brush where it is."""
        if self._viewer.tool not in PAINTS or not self.step(0, 0) or self._at is None:
            return False
        self.press(self._viewer.tool, self._at)
        self.release()
        return True

    @property
    def ring(self) -> Ring | None:
        """Where the edge of the brush is drawn; None for filling, which has none."""
        tool = self._viewer.tool
        if self._at is None or tool not in PAINTS or tool is Tool.FILL:
            return None
        view, shown = self._transform(), self._viewer.panes[self._pane].shown
        picture = picture_of(shown) if shown is not None else None
        if view is None or picture is None:
            return None
        radius = self._viewer.masks.radius_mm
        down, right = _length(picture.down_mm), _length(picture.right_mm)
        across, up = radius / right * view.scale_column, radius / down * view.scale_row
        return Ring(self._at, *((up, across) if view.turn.quarters % 2 else (across, up)))


def _length(step: tuple[float, float, float]) -> float:
    return float(sum(value * value for value in step) ** 0.5)
