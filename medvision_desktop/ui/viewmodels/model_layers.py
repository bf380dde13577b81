"""Label maps that models drew, as layers: of each series the one of the run that the panel shows."""

from __future__ import annotations

from dataclasses import replace

from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.ui.viewmodels.layers import LayersModel


class ModelLayers:
    """Puts the newest label map on the list of layers and takes the one before it off."""

    def __init__(self, layers: LayersModel) -> None:
        self._layers = layers
        self._shown: dict[tuple[str, str], str] = {}

    def show_label(self, study_key: str, series_uid: str, label: str, visible: bool) -> None:
        """Draw a label of the shown map, or leave it out."""
        entry = self._layers.entry(self._shown.get((study_key, series_uid), ""))
        if entry is None or not isinstance(entry.layer, LabelMap):
            return
        style = entry.style
        for segment in entry.layer.segments:
            own = style.segments.get(segment.number)
            if segment.label == label and own is not None:
                style = style.with_segment(segment.number, replace(own, visible=visible))
        self._layers.set_style(entry.uid, style)

    def show(self, study_key: str, series_uid: str, layer: LabelMap | None) -> None:
        """What the shown run drew over a series; None where it drew nothing."""
        place = (study_key, series_uid)
        before = self._shown.get(place, "")
        if layer is not None and layer.uid == before and self._layers.entry(before) is not None:
            return
        if before:
            self._layers.take(before)
            del self._shown[place]
        if layer is not None:
            self._layers.put(study_key, layer, series_uid=series_uid)
            self._shown[place] = layer.uid
