"""Layers under the memory budget: what is not on screen makes room, and comes back with its images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, Segment
from medvision_desktop.domain.study import SEGMENTATION, InstanceRef, SeriesRef, SourceKind
from medvision_desktop.ui.viewmodels import layer_files
from medvision_desktop.ui.viewmodels.layer_files import LayerFiles
from medvision_desktop.ui.viewmodels.series_cache import SeriesCache, bytes_of, key_of
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen

SHAPE = (9, 40, 32)
BYTES = int(np.prod(SHAPE))


def labelled(uid: str) -> LoadedSeries:
    """A scan and, in its study, a segmentation of it."""
    loaded = cases.scan(uid)
    layer = SeriesRef(
        f"seg-{uid}",
        SourceKind.DICOM,
        (InstanceRef(Path("/nowhere"), f"seg-{uid}.1"),),
        sop_class_uid=SEGMENTATION,
        refers_to=(uid,),
    )
    return replace(loaded, study=replace(loaded.study, series=(loaded.series, layer)))


def label_map(uid: str, origin: LayerOrigin = LayerOrigin.FILE) -> LabelMap:
    affine = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)
    segments = (Segment(1, "Liver", (200, 0, 0)),)
    return LabelMap(np.ones(SHAPE, np.uint8), affine, segments, uid, origin=origin)


@pytest.fixture
def desk(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    one, other = labelled("one"), labelled("other")
    screen = Screen(qtbot, one, other)
    room = 1.5 * BYTES  # for one map and not for two
    monkeypatch.setattr(layer_files, "_SHARE", (screen.bench.settings.image_memory_mb << 20) / room)
    read: list[str] = []

    def load(series: SeriesRef, **_more: Any) -> tuple[LabelMap, ...]:
        read.append(series.uid)
        return (label_map(series.uid),)

    monkeypatch.setattr(layer_files.layers_of, "load", load)
    files = LayerFiles(screen.bench, screen.lanes, screen.notifier, screen.viewer)
    screen.viewer.set_layout("1x1")
    yield SimpleNamespace(screen=screen, files=files, read=read, one=one, other=other, viewer=screen.viewer)
    screen.lanes.close()


def show(desk: Any, loaded: LoadedSeries) -> None:
    desk.screen.open(loaded, pane=0)
    desk.files.show(loaded.study, loaded.study.series[1])
    desk.screen.settle()


def here(desk: Any) -> set[str]:
    return {uid for uid in ("seg-one", "seg-other") if desk.viewer.layers.entry(uid) is not None}


def test_a_layer_that_is_not_on_screen_makes_room_and_comes_back_with_its_images(desk: Any) -> None:
    show(desk, desk.one)
    assert here(desk) == {"seg-one"}
    show(desk, desk.other)
    assert here(desk) == {"seg-other"}
    desk.screen.open(desk.one, pane=0)
    desk.screen.settle()
    assert here(desk) == {"seg-one"}
    assert desk.read == ["seg-one", "seg-other", "seg-one"]


def test_a_layer_that_the_reader_had_switched_off_does_not_come_back_by_itself(desk: Any) -> None:
    show(desk, desk.one)
    style = desk.viewer.layers.entry("seg-one").style
    desk.viewer.layers.set_style("seg-one", replace(style, visible=False))
    show(desk, desk.other)
    desk.screen.open(desk.one, pane=0)
    desk.screen.settle()
    assert desk.read == ["seg-one", "seg-other"]


def test_layers_on_screen_stay_whatever_they_take(desk: Any) -> None:
    desk.viewer.set_layout("1x2")
    desk.screen.open(desk.one, pane=0)
    desk.screen.open(desk.other, pane=1)
    for loaded in (desk.one, desk.other):
        desk.files.show(loaded.study, loaded.study.series[1])
        desk.screen.settle()
    assert here(desk) == {"seg-one", "seg-other"}


@pytest.mark.parametrize("origin", [LayerOrigin.READER, LayerOrigin.MODEL])
def test_what_the_reader_or_a_model_drew_never_goes(origin: LayerOrigin, desk: Any) -> None:
    desk.screen.open(desk.one, pane=0)
    desk.viewer.layers.put(desk.one.study.key, label_map("drawn", origin), series_uid="one")
    show(desk, desk.other)
    assert desk.viewer.layers.entry("drawn") is not None


def test_a_closed_study_takes_its_layers_along_but_not_what_the_reader_drew(desk: Any) -> None:
    show(desk, desk.one)
    desk.viewer.layers.put(desk.one.study.key, label_map("drawn", LayerOrigin.READER), series_uid="one")
    desk.viewer.close_study(desk.one.study.key)
    assert here(desk) == set()
    assert desk.viewer.layers.entry("drawn") is not None


def test_layers_count_in_the_memory_for_images() -> None:
    one, other = cases.scan("one"), cases.scan("other")
    cache = SeriesCache(2 * bytes_of(one) + 10)
    for loaded in (one, other):
        cache.put(key_of(loaded.study.key, loaded.series.uid), loaded)
    cache.reserve(5)
    assert cache.get(key_of(one.study.key, "one")) is not None
    assert cache.get(key_of(other.study.key, "other")) is not None
    cache.reserve(11)
    assert cache.get(key_of(one.study.key, "one")) is None
    assert cache.get(key_of(other.study.key, "other")) is not None
