"""The layers panel: rows that say what is drawn, and what happens when they are used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, ParametricMap, Segment
from medvision_desktop.ui.panes.layers_panel import LayersPanel
from medvision_desktop.ui.viewmodels.layer_facts import LayerFacts
from medvision_desktop.ui.viewmodels.layer_files import LayerFiles
from medvision_desktop.ui.viewmodels.layer_style import LabelMode
from tests.helpers import viewer_cases as cases
from tests.helpers.viewer_screen import LEFT, Screen


@pytest.fixture
def desk(qtbot: Any) -> Iterator[Any]:
    loaded = cases.brain()
    screen = Screen(qtbot, loaded)
    screen.open(loaded)
    viewer = screen.viewer
    files = LayerFiles(screen.bench, screen.lanes, screen.notifier, viewer)
    panel = LayersPanel(viewer, files, LayerFacts(screen.lanes, viewer))
    qtbot.addWidget(panel)
    panel.resize(368, 700)
    panel.show()
    qtbot.waitExposed(panel)
    yield SimpleNamespace(screen=screen, viewer=viewer, panel=panel, loaded=loaded)
    screen.lanes.close()


def put(desk: Any, count: int = 2, **more: Any) -> LabelMap:
    volume = desk.loaded.volume
    values = np.zeros(volume.stored_kji.shape, np.uint8)
    for number in range(1, count + 1):
        values[10 + number % 5, 10:20, 8:16] = number
    segments = tuple(Segment(n, f"Part {n}", (200, n, 90)) for n in range(1, count + 1))
    layer = LabelMap(
        values, np.array(volume.affine_kji_to_lps), segments, more.pop("uid", "seg-1"), "Liver", **more
    )
    desk.viewer.layers.put(desk.loaded.study.key, layer, series_uid=desk.loaded.series.uid)
    settle(desk)
    return layer


def settle(desk: Any) -> None:
    desk.screen.settle()
    QTest.qWait(10)
    desk.screen.settle()
    QApplication.processEvents()


def row(desk: Any, number: int = 1) -> Any:
    return desk.panel.cards["seg-1"].rows[number]


def test_a_row_says_name_and_volume_and_the_sum_stands_below(desk: Any) -> None:
    put(desk)
    assert row(desk).volume == "0.080"
    assert row(desk).accessibleName() == "Part 1, shown, 0.080 millilitres"
    assert desk.panel.cards["seg-1"].sum.text() == "All labels 0.160 mL. Volumes by voxel count."
    assert not desk.panel.empty.isVisible()


def test_layers_of_the_planes_stay_listed_while_the_rendered_volume_is_active(desk: Any) -> None:
    put(desk)
    if desk.viewer.layout.name != "mpr":
        assert desk.viewer.set_layout("mpr")
    desk.viewer.set_active(3)
    settle(desk)
    assert desk.viewer.active_pane.shown is None
    assert not desk.panel.empty.isVisible()
    assert row(desk).volume == "0.080"


def test_eye_name_and_keys_of_a_row_do_what_they_say(desk: Any) -> None:
    put(desk)
    QTest.mouseClick(row(desk), LEFT, pos=QPoint(14, 14))
    assert not desk.viewer.layers.entry("seg-1").style.segments[1].visible
    QTest.keyClick(row(desk), Qt.Key.Key_Space)
    settle(desk)
    assert desk.viewer.layers.entry("seg-1").style.segments[1].visible
    QTest.mouseClick(row(desk, 2), LEFT, pos=QPoint(100, 14))
    assert (desk.viewer.masks.uid, desk.viewer.masks.number) == ("seg-1", 2)
    QTest.keyClick(row(desk), Qt.Key.Key_Return)
    settle(desk)
    assert desk.viewer.masks.number == 1
    slider = row(desk).opacity
    slider.setValue(80)
    assert desk.viewer.layers.entry("seg-1").style.segments[1].opacity == pytest.approx(0.8)


def test_the_colour_of_a_label_is_chosen_by_name(desk: Any) -> None:
    put(desk)
    QTest.mouseClick(row(desk), LEFT, pos=QPoint(40, 14))
    menu = QApplication.activePopupWidget()
    assert menu is not None
    action = next(one for one in menu.actions() if one.text() == "Teal")
    action.trigger()
    menu.close()
    settle(desk)
    assert desk.viewer.layers.entry("seg-1").style.segments[1].colour == (84, 178, 168)


def test_fill_outline_and_opacity_are_set_for_the_whole_layer(desk: Any) -> None:
    put(desk)
    card = desk.panel.cards["seg-1"]
    QTest.mouseClick(card.modes.button("Outline"), LEFT)
    assert desk.viewer.layers.entry("seg-1").style.mode is LabelMode.OUTLINE
    card.opacity.setValue(50)
    assert desk.viewer.layers.entry("seg-1").style.opacity == pytest.approx(0.5)
    QTest.mouseClick(card.eye, LEFT)
    settle(desk)
    assert not desk.viewer.layers.entry("seg-1").style.visible
    assert not card.rows[1].isVisible()


def test_whose_a_layer_is_stands_beside_its_name(desk: Any) -> None:
    put(desk, origin=LayerOrigin.MODEL)
    assert desk.panel.cards["seg-1"].whose.chip.text == "AI"
    put(desk, uid="mask-2", origin=LayerOrigin.READER)
    assert desk.panel.cards["mask-2"].whose.chip.text == "Yours"
    desk.viewer.layers.mark_saved("mask-2", saved=False)
    settle(desk)
    assert desk.panel.cards["mask-2"].notes.text() == "Not in the record"


def test_a_parametric_map_shows_its_colours_with_ends_and_unit(desk: Any) -> None:
    volume = desk.loaded.volume
    values = np.zeros(volume.stored_kji.shape, np.float32)
    layer = ParametricMap(values, np.array(volume.affine_kji_to_lps), "map-1", (0.5, 2.25), "ADC", "mm2/s")
    desk.viewer.layers.put(desk.loaded.study.key, layer, series_uid=desk.loaded.series.uid)
    settle(desk)
    card = desk.panel.cards["map-1"]
    assert card.bar.isVisible()
    assert card.bar.accessibleName() == "Viridis: 0.5 to 2.25 mm2/s"
    assert not card.modes.isVisible()
    entry = desk.viewer.layers.entry("map-1")
    desk.viewer.layers.set_style("map-1", dataclasses.replace(entry.style, colour_map="Hot iron"))
    settle(desk)
    assert card.colours.text() == "Hot iron"


def test_a_map_of_a_hundred_labels_has_a_row_for_each(desk: Any) -> None:
    put(desk, count=117)
    assert len(desk.panel.cards["seg-1"].rows) == 117


def test_the_edit_tools_say_what_a_stroke_would_do(desk: Any) -> None:
    edit = desk.panel.edit
    settle(desk)
    assert edit.target.text() == "The first stroke begins a label map"
    put(desk, origin=LayerOrigin.MODEL)
    assert edit.target.text() == "The first stroke makes a copy of Liver"
    desk.viewer.masks.begin(desk.loaded)
    settle(desk)
    assert edit.target.text() == "Paints Label 1 on Label map 1"
    asked: list[str] = []
    desk.panel.wanted.connect(asked.append)
    QTest.mouseClick(edit.tools["tool.eraser"], LEFT)
    assert asked == ["tool.eraser"]
    edit.radius.setValue(edit.radius.maximum())
    assert desk.viewer.masks.radius_mm == pytest.approx(100.0)


def test_the_values_of_the_threshold_brush_can_be_typed(desk: Any) -> None:
    desk.viewer.perform("tool.threshold_brush")
    settle(desk)
    edit = desk.panel.edit
    assert edit.limits.isVisible()
    for field, text in ((edit.low, "40"), (edit.high, "-10")):
        field.setText(text)
        field.editingFinished.emit()
    assert desk.viewer.masks.limits == (-10.0, 40.0)
    edit.low.setText("much")
    edit.low.editingFinished.emit()
    assert desk.viewer.masks.limits is None


def test_no_row_is_a_control_without_a_name(desk: Any) -> None:
    from PySide6.QtWidgets import QAbstractButton, QLineEdit, QSlider

    put(desk)
    desk.viewer.masks.choose("seg-1", 1)
    settle(desk)
    for kind in (QAbstractButton, QSlider, QLineEdit):
        for control in desk.panel.findChildren(kind):
            assert control.accessibleName() or not control.isVisible(), control
