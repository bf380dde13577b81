"""What the actions of volumes do that are made or rendered on request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from medvision_desktop.ui.panes.volume_pane import FOURTH
from medvision_desktop.ui.viewmodels.layouts import MPR
from medvision_desktop.ui.viewmodels.pane_state import PaneState, PaneStatus
from medvision_desktop.ui.viewmodels.volume_camera import SIDES

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom

_STEP: Final = 0.05


class VolumeCommands:
    """Its table is a part of the commands' table."""

    def __init__(self, room: ReadingRoom) -> None:
        self._room = room
        scene = room.volume_scene
        self.table: Mapping[str, Callable[[], object]] = {
            "planes.resample": room.regridder.resample,
            "volume.show": self._show,
            "volume.next_look": scene.next_look,
            "volume.reset": scene.reset,
            **{f"volume.{side}": partial(scene.look_at, side) for side in SIDES if side != "front"},
            "volume.more": partial(scene.move_look, -_STEP),
            "volume.less": partial(scene.move_look, _STEP),
        }

    def _show(self) -> None:
        """Into the layout of planes, to the volume in its fourth pane; there, over the grid and back."""
        viewer = self._room.viewer
        if viewer.layout.name != MPR and not viewer.set_layout(MPR):
            return
        if viewer.panes[FOURTH].status is not PaneStatus.EMPTY:
            viewer.put_panes({FOURTH: PaneState()})
        if viewer.active == FOURTH:
            viewer.toggle_maximised(FOURTH)
        viewer.set_active(FOURTH)
        self._room.volume_pane.setFocus()
