"""Which label map the rendered volume shows: the topmost one that is on over the series on stage."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer

from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.services.volume_view import LabelsShown
from medvision_desktop.ui.viewmodels.layer_style import LayerStyle
from medvision_desktop.ui.viewmodels.layers import LayerEntry
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.viewmodels.volume_scene import VolumeScene

# Rendering is dear: a slider or a stroke is shown once it rests.
_AFTER_MS: Final = 300


class VolumeLabels(QObject):
    """Follows the layers; nothing is rendered while a stroke is under way."""

    def __init__(self, viewer: ViewerModel, scene: VolumeScene) -> None:
        super().__init__()
        self._viewer, self._scene = viewer, scene
        self._shown: tuple[LabelMap, LayerStyle] | None = None
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
        entry = self._topmost()
        layer = entry.layer if entry is not None else None
        if entry is None or not isinstance(layer, LabelMap):
            if self._shown is not None:
                self._scene.show_labels(None)
            self._shown = None
            return
        if self._shown is not None and self._shown[0] is layer and self._shown[1] == entry.style:
            return
        self._shown = (layer, entry.style)
        given = next(one for one in self._viewer.layers.label_maps_of((entry,)) if one.uid == layer.uid)
        opacities = {one.number: entry.style.opacity for one in given.segments}
        self._scene.show_labels(LabelsShown(given, opacities))

    def _topmost(self) -> LayerEntry | None:
        for number in self._viewer.visible:
            shown = self._viewer.panes[number].shown
            if shown is None or shown.planes is None:
                continue
            over = self._viewer.layers.over(shown.loaded)
            return next(
                (
                    entry
                    for entry in reversed(over)
                    if entry.style.visible and self._viewer.layers.label_maps_of((entry,))
                ),
                None,
            )
        return None
