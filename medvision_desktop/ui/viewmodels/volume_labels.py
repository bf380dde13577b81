"""Which label maps the rendered volume shows: those that are on over the series on stage."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer

from medvision_desktop.domain.labelmap import VoxelLayer
from medvision_desktop.services.volume_view import LabelsShown
from medvision_desktop.ui.viewmodels.layer_style import LayerStyle
from medvision_desktop.ui.viewmodels.layers import LayerEntry
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.viewmodels.volume_scene import VolumeScene

# Rendering is dear: a slider or a stroke is shown once it rests.
_AFTER_MS: Final = 300

_Shown = tuple[tuple[VoxelLayer, LayerStyle], ...]


class VolumeLabels(QObject):
    """Follows the layers; nothing is rendered while a stroke is under way."""

    def __init__(self, viewer: ViewerModel, scene: VolumeScene) -> None:
        super().__init__()
        self._viewer, self._scene = viewer, scene
        self._shown: _Shown | None = ()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_AFTER_MS)
        self._soon.timeout.connect(self._show)
        viewer.layers.changed.connect(self._soon.start)
        viewer.loaded.connect(lambda _pane, _loaded: self._again())
        viewer.layoutChanged.connect(self._again)

    def stop(self) -> None:
        """Nothing is shown any more: the room closes."""
        self._soon.stop()

    def _again(self) -> None:
        """Another volume may be on stage, and it knows of no labels yet."""
        self._shown = None
        self._soon.start()

    def _show(self) -> None:
        if self._viewer.masks.is_painting:
            self._soon.start()
            return
        entries = self._entries()
        now = tuple((entry.layer, entry.style) for entry in entries)
        if self._shown is not None and _same(self._shown, now):
            return
        self._shown = now
        opacities = {entry.uid: entry.style.opacity for entry in entries}
        self._scene.show_labels(
            tuple(
                LabelsShown(given, {one.number: opacities[given.uid] for one in given.segments})
                for given in self._viewer.layers.label_maps_of(entries)
            )
        )

    def _entries(self) -> tuple[LayerEntry, ...]:
        """The label maps that are on over the volume on stage, the lowest first."""
        for number in self._viewer.visible:
            shown = self._viewer.panes[number].shown
            if shown is None or shown.planes is None:
                continue
            over = self._viewer.layers.over(shown.loaded)
            return tuple(entry for entry in over if self._viewer.layers.label_maps_of((entry,)))
        return ()


def _same(before: _Shown, now: _Shown) -> bool:
    """Whether these are the very same layers, in the same style: layers are not compared by value."""
    return len(before) == len(now) and all(
        one is other and style == looked for (one, style), (other, looked) in zip(before, now, strict=True)
    )
