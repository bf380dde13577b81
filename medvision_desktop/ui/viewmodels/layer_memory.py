"""Layers look after a restart as the reader left them: colours, opacities, eyes."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer

from medvision_desktop.domain.labelmap import LayerOrigin, VoxelLayer
from medvision_desktop.pixels.parametric import COLOUR_MAPS
from medvision_desktop.services import layer_looks
from medvision_desktop.services.layer_looks import LayerLook, SegmentLook
from medvision_desktop.ui.viewmodels.layer_style import LabelMode, LayerStyle, SegmentStyle
from medvision_desktop.ui.viewmodels.layers import LayersModel
from medvision_desktop.ui.workers.lane import Lanes

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench

_WAIT_MS: Final = 400


class LayerMemory(QObject):
    """Gives new layers the look that they had, and keeps a look soon after it has changed."""

    def __init__(self, bench: Workbench, lanes: Lanes, layers: LayersModel) -> None:
        super().__init__()
        self._locations, self._lanes, self._layers = bench.locations, lanes, layers
        self._looks = layer_looks.load(bench.locations)
        self._writing = threading.Lock()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._save)
        layers.recall = self._recalled
        layers.styled.connect(self._note)

    def stop(self) -> None:
        """Keep what has not been kept yet: the room closes."""
        if self._timer.isActive():
            self._timer.stop()
            self._write()

    def _note(self, uid: str) -> None:
        entry = self._layers.entry(uid)
        if entry is None:
            return
        key = layer_looks.key_of(uid)
        self._looks.pop(key, None)  # the newest comes last
        self._looks[key] = look_of(entry.style)
        self._timer.start()

    def _save(self) -> None:
        self._lanes.io.submit(lambda _progress, _cancel: self._write(), done=_nothing, key="layer looks")

    def _write(self) -> None:
        """The looks of now, on whichever thread; a job that waited never writes those of before."""
        with self._writing:
            layer_looks.save(self._locations, dict(self._looks))

    def _recalled(self, layer: VoxelLayer, style: LayerStyle) -> LayerStyle:
        look = self._looks.get(layer_looks.key_of(layer.uid))
        return style if look is None else as_before(layer, style, look)


def look_of(style: LayerStyle) -> LayerLook:
    """A style as plain values."""
    segments = tuple(
        SegmentLook(number, one.colour, one.visible, one.opacity) for number, one in style.segments.items()
    )
    return LayerLook(style.visible, style.opacity, style.mode.value, style.colour_map, segments)


def as_before(layer: VoxelLayer, style: LayerStyle, look: LayerLook) -> LayerStyle:
    """The first style of a layer with what is known of its last one.

    What a model drew is never hidden because an earlier eye was shut, and a layer that the reader asks for
    is on: only the eyes of labels from files, and all eyes of the reader's own maps, stay as they were.
    """
    by_model = layer.origin is LayerOrigin.MODEL
    own = layer.origin is LayerOrigin.READER
    segments = dict(style.segments)
    for one in look.segments:
        if one.number in segments:
            visible = one.visible or by_model
            segments[one.number] = SegmentStyle(one.colour, visible, one.opacity)
    modes = {mode.value: mode for mode in LabelMode}
    return replace(
        style,
        visible=look.visible if own else style.visible,
        opacity=look.opacity,
        mode=modes.get(look.mode, style.mode),
        segments=MappingProxyType(segments),
        colour_map=look.colour_map if look.colour_map in COLOUR_MAPS else style.colour_map,
    )


def _nothing(_result: None) -> None:
    """Nobody waits for it."""
