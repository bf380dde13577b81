"""Segmentations, parametric maps and label maps in files: listed with their images, read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.image import LoadedSeries, Volume
from medvision_desktop.domain.labelmap import LabelMap, VoxelLayer
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.errors import InputRefused, MedVisionError
from medvision_desktop.services import layers as layers_of
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels.layer_room import LayerRoom
from medvision_desktop.ui.viewmodels.layers import LayersModel
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench

# Of the memory for images: what layers may take before those that are not on screen make room.
_SHARE: Final = 2

Keep = Callable[[tuple[VoxelLayer, ...]], None]


class LayerFiles(QObject):
    """`imagesWanted(study, series)`: a layer was picked whose images are not on screen.

    `shown`: by the reader's wish a layer lies over images now. `changed`: one is being read, or was.
    """

    imagesWanted = Signal(object, object)
    shown = Signal()
    changed = Signal()

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier, viewer: ViewerModel) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier, self._viewer = bench, lanes, notifier, viewer
        self._reading: set[str] = set()
        self._read: dict[str, tuple[str, ...]] = {}
        self._memory = LayerRoom(viewer, (bench.settings.image_memory_mb << 20) // _SHARE)
        viewer.loaded.connect(self._on_loaded)

    @property
    def _layers(self) -> LayersModel:
        return self._viewer.layers

    def offered(self, loaded: LoadedSeries) -> tuple[SeriesRef, ...]:
        """Layers in files that belong over a series and have not been read."""
        return tuple(
            series
            for series in loaded.study.series
            if series.is_layer
            and not self._known(series.uid)
            and loaded.series.uid in {one.uid for one in layers_of.sources_of(series, loaded.study)}
        )

    def is_reading(self, series_uid: str) -> bool:
        """Whether a layer is on its way."""
        return series_uid in self._reading

    def show(self, study: StudyRef, series: SeriesRef) -> bool:
        """Show a layer over its images, which are opened when they are not on screen.

        False where the study has no images that it belongs to: then it is shown as the frames it holds.
        """
        sources = layers_of.sources_of(series, study)
        if not sources:
            return False
        wanted = {one.uid for one in sources}
        if not wanted & self._on_screen(study.key):
            self.imagesWanted.emit(study, sources[0])
        if self._known(series.uid):
            for uid in self._read[series.uid]:
                self._switch_on(uid)
            self.shown.emit()
        else:
            attach = tuple(one.uid for one in sources) if series.refers_to else ()
            self._fetch(study, series, partial(self._keep, study.key, series.uid, attach))
        return True

    def lay(self, series: SeriesRef) -> None:
        """Lay a file over the images of the active pane, where its own coordinates put it."""
        shown = self._viewer.layered_pane.shown
        if shown is None:
            self._notifier.toast("No images to lay it over", "Open a study first.", "info")
            return
        self._fetch(shown.loaded.study, series, partial(self._lay, shown.loaded))

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Lay files over the images of the active pane."""
        for path in paths:
            self._lanes.io.submit(
                partial(_listed, path),
                done=self._lay_all,
                failed=self._notifier.error,
                title="Opening a layer",
            )

    def _lay_all(self, found: tuple[SeriesRef, ...]) -> None:
        for series in found:
            self.lay(series)

    def _fetch(self, study: StudyRef, series: SeriesRef, keep: Keep) -> None:
        if series.uid in self._reading:
            return
        self._reading.add(series.uid)
        self.changed.emit()
        bench = self._bench

        def read(progress: ProgressSink, cancel: CancelToken) -> tuple[VoxelLayer, ...]:
            return layers_of.load(
                series, decoder=bench.decoder, study=study, progress=progress, cancel=cancel
            )

        def done(found: tuple[VoxelLayer, ...]) -> None:
            self._reading.discard(series.uid)
            keep(found)
            self.changed.emit()
            self.shown.emit()

        def ended() -> None:
            self._reading.discard(series.uid)
            self.changed.emit()

        def failed(error: Exception) -> None:
            ended()
            safe = "The images are shown without it." if isinstance(error, MedVisionError) else ""
            self._notifier.error(error, safe=safe)

        title = f"Reading {series.description or 'a layer'}"
        self._lanes.io.submit(read, done=done, failed=failed, cancelled=ended, title=title)

    def _keep(
        self, study_key: str, series_uid: str, attach: tuple[str, ...], found: tuple[VoxelLayer, ...]
    ) -> None:
        """The first layer of an object is shown; values behind a cut wait to be asked for."""
        self._read[series_uid] = tuple(one.uid for one in found)
        kinds = {type(one) for one in found}
        for layer in found:
            hidden = len(kinds) > 1 and type(layer) is not type(found[0])
            self._layers.put(study_key, layer, visible=not hidden)
            for uid in attach:
                self._layers.attach(layer.uid, uid)
        self._memory.keep(study_key, series_uid, self._read[series_uid])

    def _lay(self, loaded: LoadedSeries, found: tuple[VoxelLayer, ...]) -> None:
        volume = loaded.volume
        space = volume.frame_of_reference if volume is not None else loaded.series.frame_of_reference
        for layer in found:
            if layer.frame_of_reference and space and layer.frame_of_reference != space:
                self._notifier.error(
                    InputRefused(
                        "The layer was not laid over these images.",
                        "It is of another frame of reference.",
                        "Open it with the images that it was made of.",
                    )
                )
                continue
            placed = not (isinstance(layer, LabelMap) and layer.images)
            if volume is not None and placed and not _meets(layer, volume):
                self._notifier.toast(
                    "The layer lies beside these images", "By its own coordinates they do not meet.", "warn"
                )
            own = replace(layer, uid=f"{layer.uid}@{loaded.series.uid}", frame_of_reference=space)
            self._layers.put(loaded.study.key, own, series_uid=loaded.series.uid)

    def _on_loaded(self, _pane: int, loaded: LoadedSeries) -> None:
        """What had to make room comes back with its images."""
        for series in self.offered(loaded):
            if self._memory.comes_back(loaded.study.key, series.uid):
                self.show(loaded.study, series)

    def _known(self, series_uid: str) -> bool:
        return any(self._layers.entry(uid) is not None for uid in self._read.get(series_uid, ()))

    def _switch_on(self, uid: str) -> None:
        entry = self._layers.entry(uid)
        if entry is not None:
            self._layers.set_style(uid, replace(entry.style, visible=True))

    def _on_screen(self, study_key: str) -> set[str]:
        panes = (self._viewer.panes[number] for number in self._viewer.visible)
        return {
            pane.series.uid
            for pane in panes
            if pane.study is not None and pane.series is not None and pane.study.key == study_key
        }


def _listed(path: Path, _progress: ProgressSink, _cancel: CancelToken) -> tuple[SeriesRef, ...]:
    return layers_of.listed(path)


def _meets(layer: VoxelLayer, volume: Volume) -> bool:
    """Whether the boxes of a layer and of a volume have a part of the patient in common."""
    ends = np.asarray(layer.values_kji.shape) - 1.0
    corners = np.asarray(np.meshgrid(*[(0.0, end) for end in ends])).reshape(3, -1).T
    points = corners @ layer.affine_kji_to_lps[:3, :3].T + layer.affine_kji_to_lps[:3, 3]
    inverse = np.linalg.inv(volume.affine_kji_to_lps)
    there = points @ inverse[:3, :3].T + inverse[:3, 3]
    sides = np.asarray(volume.stored_kji.shape) - 1.0
    return bool(np.all((there.max(axis=0) >= -0.5) & (there.min(axis=0) <= sides + 0.5)))
