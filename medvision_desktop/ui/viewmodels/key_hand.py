"""The tool in hand worked by keys: what a drag of a few pixels does, or a cursor that keys move."""

from __future__ import annotations

from typing import Final

from medvision_desktop.ui.viewmodels.gestures import Position, Tool
from medvision_desktop.ui.viewmodels.hand import Hand
from medvision_desktop.ui.viewmodels.viewer import ViewerModel

# How far one key press goes, in logical pixels, and how many images one press that goes far steps.
_STEP_PX: Final = 8.0
_POINTING: Final = frozenset({Tool.PROBE, Tool.MAGNIFIER, Tool.CROSSHAIR})
_DRAGGING: Final = frozenset({Tool.WINDOW, Tool.PAN, Tool.ZOOM})


class KeyHand:
    """The keys' hand on one pane; `at` is where its cursor stands, in device pixels."""

    def __init__(self, viewer: ViewerModel, pane: int, hand: Hand) -> None:
        self._viewer, self._pane, self._hand = viewer, pane, hand
        self._at: Position | None = None

    @property
    def at(self) -> Position:
        """Where the cursor of the keys is: in the middle of the pane until they move it."""
        width, height = self._viewer.size_of(self._pane)
        x, y = self._at or (width / 2, height / 2)
        return (min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0))

    def move(self, right: int, down: int) -> bool:
        """Use the tool in hand by so many steps; False for tools that are drawn with or painted with."""
        tool = self._viewer.tool
        shown = self._viewer.panes[self._pane].shown
        if shown is None or self._hand.is_dragging:
            return False
        if tool is Tool.SCROLL:
            self._viewer.set_index(self._pane, shown.index + down + right)
            return True
        step = _STEP_PX * self._viewer.ratio_of(self._pane)
        start = self.at
        end = (start[0] + right * step, start[1] + down * step)
        if tool in _DRAGGING:
            self._hand.press(tool, start)
            self._hand.move(end)
            self._hand.release()
        elif tool in _POINTING:
            self._at = end
            self._at = self.at
            if tool is Tool.CROSSHAIR:
                self._hand.press(tool, self._at)
                self._hand.release()
        return tool in _DRAGGING | _POINTING
