"""Label maps that models drew, as layers: of each series the one of the run that the panel shows."""

from __future__ import annotations

from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.ui.viewmodels.layers import LayersModel


class ModelLayers:
    """Puts the newest label map on the list of layers and takes the one before it off."""

    def __init__(self, layers: LayersModel) -> None:
        self._layers = layers
        self._shown: dict[tuple[str, str], str] = {}

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
