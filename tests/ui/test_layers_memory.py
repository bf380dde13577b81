"""Layers after a restart: in the colours, with the opacity and the eyes that the reader gave them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, Segment
from medvision_desktop.paths import Locations
from medvision_desktop.services import layer_looks
from medvision_desktop.ui.viewmodels.layer_memory import LayerMemory
from medvision_desktop.ui.viewmodels.layer_style import LabelMode, LayerStyle, SegmentStyle
from medvision_desktop.ui.viewmodels.layers import LayersModel
from medvision_desktop.ui.workers.lane import Lanes


@pytest.fixture
def lanes(qtbot: Any) -> Iterator[Lanes]:
    errors: list[Exception] = []
    made = Lanes(errors.append)
    yield made
    assert errors == []
    made.close()


def session(folder: Path, lanes: Lanes) -> tuple[LayersModel, LayerMemory]:
    """A program that was just started."""
    layers = LayersModel()
    bench: Any = SimpleNamespace(locations=Locations(folder, folder, folder))
    return layers, LayerMemory(bench, lanes, layers)


def labels(origin: LayerOrigin = LayerOrigin.FILE, uid: str = "1.2.3") -> LabelMap:
    segments = (Segment(1, "Liver", (200, 0, 0)), Segment(2, "Spleen", (0, 200, 0)))
    return LabelMap(np.ones((2, 2, 2), np.uint8), np.eye(4), segments, uid, origin=origin)


def changed(style: LayerStyle) -> LayerStyle:
    painted = style.with_segment(1, SegmentStyle((1, 2, 3), visible=False, opacity=0.7))
    return replace(painted, opacity=0.4, mode=LabelMode.OUTLINE, visible=False)


def after_a_restart(folder: Path, lanes: Lanes, origin: LayerOrigin) -> LayerStyle:
    layers, memory = session(folder, lanes)
    layers.put("study", labels(origin))
    entry = layers.entry("1.2.3")
    assert entry is not None
    layers.set_style("1.2.3", changed(entry.style))
    memory.stop()
    again, memory = session(folder, lanes)
    style = again.put("study", labels(origin)).style
    memory.stop()
    assert style.opacity == 0.4
    assert style.mode is LabelMode.OUTLINE
    assert style.segments[1].colour == (1, 2, 3)
    assert style.segments[1].opacity == 0.7
    assert style.segments[2] == SegmentStyle((0, 200, 0))
    return style


def test_labels_from_a_file_are_on_when_they_are_asked_for_with_their_own_eyes(
    tmp_path: Path, lanes: Lanes
) -> None:
    style = after_a_restart(tmp_path, lanes, LayerOrigin.FILE)
    assert style.visible
    assert not style.segments[1].visible


def test_the_readers_own_map_stays_off(tmp_path: Path, lanes: Lanes) -> None:
    assert not after_a_restart(tmp_path, lanes, LayerOrigin.READER).visible


def test_what_a_model_drew_is_never_hidden_by_an_eye_of_before(tmp_path: Path, lanes: Lanes) -> None:
    style = after_a_restart(tmp_path, lanes, LayerOrigin.MODEL)
    assert style.visible
    assert style.segments[1].visible


def test_another_layer_looks_as_at_first(tmp_path: Path, lanes: Lanes) -> None:
    after_a_restart(tmp_path, lanes, LayerOrigin.FILE)
    layers, memory = session(tmp_path, lanes)
    assert layers.put("study", labels(uid="1.2.4")).style.segments[1] == SegmentStyle((200, 0, 0))
    memory.stop()


def test_a_look_is_kept_soon_after_it_changed_not_only_at_the_end(
    tmp_path: Path, lanes: Lanes, qtbot: Any
) -> None:
    layers, memory = session(tmp_path, lanes)
    entry = layers.put("study", labels())
    layers.set_style("1.2.3", changed(entry.style))
    place = Locations(tmp_path, tmp_path, tmp_path)
    qtbot.waitUntil(lambda: bool(layer_looks.load(place)), timeout=5000)
    memory.stop()
