"""What there is to know of label maps and takes time to find out: volumes, values inside, rail marks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

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

Facts = dict[int, LabelStatistics]


@dataclass(frozen=True, eq=False)
class _Counted:
    """What one count came to."""

    facts: Facts | None
    places: LabelPlaces | None


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
        shown = self._viewer.layered_pane.shown
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

        def work(_progress: ProgressSink, cancel: CancelToken) -> _Counted:
            volume = asked[1]
            facts: Facts | None = None  # pixels of images without a place have no volume
            if not layer.images:
                facts = volumes_of(layer) if volume is None else statistics_of(layer, volume, cancel)
            cancel.check()
            return _Counted(facts, None if same else places_of(layer.values_kji))

        self._lanes.io.submit(
            work,
            done=partial(self._keep, layer.uid),
            failed=partial(self._failed, layer.uid),
            key=f"layer facts {layer.uid}" if same else f"layer places {layer.uid}",
        )

    def _keep(self, uid: str, found: _Counted) -> None:
        if found.facts is not None:
            self._found[uid] = found.facts
        if found.places is not None:
            self._layers.show_places(uid, found.places)
        self.known.emit(uid)

    def _failed(self, uid: str, _error: Exception) -> None:
        """Numbers that cannot be found are not shown; the map itself is."""
        self._found.pop(uid, None)
        self.known.emit(uid)
