"""How layers are introduced to the rest of the room. Nothing here decides anything."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef
from medvision_desktop.services import layers
from medvision_desktop.ui.viewmodels.layer_memory import LayerMemory
from medvision_desktop.ui.viewmodels.volume_labels import VolumeLabels

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom


class LayerWiring(QObject):
    """`takes` and `takes_dropped` say whether a series was a layer, which is then shown over its images."""

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__()
        self._room = room
        commands = room.commands.layers
        files, panel = room.layer_files, room.layers_panel
        files.imagesWanted.connect(room.hanging.open)
        files.shown.connect(commands.show_panel)
        room.viewer.masks.told.connect(partial(room.notifier.toast, kind="info"))
        room.mask_record.recorded.connect(room.desk.follow)
        room.worklist_pane.layerWanted.connect(self._lay)
        panel.wanted.connect(room.commands.perform)
        panel.closeWanted.connect(partial(room.commands.perform, "dock.layers"))
        panel.renameWanted.connect(commands.rename)
        panel.removeWanted.connect(room.mask_record.remove)
        self._volume_labels = VolumeLabels(room.viewer, room.volume_scene)
        self._memory = LayerMemory(room.bench, room.lanes, room.viewer.layers)

    def stop(self) -> None:
        """Nothing more is shown: the room closes."""
        self._volume_labels.stop()
        self._memory.stop()

    def takes(self, study: StudyRef, series: SeriesRef) -> bool:
        """Show a layer over its images; False for images, and for a layer whose images are not here."""
        if not series.is_layer:
            return False
        room = self._room
        room.window.pages.setCurrentWidget(room.grid)
        return room.layer_files.show(study, series)

    def takes_dropped(self, pane: int, study: StudyRef, series: SeriesRef) -> bool:
        """The same on one pane, which gets the images when it shows others."""
        sources = layers.sources_of(series, study) if series.is_layer else ()
        if not sources:
            return False
        here = self._room.viewer.panes[pane].series
        if here is None or here.uid not in {one.uid for one in sources}:
            self._room.viewer.open(study, sources[0], pane=pane)
        self._room.viewer.set_active(pane)
        return self.takes(study, series)

    def _lay(self, study_key: str, series_uid: str) -> None:
        """Show a file of the worklist as a layer: over its own images, else over the active pane's."""
        row = self._room.worklist.row(study_key)
        series = next((one for one in row.study.series if one.uid == series_uid), None) if row else None
        if row is None or series is None or self.takes(row.study, series):
            return
        if series.is_layer or series.kind is SourceKind.NIFTI:
            self._room.layer_files.lay(series)
        else:
            self._room.notifier.toast("These are images", "Only labels and maps lie over images.", "info")
