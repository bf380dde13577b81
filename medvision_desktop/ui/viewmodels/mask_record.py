"""A reader's label maps to and from the record, on its own lane: saved the moment a stroke ends."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin
from medvision_desktop.services import masks
from medvision_desktop.services.masks import RecordedMask
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels.layers import LayerEntry, LayersModel
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench


class MaskRecord(QObject):
    """`recorded`: the record has grown."""

    recorded = Signal()

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier, viewer: ViewerModel) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier, self._viewer = bench, lanes, notifier, viewer
        self._asked: set[str] = set()
        self._newest: dict[str, LabelMap] = {}
        viewer.layers.edited.connect(self._on_edited)
        viewer.loaded.connect(self._on_loaded)

    @property
    def _layers(self) -> LayersModel:
        return self._viewer.layers

    def remove(self, uid: str) -> None:
        """Take a reader's map off the screen and out of what stands in the record."""
        entry = self._layers.entry(uid)
        if entry is None or entry.layer.origin is not LayerOrigin.READER:
            return
        self._layers.take(uid)
        self._newest.pop(uid, None)
        store, reader, key = self._bench, self._bench.settings.reader, entry.study_key

        def enter(_progress: ProgressSink, _cancel: CancelToken) -> None:
            masks.remove(store.store, key, uid, reader=reader)

        self._lanes.db.submit(enter, done=lambda _none: self.recorded.emit(), failed=self._on_not_removed)
        self._notifier.toast(
            "The label map was deleted", entry.layer.title, "ok", "Undo", partial(self._bring_back, entry)
        )

    def _bring_back(self, entry: LayerEntry) -> None:
        """A deleted map is there again, as a newer state of it."""
        if not isinstance(entry.layer, LabelMap) or self._layers.entry(entry.uid) is not None:
            return
        self._layers.put(entry.study_key, entry.layer, made_from=entry.made_from)
        for series_uid in entry.series_uids:
            self._layers.attach(entry.uid, series_uid)
        self._layers.set_style(entry.uid, entry.style)
        self._layers.keep(entry.uid, entry.layer)

    def _on_loaded(self, _pane: int, loaded: LoadedSeries) -> None:
        """The first time a study is on screen, bring its label maps back."""
        key = loaded.study.key
        if key in self._asked:
            return
        self._asked.add(key)
        bench = self._bench

        def read(_progress: ProgressSink, _cancel: CancelToken) -> tuple[RecordedMask, ...]:
            return masks.masks(bench.store, key)

        def failed(error: Exception) -> None:
            self._asked.discard(key)
            self._notifier.error(error, safe="The images can be read; earlier label maps are not shown.")

        self._lanes.db.submit(read, done=partial(self._on_read, key), failed=failed)

    def _on_read(self, key: str, found: tuple[RecordedMask, ...]) -> None:
        for one in found:
            if self._layers.entry(one.layer.uid) is None:
                self._layers.put(key, one.layer, series_uid=one.series_uid, made_from=one.made_from)

    def _on_edited(self, study_key: str, uid: str) -> None:
        entry = self._layers.entry(uid)
        if entry is None or not isinstance(entry.layer, LabelMap):
            return
        layer, made_from = entry.layer, entry.made_from
        self._newest[uid] = layer
        series_uid = next(iter(sorted(entry.series_uids)), "")
        bench, reader = self._bench, self._bench.settings.reader

        def enter(_progress: ProgressSink, _cancel: CancelToken) -> int:
            return masks.record(
                bench.store, study_key, series_uid, layer, made_from=made_from, reader=reader
            )

        self._lanes.db.submit(
            enter,
            done=lambda _seq: self._on_recorded(uid, layer),
            failed=partial(self._on_failed, study_key, uid),
        )

    def _on_recorded(self, uid: str, layer: LabelMap) -> None:
        if self._newest.get(uid) is layer:
            self._layers.mark_saved(uid, saved=True)
        self.recorded.emit()

    def _on_failed(self, study_key: str, uid: str, error: Exception) -> None:
        self._layers.mark_saved(uid, saved=False)
        self._notifier.error(
            error,
            safe="The label map is on screen and not in the record.",
            retry=lambda: self._on_edited(study_key, uid),
        )

    def _on_not_removed(self, error: Exception) -> None:
        self._notifier.error(error, safe="The label map is still in the record and comes back.")
