"""Layers of voxels over the panes: where they are drawn, what the corner says, and how they go away."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, ParametricMap, Segment
from medvision_desktop.pixels.labels import places_of
from medvision_desktop.pixels.reslice import Slab, SlabMode
from medvision_desktop.ui.viewmodels.layer_style import LabelMode
from medvision_desktop.ui.viewmodels.volume_labels import VolumeLabels
from medvision_desktop.ui.widgets import key_image
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import Screen

RED, BLUE = (230, 40, 40), (40, 90, 230)


def labels(loaded: LoadedSeries, *, title: str = "Liver", **more: Any) -> LabelMap:
    """Two labels in the middle of a volume, on its own grid."""
    assert loaded.volume is not None
    values = np.zeros(loaded.volume.stored_kji.shape, np.uint8)
    values[10:20, 10:20, 8:16] = 1
    values[13:17, 13:17, 10:14] = 2
    segments = (Segment(1, "Liver", RED), Segment(2, "Lesion", BLUE))
    affine = np.array(loaded.volume.affine_kji_to_lps)
    return LabelMap(values, affine, segments, more.pop("uid", "seg-1"), title, "DICOM SEG", **more)


def values_map(loaded: LoadedSeries) -> ParametricMap:
    assert loaded.volume is not None
    values = np.full(loaded.volume.stored_kji.shape, np.nan, np.float32)
    values[10:20, 10:20, 8:16] = 0.5
    affine = np.array(loaded.volume.affine_kji_to_lps)
    return ParametricMap(values, affine, "map-1", (0.0, 1.0), "ADC", "mm2/s", "DICOM parametric map")


@pytest.fixture
def screen(qtbot: Any) -> Iterator[Screen]:
    loaded = cases.brain()
    made = Screen(qtbot, loaded)
    made.open(loaded)
    if made.viewer.layout.name != "mpr":
        assert made.viewer.set_layout("mpr")
    made.settle()
    made.viewer.set_point((12.0, 15.0, 15.0))
    made.viewer.set_corner_text(False)
    yield made
    made.lanes.close()


def loaded_of(screen: Screen) -> LoadedSeries:
    shown = screen.viewer.active_pane.shown
    assert shown is not None
    return shown.loaded


def put(screen: Screen, layer: LabelMap | ParametricMap) -> None:
    loaded = loaded_of(screen)
    screen.viewer.layers.put(loaded.study.key, layer, series_uid=loaded.series.uid)


def picture(screen: Screen, pane: int) -> np.ndarray:
    image = screen.canvas(pane).grab().toImage().convertToFormat(image_format())
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


def image_format() -> Any:
    from PySide6.QtGui import QImage

    return QImage.Format.Format_RGBA8888


def test_a_label_is_drawn_where_its_voxels_are_on_all_three_planes(screen: Screen) -> None:
    screen.viewer.set_point((12.0, 14.0, 14.0))  # so that no line of the crosshair is in the way below
    before = [picture(screen, pane) for pane in range(3)]
    put(screen, labels(loaded_of(screen)))
    for pane, plane in enumerate((Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)):
        shown = screen.viewer.panes[pane].shown
        assert shown is not None
        assert shown.planes is not None
        assert shown.plane is plane
        after = picture(screen, pane)
        inside = outside = 0
        for row in range(1, shown.frame.rows, 2):
            for column in range(1, shown.frame.columns, 2):
                place = shown.planes.point_lps_mm(shown.index, row, column)
                i, j, k = (round(value) for value in place)
                at = screen.at(row, column, pane)
                changed = bool(np.any(after[at.y(), at.x()] != before[pane][at.y(), at.x()]))
                holds = 10 <= k < 20 and 10 <= j < 20 and 8 <= i < 16
                assert changed == holds, (plane, row, column)
                inside, outside = inside + holds, outside + (not holds)
        assert inside > 5
        assert outside > 50


def test_hiding_every_layer_shows_the_original_to_the_pixel(screen: Screen) -> None:
    before = [picture(screen, pane) for pane in range(3)]
    put(screen, labels(loaded_of(screen)))
    put(screen, values_map(loaded_of(screen)))
    assert any(not np.array_equal(picture(screen, pane), before[pane]) for pane in range(3))
    hidden = []
    for _ in range(2):
        screen.key(Qt.Key.Key_O)
        hidden.append([picture(screen, pane) for pane in range(3)])
    screen.key(Qt.Key.Key_O)
    screen.viewer.layers.forget(loaded_of(screen).study.key)
    bare = [picture(screen, pane) for pane in range(3)]
    assert all(np.array_equal(one, other) for one, other in zip(hidden[0], bare, strict=True))


def test_g_hides_label_maps_and_brings_them_back_and_leaves_other_layers_alone(screen: Screen) -> None:
    loaded = loaded_of(screen)
    put(screen, labels(loaded))
    put(screen, values_map(loaded))

    def drawn() -> set[str]:
        return {one.layer.uid for one in screen.viewer.view(0).layers}

    assert drawn() == {"seg-1", "map-1"}
    screen.key(Qt.Key.Key_G)
    assert drawn() == {"map-1"}
    screen.key(Qt.Key.Key_G)
    assert drawn() == {"seg-1", "map-1"}


def test_one_label_can_be_hidden_and_coloured(screen: Screen) -> None:
    put(screen, labels(loaded_of(screen)))
    entry = screen.viewer.layers.entry("seg-1")
    assert entry is not None
    one = entry.style.segments[2]
    green = (0, 200, 0)
    hidden = entry.style.with_segment(2, dataclasses.replace(one, visible=False))
    screen.viewer.layers.set_style("seg-1", hidden)
    assert set(screen.viewer.view(0).layers[0].looks) == {1}
    strong = dataclasses.replace(one, colour=green, opacity=1.0)
    screen.viewer.layers.set_style("seg-1", hidden.with_segment(2, strong))
    screen.viewer.set_point((12.0, 15.0, 15.0))
    at = screen.at(14.0, 11.0)
    colour = QColor(*picture(screen, 0)[at.y(), at.x()])
    assert (colour.red(), colour.green(), colour.blue()) == green


@pytest.mark.parametrize(
    ("origin", "word"),
    [
        (LayerOrigin.FILE, "SEG: Liver"),
        (LayerOrigin.MODEL, "AI labels: Liver"),
        (LayerOrigin.READER, "Your labels: Liver"),
    ],
)
def test_the_corner_says_what_is_laid_over(screen: Screen, origin: LayerOrigin, word: str) -> None:
    screen.viewer.set_corner_text(True)
    put(screen, labels(loaded_of(screen), origin=origin, badges=("Fractional, cut at 0.5",)))
    lines = " ".join(line.text for line in screen.viewer.view(0).corner.bottom_right)
    assert f"{word} (Fractional, cut at 0.5)" in lines
    screen.key(Qt.Key.Key_O)
    assert word not in " ".join(line.text for line in screen.viewer.view(0).corner.bottom_right)


def test_through_a_slab_labels_are_outlines_of_its_middle(screen: Screen) -> None:
    screen.viewer.set_corner_text(True)
    put(screen, labels(loaded_of(screen)))
    assert all(look.fill > 0 for look in screen.viewer.view(0).layers[0].looks.values())
    at = screen.at(18.0, 10.0)
    filled = picture(screen, 0)[at.y(), at.x()].copy()
    screen.viewer.set_slab(Slab(SlabMode.MIP, 9.0))
    view = screen.viewer.view(0)
    plain = picture(screen, 0)[at.y(), at.x()]
    assert filled[0] != filled[1]
    assert plain[0] == plain[1] == plain[2]  # grey: nothing lies over it
    assert all(look.fill == 0 and look.outline for look in view.layers[0].looks.values())
    assert "outlines of the middle slice" in " ".join(line.text for line in view.corner.bottom_right)


def test_the_rail_marks_the_images_that_hold_a_label_in_its_colour(screen: Screen) -> None:
    layer = labels(loaded_of(screen))
    put(screen, layer)
    screen.viewer.layers.show_places(layer.uid, places_of(layer.values_kji))
    rail = screen.viewer.view(0).rail
    assert rail is not None
    assert [(run.first, run.last, run.colour) for run in rail.runs] == [(10, 19, RED), (13, 16, BLUE)]
    entry = screen.viewer.layers.entry("seg-1")
    assert entry is not None
    small = entry.style.with_segment(1, dataclasses.replace(entry.style.segments[1], visible=False))
    screen.viewer.layers.set_style("seg-1", small)
    rail = screen.viewer.view(0).rail
    assert rail is not None
    assert [run.colour for run in rail.runs] == [BLUE]


def test_a_layer_of_another_study_or_another_space_is_not_drawn(screen: Screen) -> None:
    loaded = loaded_of(screen)
    screen.viewer.layers.put("another study", labels(loaded), series_uid=loaded.series.uid)
    assert screen.viewer.view(0).layers == ()
    screen.viewer.layers.put(loaded.study.key, labels(loaded, uid="seg-2", frame_of_reference="elsewhere"))
    assert screen.viewer.view(0).layers == ()


def test_the_visible_label_maps_are_handed_out_with_their_colours(screen: Screen) -> None:
    loaded = loaded_of(screen)
    put(screen, labels(loaded))
    entry = screen.viewer.layers.entry("seg-1")
    assert entry is not None
    style = entry.style.with_segment(1, dataclasses.replace(entry.style.segments[1], visible=False))
    style = style.with_segment(2, dataclasses.replace(style.segments[2], colour=(1, 2, 3)))
    screen.viewer.layers.set_style("seg-1", style)
    given = screen.viewer.layers.label_maps(loaded)
    assert [(one.number, one.colour) for one in given[0].segments] == [(2, (1, 2, 3))]
    screen.viewer.layers.set_style("seg-1", dataclasses.replace(style, visible=False))
    assert screen.viewer.layers.label_maps(loaded) == ()


def test_a_key_image_has_the_plain_image_and_beside_it_the_one_with_layers(screen: Screen) -> None:
    assert key_image.key_image(snapshot(screen)).overlay_png == b""
    put(screen, labels(loaded_of(screen)))
    found = key_image.key_image(snapshot(screen))
    assert found.overlay_png
    assert found.overlay_png != found.png
    assert "with SEG: Liver" in found.overlay_caption
    assert "SEG" not in found.caption
    screen.key(Qt.Key.Key_O)
    assert key_image.key_image(snapshot(screen)).overlay_png == b""


def snapshot(screen: Screen) -> Any:
    taken = screen.viewer.snapshot()
    assert taken is not None
    return taken


def test_a_parametric_map_says_its_title_and_unit_on_the_image(screen: Screen) -> None:
    screen.viewer.set_corner_text(True)
    put(screen, values_map(loaded_of(screen)))
    view = screen.viewer.view(0)
    assert "Map: ADC" in " ".join(line.text for line in view.corner.bottom_right)
    layer = view.layers[0].layer
    assert isinstance(layer, ParametricMap)
    assert (layer.title, layer.units, layer.shown) == ("ADC", "mm2/s", (0.0, 1.0))


def test_only_lines_are_drawn_when_the_reader_wants_outlines(screen: Screen) -> None:
    put(screen, labels(loaded_of(screen)))
    entry = screen.viewer.layers.entry("seg-1")
    assert entry is not None
    for mode, fill, line in ((LabelMode.FILL, True, False), (LabelMode.OUTLINE, False, True)):
        screen.viewer.layers.set_style("seg-1", dataclasses.replace(entry.style, mode=mode))
        looks = screen.viewer.view(0).layers[0].looks.values()
        assert all((look.fill > 0) == fill and look.outline == line for look in looks)


def test_the_rendered_volume_gets_every_label_map_that_is_on_once_it_rests(screen: Screen) -> None:
    shown: list[Any] = []
    follows = VolumeLabels(screen.viewer, SimpleNamespace(show_labels=shown.append))  # type: ignore[arg-type]
    put(screen, labels(loaded_of(screen)))
    screen.qtbot.waitUntil(lambda: bool(shown))
    assert [one.labels.uid for one in shown[-1]] == ["seg-1"]
    assert shown[-1][0].opacities == {1: 1.0, 2: 1.0}
    put(screen, dataclasses.replace(labels(loaded_of(screen)), uid="seg-2"))
    screen.qtbot.waitUntil(lambda: len(shown) == 2)
    assert [one.labels.uid for one in shown[-1]] == ["seg-1", "seg-2"]
    for uid in ("seg-1", "seg-2"):
        entry = screen.viewer.layers.entry(uid)
        assert entry is not None
        screen.viewer.layers.set_style(uid, dataclasses.replace(entry.style, visible=False))
    screen.qtbot.waitUntil(lambda: shown[-1] == ())
    assert len(shown) == 3
    follows.stop()
