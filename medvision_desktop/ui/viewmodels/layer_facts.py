"""What there is to know of label maps and takes time to find out: volumes, values inside, rail marks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.image import Volume
from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.pixels.label_statistics import LabelStatistics, statistics_of, volumes_of
from medvision_desktop.pixels.labels import LabelPlaces, places_of
from medvision_desktop.ui.viewmodels.layers import LayersModel
from medvision_desktop.ui.viewmodels.pane_state import Shown
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

# Copying more than this takes longer than the beginning of a stroke should.
_LARGE: Final = 16 << 20

Facts = dict[int, LabelStatistics]


@dataclass(frozen=True, eq=False)
class _Counted:
    """What one count came to. `spare`: a copy of a large map's voxels for the next stroke."""

    layer: LabelMap
    facts: Facts
    places: LabelPlaces | None
    spare: NDArray[np.uint8] | None


class LayerFacts(QObject):
    """Counts each label map once for every state it is in. `known(uid)`: its numbers are there."""

    known = Signal(str)

    def __init__(self, lanes: Lanes, viewer: ViewerModel) -> None:
        super().__init__()
        self._lanes, self._viewer, self._layers = lanes, viewer, viewer.layers
        self._asked: dict[str, tuple[LabelMap, Volume | None]] = {}
        self._found: dict[str, Facts] = {}
        viewer.layers.changed.connect(self._look)
        viewer.activeChanged.connect(self._look)

    @property
    def layers(self) -> LayersModel:
        """What is counted."""
        return self._layers

    def of(self, uid: str) -> Facts | None:
        """Statistics by label number; None while they are not known."""
        return self._found.get(uid)

    def _look(self) -> None:
        """Count what is new. Nothing is counted while a stroke is under way."""
        shown = self._viewer.active_pane.shown
        if shown is None or self._viewer.masks.is_painting:
            return
        for entry in self._layers.over(shown.loaded):
            if isinstance(entry.layer, LabelMap):
                self._count(entry.layer, shown)

    def _count(self, layer: LabelMap, shown: Shown) -> None:
        asked = (layer, shown.loaded.volume)
        before = self._asked.get(layer.uid)
        same = before is not None and before[0].values_kji is layer.values_kji
        if before is not None and same and before[1] is asked[1] and before[0].segments == layer.segments:
            return
        self._asked[layer.uid] = asked

        in_work = layer.uid == self._viewer.masks.uid and layer.values_kji.nbytes > _LARGE

        def work(_progress: ProgressSink, cancel: CancelToken) -> _Counted:
            volume = asked[1]
            spare = layer.values_kji.copy() if in_work else None
            facts = volumes_of(layer) if volume is None else statistics_of(layer, volume, cancel)
            cancel.check()
            return _Counted(layer, facts, None if same else places_of(layer.values_kji), spare)

        self._lanes.io.submit(
            work,
            done=partial(self._keep, layer.uid),
            failed=partial(self._failed, layer.uid),
            key=f"layer facts {layer.uid}" if same else f"layer places {layer.uid}",
        )

    def _keep(self, uid: str, found: _Counted) -> None:
        self._found[uid] = found.facts
        if found.spare is not None:
            self._viewer.masks.offer_copy(found.layer.values_kji, found.spare)
        if found.places is not None:
            self._layers.show_places(uid, found.places)
        self.known.emit(uid)

    def _failed(self, uid: str, _error: Exception) -> None:
        """Numbers that cannot be found are not shown; the map itself is."""
        self._found.pop(uid, None)
        self.known.emit(uid)
